"""The Hough space: which cells are candidates, for what they vote, and where their votes gather.

Scores and boxes come as two maps on the same cells: `scores` (C + 1, h, w) probabilities, `boxes` (4, h, w) in pixels
of the picture. Both groupings start here: the paper's in `bridgeseg.grouping.suppression`, ours in
`bridgeseg.grouping.voting`.

Built in chapter 9.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bridgeseg.structures.preconditions import expect_tensors


def check_maps(scores: Tensor, boxes: Tensor) -> None:
    """Refuse maps that do not fit each other.

    scores: (C + 1, h, w) float32
    boxes: (4, h, w) float32
    raises: ValueError when they are not of these shapes and types, on the same cells
    """
    expect_tensors(scores=(scores, "(C + 1, h, w) float32"), boxes=(boxes, "(4, h, w) float32"))


def candidates(scores: Tensor, top: int, least: float) -> tuple[Tensor, Tensor]:
    """Return which cells stand as candidates for which categories.

    scores: (C + 1, h, w) float probabilities, background first
    top: categories considered at a cell, background among them
    least: probability that a candidate has at least
    returns: categories (k,) int64, 1…C; cells (k,) int64, row · w + column

    Example:
        >>> scores = torch.tensor([[[0.7, 0.1]], [[0.2, 0.3]], [[0.1, 0.6]]])  # two cells
        >>> categories, cells = candidates(scores, top=2, least=0.25)
        >>> categories.tolist(), cells.tolist()  # the runner-up of cell 0 has too little
        ([1, 2], [1, 1])

    Paper: top-n semantic masks. Built in chapter 9.
    """
    expect_tensors(scores=(scores, "(C + 1, h, w) float"))
    flat = scores.flatten(1)  # (C + 1, h · w)
    among = torch.zeros_like(flat, dtype=torch.bool).scatter_(0, best_categories(flat.T, top), True)
    among &= flat >= least
    among[0] = False
    found = among.nonzero()  # (k, 2): category, cell
    return found[:, 0], found[:, 1]


def vote_map(boxes: Tensor, weights: Tensor, size: tuple[int, int], cell: int = 1) -> Tensor:
    """Return how much weight votes for an instance centred at each place: the Hough space, seen from above.

    boxes: (4, k) float, pixels
    weights: (k,) float, what each box's vote counts
    size: height and width of the picture, pixels
    cell: pixels from place to place
    returns: (⌈H / cell⌉, ⌈W / cell⌉) float; a centre outside the picture votes at its edge; the sum is that of the
        weights

    Example:
        >>> boxes = torch.tensor([[0.0, 0.0], [0.0, 0.0], [4.0, 2.0], [2.0, 2.0]])  # centres (2, 1) and (1, 1)
        >>> vote_map(boxes, torch.tensor([1.0, 0.5]), size=(2, 4)).tolist()
        [[0.0, 0.0, 0.0, 0.0], [0.0, 0.5, 1.0, 0.0]]

    Paper: the generalised Hough transform behind the grouping. Built in chapter 9.
    """
    expect_tensors(boxes=(boxes, "(4, k) float"), weights=(weights, "(k,) float"))
    height, width = -(-size[0] // cell), -(-size[1] // cell)
    votes = torch.zeros(height * width, device=boxes.device, dtype=weights.dtype)
    votes.index_add_(0, vote_cells(boxes, (height, width), cell), weights)  # (⌈H / cell⌉ · ⌈W / cell⌉,)
    return votes.view(height, width)


def vote_cells(boxes: Tensor, grid: tuple[int, int], cell: int) -> Tensor:
    """Return the place in the Hough space that each box votes for.

    boxes: (4, k) float, pixels
    grid: height and width of the Hough space, places
    cell: pixels from place to place
    returns: (k,) int64, row · width + column
    """
    expect_tensors(boxes=(boxes, "(4, k) float"))
    column = ((boxes[0] + boxes[2]) / (2 * cell)).long().clamp(0, grid[1] - 1)  # (k,)
    row = ((boxes[1] + boxes[3]) / (2 * cell)).long().clamp(0, grid[0] - 1)
    return row * grid[1] + column


def best_categories(scores: Tensor, top: int) -> Tensor:
    """Return the numbers of the largest scores of each row.

    scores: (k, C + 1) float
    top: how many
    returns: (top, k) int64, largest first
    """
    expect_tensors(scores=(scores, "(k, C + 1) float"))
    best = [scores.max(1, keepdim=True).indices]  # (k, 1) each
    for _ in range(min(top, scores.shape[1]) - 1):  # a few maxima one by one take less than `topk`
        scores = scores.scatter(1, best[-1], -1.0)
        best.append(scores.max(1, keepdim=True).indices)
    return torch.cat(best, 1).T  # (top, k)
