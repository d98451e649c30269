"""The built book is whole, and the check that says so sees what is broken."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from check_site import WIDEST, Site
from PIL import Image

from bridgeseg.teaching.set_up import DPI

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "_build" / "html"


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
<main><article class="bd-article"><h1 id="top">Chapter</h1><p>{text}</p>
<div class="important admonition"><p class="admonition-title">Predict</p><p>How many?</p></div>
<a href="#top">up</a><a href="intro.html">in</a>
<div class="cell"><details class="hide above-input"><summary><p class="collapsed">Draw both</p>
<p class="expanded">Draw both</p></summary><div class="cell_input"><pre>draw()</pre></div></details>
<div class="cell_output"><figure><img src="../_images/a.png" alt="Two shapes"/>
<figcaption>See both.</figcaption></figure></div></div></article></main>
<a href="https://colab.research.google.com/github/ab/cd/blob/main/book/01_x.ipynb">Colab</a>
<a href="../_sources/book/01_x.ipynb">download</a>
<a href="https://colab.research.google.com/github/ab/cd/blob/editions/student/01_x.ipynb">Student's edition</a>
<a href="https://github.com/ab/cd/archive/refs/heads/editions.zip">All</a></body></html>"""

CELLS = [
    {"cell_type": "markdown", "metadata": {}, "source": ["Words.\n", "\n", "> **Predict.** How many?"]},
    {
        "cell_type": "code",
        "metadata": {"tags": ["figure", "plumbing"]},
        "source": ["# @title Draw both\n", "draw()"],
    },
    {"cell_type": "markdown", "metadata": {}, "source": ["**Figure.** See both."]},
]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A book of two pages in which nothing is wrong; its site is in `site`."""
    site = tmp_path / "site"
    for folder in ("book", "_static", "_images", "_sources/book"):
        (site / folder).mkdir(parents=True)
    (tmp_path / "book").mkdir()
    (tmp_path / "_config.yml").write_text("repository: {url: https://github.com/ab/cd}")
    (tmp_path / "_toc.yml").write_text("root: book/intro\nparts:\n- chapters:\n  - file: book/01_x\n")
    (tmp_path / "book/01_x.ipynb").write_text(json.dumps({"cells": CELLS}))
    for path in ("_static/icon.svg", "_sources/book/01_x.ipynb", "index.html"):
        (site / path).write_text("")
    Image.new("L", (int(WIDEST * DPI), 8)).save(site / "_images/a.png")
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
        (
            lambda site: Image.new("L", (int(7.5 * DPI), 8)).save(site / "_images/a.png"),
            "book/01_x.html: a figure of 7.50 inches, at most 6.6: Two shapes",
        ),
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
        (
            replace("student/01_x", "01_x"),
            "no link to https://colab.research.google.com/github/ab/cd/blob/editions/",
        ),
        (
            replace("editions.zip", "main.zip"),
            "no link to https://github.com/ab/cd/archive/refs/heads/editions.zip",
        ),
        (replace("_sources/book/01_x.ipynb", "_static/icon.svg"), "no button that downloads"),
        (replace("<img", "<i"), "0 pictures from 1 cells"),
        (replace("cell", "sell"), "no output at all"),
        (
            replace('class="important admonition"', 'class="important"'),
            "0 boxes 'Predict', 1 in the notebook",
        ),
        (
            replace("word word", "</p><blockquote>Predict. How</blockquote><p>"),
            "a block quote that is no box: 'Pred",
        ),
        (replace("<figcaption>See both.</figcaption>", ""), "0 captions in figures, 1 cells"),
        (replace("../_images/a.png", "https://a.org/a.png"), "a reader without a network does not see"),
        (
            replace("Draw both</p>\n", "Show code</p>\n"),
            "folded cells are ['Show code'], in the notebook ['Draw both']",
        ),
        (replace('class="hide', 'class="'), "folded cells are [], in the notebook ['Draw both']"),
        (replace("draw()", "# @title Draw both"), "shows a title as code: '# @title Draw both'"),
        (
            replace("word word", "</p><p><strong>Figure.</strong> See both."),
            "a caption in no figure: 'Figure. See",
        ),
        (replace("word word", f"{Path.home()}/x"), "a path of this machine"),
        (
            replace(
                "</main>",
                '<script type="application/vnd.jupyter.widget-view+json">{"model_id": "1"}</script>',
            ),
            "a widget, and no Python on a page",
        ),
    ],
)
def test_the_check_sees_what_is_broken(small: Path, break_it: Callable[[Path], Any], said: str) -> None:
    break_it(small / "site")
    problems = Site(small / "site", small).problems()
    assert any(said in problem for problem in problems), problems
