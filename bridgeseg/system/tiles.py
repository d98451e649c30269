"""Tiles: a picture too large to be shown at once, in windows that overlap by as much as the networks see.

What a network says of a cell depends on the pixels within its field of view and on no other. A window that holds a
square of cells and, round it, so many pixels, shows the network all that it would look at in the whole picture: of the
square's cells it says the same. Squares laid side by side are then the answer to the whole picture, without a seam, and
what follows, the grouping, never learns of them. The price is the pixels that are shown more than once.

Built in chapter 12.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from bridgeseg.networks.fcn import FCN
from bridgeseg.networks.field_of_view import measured_field_of_view

STRIP = 4096  # pixels on which the field of view is measured; those of our recipes see 677 to a side at most

Ask = Callable[[int, int, int, int], tuple[Tensor, Tensor]]


class Stretch(NamedTuple):
    """A stretch of one side of a picture that is shown, and the part of it whose cells are kept, in pixels.

    start, stop: what is shown, half open
    first, last: what is kept, half open, within it

    Built in chapter 12.
    """

    start: int
    stop: int
    first: int
    last: int


def stretches(length: int, side: int, margin: int, step: int) -> list[Stretch]:
    """Return the stretches in which one side of a picture is shown; what they keep covers it, each pixel once.

    length: of the side, pixels
    side: pixels kept of each, at most, a multiple of the step or else the next lower one, and never below a step
    margin: pixels shown beyond them, at least, where the picture has as many
    step: pixels; every stretch starts and is kept from a multiple of it, so that cells lie where they lie in the whole
    returns: about equally long ones, from the first to the last

    Example:
        >>> [tuple(each) for each in stretches(96, side=40, margin=10, step=16)]
        [(0, 48, 0, 32), (16, 80, 32, 64), (48, 96, 64, 96)]

    Built in chapter 12.
    """
    most = max(side // step, 1) * step
    equal = -(-length // -(-length // most))  # each of as few as there can be
    kept, margin = -(-equal // step) * step, -(-margin // step) * step
    firsts = list(range(0, length, kept))
    lasts = [*firsts[1:], length]
    return [
        Stretch(max(first - margin, 0), min(last + margin, length), first, last)
        for first, last in zip(firsts, lasts, strict=True)
    ]


def step_and_margin(networks: nn.ModuleDict, smallest_view: float = 1.0) -> tuple[int, int]:
    """Return how tiles have to lie so that networks say of them what they say of the whole picture.

    networks: what `bridgeseg.system.build.build_networks` makes
    smallest_view: the least of the sizes at which they are asked, times the picture's
    returns: pixels of which the place of a tile is a multiple, the coarsest stride of a trunk; and pixels shown round a
        tile, the farthest that any cell sees

    Example:
        >>> from bridgeseg.system.checkpoint import load_run
        >>> step_and_margin(load_run("nuclei").networks)
        (16, 249)

    Measured through the gradient, so that it is right for whatever network there is. Built in chapter 12.
    """
    steps: list[int] = []
    margins: list[int] = []
    for network in networks.values():
        steps.append(max(cast(FCN, network).trunk.strides))
        with torch.enable_grad():
            margins += measured_field_of_view(copy.deepcopy(network).cpu(), STRIP)
    return max(steps), math.ceil(max(margins) / min(smallest_view, 1.0))


def stitched(
    size: tuple[int, int], side: int, margin: int, step: int, stride: int, ask: Ask
) -> tuple[Tensor, Tensor]:
    """Return the scores and boxes of pictures that are shown in tiles.

    size: height and width of the pictures, pixels
    side, margin, step: as in `stretches`, both ways
    stride: pixels from cell to cell of the answers; divides the step
    ask: a window (top, bottom, left, right) of all pictures, pixels, half open, to scores (N, C + 1, h, w) float and
        boxes (N, 4, h, w) float, in pixels of the window
    returns: scores (N, C + 1, ⌈H / stride⌉, ⌈W / stride⌉) float, and boxes (N, 4, ⌈H / stride⌉, ⌈W / stride⌉) float, in
        pixels of the picture

    Example:
        >>> from bridgeseg.structures.cells import cell_centres
        >>> def ask(top, bottom, left, right):
        ...     here = cell_centres(bottom - top, right - left, 1)[None]
        ...     return here[:, :1] + left, torch.cat([here, here], 1)
        >>> scores, boxes = stitched((1, 5), side=2, margin=1, step=2, stride=1, ask=ask)
        >>> scores[0, 0].tolist(), boxes[0, 2].tolist()
        ([[0.5, 1.5, 2.5, 3.5, 4.5]], [[0.5, 1.5, 2.5, 3.5, 4.5]])

    Our choice: the maps are put together whole and grouped once, so that no instance is ever cut. Built in chapter 12.
    """
    cells = (-(-size[0] // stride), -(-size[1] // stride))
    wholes: list[Tensor] = []
    for down in stretches(size[0], side, margin, step):
        for across in stretches(size[1], side, margin, step):
            scores, boxes = ask(down.start, down.stop, across.start, across.stop)
            boxes = boxes + boxes.new_tensor([across.start, down.start] * 2).view(4, 1, 1)
            wholes = wholes or [part.new_empty(*part.shape[:2], *cells) for part in (scores, boxes)]
            here = tuple(slice(each.first // stride, -(-each.last // stride)) for each in (down, across))
            there = tuple(
                slice((each.first - each.start) // stride, -(-(each.last - each.start) // stride))
                for each in (down, across)
            )
            for whole, part in zip(wholes, (scores, boxes), strict=True):
                whole[..., here[0], here[1]] = part[..., there[0], there[1]]
    return wholes[0], wholes[1]
