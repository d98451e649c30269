"""Masks as COCO's uncompressed run lengths: how many zeros, ones, zeros, … down the columns.

Built in chapter 10.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bridgeseg.structures.labels import BadInput
from bridgeseg.structures.preconditions import expect_arrays


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
    raises: BadInput when the counts are compressed, no whole numbers, negative, or do not add up to the size

    Example:
        >>> from_run_lengths({"size": [3, 2], "counts": [2, 3, 1]}).tolist()
        [[False, True], [False, True], [True, False]]

    Built in chapter 10.
    """
    height, width = rle["size"]
    if isinstance(rle["counts"], str | bytes):
        raise BadInput("counts: a compressed string, expected a list of run lengths")
    counts = np.asarray(rle["counts"])
    if counts.ndim != 1 or (counts.size and counts.dtype.kind not in "iu"):
        raise BadInput(f"counts: {counts.dtype} {counts.shape}, expected a list of whole numbers")
    counts = counts.astype(np.int64)
    if (counts < 0).any() or counts.sum() != height * width:
        raise BadInput(f"counts: add up to {counts.sum()}, expected {height} x {width} and none below 0")
    ones = np.arange(len(counts)) % 2 == 1
    return np.repeat(ones, counts).reshape((height, width), order="F")  # (h, w)
