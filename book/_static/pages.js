// What the theme leaves to be repaired.

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

// Code that is wider than its place is scrolled with the keyboard too, once it has the focus. The theme sees to that
// when the page is loaded, when what is folded has no width yet.
function letUnfoldedCodeScroll() {
  const watch = new ResizeObserver((entries) => {
    entries.forEach(({ target }) => (target.tabIndex = target.scrollWidth > target.clientWidth ? 0 : -1));
  });
  document.querySelectorAll("article pre").forEach((code) => watch.observe(code));
}

document.addEventListener("DOMContentLoaded", function () {
  nameTheDropDowns();
  freeTheReferences();
  nameTheColumns();
  letNamesBreak();
  letUnfoldedCodeScroll();
});
