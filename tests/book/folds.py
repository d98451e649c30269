"""Which cells are folded, told by one tag, and what an author and a reader have of it.

An author writes a tag and, as the first line of the cell, `# @title What the cell does`. All else follows:

on Colab       the title in the place of the code: `cellView`, which `strip_notebooks.py` writes into the metadata
in JupyterLab  the code folded, its first line in sight: `jupyter`, written likewise
in the book    the title, to be opened: `book/_extensions/folded_cells.py`

plumbing  only draws, fetches or adapts; its output is in sight
solution  answers an exercise; its output is out of sight too, except on Colab, which folds no output
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from notebooks import Cell, Chapter

FOLDS: dict[str, dict[str, Any]] = {
    "plumbing": {"cellView": "form", "jupyter": {"source_hidden": True}},
    "solution": {"cellView": "form", "jupyter": {"outputs_hidden": True, "source_hidden": True}},
}
WRITTEN = ("cellView", "jupyter")  # the metadata that follow from a tag
TITLE = re.compile(r"# @title (.*)")
LENGTHS = range(8, 73)  # characters of a title: one line on a phone's two
IN_SIGHT = {"build", "checkpoint", "exercise"}  # what is never folded


def fold(tags: Iterable[str]) -> dict[str, Any]:
    """Return the metadata of a cell with these tags, as far as they fold it."""
    return next((dict(FOLDS[tag]) for tag in tags if tag in FOLDS), {})


def title(source: str) -> str:
    """Return the title that a source begins with, or nothing."""
    found = TITLE.match(source)
    return found.group(1).strip() if found else ""


def problems(chapter: Chapter) -> Iterator[str]:
    """Yield where tag, title and metadata of a chapter's cells do not agree, a line each."""
    seen: dict[str, str] = {}
    for cell in chapter.cells:
        yield from (f"cell {cell.name}: {problem}" for problem in _cell(cell))
        if (said := title(cell.source)) and cell.kind == "code":
            if said in seen:
                yield f"cell {cell.name}: has the title of cell {seen[said]}"
            seen[said] = cell.name


def _cell(cell: Cell) -> Iterator[str]:
    tags = FOLDS.keys() & set(cell.tags)
    if not tags:
        if cell.kind == "code" and TITLE.search(cell.source):
            yield f"has a title, and no tag that folds it: {' or '.join(FOLDS)}"
    elif cell.kind != "code":
        yield f"a text is not folded: the tag {min(tags)!r} is for code"
    elif wrong := IN_SIGHT & set(cell.tags):
        yield f"is to be seen, its tag {min(wrong)!r} says, and folded, its tag {min(tags)!r} says"
    else:
        yield from _titled(cell)
    kept = {key: cell.stored["metadata"][key] for key in WRITTEN if key in cell.stored["metadata"]}
    wanted = fold(cell.tags)
    if kept != wanted:
        yield f"has the metadata {kept}, and its tags say {wanted}; run strip_notebooks.py"


def _titled(cell: Cell) -> Iterator[str]:
    said = title(cell.source)
    if not said:
        yield "is folded: its first line says what it does, `# @title Draw the scene and its maps`"
    elif len(said) not in LENGTHS or said.endswith(".") or said[0].islower():
        yield f"its title is a few words, from a capital letter on, without a full stop at the end: {said!r}"
    if len(TITLE.findall(cell.source)) > 1:
        yield "has two titles"
    if not cell.tree.body:
        yield "has a title and no code"
