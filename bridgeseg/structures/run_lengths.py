"""Masks as COCO's uncompressed run lengths: how many zeros, ones, zeros, … down the columns.

Built in chapter 10.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bridgeseg.structures.labels import BadInput
from bridgeseg.structures.preconditions import expect_arrays

MOST_PIXELS = 128_000_000  # as of a picture; what a few bytes of JSON claim would else be made in memory


def to_run_lengths(mask: np.ndarray) -> dict[str, list[int]]:
    """Return a mask's run lengths, column by column, the first run being of zeros (of length 0 if need be).

    mask: (h, w) bool
    returns: {"size": [h, w], "counts": [...]}, plain integers, ready for JSON
    raises: ValueError when the mask is not (h, w) bool

    Example:
        >>> to_run_lengths(np.array([[False, True], [False, True], [True, False]]))
        {'size': [3, 2], 'counts': [2, 3, 1]}

    Built in chapter 10.
    """
    expect_arrays(mask=(mask, "(h, w) bool"))
    line = mask.ravel(order="F")  # (h · w,), down the columns
    changes = np.flatnonzero(line[1:] != line[:-1]) + 1  # (runs − 1,)
    counts = np.diff(changes, prepend=0, append=line.size)  # (runs,)
    starts_with_one = line.size > 0 and bool(line[0])
    return {"size": [*mask.shape], "counts": [0] * starts_with_one + counts.tolist()}


def from_run_lengths(rle: Mapping[str, Any]) -> np.ndarray:
    """Return the mask that run lengths stand for.

    rle: {"size": [h, w], "counts": [...]}, as `to_run_lengths` gives it
    returns: (h, w) bool
    raises: BadInput when size or counts are missing or no whole numbers, and when the counts are compressed, negative,
        or do not add up to the size; and for more than 128 million pixels

    Example:
        >>> from_run_lengths({"size": [3, 2], "counts": [2, 3, 1]}).tolist()
        [[False, True], [False, True], [True, False]]

    Built in chapter 10.
    """
    if not isinstance(rle, Mapping) or not {"size", "counts"} <= set(rle):
        raise BadInput(f"run lengths: {str(rle)[:40]}, expected size and counts")
    size = rle["size"]
    if not isinstance(size, Sequence) or len(size) != 2 or not all(type(n) is int and n >= 0 for n in size):
        raise BadInput(f"size: {str(size)[:40]}, expected height and width")
    height, width = size
    if height * width > MOST_PIXELS:
        raise BadInput(f"size: {height} x {width}, expected at most {MOST_PIXELS // 10**6} million pixels")
    if isinstance(rle["counts"], str | bytes):
        raise BadInput("counts: a compressed string, expected a list of run lengths")
    try:
        counts = np.asarray(rle["counts"])
    except ValueError:  # lists of several lengths
        raise BadInput("counts: no plain list, expected a list of whole numbers") from None
    if counts.ndim != 1 or (counts.size and counts.dtype.kind not in "iu"):
        raise BadInput(f"counts: {counts.dtype} {counts.shape}, expected a list of whole numbers")
    if (counts < 0).any() or sum(counts.tolist()) != height * width:  # Python's numbers do not run over
        total = sum(counts.tolist())
        raise BadInput(f"counts: add up to {total}, expected {height} x {width} and none below 0")
    counts = counts.astype(np.int64)
    ones = np.arange(len(counts)) % 2 == 1
    return np.repeat(ones, counts).reshape((height, width), order="F")  # (h, w)
