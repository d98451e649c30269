// Two repairs for pages with widgets.

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

// A slider has a label beside it and no accessible name: take the one for the other, also for sliders that come later.
function nameTheSliders() {
  for (const slider of document.querySelectorAll('[role="slider"]:not([aria-label])')) {
    const box = slider.closest(".widget-inline-hbox");
    const label = box && box.querySelector(".widget-label");
    slider.setAttribute("aria-label", (label && label.textContent.trim()) || "value");
  }
}

document.addEventListener("DOMContentLoaded", function () {
  nameTheSliders();
  new MutationObserver(nameTheSliders).observe(document.body, { childList: true, subtree: true });
});
