"""From boxes to instances, as the paper does it: candidates, suppression, trace-back, mask suppression.

Scores and boxes come as two maps on the same cells: `scores` (C + 1, h, w) probabilities, `boxes` (4, h, w) in pixels
of the picture. `bridgeseg.voting` is our own clustering with the same signature. Built in chapter 9.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torchvision
from torch import Tensor

from bridgeseg.boxes import iou
from bridgeseg.instances import Instances


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


def check_maps(scores: Tensor, boxes: Tensor) -> None:
    """Raise ValueError unless scores are (C + 1, h, w) and boxes (4, h, w) on the same cells."""
    if scores.ndim != 3 or boxes.ndim != 3 or boxes.shape[0] != 4 or scores.shape[1:] != boxes.shape[1:]:
        raise ValueError(
            f"scores {tuple(scores.shape)} with boxes {tuple(boxes.shape)}, expected (C + 1, h, w) with (4, h, w)"
        )


def candidates(scores: Tensor, top: int, least: float) -> tuple[Tensor, Tensor]:
    """Return which cells stand as candidates for which categories.

    scores: (C + 1, h, w) float probabilities, background first
    top: categories considered at a cell, background among them
    least: probability that a candidate has at least
    returns: categories (k,) int64, 1…C; cells (k,) int64, row · w + column

    Paper: top-n semantic masks. Built in chapter 9.
    """
    flat = scores.flatten(1)
    among = torch.zeros_like(flat, dtype=torch.bool).scatter_(0, best_categories(flat.T, top), True)
    among &= flat >= least
    among[0] = False
    found = among.nonzero()
    return found[:, 0], found[:, 1]


def vote_map(boxes: Tensor, weights: Tensor, size: tuple[int, int], cell: int = 1) -> Tensor:
    """Return how much weight votes for an instance centred at each place: the Hough space, seen from above.

    boxes: (4, k) float, pixels
    weights: (k,) float, what each box's vote counts
    size: height and width of the picture, pixels
    cell: pixels from place to place
    returns: (⌈H / cell⌉, ⌈W / cell⌉) float; a centre outside the picture votes at its edge; the sum is that of the
        weights

    Paper: the generalised Hough transform behind the grouping. Built in chapter 9.
    """
    height, width = -(-size[0] // cell), -(-size[1] // cell)
    votes = torch.zeros(height * width, device=boxes.device, dtype=weights.dtype)
    return votes.index_add_(0, vote_cells(boxes, (height, width), cell), weights).view(height, width)


def vote_cells(boxes: Tensor, grid: tuple[int, int], cell: int) -> Tensor:
    """Return the place in the Hough space that each of (4, k) boxes votes for, (k,) int64, row · width + column."""
    column = ((boxes[0] + boxes[2]) / (2 * cell)).long().clamp(0, grid[1] - 1)
    row = ((boxes[1] + boxes[3]) / (2 * cell)).long().clamp(0, grid[0] - 1)
    return row * grid[1] + column


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


def best_categories(scores: Tensor, top: int) -> Tensor:
    """Return the numbers of the `top` largest of each row of (k, C + 1) scores, (top, k) int64, largest first."""
    best = [scores.max(1, keepdim=True).indices]
    for _ in range(min(top, scores.shape[1]) - 1):  # a few maxima one by one take less than `topk`
        scores = scores.scatter(1, best[-1], -1.0)
        best.append(scores.max(1, keepdim=True).indices)
    return torch.cat(best, 1).T


def paint(
    number: Tensor,
    place: Tensor,
    categories: Tensor,
    scores: Tensor,
    boxes: Tensor,
    size: tuple[int, int],
    pixels: int,
) -> Instances:
    """Make instances of a list of their pixels.

    number: (k,) int64, 0…n − 1: the instance that has this pixel
    place: (k,) int64, row · width + column of the pixel; no pair of number and place comes twice
    categories, scores, boxes: (n,), (n,), (n, 4): of each instance
    size: height and width of the picture, pixels
    pixels: instances with fewer are dropped
    returns: instances with masks of the picture's size, best score first
    """
    order = scores.argsort(descending=True, stable=True)
    order = order[torch.bincount(number, minlength=len(scores))[order] >= pixels]
    rank = torch.full_like(categories, -1)
    rank[order] = torch.arange(len(order), device=order.device)
    rank = rank.index_select(0, number)
    masks = torch.zeros(len(order), size[0] * size[1], dtype=torch.bool, device=scores.device)
    masks.view(-1).index_fill_(0, (rank * masks.shape[1] + place)[rank >= 0], True)
    return Instances(masks.view(-1, *size), categories[order], scores[order], boxes[order])


def interpolate_at(maps: Tensor, place: Tensor, stride: int, size: tuple[int, int]) -> Tensor:
    """Return maps of cells (c, h, w) at some pixels of the picture, (k, c), bilinearly.

    place: (k,) int64, row · width + column of the pixels
    size: height and width of the picture, pixels

    The same values as `bridgeseg.heads.enlarge` gives there. Every row of cells is first drawn out to the width of the
    picture; a pixel then mixes two of its places, where it would have to mix four cells. Built in chapter 9.
    """
    height, width = maps.shape[1:]
    x = (torch.arange(size[1], device=maps.device) / stride).clamp(max=width - 1)
    y = (place // size[1] / stride).clamp(max=height - 1)
    left, top = x.long(), y.long()
    right, down = (left + 1).clamp(max=width - 1), (top + 1).clamp(max=height - 1)
    cells, across = maps.permute(1, 2, 0).contiguous(), (x - left)[:, None]
    lines = torch.lerp(cells.index_select(1, left), cells.index_select(1, right), across).flatten(0, 1)
    above, under = top * size[1] + place % size[1], down * size[1] + place % size[1]
    return torch.lerp(lines.index_select(0, above), lines.index_select(0, under), (y - top)[:, None])


def spread(cells: Tensor, stride: int, size: tuple[int, int]) -> Tensor:
    """Return maps of cells (…, h, w) at the picture's size (…, H, W): every pixel takes the nearest cell's value."""
    rows = ((torch.arange(size[0], device=cells.device) + stride // 2) // stride).clamp(
        max=cells.shape[-2] - 1
    )
    columns = ((torch.arange(size[1], device=cells.device) + stride // 2) // stride).clamp(
        max=cells.shape[-1] - 1
    )
    return cells.index_select(-2, rows).index_select(-1, columns)
