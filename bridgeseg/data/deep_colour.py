"""Colour of 16 bits a channel, of which Pillow keeps the high byte alone: both bytes from PNG, TIFF and PPM files.

Built in chapter 2.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile

from bridgeseg.structures.labels import BadInput

# How Pillow names the order of a number's bytes, and the other order: big, little, this machine's.
_OTHER_ORDER = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
# P3, text, and P6, bytes; width, height and the highest value follow, and comments between them
_PPM = re.compile(rb"P([36])" + 3 * rb"(?:\s+|#[^\n]*\n)+(\d+)" + rb"\s")


def read_both_bytes(path: Path, image_format: str) -> np.ndarray | None:
    """Read colours of 16 bits with Pillow: the high bytes, and those that it takes for high in the other byte order.

    path: the file
    image_format: "PNG" or "TIFF"
    returns: (h, w, c) uint16, c 2 to 4, a TIFF upright; None where Pillow does not read such colours at once
    raises: what Pillow raises where the file is damaged

    Built in chapter 2.
    """
    halves = []
    for other in (False, True):
        with Image.open(path, formats=(image_format,)) as image:
            assert isinstance(image, ImageFile)  # as is every image that Pillow opens
            orders = [_order(tile.args, other) for tile in image.tile]
            if None in orders or not orders:
                return None
            image.tile = [tile._replace(args=order) for tile, order in zip(image.tile, orders, strict=True)]
            image.load()
            halves.append(np.asarray(image).astype(np.uint16))
            if orders[0] == "RGBA":  # grey with transparency: all four bytes at once
                return halves[0][..., ::2] * np.uint16(256) + halves[0][..., 1::2]
    return halves[0] * np.uint16(256) + halves[1]


def read_deep_ppm(path: Path) -> np.ndarray | None:
    """Read all numbers of a colour PPM of more than 8 bits.

    path: the file, which is a PPM
    returns: (h, w, 3) uint16; None where it is grey or has 8 bits, which Pillow reads
    raises: BadInput where numbers are missing or too high

    Built in chapter 2.
    """
    content = path.read_bytes()
    header = _PPM.match(content)
    if header is None or int(header[4]) <= 255:
        return None
    width, height, highest = (int(header[group]) for group in (2, 3, 4))
    count, body = width * height * 3, content[header.end() :]
    try:
        values = (
            np.frombuffer(body, ">u2", count) if header[1] == b"6" else np.array(body.split()[:count], int)
        )
    except ValueError:
        values = np.zeros(0, int)
    if values.size != count or values.max(initial=0) > highest or values.min(initial=0) < 0:
        raise BadInput(f"{path}: damaged, expected {width} x {height} x 3 numbers of 0…{highest}")
    return values.astype(np.uint16).reshape(height, width, 3)


def _order(given: Any, other: bool) -> Any:
    """How Pillow shall unpack a piece of a file, the bytes in the other order; None where it has no such colours."""
    match = re.fullmatch(r"(LA|RGB|RGBA|RGBX);16([BLN])", given if isinstance(given, str) else given[0])
    if match is None:
        return None
    if match[1] == "LA":  # Pillow makes RGBA of it, and has no name for its low bytes
        return "RGBA"
    raw = f"{match[1]};16{_OTHER_ORDER[match[2]] if other else match[2]}"
    return raw if isinstance(given, str) else (raw, *given[1:])
