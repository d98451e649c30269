"""The pages of the book as tests read them: their text, the blocks in it, and the programs beside it."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import notebooks
from notebooks import BOOK, Chapter

CHAPTERS = {int(path.name[:2]): path for path in notebooks.CHAPTERS}


def page(name: str) -> str:
    """Return the text of a page."""
    return (BOOK / f"{name}.md").read_text("utf8")


def written() -> dict[str, str]:
    """Return the prose of every page and of every chapter, by its file's name."""
    pages = {path.name: path.read_text("utf8") for path in BOOK.glob("*.md")}
    for path in CHAPTERS.values():
        pages[path.name] = "\n".join(cell.source for cell in Chapter(path).of("markdown"))
    return pages


def blocks(text: str, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def loaded(file: Path) -> ModuleType:
    """Return a Python file as a module."""
    spec = importlib.util.spec_from_file_location(f"loaded_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look their module up
    spec.loader.exec_module(module)
    return module
