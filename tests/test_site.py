"""The built book is whole, and the check that says so sees what is broken."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from check_site import Site

ROOT = Path(__file__).resolve().parent.parent
BUILT = ROOT / "_build" / "html"

# What the theme says on every page, and what is fetched from elsewhere and may be out of reach where tests run.
KNOWN_MESSAGES = (
    "THEBE_JS_URL",
    "Got invalid theme mode",
    "Failed to load resource",
    "ERR_",
    "require is not defined",
)


@pytest.fixture(scope="module")
def built() -> Path:
    """The folder of the built book."""
    if not (BUILT / ".complete").exists():
        pytest.skip("the book is not built: make book")
    return BUILT


def test_the_built_book_is_whole(built: Path) -> None:
    site = Site(built, ROOT)
    assert site.expected
    assert site.problems() == []


# The check itself, on a small book made by hand


PAGE = """<html><head><link rel="icon" href="../_static/icon.svg"/></head><body>
<main><article class="bd-article"><h1 id="top">Chapter</h1><p>{text}</p><a href="#top">up</a><a href="intro.html">in</a>
<div class="cell"><div class="cell_output"><figure><img src="../_images/a.png" alt="Two shapes"/>
<figcaption>See both.</figcaption></figure></div></div></article></main>
<a href="https://colab.research.google.com/github/ab/cd/blob/main/book/01_x.ipynb">Colab</a>
<a href="../_sources/book/01_x.ipynb">download</a></body></html>"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A book of two pages in which nothing is wrong; its site is in `site`."""
    site = tmp_path / "site"
    for folder in ("book", "_static", "_images", "_sources/book"):
        (site / folder).mkdir(parents=True)
    (tmp_path / "book").mkdir()
    (tmp_path / "_config.yml").write_text("repository: {url: https://github.com/ab/cd}")
    (tmp_path / "_toc.yml").write_text("root: book/intro\nparts:\n- chapters:\n  - file: book/01_x\n")
    notebook = '{"cells": [{"cell_type": "code", "metadata": {"tags": ["figure"]}, "source": []}]}'
    (tmp_path / "book/01_x.ipynb").write_text(notebook)
    for path in ("_static/icon.svg", "_images/a.png", "_sources/book/01_x.ipynb", "index.html"):
        (site / path).write_text("")
    (site / "book/01_x.html").write_text(PAGE.format(text="word " * 50))
    (site / "book/intro.html").write_text(f"<main><h1>Welcome</h1>{'word ' * 50}</main>")
    return tmp_path


def test_a_whole_site_has_no_problem(small: Path) -> None:
    assert Site(small / "site", small).problems() == []


def replace(old: str, new: str) -> Callable[[Path], Any]:
    """Return a way to break the chapter: other text in the place of some."""

    def break_it(site: Path) -> None:
        page = site / "book/01_x.html"
        text = page.read_text()
        assert old in text
        page.write_text(text.replace(old, new))

    return break_it


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda site: (site / "book/intro.html").unlink(), "book/intro.html: missing"),
        (lambda site: (site / "index.html").unlink(), "index.html: missing"),
        (
            lambda site: shutil.copy(site / "book/01_x.html", site / "book/old.html"),
            "old.html: not in the table",
        ),
        (lambda site: (site / "_images/a.png").unlink(), "a link to nowhere: ../_images/a.png"),
        (lambda site: (site / "_static/icon.svg").unlink(), "a link to nowhere: ../_static/icon.svg"),
        (replace("#top", "#bottom"), "a link to a place that is not on its page"),
        (replace('alt="Two shapes"', 'alt="../_images/a.png"'), "without alt text"),
        (replace('alt="Two shapes"', f'alt="{"0a" * 32}"'), "without alt text"),
        (replace("<figcaption>See both.</figcaption>", ""), "without a caption"),
        (replace("word word", "Traceback (most recent call last)"), "a traceback"),
        (replace("word word", f"{'-' * 75}\nValueError    x"), "a traceback"),
        (replace('class="cell_output"', 'class="output stderr"'), "an error output"),
        (replace("word ", ""), "characters of text"),
        (replace("h1", "h2"), "not exactly one title"),
        (replace("github/ab/cd", "github/ab/ce"), "no Colab button"),
        (replace("_sources/book/01_x.ipynb", "_static/icon.svg"), "no button that downloads"),
        (replace("<img", "<i"), "0 pictures from 1 cells"),
        (replace("cell", "sell"), "no output at all"),
        (replace("word word", f"{Path.home()}/x"), "a path of this machine"),
        (
            replace(
                "</main>",
                '<script type="application/vnd.jupyter.widget-view+json">{"model_id": "1"}</script>',
            ),
            "a widget whose state is not in the page",
        ),
    ],
)
def test_the_check_sees_what_is_broken(small: Path, break_it: Callable[[Path], Any], said: str) -> None:
    break_it(small / "site")
    problems = Site(small / "site", small).problems()
    assert any(said in problem for problem in problems), problems


