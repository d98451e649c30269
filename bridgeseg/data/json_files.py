"""JSON from anybody: a value, or one line that says why not.

Built in chapter 12.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bridgeseg.structures.labels import BadInput

MOST_BYTES = 1 << 30  # COCO's own largest file has 470 MB


def read_json(path: str | Path) -> dict[str, Any]:
    """Read a JSON file whose outermost value is an object.

    path: the file, in UTF-8, with a byte order mark or without, or in UTF-16
    returns: the object; NaN and infinity, which JSON lacks and tools write, are floats
    raises: BadInput when it cannot be read, is larger than MOST_BYTES, damaged, nested too deeply, or no object

    Built in chapter 12.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise BadInput(f"{path}: no such file, expected a JSON file")
        if path.stat().st_size > MOST_BYTES:
            raise BadInput(f"{path}: {path.stat().st_size >> 20} MB, expected at most {MOST_BYTES >> 20} MB")
        value = json.loads(path.read_bytes())
    except BadInput:
        raise
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error})") from None
    except RecursionError:
        raise BadInput(f"{path}: nested too deeply, expected a list of labels") from None
    except ValueError as error:  # not JSON, not text, or a number of thousands of digits
        raise BadInput(f"{path}: is not JSON ({' '.join(str(error).split())[:120]})") from None
    if not isinstance(value, dict):
        raise BadInput(f"{path}: holds a {type(value).__name__}, expected an object with labels")
    return value


def clean_name(value: Any) -> str:
    """Return a category's name as it can stand in a line of classes.txt.

    value: what a file has for it
    returns: one line of text without outer blanks; empty where there is none

    Built in chapter 12.
    """
    text = value if isinstance(value, str) else str(value) if isinstance(value, int) else ""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.split())
