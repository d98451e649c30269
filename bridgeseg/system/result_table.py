"""The instances of the final answers, a line each, as people count with them.

Built in chapter 10.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from bridgeseg.structures.instances import Instances
from bridgeseg.structures.masks import Masks
from bridgeseg.structures.preconditions import expect_tensors

COLUMNS = (
    *("picture", "instance", "category", "score", "area"),
    *("x0", "y0", "x1", "y1", "centre_x", "centre_y"),
)
# With these a cell begins that a spreadsheet takes for a formula, and executes.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


class Row(NamedTuple):
    """One instance of the final answer to a picture.

    instance: its number in SegmentationObject/NAME.png
    category: its name
    score: 0…1
    area: pixels
    x0, y0, x1, y1: the tight box, half open, pixels
    centre_x, centre_y: the mean of its pixels' centres, pixels

    Built in chapter 10.
    """

    instance: int
    category: str
    score: float
    area: int
    x0: int
    y0: int
    x1: int
    y1: int
    centre_x: float
    centre_y: float


def rows_of(labels: Tensor, instances: Instances, threshold: float, categories: Sequence[str]) -> list[Row]:
    """Return what is to be said of each instance of a final answer.

    labels: (h, w) integer, what `bridgeseg.system.prediction.without_overlap` made of the instances, at the picture's
        own size
    instances: all candidates, best first
    threshold: of the score, 0…1, as it was given there
    categories: names, background first
    returns: a row for each instance that has a pixel, in the order of their numbers

    Example:
        >>> masks = torch.tensor([[[True, True, False]], [[False, True, True]]])
        >>> found = Instances.from_masks(masks, torch.tensor([1, 1]), torch.tensor([0.9, 0.4]), torch.zeros(2, 4))
        >>> [tuple(row)[3:] for row in rows_of(torch.tensor([[1, 1, 2]]), found, 0.3, ("background", "cell"))]
        [(2, 0, 0, 2, 1, 1.0, 0.5), (1, 2, 0, 3, 1, 2.5, 0.5)]

    Built in chapter 10.
    """
    expect_tensors(labels=(labels, "(h, w) integer"))
    kept = instances.select(instances.scores >= threshold)
    masks = Masks.from_labels(labels.cpu(), torch.arange(1, len(kept) + 1))
    areas, width = masks.areas(), masks.size[1]
    length, row = (masks.stop - masks.start).double(), masks.start // width
    column = masks.start - row * width  # (r,), where each run begins
    sums = torch.zeros(2, len(kept), dtype=torch.float64)
    sums[0].index_add_(0, masks.number, length * (column + length / 2))
    sums[1].index_add_(0, masks.number, length * (row + 0.5))
    centres = (sums / areas.clamp(min=1)).T.tolist()  # (n, 2)
    numbers, scores = kept.categories.tolist(), kept.scores.tolist()
    boxes = masks.boxes().long().tolist()
    return [
        Row(index + 1, categories[numbers[index]], scores[index], area, *boxes[index], *centres[index])
        for index, area in enumerate(areas.tolist())
        if area
    ]


def table_lines(name: str, rows: Iterable[Row]) -> str:
    """Return the lines of table.csv for one picture.

    name: of the picture, as in the names of its PNGs
    rows: of its instances
    returns: as many lines, each with its end

    A name with which a spreadsheet would begin a formula gets an apostrophe before it, as spreadsheets ask for. Lines
    end with a line feed alone, so that programs on every system count the same. Built in chapter 10.
    """
    lines = []
    for row in rows:
        rounded = [f"{row.score:.4f}", *row[3:8], f"{row.centre_x:.2f}", f"{row.centre_y:.2f}"]
        lines.append(_line([_plain(name), row.instance, _plain(row.category), *rounded]))
    return "".join(lines)


def _line(cells: Sequence[object]) -> str:
    """One line. A name with a carriage return is put into quotes only where such an end of lines was asked for."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().removesuffix("\r\n") + "\n"


def _plain(text: str) -> str:
    """A text that no spreadsheet executes."""
    return f"'{text}" if text.startswith(_FORMULAS) else text
