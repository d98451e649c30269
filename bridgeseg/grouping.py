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
from bridgeseg.heads import enlarge
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
    if top == 1:
        among = torch.zeros_like(flat, dtype=torch.bool).scatter_(0, flat.argmax(0, keepdim=True), True)
    else:
        last = flat.topk(min(top, len(flat)), dim=0).values[-1]
        among = flat >= last
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
    """Return for every candidate the maximum that suppressed it.

    boxes: (k, 4) float, pixels
    maxima: (n,) int64, the candidates that suppression left over, best first
    overlap: IoU over which a box suppresses another
    returns: (k,) int64, number of the first maximum whose box overlaps by more; −1 for none, which happens only where
        candidates of another category were left out. A maximum belongs to itself

    Paper: tracing back the pixels that a maximum suppressed gives its mask. Built in chapter 9.
    """
    if not len(maxima):
        return torch.full((len(boxes),), -1, device=boxes.device)
    over = iou(boxes[:, None], boxes[maxima][None]) > overlap
    over[maxima, torch.arange(len(maxima), device=boxes.device)] = True
    first = over.to(torch.uint8).argmax(1)  # the first of the largest: greedy suppression's order
    first[~over.any(1)] = -1
    first[maxima] = torch.arange(len(maxima), device=boxes.device)
    return first


def mask_overlaps(masks: Tensor) -> Tensor:
    """Return the IoU of every mask with every other, (n, n) float, from (n, …) bool masks."""
    flat = masks.flatten(1).float()
    inside = flat @ flat.T
    area = flat.sum(1)
    return inside / (area[:, None] + area[None] - inside).clamp(min=1)


def suppress_masks(masks: Tensor, categories: Tensor, overlap: float) -> Tensor:
    """Return which masks stay when a better one of the same category suppresses those that it overlaps.

    masks: (n, …) bool, best first
    categories: (n,) int64
    overlap: IoU over which a mask suppresses another
    returns: (n,) bool

    Paper: mask NMS. Built in chapter 9.
    """
    over = (mask_overlaps(masks) > overlap) & (categories[:, None] == categories[None])
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
    flat = boxes.flatten(1).T[cells]
    certain = scores.flatten(1)[categories, cells]
    maxima = torchvision.ops.batched_nms(flat, certain, categories, settings.overlap)
    owner = torch.full_like(cells, -1)
    for category in categories.unique().tolist():
        mine = (categories == category).nonzero()[:, 0]
        place = torch.full_like(cells, -1)
        place[mine] = torch.arange(len(mine), device=cells.device)
        best = (categories[maxima] == category).nonzero()[:, 0]
        traced = trace_back(flat[mine], place[maxima[best]], settings.overlap)
        owner[mine] = torch.where(traced >= 0, best[traced.clamp(min=0)], -1)
    count = len(maxima)
    sums = torch.zeros(2, count, device=scores.device)
    held = owner >= 0
    sums.index_add_(1, owner[held], torch.stack([certain[held], torch.ones_like(certain[held])]))
    found = torch.zeros(count, scores[0].numel(), dtype=torch.bool, device=scores.device)
    found[owner[held], cells[held]] = True
    found = found.view(count, *scores.shape[1:])
    answer = Instances(found, categories[maxima], sums[0] / sums[1].clamp(min=1), flat[maxima]).sorted()
    answer = answer.select(suppress_masks(answer.masks, answer.categories, settings.mask_overlap))
    full = enlarge(scores[None], stride, size)[0]
    inside = full[answer.categories] >= full.topk(min(settings.top, len(full)), dim=0).values[-1]
    masks = spread(answer.masks, stride, size) & inside
    answer = Instances(masks, answer.categories, answer.scores, answer.boxes)
    return answer.select(masks.flatten(1).sum(1) >= settings.pixels)


def spread(cells: Tensor, stride: int, size: tuple[int, int]) -> Tensor:
    """Return maps of cells (…, h, w) at the picture's size (…, H, W): every pixel takes the nearest cell's value."""
    rows = ((torch.arange(size[0], device=cells.device) + stride // 2) // stride).clamp(max=cells.shape[-2] - 1)
    columns = ((torch.arange(size[1], device=cells.device) + stride // 2) // stride).clamp(max=cells.shape[-1] - 1)
    return cells[..., rows[:, None], columns[None]]
