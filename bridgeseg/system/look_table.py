"""A first look at a data set as lines to read.

Built in chapter 12.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import numpy as np

from bridgeseg.structures.labels import VOID
from bridgeseg.system.first_look import FirstLook, cell_side
from bridgeseg.system.recipe import Recipe
from bridgeseg.system.suited_recipe import Suited

WIDE = 14  # letters of a row's title


def look_table(look: FirstLook, recipes: Sequence[Recipe]) -> str:
    """Return what is in a data set as a table.

    look: at it
    recipes: those of the look, on whose cells the objects were counted
    returns: lines; of sizes the smallest, the median and the largest

    Built in chapter 12.
    """
    pictures = look.pictures
    empty = sum(not len(one.areas) for one in pictures)
    lines = [
        _row("pictures", f"{len(pictures) + len(look.unread):,}, of which {len(look.unread)} cannot be read")
    ]
    if not pictures:
        return lines[0]
    labels = sum((one.pixels for one in pictures), np.zeros(VOID + 1, np.int64))
    sizes = sorted((one.size for one in pictures), key=lambda size: (size[0] * size[1], size))
    low, middle, high = (f"{size[1]} × {size[0]}" for size in (sizes[0], sizes[len(sizes) // 2], sizes[-1]))
    spans = [one.span[1] - one.span[0] + 1 for one in pictures]
    grey = sum(one.grey for one in pictures)
    lines += [
        _row("sizes", f"{low}, {middle}, {high} pixels (smallest, median and largest picture)"),
        _row(
            "grey values",
            f"{np.median(spans):.0f} of 256 are used in the median picture; {_pictures(grey)} without colour",
        ),
        _row("void", f"{labels[VOID] / labels.sum():.1%} of all pixels"),
        _row("instances", f"{len(look.areas):,}; {_pictures(empty)} without any"),
    ]
    if len(look.areas):
        touching = sum(int(one.touching.sum()) for one in pictures)
        share = f"{np.median(look.shares):.2%}"
        lines += [
            _row("in a picture", f"{_three(look.per_picture)} (fewest, median, most)"),
            _row(
                "their sizes",
                f"{_three(look.areas)} pixels (smallest, median, largest); the median covers {share} of its picture",
            ),
            _row(
                "touching", f"{touching:,} ({touching / len(look.areas):.1%}) meet another of their category"
            ),
        ]
    cells = ["", *_cells(look, recipes)] if len(look.areas) else []
    return "\n".join([*lines, "", *_categories(look, labels), *cells])


def advice(suited: Suited, spec: str) -> str:
    """Return which recipe suits and the command that trains by it.

    suited: the recipe and the reason
    spec: the data set as the command line names it

    Example:
        >>> from bridgeseg.system.presets import STREETS_LIGHT
        >>> print(advice(Suited(STREETS_LIGHT, "one category"), "voc:my pictures"))
        suits: streets-light (one category)
          python -m bridgeseg train --data 'voc:my pictures' --recipe streets-light --out RUN

    Built in chapter 12.
    """
    name = suited.recipe.name
    command = f"python -m bridgeseg train --data {shlex.quote(spec)} --recipe {name} --out RUN"
    return f"suits: {name} ({suited.reason})\n  {command}"


def _row(title: str, text: str) -> str:
    return f"{title:{WIDE}}{text}"


def _pictures(number: int) -> str:
    return "1 picture" if number == 1 else f"{number:,} pictures"


def _three(values: np.ndarray) -> str:
    """The smallest, the median and the largest."""
    return f"{values.min():,} … {np.median(values):,.0f} … {values.max():,}"


def _categories(look: FirstLook, labels: np.ndarray) -> list[str]:
    counts = np.bincount(look.kinds, minlength=len(look.categories))
    there = [sum(bool(one.pixels[k]) for one in look.pictures) for k in range(len(look.categories))]
    wide = max(WIDE - 2, *map(len, look.categories)) + 2
    lines = [f"{'category':{wide}}{'instances':>9}{'pictures':>10}{'pixels':>10}"]
    for k, name in enumerate(look.categories):
        instances = f"{counts[k]:,}" if k else "–"
        lines.append(f"{name:{wide}}{instances:>9}{there[k]:>10,}{labels[k] / labels.sum():>10.2%}")
    return lines


def _cells(look: FirstLook, recipes: Sequence[Recipe]) -> list[str]:
    """Per recipe how wide a cell is, and how many objects are too small for it."""
    lines = [
        "a network answers once for each cell; an object between the cells is never learned",
        f"{'recipe':{WIDE}}{'a cell is':>12}{'objects smaller':>18}{'between the cells':>20}",
    ]
    total = max(len(look.areas), 1)
    for recipe in recipes:
        small, lost = (
            sum(getattr(one.cells[recipe.name], name) for one in look.pictures) for name in ("small", "lost")
        )
        shares = [f"{number:,} ({number / total:.0%})" for number in (small, lost)]
        lines.append(f"{recipe.name:{WIDE}}{cell_side(recipe):>9.1f} px{shares[0]:>18}{shares[1]:>20}")
    return lines
