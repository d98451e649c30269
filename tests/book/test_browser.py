"""Every page works in a browser, and the check that says so sees what is broken."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from cdn import Cdn, NotToBeHad, package
from check_page import AXE, addresses, in_both_windows
from check_site import Site, expected_pages
from chromium import Reader, chromium_path, launch

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "_build" / "html"
CONFIGURED = yaml.safe_load((ROOT / "_config.yml").read_text("utf8"))["sphinx"]["config"]
PAGES = expected_pages(ROOT)


def served(named: set[str]) -> Cdn:
    """Return the packages of some addresses, and have axe-core at hand, or skip the test with npm's reason."""
    try:
        package(*AXE)
        return Cdn(named)
    except NotToBeHad as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    if not chromium_path():
        pytest.skip("no Chromium on the PATH")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        chromium = launch(playwright)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def reader(browser: Any) -> Iterator[Reader]:
    """A reader of the built book."""
    if not (BUILT / ".complete").exists():
        pytest.skip("the book is not built: make book")
    reader = Reader(browser, BUILT, served(addresses(Site(BUILT, ROOT))))
    yield reader
    reader.close()


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES)
def test_a_page_works_in_a_browser(reader: Reader, path: str) -> None:
    found = in_both_windows(reader, path)
    assert not found, "\n".join(found)


def test_search_finds_what_the_book_is_about_and_nothing_else(reader: Reader) -> None:
    def found(words: str) -> list[str]:
        reader.open(f"search.html?q={words}")
        reader.page.wait_for_function("document.querySelector('.search-summary').textContent.length > 20")
        links = reader.page.locator("ul.search li a")
        return [
            urlsplit(address).path[1:] for address in links.evaluate_all("links => links.map(a => a.href)")
        ]

    pages = set(found("bootstrapping"))
    assert pages
    assert pages <= set(PAGES)
    assert found("marmalade") == []


# The check itself, on a page made by hand


THEME = """
document.documentElement.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
window.MathJax = {options: {ignoreHtmlClass: "bd-article", processHtmlClass: "math"}};"""

PAGE = """<!doctype html><html lang="en" data-theme="light"><head><title>Page</title>
<meta name="viewport" content="width=device-width">
<style>body { margin: 1em; background: #fff; color: #000 } html[data-theme=dark] body { color: #111 }</style>
<link rel="stylesheet" href="pages.css"><script>%s</script><script src="pages.js"></script>%s</head>
<body class="bd-content"><article class="bd-article"><h1>Page</h1><p>The words, <a href="x.html">a link</a>.</p>
<div class="math">\\(a^2\\)</div>
<figure><img src="shapes.png" alt="Two shapes"><figcaption>See both.</figcaption></figure>
<div class="cell_output">%s</div></article></body></html>"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a page in which nothing is wrong: a formula, a figure and two sliders over three pictures."""
    import numpy as np

    from bridgeseg.plots.slider import picture_png, turned_by_a_slider

    folder = tmp_path_factory.mktemp("page")
    frames = [picture_png(np.full((40, 60, 3), 60 * shade, np.uint8)) for shade in range(3)]
    views = [
        turned_by_a_slider(name, ["none", "some", "more"], frames, ["black", "dark grey", "grey"], start)
        for name, start in (("shade", 0), ("tone", 2))
    ]
    shown = "".join(view._repr_html_() for view in views)
    script = f'<script defer src="{CONFIGURED["mathjax_path"]}"></script>'
    (folder / "page.html").write_text(PAGE % (THEME, script, shown), "utf8")
    (folder / "shapes.png").write_bytes(picture_png(np.full((40, 60, 3), 200, np.uint8)))
    for name in ("pages.css", "pages.js"):
        shutil.copy(ROOT / "book" / "_static" / name, folder)
    return folder


@pytest.fixture(scope="module")
def cdn() -> Cdn:
    """What the configured script loads."""
    return served({CONFIGURED["mathjax_path"]})


