// What the theme and the widget manager leave to be repaired.

// The widget manager hands its labels to MathJax 2 and the page has MathJax 3. Whatever object comes to stand at
// window.MathJax (first the settings, then the program) is lent the one call that the manager makes, which does nothing.
(function () {
  let mathjax;
  function lend(value) {
    mathjax = value;
    if (mathjax && !mathjax.Hub) {
      mathjax.Hub = { Queue: function () {} };
    }
  }
  lend(window.MathJax);
  Object.defineProperty(window, "MathJax", { configurable: true, get: () => mathjax, set: lend });
})();

// A slider has a label beside it and no accessible name, and to who does not see it says the number of a frame and not
// what the frame is called. Both texts stand beside it: they are taken from there, also when sliders come or move later.
function nameTheSliders() {
  for (const slider of document.querySelectorAll('.jupyter-widgets [role="slider"]')) {
    const texts = { "aria-label": ".widget-label", "aria-valuetext": ".widget-html-content" };
    for (const [attribute, selector] of Object.entries(texts)) {
      const row = slider.closest(".widget-hbox") || slider.closest(".jupyter-widgets");
      const shown = [...row.querySelectorAll(selector)].find((element) => element.checkVisibility());
      const text = shown && shown.textContent.trim();
      if (text && slider.getAttribute(attribute) !== text) {
        slider.setAttribute(attribute, text);
      }
    }
  }
}

// What a drop-down is called stands in it ("Show the solution"); the name that it is given beside that hides it.
function nameTheDropDowns() {
  document.querySelectorAll("details > summary[aria-label]").forEach((summary) => summary.removeAttribute("aria-label"));
}

// References are marked as a list whose entries are no list items.
function freeTheReferences() {
  document.querySelectorAll('.citation-list[role="list"]').forEach((list) => list.removeAttribute("role"));
}

// Where a phone shows a table's rows as cards (pages.css), each cell says which column it is of. Tables of numbers stay
// tables, and so do narrow ones.
function nameTheColumns() {
  for (const table of document.querySelectorAll("article table")) {
    const columns = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent.trim());
    const cells = [...table.querySelectorAll("tbody td")];
    if (columns.length >= 4 && cells.some((cell) => cell.textContent.length > 40)) {
      table.classList.add("cards");
      cells.forEach((cell) => (cell.dataset.column = columns[cell.cellIndex]));
    }
  }
}

// In a table a long name may break after an underscore, a point or a slash; an option keeps its dashes.
function letNamesBreak() {
  for (const name of document.querySelectorAll("article table code .pre")) {
    const parts = name.textContent.split(/(?<=[_./])/);
    name.replaceChildren(...parts.flatMap((part) => [part, document.createElement("wbr")]));
    name.classList.toggle("option", name.textContent.startsWith("-"));
  }
}

document.addEventListener("DOMContentLoaded", function () {
  nameTheDropDowns();
  freeTheReferences();
  nameTheColumns();
  letNamesBreak();
  new MutationObserver(nameTheSliders).observe(document.body, {
    childList: true,
    subtree: true,
    attributeFilter: ["aria-valuetext"],
  });
});
