"""The form in which a chapter is stored, so that it can be shown, run and reviewed: what is wrong, line by line.

What a chapter must hold and in which order is in `chapter_anatomy.py`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nbformat.validator import iter_validate
from notebooks import CAPTION, Cell, Chapter
from strip_notebooks import COMPARED, as_text, stripped

# A tag that is not among these is a slip of the pen, and the gate that looks for it would see nothing.
OURS = {
    "setup": "the set-up cell, the same in every chapter",
    "build": "defines a function from scratch",
    "checkpoint": "compares what was built with the package",
    "figure": "shows a figure, with alt text, and a caption below",
    "no-figure": "draws, and shows no figure of its own",
    "widget": "an interactive view",
    "strip": "the same view as a row of pictures",
    "train": "trains, or loads what was trained",
    "exercise": "states an exercise",
    "solution": "its solution, folded",
    "plumbing": "only draws, fetches or adapts: folded",
}
OF_TOOLS = {
    "hide-output",
    "remove-cell",
    "remove-input",
    "remove-output",
    COMPARED,
}
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|root|tmp|Users|work|mnt|private)/\w|\b[A-Z]:\\\\?\w")
SHORTEST = 15  # characters of an alt text or a caption
DRAWS = re.compile(r"(plt\.(show|subplots|figure|imshow|plot)|panels|(\w+\.)?show_\w+)$")
COMPUTES = {"interact", "interact_manual", "interactive", "interactive_output"}
TRAINS = {"lesson", "trained", "train_run"}


def problems(chapter: Chapter) -> Iterator[str]:
    """Yield what is wrong with the form of a chapter."""
    yield from _file(chapter)
    names = [cell.name for cell in chapter.cells]
    for cell in chapter.cells:
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", cell.name):
            yield f"cell {cell.name!r}: an id is words in small letters with hyphens between them"
        if names.count(cell.name) > 1 and names.index(cell.name) == cell.place:
            yield f"cell {cell.name}: another cell has the same id"
        for tag in set(cell.tags) - set(OURS) - OF_TOOLS:
            yield f"cell {cell.name}: the tag {tag!r} is not known; there are {', '.join(OURS)}"
        yield from (f"cell {cell.name}: {problem}" for problem in _cell(cell))
    yield from _captions(chapter)


def _file(chapter: Chapter) -> Iterator[str]:
    text = chapter.path.read_text("utf8")
    for error in iter_validate(chapter.notebook):
        yield f"not a valid notebook: {str(error).splitlines()[0]}"
    if text != as_text(stripped(chapter.notebook)):
        yield f"not stored as it should be; run: python tests/book/strip_notebooks.py {chapter.path.name}"
    for number, line in enumerate(text.splitlines(), 1):
        if MACHINE_PATH.search(line):
            yield f"line {number} names a path of a machine: {line.strip()}"


def _cell(cell: Cell) -> Iterator[str]:
    if COMPARED in cell.tags and not (cell.stored["outputs"] and cell.stored["execution_count"]):
        yield f"tagged {COMPARED}, which compares the output and the count, and one of them is not there"
    if "figure" in cell.tags:
        if len(cell.alt) < SHORTEST:
            yield "metadata mystnb.image.alt should say what the figure shows"
    if cell.kind == "markdown":
        return
    called = {name for name, _ in _calls_that_run(cell)}
    drawn = any(DRAWS.match(ast.unparse(call.func)) for _, call in _calls_that_run(cell))
    if drawn and not {"figure", "no-figure"} & set(cell.tags):
        yield "draws: tag it `figure`, with alt text and a caption below, or `no-figure` if it shows nothing"
    if called & (COMPUTES | {"turned_by_a_slider"}) and "widget" not in cell.tags:
        yield "makes an interactive view: tag it `widget`"
    if called & COMPUTES and "remove-output" not in cell.tags:
        yield "computes in an interactive view, and no Python runs on a page: tag it `remove-output`"
    if called & TRAINS and "train" not in cell.tags:
        yield "trains, or loads what was trained: tag it `train`"


def _captions(chapter: Chapter) -> Iterator[str]:
    """A figure's caption is the next cell, in plain Markdown: so it is seen wherever the chapter is run."""
    for cell, below in zip(chapter.cells, [*chapter.cells[1:], None]):
        if "figure" in cell.tags and (below is None or len(below.caption) < SHORTEST):
            yield f"cell {cell.name}: the next cell is its caption, says what to see and begins {CAPTION.strip()}"
    for cell, above in zip(chapter.cells, [None, *chapter.cells]):
        if cell.caption and (above is None or "figure" not in above.tags):
            yield f"cell {cell.name}: a caption stands below a figure"
        if cell.caption and "\n\n" in cell.caption:
            yield f"cell {cell.name}: a caption is one paragraph, and a cell of its own"


def _calls_that_run(cell: Cell) -> Iterator[tuple[str, ast.Call]]:
    """The calls that happen when the cell runs: not those within a function that it only defines."""
    kinds = ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef
    within = {id(node) for top in cell.tree.body if isinstance(top, kinds) for node in ast.walk(top)}
    return ((name, node) for name, node in cell.calls() if id(node) not in within)