def problems(browser: Any, folder: Path, cdn: Cdn) -> list[str]:
    reader = Reader(browser, folder, cdn)
    try:
        return in_both_windows(reader, "page.html")
    finally:
        reader.close()


def test_a_whole_page_has_no_problem(browser: Any, whole: Path, cdn: Cdn) -> None:
    found = problems(browser, whole, cdn)
    assert not found, "\n".join(found)


def replace(old: str, new: str, name: str = "page.html") -> Callable[[Path], None]:
    """Return a way to break a page: other text in the place of some."""

    def break_it(folder: Path) -> None:
        text = (folder / name).read_text("utf8")
        assert old in text
        (folder / name).write_text(text.replace(old, new), "utf8")

    return break_it


def add(html: str) -> Callable[[Path], None]:
    return replace("</article>", f"{html}</article>")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (add("<script>nothing()</script>"), "in the console: nothing is not defined"),
        (add("<script>console.error('it hurts')</script>"), "in the console: it hurts"),
        (
            add('<script src="https://elsewhere.test/x.js"></script>'),
            "not served: https://elsewhere.test/x.js",
        ),
        (add('<link rel="stylesheet" href="gone.css">'), "not served: https://book.test/gone.css"),
        (replace("mathjax@3.2.2", "mathjax@3"), "not served: https://cdn.jsdelivr.net/npm/mathjax@3/"),
        (lambda folder: (folder / "shapes.png").unlink(), "a picture did not load: <img> Two shapes"),
        (replace('alt="Two shapes"', 'alt="Two shapes" style="width:9px"'), "pixels small: <img> Two shapes"),
        (
            replace('alt="Two shapes"', 'alt="Two shapes" style="width:99px;height:20px"'),
            "as wide as its height asks: <img> Two",
        ),
        (replace('<img src="shapes.png" alt="Two shapes">', ""), "a figure without a picture"),
        (
            replace("</style>", "[data-theme=dark] img { filter: brightness(.8) !important }</style>"),
            "changed by brightness",
        ),
        (replace("#fff", "#eee", "pages.css"), "stands on rgb(238, 238, 238) in the dark"),
        (replace("a^2", r"\frac"), "a formula has an error"),
        (replace('class="math"', 'class="maths"'), "as it was written"),
        (add('<span class="math">b</span>'), "a formula is not typeset: <span.math> b"),
        (add('<p style="width:600px">Wide</p>'), "390 pixels, dark: the page is"),
        (
            add('<div style="overflow:hidden"><p style="width:1300px">Wide</p></div>'),
            "pixels stick out: <p> Wide",
        ),
        (
            add(
                '<div class="citation"><span class="label" style="float:left">[Author and others, 2016]</span>'
                '<p style="padding-left:24px;text-indent:-24px">Words of the reference</p></div>'
            ),
            "its label lies over its text: <div.citation>",
        ),
        (replace("oninput=", "onclick="), "'shade' has 3 stops and shows 1 texts"),
        (replace("oninput=", "onclick="), "'shade' moves and the picture does not change"),
        (replace("'none'", "'block'"), "'shade' shows [1, 3, 3] pictures at its stops"),
        (replace("this.closest", "nothing.closest"), "in the console: nothing is not defined"),
        (replace('type="range"', 'type="text"'), "0 sliders in 2 views"),
        (replace("this.closest('.turned-by-a-slider')", "document"), "turns the frames of another view"),
        (replace("label", "span"), "label, 2 times"),
        (replace("aria-valuetext'", "aria-text'"), "to who does not see"),
        (replace('alt="Two shapes"', ""), "image-alt, 1 times"),
        (replace("color: #111", "color: #ddd"), "390 pixels, dark: color-contrast"),
    ],
)
def test_the_check_sees_what_is_broken(
    browser: Any,
    whole: Path,
    cdn: Cdn,
    tmp_path: Path,
    break_it: Callable[[Path], Any],
    said: str,
) -> None:
    folder = tmp_path / "page"
    shutil.copytree(whole, folder)
    break_it(folder)
    found = problems(browser, folder, cdn)
    assert any(said in problem for problem in found), "\n".join(found)
