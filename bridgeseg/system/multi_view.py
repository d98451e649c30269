"""Multi-view testing: the scores of a picture shown at several sizes, and mirrored, brought to the same cells.

The paper tests with several views and says no more of it (S, without detail); which views is our choice. Only
scores are averaged: they are probabilities and need no turning back, as boxes would.

Built in chapter 11.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from bridgeseg.structures.preconditions import expect_tensors


def positions(cells: int, stride: int, own: int, view: int, mirrored: bool) -> Tensor:
    """Return where the cells of a picture lie in a view of it, along one side, in cells of the view.

    cells: along that side of the picture
    stride: pixels from cell to cell, of both
    own, view: the length of the side in the picture and in the view, pixels
    mirrored: the view runs the other way
    returns: (cells,) float; cell j lies at the middle of pixel stride · j

    Built in chapter 11.
    """
    middle = (stride * torch.arange(cells) + 0.5) * view / own - 0.5
    return (view - 1 - middle if mirrored else middle) / stride


def at_cells(scores: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return the scores of a view at the given places, bilinearly; beyond the last cells the nearest one's.

    scores: (n, c, h, w) float
    rows, columns: (a,) and (b,) float, in cells of the scores
    returns: (n, c, a, b) float

    Built in chapter 11.
    """
    expect_tensors(
        scores=(scores, "(n, c, h, w) float, not empty"),
        rows=(rows, "(a,) float"),
        columns=(columns, "(b,) float"),
    )
    sides = torch.tensor([max(scores.shape[-1] - 1, 1), max(scores.shape[-2] - 1, 1)])
    places = torch.stack(
        torch.meshgrid(rows.float(), columns.float(), indexing="ij")[::-1], -1
    )  # (a, b, 2): x and y
    # (n, a, b, 2), as `grid_sample` counts: -1 is the centre of the first cell, 1 that of the last
    grid = (2 * places / sides - 1).to(scores)[None].expand(len(scores), -1, -1, -1)
    return F.grid_sample(scores, grid, mode="bilinear", padding_mode="border", align_corners=True)


def mean_scores(
    ask: Callable[[Tensor], Tensor], pictures: Tensor, zooms: Sequence[float], mirrored: bool, stride: int
) -> Tensor:
    """Return the mean over all views of what a network says.

    ask: a batch of pictures, (n, 3, h, w) float, to scores on cells, (n, c, ceil(h / stride), ceil(w / stride))
    pictures: (n, 3, h, w) float, normalised
    zooms: the sizes of the views, times the picture's; at least one
    mirrored: show each of them mirrored as well
    stride: pixels from cell to cell of the scores
    returns: (n, c, ceil(h / stride), ceil(w / stride)) float, on the cells of the picture itself
    raises: ValueError without a zoom, or for one that is not above 0

    Paper: multi-view testing (S); the views are our choice. Built in chapter 11.
    """
    expect_tensors(pictures=(pictures, "(n, 3, h, w) float, not empty"))
    if not zooms or min(zooms) <= 0:
        raise ValueError(f"zooms is {tuple(zooms)}, expected at least one, all above 0")
    height, width = pictures.shape[-2:]
    parts = []
    for zoom in zooms:
        size = (max(round(height * zoom), 1), max(round(width * zoom), 1))
        view = pictures
        if size != (height, width):
            view = F.interpolate(pictures, size=size, mode="bilinear", antialias=zoom < 1)  # (n, 3, *size)
        rows = positions(-(-height // stride), stride, height, size[0], False)
        for turned in (False, True)[: 1 + mirrored]:
            columns = positions(-(-width // stride), stride, width, size[1], turned)
            parts.append(at_cells(ask(view.flip(-1) if turned else view), rows, columns))
    return torch.stack(parts).mean(0)  # (views, n, c, …) to (n, c, …)
