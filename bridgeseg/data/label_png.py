"""Label maps as PNG files: VOC's palette and 255 for void, or 16-bit grey and 65535 where 8 bits are too few.

Built in chapter 2.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile

from bridgeseg.data.palette import black_elsewhere, number_by_colour, voc_palette
from bridgeseg.data.pictures import opened
from bridgeseg.machine.files import write_atomically
from bridgeseg.structures.labels import VOID, BadInput, as_array

WIDE_VOID = 65535

_COLOURS = {2: "RGB", 4: "grey with alpha", 6: "RGBA"}  # PNG's colour types that cannot hold labels


def read_label_png(path: str | Path, colours: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Read a label map from a palette PNG or a grey one, as labels and a mask of void.

    In a palette or grey PNG of 8 bits 255 is void, in a grey one of 16 bits 65535; with fewer bits none
    is. The numbers in the file are the labels, whatever their colours; but a palette that has VOC's colours at other
    numbers than VOC is refused, since a program has numbered the colours anew; and so is one whose black is not 0.

    path: the PNG
    colours: (n, 3) uint8, those that labels 0, 1, … are known to have, which a palette may then have too
    returns: labels (h, w) int32, 0 where void; void (h, w) bool
    raises: BadInput when the file is missing, unreadable, cut off, no PNG, a colour PNG, without numbers, or one with
        VOC's colours at other numbers

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = write_label_png(f"{folder}/map.png", np.array([[9, 7]]), np.array([[True, False]]))
        ...     labels, void = read_label_png(path)
        >>> labels.tolist(), void.tolist()
        ([[0, 7]], [[True, False]])

    Built in chapter 2.
    """
    with opened(path, ("PNG",)) as image:
        check_sums(path, Path(path).read_bytes())
        depth, kind = _header(image)
        if kind in _COLOURS:
            raise BadInput(
                f"{path}: a colour PNG ({_COLOURS[kind]}), expected a palette or grey PNG whose numbers are"
                " the labels; it was probably decoded as RGB and saved again"
            )
        image.load()
        labels = np.asarray(image).astype(np.int32)
        if image.mode == "P":
            _check_palette(np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3), labels, colours, path)
    if kind == 0 and depth in (2, 4):
        labels //= 255 // (2**depth - 1)  # Pillow stretches such grey to 0…255
    void = labels == {8: VOID, 16: WIDE_VOID}.get(depth, -1)
    labels[void] = 0
    return labels, void


def write_label_png(path: str | Path, labels: np.ndarray, void: np.ndarray | None = None) -> Path:
    """Write a label map as a PNG that `read_label_png` reads back the same.

    Up to label 254 the file has 8 bits, VOC's palette, and void as 255; above, 16-bit grey and void as 65535.

    path: where the file shall stand
    labels: (h, w) integers of 0…65534; what they are where void is not looked at
    void: (h, w) bool, the pixels that no label is known for; None for nowhere
    returns: the path
    raises: BadInput when labels or mask are of the wrong shape, type or range; OSError when writing fails

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = write_label_png(f"{folder}/map.png", np.array([[9, 7]]), np.array([[True, False]]))
        ...     with Image.open(path) as image:
        ...         image.mode, image.getpixel((0, 0)), image.getpixel((1, 0))
        ('P', 255, 7)

    Built in chapter 2.
    """
    labels, void = as_array(labels), None if void is None else as_array(void)
    if labels.ndim != 2 or not labels.size or labels.dtype.kind not in "iu":
        raise BadInput(f"{path}: labels are {labels.dtype} {labels.shape}, expected integers (h, w)")
    if void is not None:
        if void.shape != labels.shape or void.dtype != bool:
            raise BadInput(f"{path}: void is {void.dtype} {void.shape}, expected bool {labels.shape}")
        labels = np.where(void, 0, labels)
    if labels.min() < 0 or labels.max() >= WIDE_VOID:
        raise BadInput(f"{path}: labels {labels.min()}…{labels.max()}, expected 0…{WIDE_VOID - 1}")
    wide = int(labels.max()) >= VOID
    numbers = labels.astype(np.uint16 if wide else np.uint8)
    if void is not None:
        numbers[void] = WIDE_VOID if wide else VOID
    image = Image.fromarray(numbers)
    if not wide:
        image.putpalette(voc_palette().tobytes())
    return write_atomically(path, lambda file: image.save(file, format="PNG"))


def _check_palette(
    palette: np.ndarray, labels: np.ndarray, known: np.ndarray | None, path: str | Path
) -> None:
    """Refuse numbers whose colours say that they are others."""
    used = np.flatnonzero(np.bincount(labels.ravel(), minlength=256))
    used = used[(used < len(palette)) & (used != VOID)]  # (k,)
    if known is not None and used.max(initial=0) < len(known) and (palette[used] == known[used]).all():
        return
    moved = number_by_colour(palette, used)
    if moved is not None:
        number, own = moved
        raise BadInput(
            f"{path}: its palette has VOC's colours at other numbers: {number} has the colour of {own}; expected"
            f" {own} itself, as in the map that it was made from, or a grey PNG if {number} is meant"
        )
    if (black := black_elsewhere(palette, labels)) is not None:
        raise BadInput(
            f"{path}: its palette has black at number {black} and another colour at 0; expected 0 for the background,"
            f" or a grey PNG if {black} is an object"
        )


def _header(image: Image.Image) -> tuple[int, int]:
    """PNG's bit depth and colour type, bytes 24 and 25 of every PNG: Pillow's modes blur them."""
    assert isinstance(image, ImageFile)  # as is every image that Pillow opens
    file = image.fp
    assert file is not None
    place = file.tell()
    file.seek(24)
    depth, kind = file.read(2)
    file.seek(place)
    return depth, kind


def check_sums(path: str | Path, data: bytes) -> None:
    """Refuse a PNG with a chunk whose checksum is another: Pillow passes over those of the pixels.

    path: the PNG, for the message
    data: what it holds
    raises: BadInput where it is so

    Example:
        >>> import io
        >>> Image.new("L", (3, 2)).save(file := io.BytesIO(), "PNG")
        >>> check_sums("map.png", file.getvalue()[:-1] + b"?")
        Traceback (most recent call last):
            ...
        bridgeseg.structures.labels.BadInput: map.png: is damaged (a checksum does not fit), expected a whole PNG

    Built in chapter 2.
    """
    place = 8
    while place + 12 <= len(data):
        length, kind = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8]
        end = place + 8 + length
        # Capital letters begin the names of the chunks that matter; one that is cut off, Pillow sees itself.
        if kind[:1].isupper() and end + 4 <= len(data):
            if zlib.crc32(data[place + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
                raise BadInput(f"{path}: is damaged (a checksum does not fit), expected a whole PNG")
        place = end + 4
        if kind == b"IEND":
            break
