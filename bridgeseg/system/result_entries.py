"""instances.json as it stands in a folder: its entries, one after another, and not a line of it believed unseen.

Built in chapter 10.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from bridgeseg.structures.labels import BadInput


def entries_in(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the entries of instances.json, one at a time: the file may be as large as the memory.

    path: the file; where it is absent there are none
    returns: for each entry its image_id, and the entry as it stands in the file
    raises: BadInput where it is no list of entries, or cannot be read

    Example:
        >>> list(entries_in(Path("absent.json")))
        []

    Built in chapter 10.
    """
    try:
        yield from _entries(path.read_text("utf8").strip())
    except FileNotFoundError:
        return
    except (ValueError, RecursionError) as error:
        raise BadInput(
            f"{path}: cannot be read ({error}), expected a list of entries as segment writes it; it is left as it is"
        ) from None


def _entries(text: str) -> Iterator[tuple[str, bytes]]:
    """The entries of a list in JSON; ValueError where it is none."""
    decode = json.JSONDecoder().raw_decode
    if not text.startswith("["):
        raise ValueError("it is no list")
    place = _past_space(text, 1)
    end = text.startswith("]", place)
    while not end:
        entry, stop = decode(text, place)
        if not isinstance(entry, dict) or not isinstance(entry.get("image_id"), str | int):
            raise ValueError(f"no image_id at character {place}")
        yield str(entry["image_id"]), text[place:stop].encode("utf8", "surrogatepass")
        place = _past_space(text, stop)
        end = text.startswith("]", place)
        if not end and not text.startswith(",", place):
            raise ValueError(f"it ends or breaks at character {place}")
        place = place if end else _past_space(text, place + 1)
    if place + 1 < len(text):
        raise ValueError(f"something follows the list at character {place + 1}")


def _past_space(text: str, place: int) -> int:
    """The next place where a text has something else than white space."""
    while place < len(text) and text[place].isspace():
        place += 1
    return place
