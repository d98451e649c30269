"""Builds a page of a few cells, with one of the book's Sphinx extensions, and a page of plain text beside it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from notebooks import BOOK
from strip_notebooks import NOTEBOOK_METADATA


def built_pages(
    folder: Path, extension: str, cells: list[dict[str, Any]], text: str = "", *options: str
) -> Path:
    """Return the folder in which `page.html`, made of cells, and `words.html`, made of a text, were built.

    extension: the name of a file in book/_extensions, without its ending
    options: further ones of sphinx-build
    """
    settings = f"""import sys
sys.path.insert(0, {str(BOOK / "_extensions")!r})
extensions = ["myst_nb", {extension!r}]
root_doc, nb_execution_mode, numfig, exclude_patterns = "page", "off", True, ["built"]
"""
    (folder / "conf.py").write_text(settings)
    notebook = {"cells": cells, "metadata": NOTEBOOK_METADATA, "nbformat": 4, "nbformat_minor": 5}
    (folder / "page.ipynb").write_text(json.dumps(notebook))
    (folder / "words.md").write_text(f"---\norphan: true\n---\n# Words\n\n{text}")
    command = [sys.executable, "-m", "sphinx", "-q", *options, "-b", "html", folder, folder / "built"]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return folder / "built"
