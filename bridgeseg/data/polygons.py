"""Outlines filled with pixels: a pixel belongs to a shape when its centre lies inside.

Coordinates are those of a picture's pixels as `bridgeseg.structures.labels` has them: the first pixel covers 0…1 and
its centre is 0.5. So a square from 0 to 2 has four pixels, two that share an edge share no pixel, and COCO's own masks
differ by pixels of the border at most. Our choice for labelme too, whose own drawing adds half a pixel all around.

Built in chapter 12.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bridgeseg.structures.labels import BadInput

BEYOND = "outlines that reach beyond their picture, cut off there"  # as a finding has it
FARTHEST = 1e9  # pixels; what lies beyond is no coordinate of a picture
MOST_CROSSINGS = (
    1 << 26
)  # rows that all edges of an outline cross together; half a gigabyte a column of numbers


@dataclass(frozen=True)
class Patch:
    """A mask cut to the box around it.

    top, left: row and column of the patch in its picture
    mask: (h, w) bool; both may be 0

    Built in chapter 12.
    """

    top: int
    left: int
    mask: np.ndarray

    @property
    def area(self) -> int:
        """How many pixels it has."""
        return int(np.count_nonzero(self.mask))

    @property
    def place(self) -> tuple[slice, slice]:
        """The rows and columns of its picture that it covers."""
        return (
            slice(self.top, self.top + self.mask.shape[0]),
            slice(self.left, self.left + self.mask.shape[1]),
        )


NOTHING = Patch(0, 0, np.zeros((0, 0), bool))


def read_points(given: Any) -> np.ndarray:
    """Return the points of an outline as a file holds them.

    given: what JSON made of them: a list of pairs, or one list x, y, x, y, …
    returns: (n, 2) float64, x and y
    raises: BadInput when that is no list of pairs of finite numbers

    Example:
        >>> read_points([0, 0, 2, 0, 2, 2]).tolist()
        [[0.0, 0.0], [2.0, 0.0], [2.0, 2.0]]

    Built in chapter 12.
    """
    flat = given
    if isinstance(given, list) and given and all(isinstance(pair, list) for pair in given):
        if any(len(pair) != 2 for pair in given):
            raise BadInput("points: not all of them are x and y, expected pairs of numbers")
        flat = [value for pair in given for value in pair]
    if not isinstance(flat, list) or len(flat) % 2:
        raise BadInput(f"points: {str(given)[:40]}, expected pairs of numbers")
    if not all(type(value) in (int, float) and -FARTHEST <= value <= FARTHEST for value in flat):
        raise BadInput(
            f"points: not all are numbers within {FARTHEST:.0e} pixels, expected places in a picture"
        )
    return np.array(flat, np.float64).reshape(-1, 2)


def reaches_beyond(points: np.ndarray, size: tuple[int, int]) -> bool:
    """Return whether an outline leaves its picture by more than a pixel.

    points: (n, 2) float64, x and y
    size: height and width of the picture

    Tools put points on a border a rounding error outside of it, which says nothing. Built in chapter 12.
    """
    return bool(len(points)) and bool(
        (points < -1).any() or (points > np.array([size[1], size[0]]) + 1).any()
    )


def fill_polygon(points: np.ndarray, size: tuple[int, int]) -> Patch:
    """Return the pixels of a picture whose centres lie inside an outline.

    points: (n, 2) float, x and y in pixels; the last is joined to the first
    size: height and width of the picture; what lies outside is cut off
    returns: the pixels; where the outline crosses itself, those around which it goes an odd number of times. A centre
        on a left or upper edge belongs to it, on a right or lower one it does not
    raises: BadInput when the outline goes up and down so often that it would take gigabytes

    Example:
        >>> fill_polygon(np.array([[0, 0], [3, 0], [0, 3]]), (3, 3)).mask.astype(int).tolist()
        [[1, 1], [1, 0], [0, 0]]

    Built in chapter 12.
    """
    height, width = size
    if len(points) < 3:
        return NOTHING
    # (n,) each, from the upper end of every edge to the lower: an edge that two outlines share is computed alike
    ends = np.stack([points, np.roll(points, -1, axis=0)])  # (2, n, 2)
    ends = np.where((ends[0, :, 1] <= ends[1, :, 1])[None, :, None], ends, ends[::-1])
    (x0, y0), (x1, y1) = ends[0].T.astype(np.float64), ends[1].T.astype(np.float64)
    first, last = (np.clip(np.ceil(y - 0.5), 0, height).astype(np.int64) for y in (y0, y1))
    counts = last - first  # rows whose centres the edge crosses; 0 for a level one
    total = int(counts.sum())
    if total > MOST_CROSSINGS:
        raise BadInput(f"points: an outline of {len(points)} points crosses {total} rows, expected fewer")
    if not total:
        return NOTHING
    edge = np.arange(len(points)).repeat(counts)  # (k,), as the two below: one crossing each
    row = (first - counts.cumsum() + counts)[edge] + np.arange(total)
    x = x0[edge] + (row + 0.5 - y0[edge]) * ((x1 - x0)[edge] / (y1 - y0)[edge])
    column = np.clip(np.ceil(x - 0.5), 0, width).astype(np.int64)
    top, left = int(row.min()), int(column.min())
    tall, wide = int(row.max()) + 1 - top, int(column.max()) - left
    # A crossing turns inside to outside for all pixels on its right.
    turns = np.bincount((row - top) * (wide + 1) + column - left, minlength=tall * (wide + 1))
    inside = turns.reshape(tall, wide + 1).cumsum(1)[:, :-1] & 1  # (tall, wide)
    return Patch(top, left, inside.astype(bool))


def fill_disc(centre: tuple[float, float], radius: float, size: tuple[int, int]) -> Patch:
    """Return the pixels of a picture whose centres lie in a disc.

    centre: x and y in pixels
    radius: pixels
    size: height and width of the picture

    Built in chapter 12.
    """
    height, width = size
    (x, y), reach = centre, radius + 1
    top, bottom = (int(np.clip(edge, 0, height)) for edge in (y - reach, y + reach))
    left, right = (int(np.clip(edge, 0, width)) for edge in (x - reach, x + reach))
    rows, columns = np.ogrid[top:bottom, left:right]
    return Patch(top, left, (rows + 0.5 - y) ** 2 + (columns + 0.5 - x) ** 2 <= radius**2)


def paste(mask: np.ndarray, top: int, left: int, size: tuple[int, int]) -> Patch:
    """Return a mask that lies somewhere on a picture, cut off at its borders.

    mask: (h, w) bool
    top, left: row and column of its first pixel, also below 0
    size: height and width of the picture

    Built in chapter 12.
    """
    rows, columns = max(0, -top), max(0, -left)
    cut = mask[rows : max(rows, size[0] - top), columns : max(columns, size[1] - left)]
    return Patch(max(top, 0), max(left, 0), cut) if cut.size else NOTHING


def join(patches: Sequence[Patch]) -> Patch:
    """Return the pixels that lie in any of some patches.

    patches: of one picture

    Built in chapter 12.
    """
    held = [patch for patch in patches if patch.mask.size]
    if len(held) < 2:
        return held[0] if held else NOTHING
    top, left = min(patch.top for patch in held), min(patch.left for patch in held)
    bottom, right = max(patch.place[0].stop for patch in held), max(patch.place[1].stop for patch in held)
    mask = np.zeros((bottom - top, right - left), bool)
    for patch in held:
        rows, columns = patch.place
        mask[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] |= patch.mask
    return Patch(top, left, mask)
