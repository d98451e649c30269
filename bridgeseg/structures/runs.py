"""Runs: the stretches of neighbouring pixels of one row that a label or a mask has.

A pixel's *place* is row · width + column. A *run* is a pair of places, half open: it starts at one pixel and stops
before another, and never goes beyond the end of its row. A row of 500 pixels with three objects on it is seven runs,
so whatever can be asked of runs costs a hundredth of asking every pixel. A whole picture's runs are worked on
together, as a row of starts and a row of stops.

Tensors on a processor are lent to numpy, which shares their memory: a small picture has a few hundred runs, and there a
call of torch costs more than the work that it does. `label_runs_of` and `pieces_of` take arrays as they are.

Built in chapter 2.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from bridgeseg.structures.preconditions import expect_arrays, expect_tensors


def places_of(held: Tensor) -> Tensor:
    """Return the places that hold True, (k,) int64, rising.

    held: (any shape) bool, read row by row

    On a processor numpy finds them in a fifth of torch's time.

    Example:
        >>> places_of(torch.tensor([[False, True], [False, True]])).tolist()
        [1, 3]

    Built in chapter 2.
    """
    expect_tensors(held=(held, "(...,) bool"))
    if held.device.type == "cpu":
        return torch.from_numpy(np.flatnonzero(held.numpy()))
    return held.flatten().nonzero()[:, 0]


def label_runs(*maps: Tensor) -> tuple[Tensor, Tensor]:
    """Return the runs of pixels with one label, background included; together they cover the map, in reading order.

    maps: (h, w), any type; of several maps of one size a run ends where any of them changes
    returns: start (r,) int64 and stop (r,) int64, places; a run has the label of its start

    Example:
        >>> start, stop = label_runs(torch.tensor([[0, 7, 7], [7, 0, 0]]))
        >>> start.tolist(), stop.tolist()
        ([0, 1, 3, 4], [1, 3, 4, 6])

    Built in chapter 2.
    """
    expect_tensors(**{f"maps[{place}]": (labels, "(h, w) any type") for place, labels in enumerate(maps)})
    if maps[0].device.type == "cpu":
        start, stop = label_runs_of(*(labels.numpy() for labels in maps))
        return torch.from_numpy(start), torch.from_numpy(stop)
    height, width = maps[0].shape
    begins = torch.zeros(height * width + 1, dtype=torch.bool, device=maps[0].device)
    begins[:: max(width, 1)] = True  # a run with every row, and one past the last: where the last stops
    for labels in (part.flatten() for part in maps):
        begins[1:-1] |= labels[1:] != labels[:-1]
    edges = places_of(begins)  # (r + 1,)
    return edges[:-1], edges[1:]


def label_runs_of(*maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the same runs of maps that are arrays.

    maps: (h, w), any type, of one size
    returns: start (r,) int64 and stop (r,) int64, places

    Example:
        >>> start, stop = label_runs_of(np.array([[0, 7, 7], [7, 0, 0]]))
        >>> start.tolist(), stop.tolist()
        ([0, 1, 3, 4], [1, 3, 4, 6])

    Built in chapter 2.
    """
    expect_arrays(**{f"maps[{place}]": (labels, "(h, w) any type") for place, labels in enumerate(maps)})
    height, width = maps[0].shape
    begins = np.zeros(height * width + 1, bool)
    begins[:: max(width, 1)] = True
    for labels in (part.reshape(-1) for part in maps):
        begins[1:-1] |= labels[1:] != labels[:-1]
    edges = begins.nonzero()[0]  # (r + 1,)
    return edges[:-1], edges[1:]


def ranges(first: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Return the numbers first, first + 1, … of each of many ranges, one range after the other.

    first: (r,) int64
    counts: (r,) int64, 0 or more: how many numbers each range has
    returns: the numbers (k,) int64, and which range each is of (k,) int64, 0…r − 1

    Example:
        >>> numbers, owner = ranges(torch.tensor([5, 0, 8]), torch.tensor([2, 0, 3]))
        >>> numbers.tolist(), owner.tolist()
        ([5, 6, 8, 9, 10], [0, 0, 2, 2, 2])

    Built in chapter 2.
    """
    expect_tensors(first=(first, "(r,) int64"), counts=(counts, "(r,) int64"))
    total = int(counts.sum())
    owner = torch.repeat_interleave(counts, output_size=total)  # (k,)
    shift = first - counts.cumsum(0) + counts
    return torch.arange(total, device=first.device) + shift.index_select(0, owner), owner


def meet(
    start: Tensor, stop: Tensor, other_start: Tensor, other_stop: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return what some runs share with others: every piece that lies in one of the first and in one of the others.

    start, stop: (r,) int64, in any order, and they may overlap
    other_start, other_stop: (t,) int64, rising, and none overlaps another
    returns: of each piece which of the first it is of (k,) int64 and which of the others (k,) int64, and where it
        starts (k,) int64 and stops (k,) int64; one run's pieces stand together, rising

    Two binary searches for each run find the others that it meets, so nothing depends on how long runs are.

    Example:
        >>> mine, other, start, stop = meet(*torch.tensor([[2], [9]]), *torch.tensor([[0, 4, 9], [3, 6, 12]]))
        >>> other.tolist(), start.tolist(), stop.tolist()
        ([0, 1], [2, 4], [3, 6])

    Built in chapter 3.
    """
    expect_tensors(
        start=(start, "(r,) int64"),
        stop=(stop, "(r,) int64"),
        other_start=(other_start, "(t,) int64"),
        other_stop=(other_stop, "(t,) int64"),
    )
    if start.device.type == "cpu":
        runs = (part.numpy() for part in (start, stop, other_start, other_stop))
        mine, other, begin, end = map(torch.from_numpy, pieces_of(*runs))
        return mine, other, begin, end
    first = torch.searchsorted(other_stop, start, right=True)
    last = torch.searchsorted(other_start, stop)
    other, mine = ranges(first, last - first)  # (k,)
    return (
        mine,
        other,
        torch.maximum(start.index_select(0, mine), other_start.index_select(0, other)),
        torch.minimum(stop.index_select(0, mine), other_stop.index_select(0, other)),
    )


def pieces_of(
    start: np.ndarray, stop: np.ndarray, other_start: np.ndarray, other_stop: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the same pieces as `meet`, of runs that are arrays.

    start, stop: (r,) int64, in any order, and they may overlap
    other_start, other_stop: (t,) int64, rising, and none overlaps another
    returns: which of the first (k,) int64, which of the others (k,) int64, start (k,) int64 and stop (k,) int64

    Example:
        >>> mine, other, begin, end = pieces_of(*np.array([[2], [9]]), *np.array([[0, 4, 9], [3, 6, 12]]))
        >>> other.tolist(), begin.tolist(), end.tolist()
        ([0, 1], [2, 4], [3, 6])

    Built in chapter 3.
    """
    expect_arrays(
        start=(start, "(r,) int64"),
        stop=(stop, "(r,) int64"),
        other_start=(other_start, "(t,) int64"),
        other_stop=(other_stop, "(t,) int64"),
    )
    first = other_stop.searchsorted(start, "right")
    counts = other_start.searchsorted(stop) - first
    mine = np.arange(len(start)).repeat(counts)  # (k,)
    other = (first - counts.cumsum() + counts).repeat(counts) + np.arange(len(mine))
    return (
        mine,
        other,
        np.maximum(start[mine], other_start[other]),
        np.minimum(stop[mine], other_stop[other]),
    )
