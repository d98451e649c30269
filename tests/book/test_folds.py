"""One tag folds a cell wherever it is read, under a title; and the check of it sees where tag and fold do not agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from folds import FOLDS, fold, problems, title
from notebooks import BOOK, Chapter, each_chapter, none_of
from pages import loaded
from small_chapter import Break, Notebook, broken, cell_named, fits, in_cell, tagged
from small_page import built_pages
from strip_notebooks import stripped

EXTENSIONS = BOOK / "_extensions"


@each_chapter
def test_what_only_draws_fetches_or_adapts_is_folded_under_a_title(path: Path) -> None:
    none_of(problems(Chapter(path)))


def test_the_check_sees_nothing_in_what_is_whole(tmp_path: Path) -> None:
    none_of(problems(broken(lambda made: None, tmp_path)))


LINE = "# @title Draw the strip"


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (in_cell("strip-figure", LINE, "# Draw the strip"), "strip-figure: is folded: its first line says"),
        (in_cell("strip-figure", LINE, f"# So:\n{LINE}"), "strip-figure: is folded: its first line says"),
        (in_cell("strip-figure", LINE, f"{LINE}."), "strip-figure: its title is a few words"),
        (in_cell("strip-figure", LINE, LINE + " of paper" * 9), "strip-figure: its title is a few words"),
        (in_cell("strip-figure", LINE, "# @title draw the strip"), "strip-figure: its title is a few words"),
        (in_cell("strip-figure", LINE, "# @title Draw"), "strip-figure: its title is a few words"),
        (in_cell("strip-figure", LINE, f"{LINE}\n# @title More"), "strip-figure: has two titles"),
        (
            in_cell("strip-figure", LINE, "# @title Draw the frames of the slider"),
            "strip-figure: has the title of cell knob",
        ),
        (tagged("strip-figure", "figure", "strip"), "strip-figure: has a title, and no tag that folds it"),
        (in_cell("claim-run", "measured = ", "# @title Ask\nmeasured = "), "claim-run: has a title, and no"),
        (tagged("see", "plumbing"), "see: a text is not folded"),
        (tagged("build", "build", "plumbing"), "build: is to be seen, its tag 'build' says"),
        (tagged("build-checkpoint", "checkpoint", "plumbing"), "is to be seen, its tag 'checkpoint' says"),
        (
            lambda made: cell_named(made, "solution-1").update(source=["# @title Solution"]),
            "solution-1: has a title and no code",
        ),
    ],
)
def test_the_check_sees_what_is_broken(break_it: Break, said: str, tmp_path: Path) -> None:
    found = list(problems(broken(break_it, tmp_path)))
    assert fits(found, said), found


@pytest.mark.parametrize(
    ("name", "metadata"),
    [
        ("strip-figure", {"tags": ["plumbing"]}),
        ("strip-figure", {"cellView": "form", "tags": ["plumbing"]}),
        ("solution-1", fold(["plumbing"]) | {"tags": ["solution"]}),
        ("claim-run", {"jupyter": {"source_hidden": True}}),
    ],
)
def test_metadata_that_the_tag_does_not_say_are_seen(
    name: str, metadata: dict[str, Any], tmp_path: Path
) -> None:
    def by_hand(made: Notebook) -> Notebook:
        stored = stripped(made)
        cell_named(stored, name)["metadata"] = metadata
        return stored

    found = list(problems(broken(lambda made: None, tmp_path, by_hand)))
    assert fits(found, f"cell {name}: has the metadata .* run strip_notebooks.py"), found


def test_an_author_sets_the_tag_and_stripping_writes_the_rest() -> None:
    def code(*tags: str, **kept: Any) -> dict[str, Any]:
        return {"cell_type": "code", "id": "a", "metadata": {"tags": list(tags), **kept}, "source": "1"}

    by_hand = {"cellView": "form", "jupyter": {"source_hidden": True}, "collapsed": True}
    cells = [code("plumbing"), code("solution"), code("build", **by_hand), code("plumbing", "x", **by_hand)]
    first, second, third, fourth = (c["metadata"] for c in stripped({"cells": cells})["cells"])
    assert first == {"cellView": "form", "jupyter": {"source_hidden": True}, "tags": ["plumbing"]}
    assert second["jupyter"] == {"outputs_hidden": True, "source_hidden": True}
    assert third == {"tags": ["build"]}
    assert fourth == first | {"tags": ["plumbing", "x"]}
    assert list(fourth) == sorted(fourth)


# In the book


SAID = [{"output_type": "stream", "name": "stdout", "text": "said"}]


def cell(name: str, source: str, *tags: str) -> dict[str, Any]:
    made = {"cell_type": "code", "id": name, "metadata": {"tags": list(tags)}, "source": source}
    return made | {"outputs": SAID, "execution_count": 1}


CELLS = [
    {"cell_type": "markdown", "id": "title", "metadata": {"tags": ["plumbing"]}, "source": "# Page"},
    cell("drawn", "# @title Draw {type} & more\n\ndraw()", "figure", "plumbing"),
    cell("solved", "# @title Solution of exercise 1\nsolve()", "solution"),
    cell("seen", "see()", "build"),
    cell("untitled", "untitled()", "plumbing"),
]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Tag:
    """A page that is built of cells of each kind."""
    built = built_pages(tmp_path_factory.mktemp("book"), "folded_cells", CELLS, "", "-W")
    return BeautifulSoup((built / "page.html").read_text("utf8"), "html.parser")


def test_a_folded_cell_stands_under_its_title(page: Tag) -> None:
    drawn, solved, seen, untitled = page.select("div.cell")
    prompts = [p.get_text() for p in drawn.select("details > summary > p")]
    assert prompts == ["Draw source & more"] * 2, "MyST-NB fills in {type}"
    assert drawn.select_one("details").get_text().split()[-1] == "draw()"
    assert drawn.select_one("div.cell_output").find_parent("details") is None
    assert solved.select_one("summary > p").get_text() == "Solution of exercise 1"
    assert solved.select_one("div.cell_output").find_parent("details") is not None
    assert [bool(each.select("details")) for each in (seen, untitled)] == [False, False]
    assert "@title" not in page.get_text()


def test_the_book_folds_what_notebooks_fold() -> None:
    extension = loaded(EXTENSIONS / "folded_cells.py")
    assert set(extension.HIDDEN) == set(FOLDS)
    assert extension.TITLE.match(f"{LINE}\n\nx = 1").group(1) == title(f"{LINE}\n\nx = 1") == "Draw the strip"
