"""Every chapter is stored in the same form, and can be shown, run and reviewed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from strip_notebooks import COMPARED, as_text, stripped, tags

BOOK = Path(__file__).resolve().parent.parent / "book"
NOTEBOOKS = sorted(BOOK.glob("*.ipynb"))
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|root|tmp|Users|work|mnt|private)/\w|\b[A-Z]:\\\\?\w")

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path: Path, kind: str | None = None, tag: str | None = None) -> list[dict[str, Any]]:
    """Return the cells of a notebook, all or those of a kind or with a tag."""
    found = json.loads(path.read_text("utf8"))["cells"]
    return [c for c in found if kind in (None, c["cell_type"]) and (tag is None or tag in tags(c))]


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


@each_notebook
def test_a_chapter_is_a_valid_notebook(path: Path) -> None:
    nbformat.validate(nbformat.read(path, as_version=4))


@each_notebook
def test_a_chapter_is_stored_stripped_and_as_plain_json(path: Path) -> None:
    text = path.read_text("utf8")
    assert text == as_text(stripped(json.loads(text))), f"run: python tests/strip_notebooks.py {path}"


@each_notebook
def test_a_compared_cell_keeps_output_and_count(path: Path) -> None:
    for cell in cells(path, tag=COMPARED):
        assert cell["outputs"], f"cell {cell['id']} is tagged {COMPARED} and has no output"
        assert cell["execution_count"], f"cell {cell['id']} is tagged {COMPARED} and has no execution count"


@each_notebook
def test_cells_have_unique_ids(path: Path) -> None:
    ids = [cell.get("id", "") for cell in cells(path)]
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in ids), ids
    assert len(set(ids)) == len(ids), sorted(name for name in ids if ids.count(name) > 1)


@each_notebook
def test_a_chapter_has_one_title_and_one_set_up_cell(path: Path) -> None:
    prose = re.sub(r"(?ms)^(```+|:::+).*?^\1", "", "\n\n".join(source(c) for c in cells(path, "markdown")))
    assert len(re.findall(r"(?m)^# \S", prose)) == 1
    assert source(cells(path)[0]).startswith("# "), "the first cell begins with the title"
    assert len(cells(path, "code", "setup")) == 1
    assert cells(path, "code")[0] == cells(path, "code", "setup")[0], "the set-up cell is the first to run"


@pytest.mark.skipif(len(NOTEBOOKS) < 2, reason="there are not yet two chapters to compare")
def test_the_set_up_cell_is_the_same_in_every_chapter() -> None:
    first, *others = NOTEBOOKS
    wanted = source(cells(first, "code", "setup")[0])
    for path in others:
        assert source(cells(path, "code", "setup")[0]) == wanted, f"{path.name} differs from {first.name}"


@each_notebook
def test_a_figure_has_alt_text_and_a_caption(path: Path) -> None:
    for cell in cells(path, "code", "figure"):
        shown = cell["metadata"].get("mystnb", {})
        alt, caption = shown.get("image", {}).get("alt", ""), shown.get("figure", {}).get("caption", "")
        assert len(alt) >= 15, f"cell {cell['id']}: metadata mystnb.image.alt says what the figure shows"
        assert len(caption) >= 15, f"cell {cell['id']}: metadata mystnb.figure.caption says what to see"


@each_notebook
def test_a_cell_that_draws_is_tagged_as_a_figure(path: Path) -> None:
    for cell in cells(path, "code"):
        draws = re.search(r"\bplt\.(show|subplots|figure|imshow|plot)\(|\bplots\.\w+\(", source(cell))
        hidden = {"figure", "no-figure"} & set(tags(cell))
        defines = re.search(r"(?m)^def ", source(cell)) and not re.search(r"(?m)^plt\.show\(", source(cell))
        assert not draws or hidden or defines, (
            f"cell {cell['id']} draws: tag it `figure` with alt text and caption, or `no-figure` if it shows nothing"
        )


@each_notebook
def test_a_chapter_names_no_path_of_a_machine(path: Path) -> None:
    for number, line in enumerate(path.read_text("utf8").splitlines(), 1):
        assert not MACHINE_PATH.search(line), f"{path.name}:{number}: {line.strip()}"


@each_notebook
def test_a_chapter_is_in_the_table_of_contents(path: Path) -> None:
    assert f"book/{path.stem}\n" in (BOOK.parent / "_toc.yml").read_text("utf8") + "\n"


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
    once = stripped(notebook)
    assert as_text(stripped(once)) == as_text(once)
