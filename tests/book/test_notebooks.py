"""Every chapter is stored in the same form, and can be shown, run and reviewed; the check of it sees what is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from chapter_form import problems
from check_site import pages_of
from notebooks import BOOK, CHAPTERS, ROOT, Chapter, each_chapter, none_of
from small_chapter import Break, Notebook, broken, cell_named, fits, in_cell, moved, tagged, without
from strip_notebooks import COMPARED, as_text, stripped


@each_chapter
def test_a_chapter_is_stored_in_the_form_of_all(path: Path) -> None:
    none_of(problems(Chapter(path)))


def test_the_set_up_cell_is_the_same_in_every_chapter() -> None:
    cells = {path.name: [cell.source for cell in Chapter(path).of("code", "setup")] for path in CHAPTERS}
    first = cells[CHAPTERS[0].name]
    assert [name for name, found in cells.items() if found != first] == [], f"differ from {CHAPTERS[0].name}"


def test_every_notebook_is_a_numbered_chapter_of_the_table_of_contents_and_the_other_way_round() -> None:
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text("utf8"))
    parts = {part["caption"]: list(pages_of(part)) for part in contents["parts"]}
    appendices = parts.pop("Appendices")
    listed = [page for pages in parts.values() for page in pages]
    assert listed == [f"book/{path.stem}" for path in CHAPTERS], "in the order of their numbers"
    assert [int(path.name[:2]) for path in CHAPTERS] == list(range(1, len(CHAPTERS) + 1))
    pages = [f"book/{path.stem}" for path in BOOK.glob("*.md")]
    assert sorted(pages) == sorted([contents["root"], *appendices]), (
        "a page that is no chapter is an appendix"
    )


# The check itself, on a chapter that is broken


def doubled(made: Notebook) -> None:
    cell_named(made, "see")["id"] = "wrong"


def with_metadata(name: str, **shown: Any) -> Break:
    return lambda made: cell_named(made, name)["metadata"].update(mystnb=shown)


def compared_without_output(made: Notebook) -> None:
    cell_named(made, "claim-run")["metadata"]["tags"] = [COMPARED]


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (
            lambda made: cell_named(made, "see").update(id="See_it"),
            "'See_it': an id is words in small letters",
        ),
        (doubled, "cell wrong: another cell has the same id"),
        (tagged("build", "biuld"), "cell build: the tag 'biuld' is not known"),
        (compared_without_output, f"cell claim-run: tagged {COMPARED}"),
        (with_metadata("see-figure", figure={"caption": "what there is to see"}), "mystnb.image.alt"),
        (with_metadata("see-figure", image={"alt": "x"}), "mystnb.image.alt"),
        (without("see-figure-caption"), "see-figure: the next cell is its caption"),
        (without("strip-figure"), "strip-figure-caption: a caption stands below a figure"),
        (moved("see-figure-caption", 9), "see-figure: the next cell is its caption"),
        (in_cell("see-figure-caption", "**Figure.** ", ""), "see-figure: the next cell is its caption"),
        (in_cell("see-figure-caption", "**Figure.** ", "*Figure.* "), "the next cell is its caption"),
        (
            in_cell("see-figure-caption", "Here it is written out: what to see in it.", "See."),
            "says what to see",
        ),
        (
            in_cell("see-figure-caption", "see in it.", "see in it.\n\nMore."),
            "cell see-figure-caption: a caption is one paragraph",
        ),
        (tagged("see-figure"), "cell see-figure: draws: tag it `figure`"),
        (tagged("strip-figure", "strip"), "cell strip-figure: draws"),
        (tagged("knob", "no-figure"), "cell knob: makes an interactive view: tag it `widget`"),
        (
            in_cell("knob", 'turned_by_a_slider("step"', 'interact(print)\nturned_by_a_slider("step"'),
            "cell knob: computes in an interactive view, and no Python runs on a page: tag it `remove-output`",
        ),
        (
            in_cell("claim-run", "measured = ", "walkers = lesson('x')\nmeasured = "),
            "claim-run: trains, or loads",
        ),
        (in_cell("see", "figure answers", "figure in /home/me answers"), "names a path of a machine"),
        (in_cell("see", "figure answers", "figure in C:\\me answers"), "names a path of a machine"),
    ],
)
def test_the_check_sees_what_is_broken(break_it: Break, said: str, tmp_path: Path) -> None:
    found = list(problems(broken(break_it, tmp_path)))
    assert fits(found, said), found


def test_the_check_sees_nothing_in_what_is_whole(tmp_path: Path) -> None:
    none_of(problems(broken(lambda made: None, tmp_path)))


def without_outputs(made: Notebook) -> Notebook:
    stored = stripped(made)
    del cell_named(stored, "build")["outputs"]
    return stored


@pytest.mark.parametrize(
    ("store", "said"),
    [
        (lambda made: made, "not stored as it should be; run: python tests/book/strip_notebooks.py"),
        (without_outputs, "not a valid notebook: 'outputs' is a required property"),
    ],
)
def test_a_notebook_that_is_not_stripped_or_not_valid_is_seen(store: Any, said: str, tmp_path: Path) -> None:
    def run_once(made: Notebook) -> None:
        cell_named(made, "build")["execution_count"] = 7

    assert fits(list(problems(broken(run_once, tmp_path, store))), said)


def test_stripping_keeps_what_is_compared_and_drops_the_rest() -> None:
    def code(*tags: str) -> dict[str, Any]:
        return {
            "cell_type": "code",
            "id": "a",
            "metadata": {"tags": list(tags), "execution": {"iopub": "12:00"}},
            "source": "1\n2",
            "outputs": [{"output_type": "stream", "name": "stdout", "text": "3"}],
            "execution_count": 7,
        }

    notebook = {"cells": [code(), code(COMPARED)], "metadata": {"widgets": {"state": {}}}, "nbformat": 4}
    plain, compared = stripped(notebook)["cells"]
    assert plain["outputs"] == []
    assert plain["execution_count"] is None
    assert plain["source"] == ["1\n", "2"]
    assert plain["metadata"] == {"tags": []}
    assert compared["outputs"] == code()["outputs"]
    assert compared["execution_count"] == 7
    assert "widgets" not in stripped(notebook)["metadata"]
    cell = code()
    cell["metadata"]["mystnb"] = {"figure": {"caption": "See.", "name": "a"}, "image": {"alt": "A dot"}}
    (kept,) = stripped({"cells": [cell]})["cells"]
    assert kept["metadata"]["mystnb"] == {"figure": {"name": "a"}, "image": {"alt": "A dot"}}
    del cell["metadata"]["mystnb"]["figure"]["name"]
    (kept,) = stripped({"cells": [cell]})["cells"]
    assert kept["metadata"]["mystnb"] == {"image": {"alt": "A dot"}}
    once = stripped(notebook)
    assert as_text(stripped(once)) == as_text(once)