# In a browser


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server that does not write a line for every request."""

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def address(built: Path) -> Iterator[str]:
    """The built book, served on this machine."""
    handler = functools.partial(Quiet, directory=str(built))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("no chromium with chromedriver on the PATH")
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (
        "headless",
        "no-sandbox",
        "disable-gpu",
        "disable-quic",
        "disable-dev-shm-usage",
        "no-first-run",
    ):
        options.add_argument(f"--{flag}")
    for flag in ("disable-background-networking", "disable-component-update", "disable-sync"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    chrome.set_page_load_timeout(60)
    yield chrome
    chrome.quit()


def visit(browser: Any, address: str, built: Path) -> Iterator[str]:
    """Open one page after the other and yield its name."""
    for page in Site(built, ROOT).expected:
        browser.get(f"{address}/{page}")
        yield page


def test_pages_run_without_errors_of_ours(browser: Any, address: str, built: Path) -> None:
    for page in visit(browser, address, built):
        messages = [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
        ours = [text for text in messages if not any(known in text for known in KNOWN_MESSAGES)]
        missing = [text for text in messages if address in text and "Failed to load" in text]
        missing = [
            text for text in missing if "@jupyter-widgets" not in text
        ]  # its icon fonts, looked for in vain
        assert ours + missing == [], page


def test_pictures_are_loaded_and_pages_fit_their_window(browser: Any, address: str, built: Path) -> None:
    for width in (1300, 420):
        browser.set_window_size(width, 1000)
        for page in visit(browser, address, built):
            empty = browser.execute_script(
                "return [...document.querySelectorAll('article img')]"
                ".filter(i => { i.loading = 'eager'; return i.complete && !i.naturalWidth })"
                ".map(i => i.src.slice(0, 80))"
            )
            assert empty == [], page
            over = browser.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
            assert over <= 0, f"{page} is {over} pixels wider than a window of {width}"


def test_figures_keep_their_colours_in_the_dark_theme(browser: Any, address: str, built: Path) -> None:
    for page in visit(browser, address, built):
        drawn = browser.execute_script(
            "document.documentElement.dataset.theme = 'dark';"
            "return [...document.querySelectorAll('article .cell_output img, article figure img')]"
            ".map(i => [getComputedStyle(i).filter, getComputedStyle(i).backgroundColor])"
        )
        assert all(style == ["none", "rgb(255, 255, 255)"] for style in drawn), (page, drawn)


def test_widgets_find_the_call_of_mathjax_2_whenever_mathjax_3_comes(
    browser: Any, address: str, built: Path
) -> None:
    for page in visit(browser, address, built):
        lent = browser.execute_script(
            "window.MathJax = {options: {}}; const before = typeof window.MathJax.Hub.Queue;"
            "window.MathJax = {version: '3.2.2', config: window.MathJax};"
            "return [before, typeof window.MathJax.Hub.Queue]"
        )
        assert lent == ["function", "function"], page


def test_a_slider_gets_its_label_as_accessible_name(browser: Any, address: str, built: Path) -> None:
    for _ in visit(browser, address, built):
        name = browser.execute_async_script(
            "const done = arguments[0];"
            "document.body.insertAdjacentHTML('beforeend', '<div class=\"widget-inline-hbox\">'"
            ' + \'<label class="widget-label">threshold</label><div id="made" role="slider"></div></div>\');'
            "setTimeout(() => done(document.getElementById('made').getAttribute('aria-label')), 100)"
        )
        assert name == "threshold"
        break
