"""Windows cut out of pictures as it was drawn, in two ways that give the same: one by one, or all at once on a GPU.

A processor is fastest with Pillow, which reads every byte once. A GPU wants a few operations on large tensors, sizes
that never change, and no question that needs its answer: no `.item()`, no `nonzero`, no boolean indexing. Both take the
same draws, and both keep Pillow's arithmetic to the last bit: a window is resampled along its rows first, in whole
numbers, with weights in 2⁻²². So the two differ in nothing but how new colours are rounded.

Built in chapter 6.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from bridgeseg.data.transforms import FILL
from bridgeseg.system.recipe import CropRecipe
from bridgeseg.training.augmentation import PARTS_BITS, Draws

WEIGHT_BITS = 22  # Pillow's: 8 bits of a colour, 22 of a weight, and 2 to spare
FAR = 1 << 60  # a place beyond every picture

# Of (transposed, upside down, mirrored), in this order; Pillow's ROTATE_90 turns anticlockwise.
POSITIONS = {
    (False, False, False): None,
    (False, False, True): Image.Transpose.FLIP_LEFT_RIGHT,
    (False, True, False): Image.Transpose.FLIP_TOP_BOTTOM,
    (False, True, True): Image.Transpose.ROTATE_180,
    (True, False, False): Image.Transpose.TRANSPOSE,
    (True, False, True): Image.Transpose.ROTATE_270,
    (True, True, False): Image.Transpose.ROTATE_90,
    (True, True, True): Image.Transpose.TRANSVERSE,
}


class Flat(NamedTuple):
    """Pictures and their label maps, one after the other, row by row; the sizes may differ.

    pixels: (T + 1, 3) uint8, RGB; the last is the colour of what lies beyond a picture
    categories: (T + 1,) uint8, 0 background, 1…C, 255 void; the last is void
    instances: (T + 1,) int16 or int32, 0 none, 1…n in each picture; the last is 0
    offsets: (P,) int64, where each picture begins
    sizes: (P, 2) int64, height and width, pixels
    steps: (P, 2) int64, how far it is from a row to the next, the width, and from a column to the next, 1

    Built in chapter 6.
    """

    pixels: Tensor
    categories: Tensor
    instances: Tensor
    offsets: Tensor
    sizes: Tensor
    steps: Tensor


class Batch(NamedTuple):
    """A mini-batch, on the device where its pictures are stored.

    pictures: (N, side, side, 3) uint8, RGB
    categories: (N, side, side) uint8, 0 background, 1…C, 255 void
    instances: (N, side, side) int16 or int32, 0 none; numbers as in the whole picture, so there are gaps
    most: K, no instance has a larger number

    Example:
        >>> maps = torch.zeros(4, 5, 5, dtype=torch.uint8)
        >>> batch = Batch(maps[..., None].expand(4, 5, 5, 3), maps, maps.short(), 0)
        >>> [tuple(part.pictures.shape) for part in batch.parts(2)]
        [(2, 5, 5, 3), (2, 5, 5, 3)]

    Built in chapter 6.
    """

    pictures: Tensor
    categories: Tensor
    instances: Tensor
    most: int

    def to(self, device: torch.device) -> Batch:
        """Return the mini-batch on a device; from pinned memory nothing waits for the copy.

        device: where it shall be
        """
        pictures, categories, instances = (values.to(device, non_blocking=True) for values in self[:3])
        return Batch(pictures, categories, instances, self.most)

    def parts(self, count: int) -> list[Batch]:
        """Return the mini-batch in so many parts of as many windows each.

        count: divides N
        """
        chunks = zip(self.pictures.chunk(count), self.categories.chunk(count), self.instances.chunk(count))
        return [Batch(*chunk, self.most) for chunk in chunks]


def cut_on_host(flat: Flat, draws: Draws, crops: CropRecipe) -> Batch:
    """Cut the windows of a mini-batch one after the other, on the processor.

    flat: all pictures, in host memory
    draws: for N windows, there too
    crops: how they are cut
    returns: the mini-batch; beyond a picture lies void, of ImageNet's mean colour

    Built in chapter 6.
    """
    size, count = crops.side, len(draws.picture)
    pixels, categories, instances = (values.numpy() for values in flat[:3])
    cut = np.empty((count, size, size, 3), np.uint8)
    labels = (np.empty((count, size, size), np.uint8), np.empty((count, size, size), instances.dtype))
    steps = 2 * np.arange(size) + 1
    # As lists: to take one number out of a tensor is a hundred times as slow.
    pictures = (flat.offsets[draws.picture].tolist(), flat.sizes[draws.picture].tolist())
    drawn = zip(*pictures, *(values.tolist() for values in draws[1:]))
    for place, (begin, (height, width), side, start, transposed, flipped, matrix, shift) in enumerate(drawn):
        top, left = (
            part * (max(extent, side) - side + 1) >> PARTS_BITS
            for part, extent in zip(start, (height, width))
        )
        # The window is cut first and scaled afterwards: the same picture, at a fraction of the work.
        whole = pixels[begin : begin + height * width].reshape(height, width, 3)
        image = Image.fromarray(np.ascontiguousarray(whole[top : top + side, left : left + side]))
        if image.size != (side, side):
            image, inside = Image.new("RGB", (side, side), FILL), image
            image.paste(inside)
        image = image.resize((size, size), Image.Resampling.BILINEAR)
        if crops.jitter:
            image = _coloured(image, matrix, shift)
        method = POSITIONS[transposed, *flipped]
        cut[place] = np.asarray(image if method is None else image.transpose(method))

        # The row and the column that hold the new pixel's centre, in whole numbers so that nothing is rounded.
        nearest = steps * side // (2 * size)  # (side,)
        rows, columns = top + nearest, left + nearest
        first = np.where(rows < height, begin + rows * width, FAR)
        second = np.where(columns < width, columns, FAR)
        if transposed:
            first, second = second, first
        index = first[:: -1 if flipped[0] else 1, None] + second[:: -1 if flipped[1] else 1]  # (side, side)
        for values, into in zip((categories, instances), labels):
            # "clip": of what lies too far the last is taken, which is nothing's.
            np.take(values, index, out=into[place], mode="clip")
    kinds, numbers = labels
    return Batch(
        torch.from_numpy(cut), torch.from_numpy(kinds), torch.from_numpy(numbers), int(numbers.max())
    )


def _coloured(image: Image.Image, matrix: list[list[float]], shift: list[float]) -> Image.Image:
    """Return an image in new colours: those of a pixel times a matrix, and the mean colour times the shift added."""
    counts = np.array(image.histogram()).reshape(3, 256)  # how many pixels have which value
    offset = float(counts @ np.arange(256) @ shift) / (image.width * image.height)
    # Pillow multiplies from the left, and takes the offset as a fourth column.
    return image.convert("RGB", [value for column in zip(*matrix) for value in (*column, offset)])


def cut_on_device(flat: Flat, draws: Draws, crops: CropRecipe, most: int) -> Batch:
    """Cut the windows of a mini-batch all at once, in some dozens of operations on tensors whose sizes never change.

    flat: all pictures, on the device
    draws: for N windows, there too
    crops: how they are cut
    most: the largest number of instances in a picture
    returns: the mini-batch, as `cut_on_host` would cut it; colours may differ by one

    Nothing waits for the device, so that a CUDA graph can hold all of it. Built in chapter 6.
    """
    size, side, transposed = crops.side, draws.side[:, None], draws.transposed[:, None]  # (N, 1) each
    extent = flat.sizes[draws.picture]  # (N, 2), along rows and along columns, as all that follow
    step = flat.steps[draws.picture]
    start = draws.start * (torch.maximum(extent, side) - side + 1) >> PARTS_BITS  # (N, 2): top, left
    begin, beyond = flat.offsets[draws.picture][:, None], len(flat.categories) - 1

    def places(inside: Tensor) -> Tensor:
        """From rows and columns of the windows, (N, 2, k), to what they add to a place in the store."""
        inside = inside + start[..., None]
        return (inside * step[..., None]).masked_fill(inside >= extent[..., None], FAR)

    # The rows and columns of the scaled window in the order in which they are shown, before columns become rows.
    order = torch.arange(size, device=side.device)
    flipped = torch.where(transposed, draws.flipped.flip(1), draws.flipped)[..., None]  # (N, 2, 1)
    shown = torch.where(flipped, size - 1 - order, order)  # (N, 2, side)

    # Labels: of the row and the column that hold the new pixel's centre.
    nearest = places((2 * shown + 1) * side[..., None] // (2 * size))  # (N, 2, side)
    if not crops.upright:
        nearest = torch.where(transposed[..., None], nearest.flip(1), nearest)
    index = (begin + nearest[:, 0])[..., None] + nearest[:, 1, None]  # (N, side, side)
    index.clamp_(max=beyond)
    categories, instances = flat.categories[index], flat.instances[index]

    if not crops.resampled:
        pictures = flat.pixels[index]  # (N, side, side, 3)
    else:
        taps = math.ceil(2 * max(1.0, crops.largest / size))
        inside, weights = _weights(shown, side[..., None], size, taps)  # (N, 2, side, taps)
        near = places(inside.flatten(2)).view_as(inside)
        rows, columns = begin[..., None] + near[:, 0], near[:, 1, None]  # (N, side, taps), (N, 1, side, taps)

        def lines(tap: int) -> Tensor:
            """One of the rows that make up each row of the scaled windows, resampled: (N, side, side, 3) int32."""
            index = (rows[:, :, tap, None, None] + columns).clamp_(max=beyond)  # (N, side, side, taps)
            return _rounded((flat.pixels[index] * weights[:, 1, None, ..., None]).sum(3, dtype=torch.int32))

        pictures = torch.zeros((*index.shape, 3), dtype=torch.int32, device=index.device)
        for tap in range(taps):
            pictures += lines(tap).mul_(weights[:, 0, :, tap, None, None])
        pictures = _rounded(pictures).to(torch.uint8)  # (N, side, side, 3)
        if not crops.upright:
            pictures = torch.where(transposed[..., None, None], pictures.transpose(1, 2), pictures)
    if crops.jitter:
        old, matrix = pictures.flatten(1, 2).float(), draws.matrix[:, None]  # (N, side², 3), (N, 1, 3, 3)
        offset = (old.mean(1) * draws.shift).sum(1)[:, None, None]
        # Not a matrix product, which a GPU may round to 10 bits, or to 7 under autocast.
        new = offset + old[..., :1] * matrix[:, :, 0]
        new.addcmul_(old[..., 1:2], matrix[:, :, 1]).addcmul_(old[..., 2:], matrix[:, :, 2])
        new.add_(0.5).clamp_(0, 255)  # half a step, since the cast cuts off
        pictures = new.to(torch.uint8).view_as(pictures)
    return Batch(pictures, categories, instances, most)


def _weights(shown: Tensor, side: Tensor, size: int, taps: int) -> tuple[Tensor, Tensor]:
    """Return which pixels along an axis of a window make up a pixel of the scaled one, and how much each counts.

    shown: (N, 2, side) int64, the pixels of the scaled window, 0…size − 1
    side: (N, 1, 1) int64, of the window before it is scaled
    taps: pixels looked at
    returns: (N, 2, side, taps) int64, 0 or more, and int32, in 2⁻²²: a triangle two pixels wide, new ones where the
        window shrinks and old ones where it grows; beyond the window nothing counts
    """
    scale = side.double() / size
    reach = scale.clamp(min=1)
    centre = (shown + 0.5) * scale  # (N, 2, side)
    first = (centre - reach + 0.5).clamp_(min=0).long()
    pixel = first[..., None] + torch.arange(taps, device=shown.device)  # (N, 2, side, taps)
    weight = 1 - ((pixel + 0.5 - centre[..., None]) * (1 / reach)[..., None]).abs()
    weight = weight.clamp_(min=0).masked_fill_(pixel >= side[..., None], 0)
    weight = weight / weight.sum(-1, keepdim=True)
    return pixel, (weight * (1 << WEIGHT_BITS) + 0.5).int()


def _rounded(sums: Tensor) -> Tensor:
    """Turn sums of colours that were weighted in 2⁻²² into the nearest whole colours, in place."""
    return sums.add_(1 << WEIGHT_BITS - 1).bitwise_right_shift_(WEIGHT_BITS)
