"""How a chapter is stored: without outputs and counts, with readable metadata, as plain JSON.

What folds a cell where it is run follows from its tag, and is written here (`folds.py`).

`python tests/book/strip_notebooks.py book/*.ipynb` writes chapters in that form; a test asks whether they are.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from folds import fold

COMPARED = (
    "nbval-check-output"  # a cell with this tag keeps its output and its count, and nbval compares them
)
NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
CELL_METADATA = ("editable", "mystnb", "slideshow", "tags")


def tags(cell: dict[str, Any]) -> list[str]:
    """Return the tags of a cell."""
    return list(cell.get("metadata", {}).get("tags", []))


def stripped(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return the notebook as it is stored."""
    cells = []
    for cell in notebook["cells"]:
        kept = {key: value for key, value in cell.items() if key not in ("attachments",) or value}
        metadata = {key: cell["metadata"][key] for key in CELL_METADATA if key in cell["metadata"]}
        if cell["cell_type"] == "code":
            metadata |= fold(tags(cell))
        kept["metadata"] = dict(sorted(metadata.items()))
        if "figure" in kept["metadata"].get("mystnb", {}):
            kept["metadata"]["mystnb"] = _without_caption(kept["metadata"]["mystnb"])
        if cell["cell_type"] == "code" and COMPARED not in tags(cell):
            kept |= {"outputs": [], "execution_count": None}
        if isinstance(cell["source"], str):
            kept["source"] = cell["source"].splitlines(keepends=True)
        cells.append(dict(sorted(kept.items())))
    return {"cells": cells, "metadata": NOTEBOOK_METADATA, "nbformat": 4, "nbformat_minor": 5}


def _without_caption(shown: dict[str, Any]) -> dict[str, Any]:
    """A figure's caption stands in the text below it: in the metadata only the book would see it."""
    figure = {key: value for key, value in shown["figure"].items() if key != "caption"}
    return {key: value for key, value in (shown | {"figure": figure}).items() if value}


def as_text(notebook: dict[str, Any]) -> str:
    """Return the notebook as the text of its file, laid out as Jupyter does it."""
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        text = Path(name).read_text("utf8")
        wanted = as_text(stripped(json.loads(text)))
        if wanted != text:
            Path(name).write_text(wanted, "utf8")
            print(f"{name}: stripped")
