"""What a picture's numbers mean: those of 8 bits are what a viewer shows, all others are brought to that here.

A camera of 12 bits writes into files of 16, and a microscope's pictures often use a few hundred of 65,536 values. Cut
to 8 bits by what the file could hold, such a picture is black; so its own range is stretched first.

Built in chapter 2.
"""

from __future__ import annotations

import math

import numpy as np

from bridgeseg.structures.labels import BadInput

# Our choice: a picture that uses less than a quarter of what its numbers could be was not made for all of it. Pictures
# of 14 bits in 16 still fall below.
FILLED = 0.25
# Our choice: of a picture's values, a thousandth at either end does not count: hot pixels, dead pixels, dust.
LEFT_OUT = 0.001
# Our choice: nor does the lowest or highest value where it lies farther from all others than they from one another, and
# they are at least so many: a scale bar burned in, a border filled with 0. Optics blur; nothing real stands so apart.
OTHERS = 16
_ROWS = 256  # brought to 8 bits at once, so that a large picture never stands in memory as float64


def to_8_bits(values: np.ndarray, where: str) -> np.ndarray:
    """Return a picture's numbers as the 8 bits that a viewer shows.

    values: (h, w) or (h, w, c) of any bool, integer or float type; of several colours all are brought to 8 bits by one
        range, so that hues stay
    where: the file, for the message
    returns: the same shape, uint8; numbers of 8 bits without sign as they are, bool as 0 and 255; a picture of one
        value stays at its place in its type's range, where that is known, and is black otherwise
    raises: BadInput where a number is NaN or infinite, or of another type

    Where the values fill at least a quarter of what their type holds, they are believed: its lowest is 0, its
    highest 255. Otherwise what the values span becomes 0…255. Numbers with a sign are always stretched: their type
    begins far below anything that was measured, and black would be a middle grey. Numbers with a point have no range
    of their own; it is the first of 0…1, 0…255 and 0…65535 that holds all of them. Our choice. Built in chapter 2.

    Example:
        >>> to_8_bits(np.array([[0, 32768, 65535]], np.uint16), "full.tif").tolist()
        [[0, 128, 255]]
        >>> to_8_bits(np.array([[100, 250, 400]], np.uint16), "faint.tif").tolist()
        [[0, 128, 255]]
    """
    if values.dtype == bool:
        return values.astype(np.uint8) * np.uint8(255)
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind not in "iuf":
        raise BadInput(f"{where}: pixels of type {values.dtype}, expected integers or floating point")
    if values.dtype.kind == "f" and not (finite := np.isfinite(values)).all():
        raise BadInput(
            f"{where}: {np.count_nonzero(~finite)} of {values.size} numbers are NaN or infinite, expected finite ones"
        )
    bottom, top = _range(values)
    if values.dtype.kind != "f" and values.dtype.itemsize <= 2:
        return _table(values, bottom, top)
    shown = np.empty(values.shape, np.uint8)
    for row in range(0, len(values), _ROWS):
        shown[row : row + _ROWS] = _scaled(values[row : row + _ROWS], bottom, top)
    return shown


def span(values: np.ndarray) -> tuple[float, float]:
    """Return what a picture's values span, a thousandth of them at either end left out.

    values: of any shape, integer or float, at least one
    returns: the lowest and the highest; those of all values where nearly all are one; of up to 16 bits also without a
        value that stands apart

    Example:
        >>> span(np.arange(10_000)), span(np.array([3, 5, 4])), span(np.array([7] * 5000 + [9]))
        ((9.0, 9990.0), (3.0, 5.0), (7.0, 9.0))

    Our choice. Built in chapter 2.
    """
    if values.dtype.kind != "f" and values.dtype.itemsize <= 2:  # counted: a tenth of the time of sorting
        lowest = int(values.min())
        counts = np.bincount(values.ravel().astype(np.int32) - lowest)  # (n,)
        first, last = _together(np.flatnonzero(counts))
        up_to = counts[first : last + 1].cumsum()  # values up to each
        below, above = _places(int(up_to[-1]))
        low, high = (
            lowest + first + float(np.searchsorted(up_to, place, side="right")) for place in (below, above)
        )
        return (low, high) if low < high else (float(lowest + first), float(lowest + last))
    below, above = _places(values.size)
    low, high = map(float, np.partition(values, (below, above), axis=None)[[below, above]])
    return (low, high) if low < high else (float(values.min()), float(values.max()))


def _places(count: int) -> tuple[int, int]:
    """Of so many values in their order, which are the lowest and the highest that count."""
    return math.floor(LEFT_OUT * (count - 1)), math.ceil((1 - LEFT_OUT) * (count - 1))


def _together(found: np.ndarray) -> tuple[int, int]:
    """The first and the last of the values found, (n,) rising, without one that stands apart at either end."""
    if len(found) > OTHERS and found[-1] - found[-2] > found[-2] - found[0]:
        found = found[:-1]
    if len(found) > OTHERS and found[1] - found[0] > found[-1] - found[1]:
        found = found[1:]
    return int(found[0]), int(found[-1])


def _range(values: np.ndarray) -> tuple[float, float]:
    """The values that become 0 and 255."""
    bottom, top = span(values)
    holds = _container(values.dtype, float(values.min()), float(values.max()))
    if holds is not None and (top - bottom >= FILLED * (holds[1] - holds[0]) or bottom == top):
        return holds
    return bottom, top


def _container(kind: np.dtype, lowest: float, highest: float) -> tuple[float, float] | None:
    """What numbers of a type could be; None where that is unknown."""
    if kind.kind == "i":
        return None
    if kind.kind == "u":
        return 0.0, float(np.iinfo(kind).max)
    fitting = (top for top in (1.0, 255.0, 65535.0) if lowest >= 0 and highest <= top)
    return next(((0.0, top) for top in fitting), None)


def _scaled(values: np.ndarray, bottom: float, top: float) -> np.ndarray:
    """Values brought to 0…255, rounded to the nearest; black where there is no range to bring them by."""
    if top <= bottom:
        return np.zeros(values.shape, np.uint8)
    share = (values.astype(np.float64) - bottom) / (top - bottom)
    return np.floor(share.clip(0, 1) * 255 + 0.5).astype(np.uint8)


def _table(values: np.ndarray, bottom: float, top: float) -> np.ndarray:
    """As `_scaled`, by looking every value up: a fifth of the time for numbers of up to 16 bits."""
    kind = np.iinfo(values.dtype)
    table = _scaled(np.arange(kind.min, kind.max + 1), bottom, top)
    return table[values.astype(np.int32) - kind.min]
