"""The rows of the paper's map, and the sentence that counts them: `python tests/book/papers_map.py` writes it.

A test compares, so that the counts are those of the rows.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "book" / "the_papers_map.md"
BEGIN, END = "<!-- counts -->", "<!-- /counts -->"
HEAD = ["In the paper", "Status", "Here"]
STATES = ("same", "changed", "our choice", "not done")


class Row(NamedTuple):
    """One thing that the paper has.

    marks: of "S", "C", "I", "?"
    chapters: numbers
    functions: "room.module.name" in bridgeseg
    tests: "module: name", which is test_name in a file test_module.py below tests/
    """

    paper: str
    marks: tuple[str, ...]
    state: str
    here: str
    chapters: tuple[int, ...]
    functions: tuple[str, ...]
    tests: tuple[str, ...]


def rows(text: str) -> list[Row]:
    """Return the rows of all tables of the page with the map's head."""
    found, inside = [], False
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells == HEAD:
            inside = True
        elif not cells:
            inside = False
        elif inside and set(cells[0]) != {"-"}:
            if len(cells) != len(HEAD):
                raise ValueError(f"{PAGE.name}: {len(cells)} cells, expected {len(HEAD)}: {line}")
            paper, state, here = cells
            parts = by_kind(here)
            found.append(
                Row(
                    paper,
                    tuple(re.findall(r"\*\*([SCI?])\*\*", paper)),
                    state,
                    parts["text"],
                    tuple(
                        int(number) for number in re.findall(r"\d+", re.sub(r"\(.*?\)", "", parts["chapter"]))
                    ),
                    tuple(re.findall(r"`(.*?)`", parts["code"])),
                    tuple(re.findall(r"`(.*?)`", parts["test"])),
                )
            )
    return found


def by_kind(cell: str) -> dict[str, str]:
    """Return the parts of the last cell, which are divided by dots: text, chapter, code and test; "" where absent."""
    parts = dict.fromkeys(("text", "chapter", "code", "test"), "")
    for part in cell.split(" · "):
        word = part.split()[0]
        kind = {"chapter": "chapter", "chapters": "chapter", "test": "test"}.get(word)
        parts[kind or ("code" if re.fullmatch(r"`\w+(\.\w+){2}`,?", word) else "text")] = part
    return parts


def sentence(found: list[Row]) -> str:
    """Return what stands between the two marks."""
    counts = Counter(row.state for row in found)
    same, changed, chosen, missing = (f"**{counts[state]}**" for state in STATES)
    last = f"{chosen} our choice and {missing} not done"
    return f"Of its {len(found)} lines, {same} are the same, {changed} changed, {last}."


def with_counts(text: str) -> str:
    """Return the page with the sentence that counts its rows."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{sentence(rows(text))}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_counts(PAGE.read_text("utf8")), "utf8")
