"""The numbers of a pixel: grey, a colour, channels of their own, transparency; and which of them are shown.

Built in chapter 2.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from bridgeseg.data.grey_levels import to_8_bits
from bridgeseg.machine.notes import Note, unsaid
from bridgeseg.structures.labels import BadInput

# Our choice: what is cut out or laid over something is clear or solid but for its borders. Where more of the picture
# lies between, a program has written a fourth channel of a microscope, and a colour's file calls it transparency.
PARTLY = 0.1


def shown(
    values: np.ndarray,
    alpha: bool,
    channel: int | None,
    path: Path,
    premultiplied: bool = False,
    note: Note = unsaid,
) -> np.ndarray:
    """Return numbers of any type as a viewer shows them, transparent parts over white.

    values: (h, w, s), any type
    alpha: whether the last of the s is transparency, 0 where all is seen through
    channel: show this one of the others alone, as grey; None for all of them, 1 or 3
    path: the file, for messages
    premultiplied: whether the colours are multiplied by the transparency
    note: called with a line where all of the picture is transparent, and its colours are shown nevertheless
    returns: (h, w, 3) uint8
    raises: BadInput as `to_8_bits`, or for a channel that there is not

    Built in chapter 2.
    """
    if channel is not None:
        return one(values[..., : values.shape[2] - alpha], channel, path)
    if alpha and not values[..., -1].any() and values[..., :-1].any():
        note(f"{path}: all of it is transparent; its colours are read as if it were not")
        values, alpha = values[..., :-1], False
    colours = to_8_bits(values[..., :-1] if alpha else values, str(path))  # (h, w, 1 or 3)
    if alpha:
        share = (values[..., -1:] / _most(values)).clip(0, 1)  # (h, w, 1), of what covers the white
        covered = colours if premultiplied else colours * share
        colours = (covered + 255 * (1 - share)).clip(0, 255).round().astype(np.uint8)
    return grey(colours[..., 0]) if colours.shape[2] == 1 else np.ascontiguousarray(colours)


def one(values: np.ndarray, channel: int, path: Path) -> np.ndarray:
    """Return one channel of some as grey.

    values: (h, w, s), any type
    channel: 0…s-1
    path: the file, for messages
    returns: (h, w, 3) uint8
    raises: BadInput as `to_8_bits`, or for a channel that there is not

    Built in chapter 2.
    """
    count = values.shape[2]
    if not 0 <= channel < count:
        raise BadInput(f"{path}: channel {channel}, expected 0…{count - 1}: the picture has {count}")
    return grey(to_8_bits(values[..., channel], str(path)))


def grey(values: np.ndarray) -> np.ndarray:
    """Return grey as RGB.

    values: (h, w) uint8
    returns: (h, w, 3) uint8

    Built in chapter 2.
    """
    return np.repeat(values[..., None], 3, axis=2)


def is_channel(alpha: np.ndarray) -> bool:
    """Return whether what a file calls transparency is rather a channel of its own.

    alpha: (h, w), integer or float

    Example:
        >>> is_channel(np.array([[0, 255, 255]], np.uint8)), is_channel(np.array([[17, 40, 255]], np.uint8))
        (False, True)

    Our choice: where more than a tenth of the pixels are neither clear nor solid, and not all of them are alike.

    Built in chapter 2.
    """
    between = (alpha > 0) & (alpha < _most(alpha))
    return bool(between.mean() > PARTLY and (alpha != alpha.flat[0]).any())


def rgb(image: Image.Image, path: Path, note: Note = unsaid) -> np.ndarray:
    """Return the pixels of a picture of bytes as a viewer shows them, transparent parts over white.

    image: upright, decoded
    path: the file, for messages
    note: as in `shown`
    returns: (h, w, 3) uint8

    Built in chapter 2.
    """
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        if clear.getchannel("A").getbbox() is None:  # nothing in it but 0
            return shown(np.asarray(clear), True, None, path, note=note)
        white = Image.new("RGBA", clear.size, (255, 255, 255, 255))
        return np.ascontiguousarray(np.asarray(Image.alpha_composite(white, clear).convert("RGB")))
    return np.ascontiguousarray(np.asarray(image.convert("RGB")))


def _most(values: np.ndarray) -> float:
    """The number of what is solid."""
    return 1.0 if values.dtype.kind == "f" else float(np.iinfo(values.dtype).max)
