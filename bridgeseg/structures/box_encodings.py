"""Which four numbers a network regresses for a box, by name: the paper's, or the distances to the sides.

The paper's, `encode` and `decode`, stand in `bridgeseg.structures.boxes`. The other four are those of FCOS: a pixel
lies within the box of its instance, so that all four distances are positive, and their logarithm is regressed.

Built in chapter 8.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from bridgeseg.structures.boxes import decode, encode
from bridgeseg.structures.cells import cell_centres
from bridgeseg.structures.preconditions import expect_tensors


def encode_sides(boxes: Tensor, stride: int, scale: float) -> Tensor:
    """Return the logarithms of the distances from every cell to the four sides of its box.

    boxes: (N, 4, h, w) float, half open, pixels
    stride: pixels from cell to cell
    scale: pixels; a usual distance
    returns: (N, 4, h, w) float: log of the distance to the left, upper, right and lower side, over scale; half a pixel
        at least, which is the distance from the centre of a pixel to its own edge

    Example:
        >>> box = torch.tensor([0.0, 0.0, 8.0, 4.0]).view(1, 4, 1, 1)  # the cell's centre is (0.5, 0.5)
        >>> encode_sides(box, stride=1, scale=0.5).exp().round().flatten().int().tolist()
        [1, 1, 15, 7]

    Tian et al.'s FCOS has these four; our choice of half a pixel. Built in chapter 8.
    """
    expect_tensors(boxes=(boxes, "(N, 4, h, w) float"))
    x0, y0, x1, y1 = boxes.unbind(1)  # (N, h, w) each
    x, y = cell_centres(boxes.shape[2], boxes.shape[3], stride, boxes.device)
    distances = torch.stack([x - x0, y - y0, x1 - x, y1 - y], 1)  # (N, 4, h, w)
    return (distances.clamp(min=0.5) / scale).log()


def decode_sides(encoded: Tensor, stride: int, scale: float) -> Tensor:
    """Return the boxes that a network's four log distances a cell stand for; the inverse of `encode_sides`.

    encoded: (N, 4, h, w) float
    stride: pixels from cell to cell
    scale: pixels, as in `encode_sides`
    returns: (N, 4, h, w) float32, half open, pixels; the cell lies within its box. Distances are held below
        e⁶ ≈ 400 scales, so that an untrained network gives no infinity

    Example:
        >>> box = torch.tensor([0.0, 0.0, 8.0, 4.0]).view(1, 4, 1, 1)
        >>> decode_sides(encode_sides(box, 1, 10.0), 1, 10.0).flatten().round().int().tolist()
        [0, 0, 8, 4]

    Built in chapter 8.
    """
    expect_tensors(encoded=(encoded, "(N, 4, h, w) float"))
    left, up, right, down = (encoded.float().clamp(max=6).exp() * scale).unbind(1)  # (N, h, w) each
    x, y = cell_centres(encoded.shape[2], encoded.shape[3], stride, encoded.device)
    return torch.stack([x - left, y - up, x + right, y + down], 1)


class BoxEncoding(NamedTuple):
    """How boxes become four numbers a cell, and back.

    encode: boxes (N, 4, h, w), stride and scale, all in pixels, to the numbers (N, 4, h, w)
    decode: the inverse

    Built in chapter 8.
    """

    encode: Callable[[Tensor, int, float], Tensor]
    decode: Callable[[Tensor, int, float], Tensor]


ENCODINGS = {
    "centre": BoxEncoding(encode, decode),  # paper
    "sides": BoxEncoding(encode_sides, decode_sides),  # FCOS
}
