"""The chapters as tests read them: which notebooks there are, and their cells with kind, tags and source."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from strip_notebooks import tags

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
CHAPTERS = sorted(BOOK.glob("*.ipynb"))

CAPTION = (
    "**Figure.** "  # begins the cell of text below a figure; in the book it becomes the figure's caption
)

each_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def none_of(problems: Iterable[str]) -> None:
    """Fail where there are problems, with each on a line of its own."""
    found = list(problems)
    assert not found, "\n".join(["", *found])


@dataclass(frozen=True)
class Cell:
    """A cell as it is stored, and its place in the notebook."""

    stored: dict[str, Any]
    place: int

    @property
    def kind(self) -> str:
        """`markdown` or `code`."""
        return self.stored["cell_type"]

    @property
    def name(self) -> str:
        """The id."""
        return self.stored.get("id", "")

    @property
    def tags(self) -> list[str]:
        """The tags, as they are written."""
        return tags(self.stored)

    @cached_property
    def source(self) -> str:
        """The text."""
        return "".join(self.stored["source"])

    @cached_property
    def tree(self) -> ast.Module:
        """The code, parsed."""
        return ast.parse(self.source, filename=self.name)

    @property
    def alt(self) -> str:
        """The alt text of the picture that the cell makes."""
        return self.stored["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")

    @property
    def caption(self) -> str:
        """What the cell says of the figure above it; nothing where it is no caption."""
        return self.source.removeprefix(CAPTION) if self.source.startswith(CAPTION) else ""

    @property
    def defined(self) -> list[str]:
        """The functions and classes that the cell defines, those within them left out."""
        kinds = ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef
        return [node.name for node in self.tree.body if isinstance(node, kinds)]

    def calls(self) -> Iterator[tuple[str, ast.Call]]:
        """Yield each call of a function by its name, `f(x)` or `module.f(x)`, with the last part of the name."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                yield node.func.id if isinstance(node.func, ast.Name) else node.func.attr, node


class Chapter:
    """A notebook, read once."""

    def __init__(self, path: Path, notebook: dict[str, Any] | None = None) -> None:
        self.path = path
        self.notebook = notebook or json.loads(path.read_text("utf8"))
        self.cells = [Cell(stored, place) for place, stored in enumerate(self.notebook["cells"])]

    def of(self, kind: str | None = None, tag: str | None = None) -> list[Cell]:
        """Return the cells, all or those of a kind or with a tag."""
        return [c for c in self.cells if kind in (None, c.kind) and (tag is None or tag in c.tags)]
