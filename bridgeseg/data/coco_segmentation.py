"""COCO's segmentations, polygons and run lengths of both kinds, as pixels.

Built in chapter 12.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from bridgeseg.data.polygons import NOTHING, Patch, fill_polygon, join, read_points
from bridgeseg.structures.labels import BadInput


class Filled(NamedTuple):
    """What a segmentation says of a picture.

    patch: its pixels
    points: those of its polygons, (n, 2) float64, x and y; none of run lengths
    left_out: polygons beside others that have fewer than three points, and so no area

    Built in chapter 12.
    """

    patch: Patch
    points: np.ndarray
    left_out: int


def decompress(text: str) -> list[int]:
    """Return the run lengths that a compressed string stands for.

    text: as COCO's tools write it: a number is some letters of five bits each, lowest first, a sixth bit says that more
        follow; from the fourth on, what stands there is the difference to the number before the last
    raises: BadInput for letters that do not occur in such strings, and where one ends amid a number

    Example:
        >>> decompress("231")  # two zeros, three ones, a zero
        [2, 3, 1]

    Built in chapter 12.
    """
    if text.startswith("b'") and text.endswith(
        "'"
    ):  # Python's bytes turned to text, whose quote is no such letter
        text = text[2:-1].replace("\\\\", "\\")
    counts: list[int] = []
    value = shift = 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64 or shift > 60:
            raise BadInput(f"counts: {letter!r} in a compressed string, expected letters from 0 to o")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        counts.append(value + counts[-2] if len(counts) > 2 else value)
        value = shift = 0
    if shift:
        raise BadInput("counts: a compressed string that ends amid a number")
    return counts


def fill_runs(rle: dict[str, Any], size: tuple[int, int]) -> Patch:
    """Return the pixels that run lengths stand for.

    rle: {"size": [h, w], "counts": list or compressed string}, runs down the columns, the first one of zeros
    size: height and width of the picture
    raises: BadInput when the size is another, or the counts are none or do not add up to it

    Only the columns that hold a pixel are made. Built in chapter 12.
    """
    height, width = size
    if rle.get("size") != [height, width]:
        raise BadInput(f"run lengths of size {rle.get('size')!r:.40}, expected [{height}, {width}]")
    given = rle.get("counts")
    counts = decompress(given) if isinstance(given, str) else given
    if not isinstance(counts, list) or not all(
        type(run) is int and 0 <= run <= height * width for run in counts
    ):
        raise BadInput("counts: expected lengths of runs, a list or a string")
    edges = np.cumsum([0, *counts], dtype=np.int64)
    if edges[-1] != height * width:
        raise BadInput(f"counts: add up to {edges[-1]}, expected {height} x {width}")
    start, stop = edges[1:-1:2], edges[2::2]  # (r,), of the ones
    start, stop = start[start < stop], stop[start < stop]
    if not len(start):
        return NOTHING
    left, right = int(start[0]) // height, (int(stop[-1]) - 1) // height + 1
    steps = np.zeros((right - left) * height + 1, np.int8)
    np.add.at(steps, start - left * height, 1)  # runs may touch, where a count is 0
    np.add.at(steps, stop - left * height, -1)
    mask = (steps.cumsum(dtype=np.int8)[:-1] > 0).reshape(right - left, height).T
    rows = np.flatnonzero(mask.any(1))
    return Patch(int(rows[0]), left, np.ascontiguousarray(mask[rows[0] : rows[-1] + 1]))


def fill_segmentation(segmentation: Any, size: tuple[int, int]) -> Filled:
    """Return the pixels of an annotation.

    segmentation: polygons, [[x, y, x, y, …], …], of which an object is all together; or run lengths
    size: height and width of the picture
    returns: the pixels, the points, and how many polygons were left out
    raises: BadInput when it is neither, or no polygon has an area

    Our choice: polygons of one or two points, which tools that trace a mask write for its single pixels, are left out
    where others stand beside them. Built in chapter 12.
    """
    if isinstance(segmentation, dict):
        return Filled(fill_runs(segmentation, size), np.zeros((0, 2)), 0)
    if not isinstance(segmentation, list) or not segmentation:
        raise BadInput("no segmentation")
    # Some tools leave out the list around a single polygon.
    parts = [segmentation] if not isinstance(segmentation[0], list) else segmentation
    points = [read_points(part) for part in parts]
    areas = [part for part in points if len(part) > 2]
    if not areas:
        raise BadInput("no polygon of three points or more")
    patch = join([fill_polygon(part, size) for part in areas])
    return Filled(patch, np.concatenate(areas), len(points) - len(areas))
