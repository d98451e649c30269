"""From boxes to instances, as the paper does it: candidates, suppression, trace-back, mask suppression.

Scores and boxes come as two maps on the same cells: `scores` (C + 1, h, w) probabilities, `boxes` (4, h, w) in pixels
of the picture. `bridgeseg.grouping.voting` is our own clustering with the same signature. Built in chapter 9.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torchvision
from torch import Tensor

from bridgeseg.grouping.hough import best_categories, candidates, check_maps
from bridgeseg.structures.boxes import iou
from bridgeseg.structures.cells import interpolate_at, spread, spread_places
from bridgeseg.structures.instances import Instances
from bridgeseg.structures.masks import Masks
from bridgeseg.structures.preconditions import expect_tensors
from bridgeseg.structures.runs import places_of

# Pairs of two boxes, or of a mask and a cell, that are held as floats at a time; of each pair one byte is kept.
COMPARED = 1 << 22


@dataclass(frozen=True)
class Suppression:
    """The numbers of the paper's grouping; none of them is known from it, all are our choice.

    top: a cell is a candidate for a category that is among its `top` best, as the paper; 2 lets the runner-up in
    score: a candidate has at least this probability; below it a box is a guess
    overlap: IoU over which a pixel box suppresses another
    mask_overlap: IoU over which a mask suppresses another of its category
    pixels: masks with fewer pixels of the picture are dropped; specks of the category map

    Example:
        >>> Suppression(overlap=0.3)
        Suppression(top=1, score=0.2, overlap=0.3, mask_overlap=0.5, pixels=8)

    Built in chapter 9.
    """

    top: int = 1
    score: float = 0.2
    overlap: float = 0.5
    mask_overlap: float = 0.5
    pixels: int = 8


def trace_back(boxes: Tensor, maxima: Tensor, overlap: float) -> Tensor:
    """Return which candidates each maximum suppresses.

    boxes: (k, 4) float, pixels
    maxima: (n,) int64, the candidates that suppression left over
    overlap: IoU over which a box suppresses another
    returns: (n, k) bool; a maximum is among its own. A candidate that several maxima suppress is in the mask of each:
        with a single owner two masks of a category would never overlap, and mask suppression would find no duplicate

    Example:
        >>> boxes = torch.tensor([[0.0, 0, 4, 4], [0, 0, 4, 5], [9, 9, 12, 12]])
        >>> trace_back(boxes, torch.tensor([0, 2]), overlap=0.5).int().tolist()
        [[1, 1, 0], [0, 0, 1]]

    Paper: tracing back the pixels that a maximum suppressed gives its mask. Built in chapter 9.
    """
    expect_tensors(boxes=(boxes, "(k, 4) float"), maxima=(maxima, "(n,) int64"))
    parts = boxes[maxima].split(max(COMPARED // max(len(boxes), 1), 1))
    over = torch.cat([iou(some[:, None], boxes[None]) > overlap for some in parts])  # (n, k)
    own = torch.arange(len(maxima), device=boxes.device)
    over[own, maxima] = True  # a box without area overlaps not even itself
    return over


def mask_overlaps(masks: Tensor) -> Tensor:
    """Return the IoU of every mask with every other.

    masks: (n, …) bool
    returns: (n, n) float32, 0…1; 0 where both have no pixel

    Example:
        >>> mask_overlaps(torch.tensor([[True, True, False], [True, False, False]])).tolist()
        [[1.0, 0.5], [0.5, 1.0]]

    Built in chapter 9.
    """
    expect_tensors(masks=(masks, "(..., n, k) bool"))
    flat = masks.flatten(1)  # (n, k)
    inside = torch.zeros(len(flat), len(flat), device=masks.device)
    for some in flat.split(max(COMPARED // max(len(flat), 1), 1), 1):
        inside += some.float() @ some.float().T
    area = flat.sum(1).float()
    return inside / (area[:, None] + area[None] - inside).clamp(min=1)


def who_stays(over: Tensor) -> Tensor:
    """Return which of n stay when each that stays suppresses those after it that it overlaps.

    over: (n, n) bool, which overlap which too much, both in the same order, best first; the diagonal is not looked at
    returns: (n,) bool; what was suppressed suppresses nothing

    Example:
        >>> over = torch.tensor([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) > 0  # 1 overlaps both others
        >>> who_stays(over).tolist()
        [True, False, True]

    Paper: non-maximum suppression, of boxes and of masks. Built in chapter 9.
    """
    expect_tensors(over=(over, "(n, n) bool"))
    keep = torch.ones(len(over), dtype=torch.bool, device=over.device)
    for number in range(len(over)):
        if keep[number]:
            keep[number + 1 :] &= ~over[number, number + 1 :]
    return keep


def suppress_masks(masks: Tensor, overlap: float) -> Tensor:
    """Return which masks stay when a better one suppresses those that it overlaps.

    masks: (n, …) bool, of one category, best first
    overlap: IoU over which a mask suppresses another
    returns: (n,) bool

    Example:
        >>> masks = torch.tensor([[True, True, True], [True, True, False], [False, False, True]])
        >>> suppress_masks(masks, overlap=0.5).tolist()
        [True, False, True]

    Paper: mask NMS. Built in chapter 9.
    """
    expect_tensors(masks=(masks, "(..., n, k) bool"))
    return who_stays(mask_overlaps(masks) > overlap)


def suppress_and_trace(
    scores: Tensor, boxes: Tensor, stride: int, size: tuple[int, int], settings: Suppression = Suppression()
) -> Instances:
    """Turn category scores and pixel boxes into instances as the paper does.

    scores: (C + 1, h, w) float32 probabilities, background first
    boxes: (4, h, w) float32, pixels of the picture
    stride: pixels from cell to cell
    size: height and width of the picture, pixels
    settings: overlaps, and what is too little
    returns: instances with masks of the picture's size: the cells traced back, enlarged, within the enlarged category
        scores; score: the mean probability of the category over the mask's cells (the paper's is not known)
    raises: ValueError when the maps do not fit each other

    Example:
        >>> scores = torch.tensor([[[0.1, 0.2, 0.2, 0.9]], [[0.9, 0.8, 0.8, 0.1]]])
        >>> corners = torch.tensor([[0.0, 0, 2, 1], [0, 0, 2, 1], [2, 0, 3, 1], [2, 0, 3, 1]])
        >>> boxes = corners.T[:, None]  # (4, 1, 4): two cells speak of one object, one of another
        >>> found = suppress_and_trace(scores, boxes, 1, (1, 4), Suppression(pixels=1))
        >>> found.masks[:].int().tolist()
        [[[1, 1, 0, 0]], [[0, 0, 1, 0]]]

    Paper: from boxes to instances. Built in chapter 9.
    """
    check_maps(scores, boxes)
    categories, cells = candidates(scores, settings.top, settings.score)
    if not len(cells):
        return Instances.none(*size)
    flat, certain = boxes.flatten(1).T[cells], scores.flatten(1)[categories, cells]  # (c, 4) and (c,)
    # The pixels near a candidate, and the best categories of each.
    covered = torch.zeros(scores.shape[1:], dtype=torch.bool, device=scores.device)
    covered.view(-1).index_fill_(0, cells, True)
    place = places_of(spread(covered, stride, size))  # (k,)
    best = best_categories(interpolate_at(scores, place, stride, size), settings.top)  # (top, k)
    answers = []
    for category in categories.unique():
        mine = (categories == category).nonzero()[:, 0]  # (m,) of the candidates
        maxima = torchvision.ops.nms(flat[mine], certain[mine], settings.overlap)
        found = trace_back(flat[mine], maxima, settings.overlap)  # (n, m)
        parts = found.split(max(COMPARED // len(mine), 1))
        score = torch.cat([(some * certain[mine]).sum(1) for some in parts]) / found.sum(1)
        order = score.argsort(descending=True, stable=True)
        order = order[suppress_masks(found[order], settings.mask_overlap)]
        number, candidate = found[order].nonzero(as_tuple=True)
        masks = Masks.from_pixels(
            number, cells[mine[candidate]], len(order), (scores.shape[1], scores.shape[2])
        )
        answers.append(Instances(masks, category.expand(len(order)), score[order], flat[mine[maxima[order]]]))
    found_in_cells = Instances.joined(answers)
    # Every pixel copies its nearest cell, and counts for a category that is among its best.
    rows = spread_places(scores.shape[1], stride, size[0], cells.device)
    columns = spread_places(scores.shape[2], stride, size[1], cells.device)
    maps = torch.zeros(len(best), size[0] * size[1], dtype=torch.int64, device=cells.device)
    maps.index_copy_(1, place, best)
    masks = found_in_cells.masks.taken(rows, columns)
    masks = masks.matching(maps.view(-1, *size), found_in_cells.categories)
    return replace(found_in_cells, masks=masks).with_pixels(settings.pixels)
