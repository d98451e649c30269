"""What the text of a page says: its words, what it cites and points to, and where its numbers come from.

A number with decimals, or with a percent sign, is never typed into a text: it is a constant of the chapter's code, or
the paper's as it stands in the paper's map, or a stored result which the chapter's code reads.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from notebooks import BOOK, Cell, Chapter

CITED = re.compile(r"\{cite(?::\w+)?\}`([^`]+)`")
ENTRY = re.compile(r"(?m)^@\w+\{([^,\s]+),")
LINK = re.compile(r"\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)|<(?:img|a)\s[^>]*?(?:src|href)=\"([^\"]+)\"")
FENCED = re.compile(
    r"(?ms)^(```+|~~~+)(?![ \t]*\{).*?^\1\s*$"
)  # code; a directive is fenced too, and is text
QUOTED = re.compile(r"(?m)^> ?")
SOURCE = re.compile(r"\[[^\]]*\b\d{4}[a-z]?\]\(http[^)]*\)")  # authors and year, as a link to the paper
COMMENT = re.compile(r"(?s)<!--.*?-->")
FILLED_IN = re.compile(r"(?s)<!-- (\w+) -->.*?<!-- /\1 -->")  # by a program, from what is stored
ADDRESS = re.compile(r"https?://\S+|\]\([^)]*\)")
NUMBER = re.compile(r"(?<![\w.])(\d[\d,]*\.\d+|\d[\d,]*(?=\s?%))(?!\.?\d)(\s?%)?")
MARK = re.compile(r"\*\*[SCI?]\*\*")
PAPERS_MAP = BOOK / "the_papers_map.md"


def words(cell: Cell) -> int:
    """Return how many words a reader meets in a cell of text: no code, no formula, no address, no source."""
    text = re.sub(r"(?s)\$\$.*?\$\$|\$[^$\n]+\$", " ", prose(SOURCE.sub(" ", cell.source)))
    return len(re.findall(r"[^\W\d_][\w'’]*", text))


def cited(text: str) -> Iterator[str]:
    """Yield the key of each work that a text cites."""
    for found in CITED.finditer(FENCED.sub("", text)):
        yield from (key.strip() for key in found.group(1).split(","))


def citations(text: str, bibliography: str) -> Iterator[str]:
    """Yield each citation of a text that the bibliography does not have."""
    known = set(ENTRY.findall(bibliography))
    yield from (f"cites {key!r}, which is not in references.bib" for key in cited(text) if key not in known)


def links(text: str, page: Path) -> Iterator[str]:
    """Yield each link of a page to a file beside it that is not there. Places on a page are for the built site."""
    for found in LINK.finditer(FENCED.sub("", text)):
        target = found.group(1) or found.group(2)
        path = unquote(target.partition("#")[0])
        if path and not re.match(r"[a-z]+:", target) and not (page.parent / path).exists():
            yield f"points to {target}, which is not there"


def numbers(chapter: Chapter, papers: str, results: Path) -> Iterator[str]:
    """Yield each number with decimals or percent in a chapter's text whose origin is not to be seen.

    papers: the paper's map, whose lines say what the paper says
    results: the folder with stored results
    """
    constants = _constants(chapter)
    stored = _stored(chapter, results)
    marked = (line for line in papers.splitlines() if MARK.search(line))
    of_the_paper = {found.group(1) for line in marked for found in NUMBER.finditer(line)}
    for cell in chapter.of("markdown"):
        for block in _blocks(cell):
            for found in NUMBER.finditer(block):
                text = found.group(1)
                value = Decimal(text.replace(",", ""))
                values = {value, value / 100} if found.group(2) else {value}
                if values & constants or (text in of_the_paper and MARK.search(block)):
                    continue
                if not any(_rounded(number, value) for number in stored):
                    yield (
                        f"cell {cell.name}: {found.group(0)} is no constant of the chapter's code, no figure of the "
                        f"paper with its mark, and in no stored result that the chapter reads"
                    )


def numbers_of_page(text: str, *sources: str) -> Iterator[str]:
    """Yield each number with decimals or percent in a page without code that no source has either."""
    known = {found.group(1) for source in sources for found in NUMBER.finditer(source)}
    for found in NUMBER.finditer(prose(text)):
        if found.group(1) not in known:
            yield f"{found.group(0)} stands neither in the paper's map nor in pyproject.toml"


def _blocks(cell: Cell) -> list[str]:
    """The paragraphs, rows and list items of a text."""
    return re.split(r"\n\s*\n|\n(?=[|-])", prose(cell.source))


def prose(source: str) -> str:
    """The source without the marks of boxes, code, comments, addresses and what is written by a program."""
    source = QUOTED.sub("", source)
    for pattern in (FENCED, FILLED_IN, COMMENT, ADDRESS):
        source = pattern.sub(" ", source)
    return source


def _constants(chapter: Chapter) -> set[Decimal]:
    nodes = (node for cell in chapter.of("code") for node in ast.walk(cell.tree))
    kept = (
        node.value for node in nodes if isinstance(node, ast.Constant) and type(node.value) in (int, float)
    )
    return {Decimal(str(value)) for value in kept}


def _stored(chapter: Chapter, results: Path) -> list[float]:
    """The numbers in the stored results that the chapter's code reads."""
    files = [results / f"{name}.json" for name in results_read(chapter)]
    return [number for file in files if file.exists() for number in _numbers_in(file)]


def results_read(chapter: Chapter) -> list[str]:
    """Return the names of stored results that a chapter reads: every text in a call of `stored_result` or its loop."""
    found: dict[str, None] = {}
    for cell in chapter.of("code"):
        looped = {
            node.target.id: node.iter
            for node in ast.walk(cell.tree)
            if isinstance(node, ast.For) and isinstance(node.target, ast.Name)
        }
        for name, call in cell.calls():
            if name == "stored_result":
                given = [looped.get(n.id, n) if isinstance(n, ast.Name) else n for n in call.args]
                parts = (part for each in given for part in ast.walk(each))
                found |= {
                    p.value: None for p in parts if isinstance(p, ast.Constant) and isinstance(p.value, str)
                }
    return list(found)


@cache
def _numbers_in(file: Path) -> tuple[float, ...]:
    return tuple(_leaves(json.loads(file.read_text("utf8"))))


def _leaves(value: Any) -> Iterator[float]:
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _leaves(part)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)


def _rounded(number: float, shown: Decimal) -> bool:
    """Is what is shown the number, or a hundred times the number, to as many digits?"""
    digits = max(-int(shown.as_tuple().exponent), 0)
    return any(f"{times * number:.{digits}f}" == f"{shown:f}" for times in (1, 100))
