"""A Sphinx extension that folds cells by one tag, and says in a folded cell's place what it does.

A chapter is also run on Colab and in JupyterLab, where metadata fold the same cells. All of them begin with a line
`# @title What the cell does`, which Colab shows in the place of the code. Here the line becomes the summary that a
reader opens, and is not shown again above the code.
"""

from __future__ import annotations

import json
import re
from typing import Any

from sphinx.application import Sphinx

# What MyST-NB calls it: code alone, or code and output.
HIDDEN = {"plumbing": "hide-input", "solution": "hide-cell"}
TITLE = re.compile(r"# @title (.*)\n*")


def folded(cell: dict[str, Any]) -> dict[str, Any]:
    """Return a cell as the book shows it: folded under its title where a tag says so, else as it is."""
    metadata = cell["metadata"]
    hidden = next(
        (HIDDEN[tag] for tag in metadata.get("tags", []) if tag in HIDDEN), ""
    )
    source = "".join(cell["source"])
    title = TITLE.match(source)
    if not hidden or title is None:
        return cell
    prompts = dict.fromkeys(
        ("code_prompt_show", "code_prompt_hide"), title.group(1).strip()
    )
    return cell | {
        "source": source[title.end() :],
        "metadata": metadata
        | {
            "tags": [*metadata["tags"], hidden],
            "mystnb": metadata.get("mystnb", {}) | prompts,
        },
    }


def fold(app: Sphinx, docname: str, source: list[str]) -> None:
    """Fold the cells of a notebook that was read."""
    if str(app.env.doc2path(docname)).endswith(".ipynb"):
        notebook = json.loads(source[0])
        source[0] = json.dumps(
            notebook | {"cells": [folded(cell) for cell in notebook["cells"]]}
        )


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", fold)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
