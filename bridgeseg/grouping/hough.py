"""The Hough space: which cells are candidates, for what they vote, and where their votes gather.

Scores and boxes come as two maps on the same cells: `scores` (C + 1, h, w) probabilities, `boxes` (4, h, w) in pixels
of the picture. Both groupings start here: the paper's in `bridgeseg.grouping.suppression`, ours in
`bridgeseg.grouping.voting`.

Built in chapter 9.
"""

from __future__ import annotations

import torch
from torch import Tensor


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


def best_categories(scores: Tensor, top: int) -> Tensor:
    """Return the numbers of the `top` largest of each row of (k, C + 1) scores, (top, k) int64, largest first."""
    best = [scores.max(1, keepdim=True).indices]
    for _ in range(min(top, scores.shape[1]) - 1):  # a few maxima one by one take less than `topk`
        scores = scores.scatter(1, best[-1], -1.0)
        best.append(scores.max(1, keepdim=True).indices)
    return torch.cat(best, 1).T
