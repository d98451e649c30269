"""Ballard's generalised Hough transform on squared paper: a table instead of a network.

Ballard, 1981: for each kind of edge a table lists where, seen from such an edge, a shape's reference point lies; in a
picture every edge votes for all places that its row lists. Our pixels have a network in the place of the table, and
one vote each: `bridgeseg.grouping.hough`.

Built in chapter 9.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from bridgeseg.structures.preconditions import expect_tensors


def edge_kinds(shape: Tensor) -> Tensor:
    """Return of which kind every pixel of a shape's outline is, by which of its four neighbours are outside.

    shape: (h, w) bool; beyond the edge of the paper everything is outside
    returns: (h, w) int64, 0 where there is no outline; the sum of 1 (left), 2 (above), 4 (right) and 8 (below)

    Example:
        >>> edge_kinds(torch.tensor([[True, True], [True, False]])).tolist()
        [[3, 14], [13, 0]]

    Ballard sorts by the direction of the gradient; on squared paper these kinds are its directions. Built in chapter 9.
    """
    expect_tensors(shape=(shape, "(h, w) bool"))
    near = F.pad(shape, (1, 1, 1, 1))  # (h + 2, w + 2)
    around = torch.stack([near[1:-1, :-2], near[:-2, 1:-1], near[1:-1, 2:], near[2:, 1:-1]])  # (4, h, w)
    values = torch.tensor([1, 2, 4, 8], device=shape.device)[:, None, None]
    return ((~around & shape) * values).sum(0)


def ballard_votes(edges: Tensor, template: Tensor, reference: tuple[int, int]) -> Tensor:
    """Return how many votes a shape's reference point gets at each place of a picture.

    edges: (H, W) int64, kinds of the picture's edges, 0 where there is none
    template: (h, w) int64, kinds of the shape's edges
    reference: row and column of the shape's reference point in the template
    returns: (H, W) int64; a vote for a place outside the picture is lost

    Example:
        >>> template = torch.tensor([[1, 2]])
        >>> ballard_votes(torch.tensor([[0, 1, 2, 0, 2]]), template, reference=(0, 0)).tolist()
        [[0, 2, 0, 1, 0]]

    Every edge of the picture votes for all places that the template's edges of its kind saw the point at. Neither turns
    nor sizes are tried, which Ballard's transform also can. Built in chapter 9.
    """
    expect_tensors(edges=(edges, "(H, W) int64"), template=(template, "(h, w) int64"))
    votes = torch.zeros_like(edges)
    height, width = edges.shape
    for kind in template[template > 0].unique():
        seen = torch.tensor(reference, device=edges.device) - (template == kind).nonzero()  # (m, 2)
        place = ((edges == kind).nonzero()[:, None] + seen).flatten(0, 1)  # (n · m, 2)
        inside = ((place >= 0) & (place < torch.tensor([height, width], device=edges.device))).all(1)
        row, column = place[inside].unbind(1)
        votes.index_put_((row, column), torch.ones_like(row), accumulate=True)
    return votes
