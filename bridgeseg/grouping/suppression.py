"""From boxes to instances, as the paper does it: candidates, suppression, trace-back, mask suppression.

Scores and boxes come as two maps on the same cells: `scores` (C + 1, h, w) probabilities, `boxes` (4, h, w) in pixels
of the picture. `bridgeseg.grouping.voting` is our own clustering with the same signature. Built in chapter 9.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torchvision
from torch import Tensor

from bridgeseg.grouping.hough import best_categories, candidates, check_maps
from bridgeseg.structures.boxes import iou
from bridgeseg.structures.cells import interpolate_at, spread
from bridgeseg.structures.instances import Instances, paint


@dataclass(frozen=True)
class Suppression:
    """The numbers of the paper's grouping; none of them is known from it, all are our choice.

    top: a cell is a candidate for a category that is among its `top` best, as the paper; 2 lets the runner-up in
    score: a candidate has at least this probability; below it a box is a guess
    overlap: IoU over which a pixel box suppresses another
    mask_overlap: IoU over which a mask suppresses another of its category
    pixels: masks with fewer pixels of the picture are dropped; specks of the category map
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

    Paper: tracing back the pixels that a maximum suppressed gives its mask. Built in chapter 9.
    """
    over = iou(boxes[maxima][:, None], boxes[None]) > overlap
    own = torch.arange(len(maxima), device=boxes.device)
    over[own, maxima] = True  # a box without area overlaps not even itself
    return over


def mask_overlaps(masks: Tensor) -> Tensor:
    """Return the IoU of every mask with every other, (n, n) float, from (n, …) bool masks."""
    flat = masks.flatten(1).float()
    inside = flat @ flat.T
    area = flat.sum(1)
    return inside / (area[:, None] + area[None] - inside).clamp(min=1)


def suppress_masks(masks: Tensor, overlap: float) -> Tensor:
    """Return which masks stay when a better one suppresses those that it overlaps.

    masks: (n, …) bool, of one category, best first
    overlap: IoU over which a mask suppresses another
    returns: (n,) bool

    Paper: mask NMS. Built in chapter 9.
    """
    over = mask_overlaps(masks) > overlap
    keep = torch.ones(len(masks), dtype=torch.bool, device=masks.device)
    for number in range(len(masks)):
        if keep[number]:
            keep[number + 1 :] &= ~over[number, number + 1 :]
    return keep


def suppress_and_trace(
    scores: Tensor, boxes: Tensor, stride: int, size: tuple[int, int], settings: Suppression = Suppression()
) -> Instances:
    """Turn category scores and pixel boxes into instances as the paper does.

    scores: (C + 1, h, w) float probabilities, background first
    boxes: (4, h, w) float, pixels of the picture
    stride: pixels from cell to cell
    size: height and width of the picture, pixels
    returns: instances with masks of the picture's size: the cells traced back, enlarged, within the enlarged category
        scores; score: the mean probability of the category over the mask's cells (the paper's is not known)
    raises: ValueError when the maps do not fit each other

    Paper: from boxes to instances. Built in chapter 9.
    """
    check_maps(scores, boxes)
    categories, cells = candidates(scores, settings.top, settings.score)
    if not len(cells):
        return Instances.none(*size)
    flat, certain = boxes.flatten(1).T[cells], scores.flatten(1)[categories, cells]
    # The pixels near a candidate, the cell that each is nearest to, and its best categories.
    nearest = spread(
        torch.arange(scores[0].numel(), device=cells.device).view(scores.shape[1:]), stride, size
    ).flatten()
    covered = torch.zeros_like(scores[0], dtype=torch.bool).flatten().index_fill_(0, cells, True)
    place = covered[nearest].nonzero()[:, 0]
    nearest = nearest[place]
    best = best_categories(interpolate_at(scores, place, stride, size), settings.top)
    answers, numbers, places, count = [], [], [], 0
    for category in categories.unique():
        mine = (categories == category).nonzero()[:, 0]
        maxima = torchvision.ops.nms(flat[mine], certain[mine], settings.overlap)
        found = trace_back(flat[mine], maxima, settings.overlap)
        score = (found * certain[mine]).sum(1) / found.sum(1)
        order = score.argsort(descending=True, stable=True)
        order = order[suppress_masks(found[order], settings.mask_overlap)]
        answers.append((category.expand(len(order)), score[order], flat[mine[maxima[order]]]))
        # A row for each cell: which of the masks it is in. The pixels copy the row of theirs.
        rows = torch.zeros(len(covered), len(order), dtype=torch.bool, device=cells.device)
        rows[cells[mine]] = found[order].T
        there = (best == category).any(0).nonzero()[:, 0]
        pixel, number = rows.index_select(0, nearest[there]).nonzero(as_tuple=True)
        numbers.append(number + count)
        places.append(place[there[pixel]])
        count += len(order)
    kinds, certainties, voted = (torch.cat(part) for part in zip(*answers))
    return paint(torch.cat(numbers), torch.cat(places), kinds, certainties, voted, size, settings.pixels)
