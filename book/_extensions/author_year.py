"""A Sphinx extension that names works alike in the text and in the list of references: "Wu et al., 2016a".

The styles that come with sphinxcontrib-bibtex say "Wu et al., 2016" in the text, of whichever of the authors' three
works of that year, and "WSvdH16a" in the list. Here one label serves both places, and a letter after the year tells
works of the same authors and year apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from string import ascii_lowercase
from typing import Any

import pybtex.plugin
from pybtex.database import Entry
from pybtex.richtext import Text
from pybtex.style.formatting.unsrt import Style as Unsorted
from pybtex.style.labels import BaseLabelStyle
from pybtex.style.sorting import BaseSortingStyle
from sphinx.application import Sphinx
from sphinxcontrib.bibtex.plugin import register_plugin
from sphinxcontrib.bibtex.style.referencing import BracketStyle, GroupReferenceStyle
from sphinxcontrib.bibtex.style.referencing.basic_label import (
    BasicLabelParentheticalReferenceStyle,
    BasicLabelTextualReferenceStyle,
)
from sphinxcontrib.bibtex.style.template import (
    join,
    join2,
    node,
    post_text,
    pre_text,
    reference,
)


def authors(entry: Entry) -> str:
    """Return "Wu", "Wu and Shen" or "Wu et al."."""
    names = [
        " ".join(
            str(part) for part in [*person.rich_prelast_names, *person.rich_last_names]
        )
        for person in entry.persons["author"]
    ]
    return " and ".join(names) if len(names) < 3 else f"{names[0]} et al."


class Labels(BaseLabelStyle):
    """Authors and year, and a letter where that says too little."""

    def format_labels(self, sorted_entries: Iterable[Entry]) -> Iterator[str]:
        plain = [
            f"{authors(entry)}, {entry.fields['year']}" for entry in sorted_entries
        ]
        letters = {
            label: iter(ascii_lowercase)
            for label, count in Counter(plain).items()
            if count > 1
        }
        for label in plain:
            yield label + next(letters[label]) if label in letters else label


class Order(BaseSortingStyle):
    """By the authors as the label names them, year and title: the letters then follow the alphabet."""

    def sorting_key(self, entry: Entry) -> tuple[str, ...]:
        return (
            authors(entry).lower(),
            entry.fields["year"],
            entry.fields["title"].lower(),
        )


class List(Unsorted):
    """The list of references."""

    default_sorting_style = Order
    default_label_style = Labels


@node
def part(children: list[Any], data: dict[str, Any], number: int) -> Text:
    """The authors (0) or the year (1) of a label."""
    return Text(data["formatted_entry"].label.rsplit(", ", 1)[number])


@dataclass
class Textual(BasicLabelTextualReferenceStyle):
    """Wu et al. [2016a], for {cite:t}."""

    def inner(self, role_name: str) -> Any:
        told = join2(sep1=self.pre_text_sep, sep2=self.post_text_sep)[
            pre_text, reference[part(number=1)], post_text
        ]
        return join(sep=" ")[
            part(number=0), join[self.bracket.left, told, self.bracket.right]
        ]


@dataclass
class InText(GroupReferenceStyle):
    """[Wu et al., 2016a] for {cite} and {cite:p}, Wu et al. [2016a] for {cite:t}."""

    bracket: BracketStyle = field(default_factory=lambda: BracketStyle(sep="; "))

    def __post_init__(self) -> None:
        self.styles += [
            BasicLabelParentheticalReferenceStyle(bracket=self.bracket),
            Textual(bracket=self.bracket),
        ]
        super().__post_init__()


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    pybtex.plugin.register_plugin("pybtex.style.formatting", "author_year_letter", List)
    register_plugin(
        "sphinxcontrib.bibtex.style.referencing", "author_year_letter", InText
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}
