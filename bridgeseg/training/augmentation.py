"""What chance decides about a mini-batch: which pictures, which windows of them, their scale, position and colours.

The numbers are a function of the seed, the step and the place in the mini-batch, and of nothing else. That one property
pays four times: a run that was killed goes on where it was; a batch can be made ahead, in a thread or in a process;
several processes cut one global batch among them; and a processor and a GPU, which cut windows in different ways (see
`bridgeseg.training.windows`), cut the same ones.

Built in chapter 6.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from bridgeseg.data.transforms import GREY
from bridgeseg.system.recipe import CropRecipe

# Drawn at once: drawing for one step alone takes ten times as long, and a GPU gets them in one copy.
STEPS = 1000
# Where a window lies is a whole number of so many parts of what is free: whole numbers come out alike on every device.
PARTS_BITS = 31


class Draws(NamedTuple):
    """What was drawn for the windows of a mini-batch; of many steps, each tensor has one dimension more in front.

    picture: (N,) int64, which one
    side: (N,) int64, of the square window, in pixels of the picture as it is stored, at least 1
    start: (N, 2) int64, where it lies, downwards and across, in 2⁻³¹ of the places that there are
    transposed: (N,) bool, columns become rows
    flipped: (N, 2) bool, after that: upside down, mirrored
    matrix: (N, 3, 3) float32; the colours of a pixel, as a row, times this are the new ones
    shift: (N, 3) float32; its product with the mean colour of the window is added to each of them

    Built in chapter 6.
    """

    picture: Tensor
    side: Tensor
    start: Tensor
    transposed: Tensor
    flipped: Tensor
    matrix: Tensor
    shift: Tensor


def orders(seed: int, first: int, last: int, count: int) -> np.ndarray:
    """Return which picture comes when, for a range of positions: every picture once an epoch, in an order of its own.

    seed: of the run, 0 or more
    first, last: positions counted from the beginning of the run, the last one excluded
    count: pictures, at least 1
    returns: (last − first,) int64, 0…count − 1

    Example:
        >>> first, second = orders(seed=0, first=0, last=10, count=5).reshape(2, 5)  # two epochs
        >>> sorted(first.tolist()), sorted(second.tolist())
        ([0, 1, 2, 3, 4], [0, 1, 2, 3, 4])

    Built in chapter 6.
    """
    together = max(1, 4096 // count)  # small epochs are drawn many at a time
    span = together * count
    blocks = [
        np.random.default_rng([seed, 1, block])
        .permuted(np.broadcast_to(np.arange(count), (together, count)), axis=1)
        .ravel()
        for block in range(first // span, -(-last // span))
    ]
    start = first // span * span
    return np.concatenate(blocks)[first - start : last - start]


def draw(seed: int, chunk: int, batch: int, count: int, crops: CropRecipe) -> Draws:
    """Draw for a thousand steps at once.

    seed: of the run, 0 or more
    chunk: the steps are 1000 · chunk to 1000 · chunk + 999
    batch: N, windows of a mini-batch, those of all processes together
    count: pictures that there are, at least 1
    crops: how windows are cut
    returns: the draws, (1000, N) each

    Built in chapter 6.
    """
    generator = np.random.default_rng([seed, 2, chunk])
    size = (STEPS, batch)
    low, high = crops.scales
    position = chunk * STEPS * batch
    picture = orders(seed, position, position + STEPS * batch, count).reshape(size)

    factor = np.exp(generator.uniform(np.log(low), np.log(high), size))
    side = np.maximum(np.rint(crops.side / factor), 1).astype(np.int64)
    start = generator.integers(1 << PARTS_BITS, size=(*size, 2))

    turned = generator.integers(8, size=size)  # the eight positions, as three bits
    if crops.alternate:
        epoch = np.arange(position, position + STEPS * batch).reshape(size) // count
        turned = (np.random.default_rng([seed, 3]).integers(8, size=count)[picture] + epoch) % 8
    if crops.upright:
        turned &= 1

    amounts = generator.uniform(1 - crops.jitter, 1 + crops.jitter, (3, *size))  # (3, 1000, N)
    matrix, shift = colour_change(*amounts)  # (1000, N, 3, 3), (1000, N, 3)
    flipped = (turned[..., None] & [2, 1]) > 0  # (1000, N, 2)
    coloured = (values.astype(np.float32) for values in (matrix, shift))
    return Draws(*map(torch.from_numpy, (picture, side, start, turned >= 4, flipped, *coloured)))


def colour_change(
    bright: np.ndarray, contrast: np.ndarray, colour: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return what brightness, contrast and saturation, in this order, do to colours: one matrix and one offset.

    bright: (...,) float; every colour is multiplied by it
    contrast: (...,) float; how far colours then move away from the mean brightness of the window, 1 leaves them
    colour: (...,) float; how far they then move away from their own brightness, 1 leaves them
    returns: (..., 3, 3) float, by which a pixel's colours, as a row, are multiplied; (..., 3) float, whose product with
        the mean colour of the window is added to each of the three

    Example:
        >>> matrix, shift = colour_change(np.array(1.0), np.array(1.0), np.array(0.0))  # a grey picture
        >>> (np.array([200.0, 100.0, 0.0]) @ matrix).round(1).tolist(), shift.tolist()
        ([118.5, 118.5, 118.5], [0.0, 0.0, 0.0])

    All three are linear in the colours, which is why one matrix is enough. Our choice. Built in chapter 6.
    """
    b, s, c = (values[..., None, None] for values in (bright, contrast, colour))  # (..., 1, 1)
    matrix = b * s * (c * np.eye(3) + (1 - c) * GREY[:, None])  # (..., 3, 3)
    return matrix, (b * (1 - s))[..., 0] * GREY  # (..., 3)


def of_step(draws: Draws, step: int) -> Draws:
    """Return what was drawn for a step, (N,) each, out of the draws of its thousand; nothing is copied.

    draws: of a thousand steps, as `draw` returns them
    step: 0 or more

    Built in chapter 6.
    """
    return Draws(*(values[step % STEPS] for values in draws))


def of_process(draws: Draws, rank: int, processes: int) -> Draws:
    """Return the share of one of several processes, (1000, N / processes) each: every so manieth place.

    draws: of a thousand steps, as `draw` returns them
    rank: number of the process, 0…processes − 1
    processes: how many; divides N

    Built in chapter 15.
    """
    return Draws(*(values[:, rank::processes].contiguous() for values in draws))
