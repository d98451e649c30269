// What tests/book/check_page.py asks of an open page. Each function returns lines, one for each thing that is wrong.
window.check = (function () {
  const article = () => document.querySelector("article.bd-article") || document.body;
  const all = (selector) => [...article().querySelectorAll(selector)];
  const views = () => all(".turned-by-a-slider");
  const seen = (element) => element.checkVisibility() && element.getClientRects().length > 0;

  // Says where an element is: its tag and classes, and the beginning of its text.
  function named(element) {
    const classes = [...element.classList].map((name) => `.${name}`).join("");
    const text = (element.getAttribute("alt") || element.textContent).trim().replace(/\s+/g, " ");
    return `<${element.localName}${classes}> ${text.slice(0, 60)}`;
  }

  return {
    // Opens what is folded, and waits until pictures, fonts and formulas have come.
    async settle() {
      all("details").forEach((details) => (details.open = true));
      all("button.toggle-button-hidden").forEach((button) => button.click());
      all("img").forEach((picture) => (picture.loading = "eager"));
      await Promise.all(all("img").map((picture) => picture.decode().catch(() => {})));
      await (window.MathJax && window.MathJax.startup && window.MathJax.startup.promise);
      await document.fonts.ready;
    },

    // A picture is there, shown, and not pressed out of its shape.
    pictures() {
      const wrong = [];
      for (const picture of all("img")) {
        const box = picture.getBoundingClientRect();
        if (!picture.naturalWidth) {
          wrong.push(`a picture did not load: ${named(picture)}`);
        } else if (seen(picture) && Math.min(box.width, box.height) < 16) {
          wrong.push(`a picture is ${box.width} by ${box.height} pixels small: ${named(picture)}`);
        } else if (seen(picture)) {
          const pressed = (box.width / box.height) * (picture.naturalHeight / picture.naturalWidth);
          if (Math.abs(pressed - 1) > 0.03) {
            wrong.push(`a picture is ${pressed.toFixed(2)} times as wide as its height asks: ${named(picture)}`);
          }
        }
      }
      for (const figure of all("figure")) {
        if (!figure.querySelector("img, svg, canvas")) wrong.push(`a figure without a picture: ${named(figure)}`);
      }
      return wrong;
    },

    // The theme dims pictures in the dark and turns transparent ones black; ours keep their colours and their ground.
    darkPictures() {
      const wrong = document.documentElement.dataset.theme === "dark" ? [] : ["the page stays light in the dark"];
      for (const picture of all("img")) {
        const style = getComputedStyle(picture);
        if (style.filter !== "none") wrong.push(`a picture is changed by ${style.filter}: ${named(picture)}`);
        if (style.backgroundColor !== "rgb(255, 255, 255)") {
          wrong.push(`a picture stands on ${style.backgroundColor} in the dark: ${named(picture)}`);
        }
      }
      return wrong;
    },

    formulas() {
      const wrong = [];
      for (const formula of all(".math")) {
        if (!formula.querySelector("mjx-container")) wrong.push(`a formula is not typeset: ${named(formula)}`);
        if (formula.querySelector("mjx-merror, [data-mjx-error]")) wrong.push(`a formula has an error: ${named(formula)}`);
      }
      const text = article().cloneNode(true);
      text.querySelectorAll("pre, code, script, style, .math").forEach((element) => element.remove());
      const raw = text.textContent.match(/\$\$|\\[([].{0,60}|\\[a-z]{3,}\{.{0,40}/);
      if (raw) wrong.push(`a formula stands in the text as it was written: ${raw[0]}`);
      return wrong;
    },

    // What reaches out of the window, unless it stands in a box that scrolls by itself.
    sticksOut() {
      const wide = window.innerWidth;
      const scrolls = (element) => /auto|scroll/.test(getComputedStyle(element).overflowX);
      const wrong = [];
      const over = document.documentElement.scrollWidth - wide;
      if (over > 0) wrong.push(`the page is ${over} pixels too wide`);
      for (const element of all("*")) {
        const right = element.getBoundingClientRect().right;
        if (right <= wide + 1 || !seen(element)) continue;
        let around = element.parentElement;
        while (around !== document.body && !scrolls(around)) around = around.parentElement;
        if (around === document.body) {
          wrong.push(`${Math.round(right - wide)} pixels stick out: ${named(element)}`);
          break;
        }
      }
      return wrong;
    },

    // References whose label lies over the first words of their text.
    overlaid() {
      const over = (citation) => {
        const words = document.createRange();
        words.selectNodeContents(citation.querySelector("p"));
        const label = citation.querySelector(".label").getBoundingClientRect();
        const first = words.getClientRects()[0];
        return first.top < label.bottom - 4 && label.top < first.bottom - 4 && first.left < label.right - 1;
      };
      return all("div.citation").filter(over).map((citation) => `its label lies over its text: ${named(citation)}`);
    },

    views: () => views().length,

    // The text and the pictures that the view of a slider shows, and what all the others show.
    shownBy(slider) {
      const shown = (view) => ({
        text: view.innerText.trim().replace(/\s+/g, " "),
        pictures: [...view.querySelectorAll("img")].filter(seen).map((picture) => picture.src),
      });
      const own = slider.closest(".turned-by-a-slider");
      const others = views().filter((view) => view !== own);
      return { ...shown(own), others: JSON.stringify(others.map(shown)) };
    },
  };
})();
