"""Cropping, turning, scaling and colouring a picture, its label maps kept in step.

Every function takes a sample and returns a new one; the old one stays as it is. What the networks shall learn
(boxes, bins) is computed afterwards from the label maps, so nothing here knows of it. What is random takes a
`numpy.random.Generator` and nothing else is random: the same generator in the same state gives the same
sample. Speed counts, since this runs on the CPU for every picture of every step.

Built in chapter 2.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from bridgeseg.structures.labels import VOID, Sample
from bridgeseg.structures.preconditions import expect_arrays

# ImageNet's mean colour, near zero once a picture is normalised, so that a padded edge looks like nothing.
FILL = (124, 116, 104)
# How much red, green and blue add to brightness (ITU-R BT.601).
GREY = np.array([0.299, 0.587, 0.114], np.float32)


def crop(sample: Sample, top: int, left: int, height: int, width: int) -> Sample:
    """Cut a window out of a sample.

    sample: the picture with its maps
    top, left: the window's first row and column, pixels
    height, width: its size, pixels, at least 1
    returns: the window; its arrays share memory with the sample's. Instances keep their numbers (`compact`).
    raises: ValueError when the window does not lie within the picture

    Example:
        >>> numbers = np.arange(6, dtype=np.int32).reshape(2, 3)
        >>> sample = Sample("tiny", np.zeros((2, 3, 3), np.uint8), np.ones((2, 3), np.uint8), numbers)
        >>> crop(sample, top=0, left=1, height=2, width=2).instances.tolist()
        [[1, 2], [4, 5]]

    Built in chapter 2.
    """
    _expect(sample)
    rows, columns = sample.categories.shape
    if height < 1 or width < 1 or top < 0 or left < 0 or top + height > rows or left + width > columns:
        raise ValueError(
            f"crop of {sample.name}: rows {top} to {top + height} and columns {left} to {left + width}, "
            f"expected a window within {rows} rows and {columns} columns"
        )
    window = (slice(top, top + height), slice(left, left + width))
    return Sample(sample.name, sample.picture[window], sample.categories[window], sample.instances[window])


def random_crop(sample: Sample, height: int, width: int, generator: np.random.Generator) -> Sample:
    """Cut a window of a given size at a random place; a picture that is too small is padded first.

    sample: the picture with its maps
    height, width: the window's size, pixels
    generator: is moved on
    returns: a sample of exactly that size, every place within the picture equally likely

    Example:
        >>> numbers = np.arange(6, dtype=np.int32).reshape(2, 3)
        >>> sample = Sample("tiny", np.zeros((2, 3, 3), np.uint8), np.ones((2, 3), np.uint8), numbers)
        >>> random_crop(sample, 3, 3, np.random.default_rng(0)).categories.tolist()  # one row too few
        [[1, 1, 1], [1, 1, 1], [255, 255, 255]]

    Built in chapter 2.
    """
    sample = pad(sample, height, width)
    rows, columns = sample.categories.shape
    top = int(generator.integers(rows - height + 1))
    left = int(generator.integers(columns - width + 1))
    return crop(sample, top, left, height, width)


def flip(sample: Sample, vertical: bool = False) -> Sample:
    """Mirror a sample left to right, or top to bottom.

    sample: the picture with its maps
    vertical: True swaps top and bottom, which suits micrographs and not photographs
    returns: the mirrored sample, its arrays contiguous

    Example:
        >>> numbers = np.arange(6, dtype=np.int32).reshape(2, 3)
        >>> sample = Sample("tiny", np.zeros((2, 3, 3), np.uint8), np.ones((2, 3), np.uint8), numbers)
        >>> flip(sample).instances.tolist()
        [[2, 1, 0], [5, 4, 3]]

    Built in chapter 2.
    """
    _expect(sample)
    axis = 0 if vertical else 1
    # PyTorch takes no arrays with negative strides, so the mirror image is copied here; `ascontiguousarray` would leave
    # those of a picture one pixel wide.
    return Sample(
        sample.name,
        np.flip(sample.picture, axis).copy(),
        np.flip(sample.categories, axis).copy(),
        np.flip(sample.instances, axis).copy(),
    )


def turn(sample: Sample, quarters: int) -> Sample:
    """Turn a sample by quarter turns, anticlockwise: for micrographs, which have no up and down.

    sample: the picture with its maps
    quarters: how many times 90°; any whole number
    returns: the turned sample; an odd number of quarters swaps height and width

    Built in chapter 2.
    """
    _expect(sample)
    return Sample(
        sample.name,
        np.rot90(sample.picture, quarters).copy(),  # (w, h, 3) for an odd number
        np.rot90(sample.categories, quarters).copy(),
        np.rot90(sample.instances, quarters).copy(),
    )


def random_flip(sample: Sample, generator: np.random.Generator, upright: bool = True) -> Sample:
    """Mirror a sample with probability one half; if it need not stay upright, turn it as well.

    sample: the picture with its maps
    generator: is moved on
    upright: True keeps top on top (photographs); False draws one of all eight positions (micrographs)
    returns: the sample or its mirror image, turned by 0 to 3 quarters unless upright

    Example:
        >>> numbers = np.arange(6, dtype=np.int32).reshape(2, 3)
        >>> sample = Sample("tiny", np.zeros((2, 3, 3), np.uint8), np.ones((2, 3), np.uint8), numbers)
        >>> generator = np.random.default_rng(0)
        >>> sorted({random_flip(sample, generator).instances[0].tolist()[0] for _ in range(40)})
        [0, 2]

    Built in chapter 2.
    """
    if generator.random() < 0.5:
        sample = flip(sample)
    return sample if upright else turn(sample, int(generator.integers(4)))


def resize(sample: Sample, height: int, width: int) -> Sample:
    """Bring a sample to a given size.

    The picture is resampled linearly, over a wider window when it shrinks: fine texture is averaged and
    not picked at random. Each new pixel takes the label that its centre falls on: no label is ever made up.

    sample: the picture with its maps
    height, width: the new size, pixels, at least 1
    returns: the sample in the new size; a small instance may vanish, see `compact`
    raises: ValueError for a size below 1

    Example:
        >>> numbers = np.arange(6, dtype=np.int32).reshape(2, 3)
        >>> sample = Sample("tiny", np.zeros((2, 3, 3), np.uint8), np.ones((2, 3), np.uint8), numbers)
        >>> resize(sample, 1, 6).instances.tolist()  # the new row's centre falls on row 1
        [[3, 3, 4, 4, 5, 5]]

    Built in chapter 2.
    """
    _expect(sample)
    if height < 1 or width < 1:
        raise ValueError(f"resize of {sample.name}: {height} rows, {width} columns, expected at least 1")
    rows, columns = sample.categories.shape
    if (rows, columns) == (height, width):
        return sample
    picture = Image.fromarray(np.ascontiguousarray(sample.picture))
    # The row and column that hold the new pixel's centre, in whole numbers so that nothing is rounded.
    row = (2 * np.arange(height) + 1) * rows // (2 * height)  # (height,)
    column = (2 * np.arange(width) + 1) * columns // (2 * width)  # (width,)
    return Sample(
        sample.name,
        np.array(picture.resize((width, height), Image.Resampling.BILINEAR)),
        sample.categories.take(row, axis=0).take(column, axis=1),  # (height, width)
        sample.instances.take(row, axis=0).take(column, axis=1),
    )


def scale(sample: Sample, factor: float) -> Sample:
    """Make a sample larger or smaller by a factor.

    sample: the picture with its maps
    factor: above 0; 2 doubles both sides
    returns: the sample with each side times the factor, rounded, at least 1 pixel
    raises: ValueError for a factor that is not above 0

    Built in chapter 2.
    """
    _expect(sample)
    if not factor > 0:
        raise ValueError(f"scale of {sample.name}: factor {factor}, expected above 0")
    rows, columns = sample.categories.shape
    return resize(sample, max(1, round(rows * factor)), max(1, round(columns * factor)))


def random_scale(sample: Sample, low: float, high: float, generator: np.random.Generator) -> Sample:
    """Scale a sample by a random factor, as often by half as by two.

    sample: the picture with its maps
    low, high: the range of factors, above 0; drawn evenly on a logarithmic axis
    generator: is moved on
    returns: the scaled sample

    Example:
        >>> numbers = np.arange(6, dtype=np.int32).reshape(2, 3)
        >>> sample = Sample("tiny", np.zeros((2, 3, 3), np.uint8), np.ones((2, 3), np.uint8), numbers)
        >>> random_scale(sample, 2.0, 2.0, np.random.default_rng(0)).instances.tolist()[0]
        [0, 0, 1, 1, 2, 2]

    Built in chapter 2.
    """
    return scale(sample, float(np.exp(generator.uniform(np.log(low), np.log(high)))))


def pad(sample: Sample, height: int, width: int, fill: tuple[int, int, int] = FILL) -> Sample:
    """Extend a sample to the right and downwards until it has at least a given size.

    sample: the picture with its maps
    height, width: the size to reach, pixels; a side that is already longer stays
    fill: the colour of the new pixels, which are void and of no instance: no loss, no measure counts them
    returns: the padded sample, or the same one when there is nothing to add

    Built in chapter 2.
    """
    _expect(sample)
    rows, columns = sample.categories.shape
    if rows >= height and columns >= width:
        return sample
    size = (max(rows, height), max(columns, width))
    picture = np.empty((*size, 3), np.uint8)
    picture[:] = fill
    picture[:rows, :columns] = sample.picture
    categories = np.full(size, VOID, np.uint8)
    categories[:rows, :columns] = sample.categories
    instances = np.zeros(size, sample.instances.dtype)
    instances[:rows, :columns] = sample.instances
    return Sample(sample.name, picture, categories, instances)


def jitter(
    sample: Sample,
    generator: np.random.Generator,
    brightness: float = 0.2,
    contrast: float = 0.2,
    saturation: float = 0.2,
) -> Sample:
    """Change the colours of a picture at random; its labels stay.

    sample: the picture with its maps
    generator: is moved on
    brightness, contrast, saturation: each drawn from 1 - amount to 1 + amount; 0 leaves it alone. Brightness
        multiplies, contrast stretches about the picture's mean, saturation about each pixel's grey.
    returns: the sample with its new picture, cut off at 0 and 255
    raises: ValueError for an amount outside 0 to 1

    Example:
        >>> picture, labels = np.full((2, 3, 3), 100, np.uint8), np.zeros((2, 3), np.uint8)
        >>> sample = Sample("grey", picture, labels, labels.astype(np.int32))
        >>> found = jitter(sample, np.random.default_rng(0), brightness=0.2, contrast=0, saturation=0).picture
        >>> 80 <= int(found.min()) == int(found.max()) <= 120
        True

    Built in chapter 2.
    """
    _expect(sample)
    for title, amount in (("brightness", brightness), ("contrast", contrast), ("saturation", saturation)):
        if not 0 <= amount <= 1:
            raise ValueError(f"{title} is {amount}, expected 0 to 1")
    bright, stretch, colour = (
        float(generator.uniform(1 - amount, 1 + amount)) for amount in (brightness, contrast, saturation)
    )
    # All three are linear in the colours: one matrix and one offset, one pass over the picture.
    mean = float(sample.picture.mean(axis=(0, 1)) @ GREY)
    matrix = bright * stretch * (colour * np.eye(3) + (1 - colour) * GREY[:, None])  # (3, 3)
    picture = sample.picture.astype(np.float32) @ matrix.astype(np.float32)  # (h, w, 3)
    picture += np.float32(bright * (1 - stretch) * mean + 0.5)  # half a step: the cast below cuts off
    np.clip(picture, 0, 255, out=picture)
    return Sample(sample.name, picture.astype(np.uint8), sample.categories, sample.instances)


def compact(sample: Sample) -> Sample:
    """Number the instances that are left 1…n, in their old order: after a crop, or when small ones vanished.

    sample: the picture with its maps
    returns: the sample with its instances renumbered, or the same one when there is no gap

    Built in chapter 2.
    """
    _expect(sample)
    line = sample.instances.ravel()  # (h · w,)
    # Where the number changes: a hundredth of all pixels say which numbers there are, however large those are.
    first = np.flatnonzero(np.append(True, line[1:] != line[:-1])[: len(line)])  # (r,)
    numbers, places = np.unique(line[first], return_inverse=True)  # (m,) and (r,)
    least = int(np.searchsorted(numbers, 1))  # 1 where some pixel has no instance, 0 where all have
    if np.array_equal(numbers[least:], np.arange(1, len(numbers) - least + 1)):
        return sample
    new = np.repeat((places + 1 - least).astype(np.int32), np.diff(first, append=len(line)))  # (h · w,)
    instances = new.reshape(sample.instances.shape)
    return Sample(sample.name, sample.picture, sample.categories, instances)


def _expect(sample: Sample) -> None:
    """Refuse what is no sample; any type of integers does for the instances, which training keeps in fewer bytes."""
    expect_arrays(
        picture=(sample.picture, "(h, w, 3) uint8"),
        categories=(sample.categories, "(h, w) uint8"),
        instances=(sample.instances, "(h, w) integer"),
    )
