"""A chapter in which nothing is wrong, made of a new one by writing what is missing, and ways to break it."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from new_chapter import WRONG_ANSWERS, in_minutes, notebook
from notebooks import CHAPTERS, Chapter
from strip_notebooks import as_text, stripped

NAME = "04_a_small_one.ipynb"
Notebook = dict[str, Any]
Break = Callable[[Notebook], object]


def whole() -> Notebook:
    """Return the chapter."""
    set_up = Chapter(CHAPTERS[0]).of("code", "setup")[0].source
    text = json.dumps(notebook(4, "A small one", set_up), ensure_ascii=False)
    made: Notebook = json.loads(text.replace("TO WRITE", "Here it is written out"))
    cell_named(made, "question")["source"] += ["\n\n", "A word and a half, and so on. " * 200]
    return in_minutes(stripped(made))


def cell_named(made: Notebook, name: str) -> dict[str, Any]:
    """Return a cell by its id."""
    return next(cell for cell in made["cells"] if cell["id"] == name)


def in_cell(name: str, old: str, new: str) -> Break:
    """Return a way to break a chapter: other text in the place of some, in one cell."""

    def break_it(made: Notebook) -> None:
        cell = cell_named(made, name)
        source = "".join(cell["source"])
        assert old in source, source
        cell["source"] = source.replace(old, new).splitlines(keepends=True)

    return break_it


def without(name: str) -> Break:
    """Return a way to break a chapter: a cell is gone."""
    return lambda made: made["cells"].remove(cell_named(made, name))


def tagged(name: str, *tags: str) -> Break:
    """Return a way to break a chapter: a cell has these tags and no other."""
    return lambda made: cell_named(made, name)["metadata"].update(tags=list(tags))


def moved(name: str, place: int) -> Break:
    """Return a way to break a chapter: a cell stands elsewhere."""

    def break_it(made: Notebook) -> None:
        cell = cell_named(made, name)
        made["cells"].remove(cell)
        made["cells"].insert(place, cell)

    return break_it


def broken(break_it: Break, folder: Path, store: Callable[[Notebook], Notebook] = stripped) -> Chapter:
    """Return the chapter, broken, as it stands in a folder, with its wrong answers beside it."""
    made = copy.deepcopy(whole())
    break_it(made)
    path = folder / NAME
    path.write_text(as_text(store(made)), "utf8")
    path.with_suffix(".py").write_text(WRONG_ANSWERS.format(number=4), "utf8")
    return Chapter(path)


def fits(problems: list[str], said: str) -> bool:
    """Is what was to be said among the problems?"""
    return any(re.search(said, problem) for problem in problems)
