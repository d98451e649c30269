"""JSON from anybody: a value, or one line that says why not.

Built in chapter 12.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from bridgeseg.structures.labels import BadInput

MOST_BYTES = 1 << 30  # COCO's own largest file has 470 MB
_WHOLE = re.compile(r"[0-9]{1,9}")


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
    except UnicodeDecodeError:
        raise BadInput(
            f"{path}: is not text in UTF-8, expected it saved as such; older tools on Windows wrote its own encoding"
        ) from None
    except ValueError as error:  # not JSON, or a number of thousands of digits
        raise BadInput(f"{path}: is not JSON ({' '.join(str(error).split())[:120]})") from None
    if not isinstance(value, dict):
        raise BadInput(f"{path}: holds a {type(value).__name__}, expected an object with labels")
    return value


def id_text(value: Any) -> str:
    """Return an id as text, so that 1, 1.0 and "1", which tools write for one another, are one.

    value: what a file has for it

    Example:
        >>> id_text(1), id_text(1.0), id_text("1"), id_text(1.5)
        ('1', '1', '1', '1.5')

    Built in chapter 12.
    """
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def stated_size(height: Any, width: Any) -> tuple[int, int] | None:
    """Return the size of its picture that a file states.

    height, width: what the file has for them; numbers may be written as text
    returns: height and width; None where one is left out, null or 0, as tools write what they do not know
    raises: BadInput when one is no whole number

    Example:
        >>> stated_size(480, 640.0), stated_size("480", "640"), stated_size(0, None)
        ((480, 640), (480, 640), None)

    Built in chapter 12.
    """
    texts = [id_text(value) for value in (height, width)]
    if any(text in ("None", "", "0") for text in texts):
        return None
    if not all(_WHOLE.fullmatch(text) for text in texts):
        raise BadInput(f"labelled at {texts[1]:.20} x {texts[0]:.20} pixels, expected whole numbers")
    return int(texts[0]), int(texts[1])


def clean_name(value: Any) -> str:
    """Return a category's name as it can stand in a line of classes.txt.

    value: what a file has for it
    returns: one line of text without outer blanks; empty where there is none

    Built in chapter 12.
    """
    text = value if isinstance(value, str) else str(value) if isinstance(value, int) else ""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.split())
