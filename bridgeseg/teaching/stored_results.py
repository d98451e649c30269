"""The book's stored results, wherever a chapter runs: `book/results` of a clone, `results` in an installed package.

The files stand in `book/results` alone; pyproject.toml says that an installation gets them beside the rooms.

Built in chapter 1.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bridgeseg

_PACKAGE = Path(bridgeseg.__file__).parent
PLACES = (_PACKAGE / "results", _PACKAGE.parent / "book" / "results")


def stored_result(name: str) -> dict[str, Any] | None:
    """Return what a run of the book stored, with the command, the hardware and the day; None where it is not at hand.

    name: of a file in `book/results`, without its ending
    returns: what the file holds; None, with a printed line, where there is no such file

    Example:
        >>> stored_result("scenes-fast")["command"]
        'python -m bridgeseg train --data scenes --recipe scenes-fast --minutes 8 --seed 0 --out RUN'
        >>> stored_result("cats") is None
        cats: no stored result of that name is at hand
        True

    Built in chapter 1.
    """
    for place in PLACES:
        if (file := place / f"{name}.json").is_file():
            return dict(json.loads(file.read_text("utf8")))
    print(f"{name}: no stored result of that name is at hand")
    return None
