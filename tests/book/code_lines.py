"""How many lines of code a reader sees in a chapter, and how many of them are its subject.

    python tests/book/code_lines.py    prints words, cells and lines of every chapter, as a table

A line counts where something stands on it; of a docstring the first counts, since the others are text about the code.
What is folded (`folds.py`) is not seen. Of what is seen, each line is of one kind:

subject   what the chapter builds, cells with the tag `build`; and the experiments on it: cells that neither draw nor
          check and that call, by its name, a function which a `build` cell defines
looking   all else that runs: figures and views in sight, checkpoints, what is loaded, opened, printed and expected
plumbing  imports, in whatever cell, and a set-up that is not folded

So a cell does not become the subject by a tag that its author gives to it, and a figure never does.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator

from chapter_prose import words
from folds import FOLDS
from notebooks import CHAPTERS, Cell, Chapter

LEAST = 0.25  # of the lines in sight: the subject
KINDS = ("subject", "looking", "plumbing")
UNSEEN = {*FOLDS, "remove-input", "remove-cell"}
SHOWS = {
    "figure",
    "no-figure",
    "widget",
    "strip",
    "checkpoint",
}  # uses what was built, and is no experiment on it


def lines(cell: Cell) -> int:
    """Return how many lines of a cell something stands on, without those of docstrings after their first."""
    return sum(bool(line.strip()) for line in cell.source.splitlines()) - _of_docstrings(cell)


def in_sight(chapter: Chapter) -> dict[str, int]:
    """Return how many lines of code a reader sees, by their kind."""
    built = {name for cell in chapter.of("code", "build") for name in cell.defined}
    found = dict.fromkeys(KINDS, 0)
    for cell in chapter.of("code"):
        if UNSEEN & set(cell.tags):
            continue
        imports = _imports(cell)
        found["plumbing"] += imports
        found[_kind(cell, built)] += lines(cell) - imports
    return found


def folded(chapter: Chapter) -> int:
    """Return how many lines of code are folded, solutions apart."""
    cells = (cell for cell in chapter.of("code") if "solution" not in cell.tags)
    return sum(lines(cell) for cell in cells if UNSEEN & set(cell.tags))


def problems(chapter: Chapter) -> Iterator[str]:
    """Yield it where too little of what a reader sees is the subject."""
    found = in_sight(chapter)
    share = found["subject"] / max(sum(found.values()), 1)
    if share < LEAST:
        seen = ", ".join(f"{found[kind]} of {kind}" for kind in KINDS)
        yield (
            f"{share:.0%} of the lines of code in sight are the subject, expected {LEAST:.0%} at least: {seen}; "
            f"fold what only draws, fetches or adapts: tag `plumbing`"
        )


def table(chapters: list[Chapter]) -> str:
    """Return words, cells and lines of chapters, a row each."""
    head = ["chapter", "words", "cells", "of code", "in sight", *KINDS, "share", "folded"]
    rows = [head, ["---"] * len(head)]
    for chapter in chapters:
        found = in_sight(chapter)
        seen = sum(found.values())
        read = sum(words(cell) for cell in chapter.of("markdown") if not cell.caption)
        counts = [read, len(chapter.cells), len(chapter.of("code")), seen, *found.values()]
        share = f"{found['subject'] / max(seen, 1):.0%}"
        rows.append([chapter.path.stem, *(f"{n:,}" for n in counts), share, f"{folded(chapter):,}"])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _kind(cell: Cell, built: set[str]) -> str:
    tags = set(cell.tags)
    if "setup" in tags:
        return "plumbing"
    called = {name for name, _ in cell.calls()}
    return "subject" if "build" in tags or (called & built and not SHOWS & tags) else "looking"


def _imports(cell: Cell) -> int:
    """How many lines of a cell import something, wherever in it."""
    if "setup" in cell.tags:
        return 0  # all of it is plumbing
    nodes = [node for node in ast.walk(cell.tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    numbers = Counter(n for node in nodes for n in range(node.lineno, (node.end_lineno or 0) + 1))
    return len(numbers)


def _of_docstrings(cell: Cell) -> int:
    kinds = ast.FunctionDef | ast.ClassDef
    texts = (ast.get_docstring(node) or "" for node in ast.walk(cell.tree) if isinstance(node, kinds))
    return sum(bool(line.strip()) for text in texts for line in f"{text}\n-".splitlines()[1:] if "\n" in text)


if __name__ == "__main__":
    print(table([Chapter(path) for path in CHAPTERS]))
    sys.exit(any(True for path in CHAPTERS for _ in problems(Chapter(path))))
