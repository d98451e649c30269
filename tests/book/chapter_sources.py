"""What a chapter's links to papers say: each leads to a work of the bibliography, and names its authors and year.

In a notebook a source is a link to the paper itself, `[Wu et al. 2016](https://arxiv.org/abs/1605.06885)`, which is
shown alike wherever it is read. The pages beside the chapters cite by key, as `chapter_prose.py` reads it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from notebooks import BOOK, Chapter
from pages import loaded
from pybtex.database import BibliographyData, Entry, parse_file

LINK = re.compile(r"(?<!!)\[([^\]]*)\]\((https?://(?:[^()\s]|\([^()\s]*\))+)\)")
AUTHORS_AND_YEAR = re.compile(r"(?:.* et al\.?|.* and .*|[A-Z][^\W\d_]*[a-z]),? \(?\d{4}[a-z]?\)?")
OF_PAPERS = ("arxiv.org", "doi.org")  # what leads there is a source, whatever it is called


class Work(NamedTuple):
    """A work of the bibliography, and what a link to it says."""

    key: str
    address: str
    name: str  # Wu et al. 2016
    listed: str  # Wu et al. 2016a, as the book's list of references tells it from others


def address(entry: Entry) -> str:
    """Return where a work is to be read: on arXiv, by its DOI, or at its own address."""
    fields = entry.fields
    if "eprint" in fields:
        return f"https://arxiv.org/abs/{fields['eprint']}"
    return f"https://doi.org/{fields['doi']}" if "doi" in fields else fields.get("url", "")


def works(bibliography: BibliographyData) -> list[Work]:
    """Return the works of a bibliography, in the order of the list of references."""
    style = loaded(BOOK / "_extensions" / "author_year.py")
    listed = style.List()
    entries = listed.sort(bibliography.entries.values())
    return [
        Work(
            entry.key,
            address(entry),
            f"{style.authors(entry)} {entry.fields['year']}",
            label.replace(", ", " "),
        )
        for entry, label in zip(entries, listed.format_labels(entries))
    ]


@cache
def of_the_book() -> tuple[Work, ...]:
    """The works of the book's bibliography."""
    return tuple(works(parse_file(BOOK / "references.bib")))


def linked(text: str, known: tuple[Work, ...] | None = None) -> Iterator[Work]:
    """Yield each work that a text links to."""
    by_address = {work.address: work for work in known or of_the_book()}
    yield from (by_address[to] for _, to in LINK.findall(text) if to in by_address)


def problems(chapter: Chapter, known: tuple[Work, ...] | None = None) -> Iterator[str]:
    """Yield what is wrong with the links to papers of a chapter."""
    known = known or of_the_book()
    by_address = {work.address: work for work in known}
    here = {work for cell in chapter.of("markdown") for work in linked(cell.source, known)}
    alike = Counter(work.name for work in here)
    for cell in chapter.of("markdown"):
        for said, to in LINK.findall(cell.source):
            said = " ".join(said.split())
            if to in by_address:
                work = by_address[to]
                wanted = work.listed if alike[work.name] > 1 else work.name
                if said != wanted:
                    yield f"cell {cell.name}: the link to {to} says {said!r}, expected {wanted!r}"
            elif AUTHORS_AND_YEAR.fullmatch(said) or any(place in to for place in OF_PAPERS):
                yield f"cell {cell.name}: [{said}]({to}) leads to no work of references.bib"
