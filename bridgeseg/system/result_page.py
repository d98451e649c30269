"""All pictures of a folder of answers on one page, beside what was found in them.

Built in chapter 10.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple
from urllib.parse import quote

LARGEST = 44  # what a picture on the page is wide and high at most, in the size of a letter
MANY = 3  # pictures above which there is a list of them
THUMBNAIL = 1024  # pixels of the longer side: a larger overlay has a small one for the page
# What every page of ours begins with, so that nobody else's is written over.
MARK = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="generator" content="bridgeseg segment">
"""

_STYLE = """
:root { color-scheme: light dark; --ground: #fff; --line: #d4d8dd }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1.2rem; max-width: 90rem; background: var(--ground); color: #1b1e23;
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
h1 { margin: 0; font-size: 1.6rem; line-height: 1.25 }
h2 { margin: 0; font-size: 1.1rem }
p { margin: .2rem 0 }
a { color: #0b57a4 }
a:focus-visible { outline: 3px solid; outline-offset: 3px }
.pale { color: #565d66 }
table { border-collapse: collapse; margin: 1rem 0; min-width: 13rem }
caption { text-align: left; font-weight: 600; white-space: nowrap }
th, td { padding: .2rem 1.2rem .2rem 0; border-bottom: 1px solid var(--line); text-align: left; font-weight: 400 }
td { text-align: right; font-variant-numeric: tabular-nums; padding-right: 0; white-space: nowrap }
summary { margin: 1rem 0 -.4rem; font-weight: 600; cursor: pointer }
summary:focus-visible { outline: 3px solid; outline-offset: 3px }
section { margin-top: 1.4rem; padding-top: 1.2rem; border-top: 1px solid var(--line) }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: .8rem;
  margin-top: .6rem; align-items: start }
.pair a { display: block }
.pair img { display: block; width: 100%; height: auto; background: #fff }
@media (prefers-color-scheme: dark) {
  :root { --ground: #16181b; --line: #3a3f46 }
  body { color: #e8eaed }
  a { color: #8ec5ff }
  .pale { color: #aab1ba }
}
"""


class Shown(NamedTuple):
    """A picture as the page shows it.

    name: of its files, without ending
    title: what its own file is called
    size: height and width, pixels
    drawn: height and width of its overlay; None without one
    counts: instances by category

    Built in chapter 10.
    """

    name: str
    title: str
    size: tuple[int, int]
    drawn: tuple[int, int] | None
    counts: dict[str, int]


def page(pictures: Sequence[Shown]) -> str:
    """Return a page of HTML that needs nothing but the folder's overlays: no network and no script.

    pictures: in the order wanted
    returns: the whole file

    Example:
        >>> html = page([Shown("a<b", "a<b.jpg", (40, 60), (40, 60), {"cat": 2})])
        >>> "a&lt;b.jpg" in html, "overlays/a%3Cb.jpg" in html, "cat 2" in html
        (True, True, True)

    Built in chapter 10.
    """
    total = sum(sum(shown.counts.values()) for shown in pictures)
    title = f"{_number(len(pictures), 'picture')}, {_number(total, 'instance')}"
    return "\n".join(
        [
            MARK + '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title>\n<style>{_STYLE}</style>\n<main>\n<h1>{title}</h1>",
            '<p class="pale">Each picture, and beside it what was found. An overlay opens at its full size; instances'
            " that are near one another have different colours, which mean nothing else. A number on an instance is its"
            " score, 0 to 1.</p>",
            '<p>In numbers: <a href="table.csv">table.csv</a> (a line for each instance),'
            ' <a href="instances.json">instances.json</a> (all candidates).</p>',
            *_table(pictures),
            *(_list(pictures) if len(pictures) > MANY else []),
            *(_section(shown, number) for number, shown in enumerate(pictures, 1)),
            "</main>\n</html>\n",
        ]
    )


def _table(pictures: Iterable[Shown]) -> list[str]:
    """The counts of all pictures together, the most frequent category first."""
    counts: dict[str, int] = {}
    for shown in pictures:
        for category, count in shown.counts.items():
            counts[category] = counts.get(category, 0) + count
    lines = [
        f'<tr><th scope="row">{escape(category)}</th><td>{count:,}</td></tr>'
        for category, count in _ordered(counts)
    ]
    return ["<table><caption>Instances by category</caption>", *lines, "</table>"] if lines else []


def _list(pictures: Iterable[Shown]) -> list[str]:
    """The pictures with their counts, each with a way to it, to be opened: there may be thousands."""
    lines = [
        f'<tr><th scope="row"><a href="#p{number}">{escape(shown.title)}</a></th>'
        f"<td>{sum(shown.counts.values()):,}</td></tr>"
        for number, shown in enumerate(pictures, 1)
    ]
    return ["<details><summary>Instances by picture</summary>", "<table>", *lines, "</table></details>"]


def _section(shown: Shown, number: int) -> str:
    """A picture with its title, its counts, and its overlay beside it."""
    found = ", ".join(f"{escape(category)} {count:,}" for category, count in _ordered(shown.counts))
    found = found or "nothing found"
    facts = f'{found} <span class="pale">· {_pixels(shown.size)}'
    if shown.drawn not in (None, shown.size):
        facts += f", overlay {_pixels(shown.drawn)}"
    title = escape(shown.title)
    lines = [
        f'<section aria-labelledby="p{number}">\n<h2 id="p{number}">{title}</h2>\n<p>{facts} pixels</span></p>'
    ]
    if shown.drawn:
        height, width = shown.drawn
        file = f"{quote(os.fsencode(shown.name))}.jpg"
        small = "small/" if max(shown.drawn) > THUMBNAIL else ""
        most = (
            f"max-width: {LARGEST * min(1, width / height):.3g}rem"  # a tall one is no longer than a wide one
        )
        size = f'style="{most}" width="{width}" height="{height}" loading="lazy" decoding="async"'
        lines.append(
            f'<div class="pair">\n<img src="overlays/pictures/{file}" alt="{title}" {size}>\n'
            f'<a href="overlays/{file}"><img src="overlays/{small}{file}" alt="Overlay of {title}: {found}" {size}></a>'
            "\n</div>"
        )
    return "\n".join([*lines, "</section>"])


def _ordered(counts: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _pixels(size: tuple[int, int] | None) -> str:
    """A size as people say it, the width first."""
    return f"{size[1]:,} × {size[0]:,}" if size else ""
