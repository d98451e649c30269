"""Numbers of masks and label images as a file stores them: there they mean objects, not brightness.

Built in chapter 2.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from bridgeseg.data.label_png import check_sums
from bridgeseg.data.palette import black_elsewhere
from bridgeseg.data.pictures import deep_colours, opened, tiff_layout, turned
from bridgeseg.data.tiff import Layout, read_numbers
from bridgeseg.structures.labels import BadInput

FORMATS = ("PNG", "TIFF", "BMP", "GIF", "PPM")  # Pillow's names of those that keep every number

# Our choice: of a mask with several numbers, each on so many pixels, in the middle, these are several objects. Soft
# borders and what JPEG leaves have few pixels of each number.
FLAT = 20  # pixels

_ONE_BIT, _BYTE = np.dtype(bool), np.dtype(np.uint8)


class Stored(NamedTuple):
    """What a file stores of every pixel.

    numbers: (h, w, c) bool, integer or float, upright; of a palette the places in it
    alpha: (h, w) integer or float, 0 where all is seen through; None without transparency

    Built in chapter 2.
    """

    numbers: np.ndarray
    alpha: np.ndarray | None

    @property
    def alpha_differs(self) -> bool:
        """Whether some pixels are more transparent than others."""
        return self.alpha is not None and bool((self.alpha != self.alpha.flat[0]).any())


def read_stored(path: str | Path) -> Stored:
    """Read the numbers of a mask or label image.

    path: a file of one page in one of FORMATS
    returns: the numbers
    raises: BadInput when it cannot be read whole, has several pages, or a palette whose black is not 0

    Our choice: a TIFF's tag that says that low numbers are bright (ImageJ's inverting LUT) turns no number round, as
    the 0 around an object would become 255. With one bit a pixel it does: programs that write such files, faxes above
    all, turn the bits to fit the tag. Built in chapter 2.
    """
    path = Path(path)
    layout = tiff_layout(path)
    if layout is not None:
        if layout.pages > 1:
            raise BadInput(f"{path}: {layout.pages} pages, expected one")
        if not layout.whole:
            raise BadInput(
                f"{path}: damaged, pieces of its {layout.width} x {layout.height} pixels are missing"
            )
        if layout.channels not in (1, 3):
            raise BadInput(f"{path}: {layout.channels} channels, expected 1 (grey) or 3 (RGB)")
        if layout.kind != _ONE_BIT and (values := read_numbers(path)) is not None:
            values = turned(values, layout.orientation)  # (h, w, s)
            alpha = values[..., layout.channels] if layout.alpha else None
            return Stored(values[..., : layout.channels], alpha)
        if layout.kind not in (_ONE_BIT, _BYTE) and not layout.grey_by_pillow:
            raise BadInput(
                f"{path}: {layout.codec}, a compression that is not read here for {layout.kind}; expected it without"
                " compression, or the package imagecodecs (pip install imagecodecs)"
            )
    with opened(path, FORMATS) as image:
        if image.format == "PNG":
            check_sums(path, path.read_bytes())
        if (pages := getattr(image, "n_frames", 1)) > 1:
            raise BadInput(f"{path}: {pages} pages, expected one")
        image.load()
        if image.mode == "P":
            _check_palette(image, path)
        deep = deep_colours(image, path)
        values = np.asarray(image) if deep is None else deep
    values = values if layout is None else _as_stored(values, layout)
    values = values.reshape(*values.shape[:2], -1)  # (h, w, s)
    if values.shape[2] in (2, 4):
        return Stored(values[..., :-1], values[..., -1])
    return Stored(values, None)


def read_mask(path: str | Path) -> np.ndarray:
    """Read a mask: a pixel belongs to it where any number is not 0, or above half of the highest where there are many.

    path: as in `read_stored`
    returns: (h, w) bool
    raises: as `read_stored`; BadInput where several numbers or colours seem to be several objects

    Our choice: where some pixels are transparent and others not, a transparent one is outside; where besides all have
    no number but 0, those with a part that is seen are inside.

    Built in chapter 2.
    """
    stored = read_stored(path)
    held = np.any(stored.numbers != 0, axis=2)  # (h, w)
    if stored.alpha_differs:
        assert stored.alpha is not None
        seen = stored.alpha != 0
        if not held.any():
            return seen
        held &= seen
    return _one_object(stored.numbers, held, path)


def _one_object(numbers: np.ndarray, held: np.ndarray, path: str | Path) -> np.ndarray:
    """Where the object of a mask lies, (h, w) bool, from its numbers, (h, w, c), and where some are not 0."""
    inside = numbers[held]  # (n, c)
    if numbers.dtype == bool or (inside == inside[:1]).all():
        return held
    kinds, counts = np.unique(inside, axis=0, return_counts=True)  # (k, c)
    # low numbers are those of objects, however small these are
    if np.median(counts) < FLAT and (numbers.dtype.kind == "f" or kinds.max() > 127):
        return held & (numbers.max(2) > kinds.max() / 2)
    raise BadInput(
        f"{path}: {len(kinds)} numbers or colours beside 0, expected a mask of one object; a file with all objects of a"
        " picture is a label image, as convert reads it"
    )


def _check_palette(image: Image.Image, path: Path) -> None:
    """Refuse places in a palette of which 0 is not the darkest."""
    palette = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
    if (black := black_elsewhere(palette, np.asarray(image))) is not None:
        raise BadInput(
            f"{path}: its palette has black at number {black} and another colour at 0; expected 0 for what is outside"
        )


def check_size(where: Path, found: tuple[int, ...], size: tuple[int, ...]) -> None:
    """Refuse labels of another size than their picture.

    where: the file with the labels, for the message
    found: height and width of the labels in pixels
    size: of their picture
    raises: BadInput when they differ

    Built in chapter 2.
    """
    if found != size:
        turn = (
            "; height and width are exchanged, as where an EXIF orientation turned the picture and not the labels"
            if found == size[::-1]
            else ""
        )
        raise BadInput(
            f"{where}: {found[1]} x {found[0]} pixels, its picture {size[1]} x {size[0]}; expected the same size{turn}"
        )


def _as_stored(values: np.ndarray, layout: Layout) -> np.ndarray:
    """Pillow's numbers of a TIFF, with their own sign, and not turned round."""
    if layout.kind == _BYTE:
        return 255 - values if layout.white_is_zero else values
    return values if layout.kind == _ONE_BIT else layout.numbers(values)
