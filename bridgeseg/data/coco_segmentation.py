"""COCO's segmentations, polygons and run lengths of both kinds, as pixels.

Built in chapter 12.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bridgeseg.data.polygons import NOTHING, Patch, fill_polygon, join, read_points
from bridgeseg.structures.labels import BadInput


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


def fill_segmentation(segmentation: Any, size: tuple[int, int]) -> tuple[Patch, np.ndarray]:
    """Return the pixels of an annotation.

    segmentation: polygons, [[x, y, x, y, …], …], of which an object is all together; or run lengths
    size: height and width of the picture
    returns: the pixels, and the points of the polygons (n, 2) float64, none for run lengths
    raises: BadInput when it is neither

    Built in chapter 12.
    """
    if isinstance(segmentation, dict):
        return fill_runs(segmentation, size), np.zeros((0, 2))
    if not isinstance(segmentation, list) or not segmentation:
        raise BadInput("no segmentation")
    # Some tools leave out the list around a single polygon.
    parts = [segmentation] if not isinstance(segmentation[0], list) else segmentation
    points = [read_points(part) for part in parts]
    if any(len(part) < 3 for part in points):
        raise BadInput("a polygon of fewer than three points")
    return join([fill_polygon(part, size) for part in points]), np.concatenate(points)
