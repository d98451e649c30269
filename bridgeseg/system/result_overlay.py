"""A picture with what was found in it, as a JPEG to look at.

Drawn pixel by pixel from the instance map, and not with Matplotlib, so that thousands of instances take no longer than
one.

Built in chapter 10.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from bridgeseg.data.palette import clear_palette
from bridgeseg.structures.cells import resized
from bridgeseg.structures.labels import VOID
from bridgeseg.structures.preconditions import expect_arrays

LONG_SIDE = 2048  # pixels of an overlay; a larger picture is drawn smaller
NEAR = 4  # pixels between two instances that shall not have one colour
FILL = 0.35  # how much of the picture a mask covers
PALE = 150  # mean of a picture's values above which outlines are drawn darker
HUES = 7  # of the palette, those that colour-blind readers tell apart
RIM = 700  # pixels of the longer side for which an outline is one pixel wider: a page shows overlays at some 600
SMALLEST, LARGEST = 11, 1 / 50  # height of a word: pixels, and of the longer side
ROOM = 0.55  # height of a word at most, of the side of a square as large as its instance

MOST = 2**31 - 1  # what an instance's number can be

# Half of the eight directions; the other half is the same pairs the other way round.
_DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))


def draw_overlay(
    picture: np.ndarray, labels: np.ndarray, texts: Sequence[str] = (), long_side: int = LONG_SIDE
) -> np.ndarray:
    """Return a picture under its translucent, outlined instances, neighbours in colours that differ.

    picture: (h, w, 3) uint8
    labels: (h, w) integer, 0 none, 1…n an instance
    texts: n words, each written in the middle of its instance; none by default
    long_side: pixels; a picture with a longer side is drawn smaller; with words, a small one is drawn up to four times
        as large, so that they leave something to be seen
    returns: (h', w', 3) uint8
    raises: ValueError for arrays of another type or shape, and for labels below 0 or above 2³¹ − 1

    Example:
        >>> overlay = draw_overlay(np.zeros((4, 6, 3), np.uint8), np.eye(4, 6, dtype=np.int32))
        >>> overlay.shape, overlay[0, 0].tolist(), overlay[0, 3].tolist()
        ((4, 6, 3), [230, 159, 0], [0, 0, 0])

    Built in chapter 10.
    """
    expect_arrays(picture=(picture, "(h, w, 3) uint8, not empty"), labels=(labels, "(h, w) integer or bool"))
    if labels.min() < 0 or labels.max() > MOST:
        raise ValueError(
            f"labels: {labels.min()} to {labels.max()}, expected 0, and instances from 1 to {MOST}"
        )
    picture = shrunk(picture, long_side)
    height, width = picture.shape[:2]
    labels = resized(torch.from_numpy(labels.astype(np.int32, order="C")), (height, width)).numpy()
    count = max(int(labels.max()), len(texts))
    palette = np.concatenate([np.zeros((1, 3)), clear_palette()[1:VOID][neighbour_colours(labels, count)]])
    times = min(4, long_side // max(height, width)) if texts else 1
    if times > 1:
        picture, labels = picture.repeat(times, 0).repeat(times, 1), labels.repeat(times, 0).repeat(times, 1)
    colour = palette[labels].astype(np.uint8)  # (h', w', 3)
    inside = labels > 0
    # In whole numbers, a sixteenth of the memory of float64.
    parts = round(256 * FILL)
    mixed = (picture.astype(np.uint16) * (256 - parts) + colour.astype(np.uint16) * parts) >> 8
    drawn = np.where(inside[..., None], mixed.astype(np.uint8), picture)
    rim = inside & outline_pixels(labels, 1 + max(labels.shape) // RIM)
    # On a pale picture pale hues are hard to see.
    drawn[rim] = colour[rim] * (0.7 if picture.mean() > PALE else 1.0)
    return _with_texts(drawn, labels, texts) if texts else drawn


def shrunk(picture: np.ndarray, long_side: int) -> np.ndarray:
    """Return a picture, smaller where a side is too long.

    picture: (h, w, 3) uint8
    long_side: pixels; neither side of the answer is longer
    returns: (h', w', 3) uint8

    Example:
        >>> shrunk(np.zeros((300, 400, 3), np.uint8), 100).shape
        (75, 100, 3)

    Built in chapter 10.
    """
    expect_arrays(picture=(picture, "(h, w, 3) uint8, not empty"))
    height, width = picture.shape[:2]
    if max(height, width) <= long_side:
        return picture
    factor = long_side / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))


def neighbour_colours(labels: np.ndarray, count: int) -> np.ndarray:
    """Return a colour for each instance, another than those of its neighbours.

    labels: (h, w) integer, 0 none, 1…n an instance
    count: n, instances without a pixel included
    returns: (n,) int64, 0…6 a hue that colour-blind readers tell apart, above that a darker or a lighter one

    Instances take their colours one after another, those with the most neighbours first; of the colours that no
    neighbour has, the one that was taken least often. Neighbours are those that are at most NEAR pixels apart, along
    rows, columns and diagonals. Our choice. Built in chapter 10.
    """
    expect_arrays(labels=(labels, "(h, w) integer"))
    pairs = neighbours(labels, count)
    beside: list[list[int]] = [[] for _ in range(count)]
    for one, other in pairs.tolist():
        beside[one - 1].append(other - 1)
        beside[other - 1].append(one - 1)
    colours, taken = [-1] * count, [0] * (VOID - 1)
    for number in sorted(range(count), key=lambda number: -len(beside[number])):
        near = {colours[other] for other in beside[number]}
        hues = [hue for hue in range(HUES) if hue not in near]
        free = min(hues, key=lambda hue: taken[hue]) if hues else HUES
        while free in near and free < len(taken) - 1:
            free += 1
        colours[number] = free
        taken[free] += 1
    return np.array(colours, np.int64)


def neighbours(labels: np.ndarray, count: int) -> np.ndarray:
    """Return the pairs of instances that are at most NEAR pixels apart, along rows, columns and diagonals.

    labels: (h, w) integer, 0 none, 1…n an instance
    count: n
    returns: (p, 2) int64, each pair once, the smaller number first, in rising order

    Example:
        >>> neighbours(np.array([[1, 1, 0, 2, 0, 0, 0, 0, 0, 3]]), 3).tolist()
        [[1, 2]]

    Built in chapter 10.
    """
    expect_arrays(labels=(labels, "(h, w) integer"))
    found = [np.zeros(0, np.int64)]
    for down, right in _DIRECTIONS:
        for step in range(1, NEAR + 2):
            one, other = _shifted(labels, step * down, step * right)
            differ = (one != other) & (one > 0) & (other > 0)
            low, high = np.minimum(one[differ], other[differ]), np.maximum(one[differ], other[differ])
            found.append(np.unique(low.astype(np.int64) * (count + 1) + high))
    pairs = np.unique(np.concatenate(found))
    return np.stack([pairs // (count + 1), pairs % (count + 1)], 1)


def outline_pixels(labels: np.ndarray, width: int) -> np.ndarray:
    """Return the pixels of instances that are near another label, or none.

    labels: (h, w) integer
    width: of the outline, pixels
    returns: (h, w) bool

    Example:
        >>> outline_pixels(np.array([[0, 5, 5, 5, 0]]), 1).astype(int).tolist()
        [[0, 1, 0, 1, 0]]

    Built in chapter 10.
    """
    expect_arrays(labels=(labels, "(h, w) integer"))
    rim = np.zeros(labels.shape, bool)
    for down, right in _DIRECTIONS[:2]:
        for step in range(1, width + 1):
            one, other = _shifted(labels, step * down, step * right)
            differ = one != other
            ours, theirs = _shifted(rim, step * down, step * right)
            ours |= differ
            theirs |= differ
    return rim & (labels > 0)


def _shifted(values: np.ndarray, down: int, right: int) -> tuple[np.ndarray, np.ndarray]:
    """Two views of a map, in which a pixel meets the one so many rows and columns further on."""
    height, width = values.shape
    here = values[: max(height - down, 0), max(-right, 0) : max(width - max(right, 0), 0)]
    there = values[down:, max(right, 0) : max(width + min(right, 0), 0)]
    return here, there


def _with_texts(drawn: np.ndarray, labels: np.ndarray, texts: Sequence[str]) -> np.ndarray:
    """The same picture with a word in the middle of each instance that has a pixel."""
    image = Image.fromarray(drawn)
    pen = ImageDraw.Draw(image)
    place = np.flatnonzero(labels)
    number = labels.reshape(-1)[place]
    area = np.bincount(number, minlength=len(texts) + 1)
    row, column = np.divmod(place, labels.shape[1])
    middle = [
        np.bincount(number, weights=w, minlength=len(area)) / np.maximum(area, 1) for w in (column, row)
    ]
    for index, text in enumerate(texts, 1):
        if area[index]:
            most = min(ROOM * math.sqrt(area[index]), LARGEST * max(labels.shape))
            font = ImageFont.load_default(max(SMALLEST, round(most)))
            x, y = (float(ends[index]) + 0.5 for ends in middle)
            pen.text((x, y), text, "white", font, "mm", stroke_width=1, stroke_fill="#16181b")
    return np.asarray(image)
