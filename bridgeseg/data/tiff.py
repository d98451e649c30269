"""TIFF files whose numbers are more than bytes: how many there are of a pixel, of which type, and what they are.

A TIFF may hold grey of 12 to 64 bits with a sign or a point, colours of 16 bits, five channels of a microscope, white
as zero, and a stack of pages. Pillow shows those of 8 bits and cuts or refuses others, so tifffile reads these.

Built in chapter 2.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from bridgeseg.structures.labels import BadInput

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # a TIFF's first bytes, the last two of one above 4 GB
# of grey, which Pillow decodes rightly, those of more than a byte only where the lowest byte comes first
GREY_TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32")

_WHITE_IS_ZERO, _RGB = 0, 2  # values of the tag PhotometricInterpretation
_PREMULTIPLIED, _ALPHA = 1, 2  # values of the tag ExtraSamples
_REDUCED, _MASK = 1, 4  # bits of the tag NewSubfileType: a thumbnail, a mask


@dataclass(frozen=True)
class Layout:
    """What the first page of a TIFF holds.

    pages: how many pictures the file has, thumbnails and masks not counted
    stacked: how many of these are channels of one picture, or may be since the file does not say; 1 where none is
    apart: how many pages further the next channel lies
    height, width: in pixels, as stored
    channels: numbers of a pixel that are grey or a colour
    extra: further ones that are neither that nor transparency, beside RGB
    alpha: whether the number behind the channels is transparency
    premultiplied: whether the colours are multiplied by it
    white_is_zero: whether low numbers are bright
    kind: the numbers' type
    colours: whether it is grey, RGB or of any number of channels, and not a palette, CMYK or another space
    orientation: 1…8, as in EXIF
    codec: the name of its compression
    highest_first: whether a number's highest byte comes first, as in ImageJ's files
    whole: whether the file lists as many strips or tiles as that size takes

    Built in chapter 2.
    """

    pages: int
    stacked: int
    apart: int
    height: int
    width: int
    channels: int
    extra: int
    alpha: bool
    premultiplied: bool
    white_is_zero: bool
    kind: np.dtype
    colours: bool
    orientation: int
    codec: str
    highest_first: bool
    whole: bool

    @property
    def plain(self) -> bool:
        """Whether Pillow shows it as it is: bytes, or bits, of one or three channels."""
        return self.kind in (np.dtype(bool), np.dtype(np.uint8)) and (
            not self.colours or self.channels in (1, 3)
        )

    @property
    def grey_by_pillow(self) -> bool:
        """Whether Pillow decodes it rightly where tifffile lacks a decoder for its compression."""
        if self.highest_first and self.kind.itemsize > 1 and self.kind != np.dtype(np.uint16):
            return False  # compressed numbers come with their bytes exchanged
        return self.channels == 1 and not self.alpha and self.kind in map(np.dtype, GREY_TYPES)

    def numbers(self, values: np.ndarray) -> np.ndarray:
        """Return grey that Pillow decoded with its own sign and order of bytes: Pillow takes a sign for none.

        values: (h, w), any type, as Pillow gives them
        returns: (h, w), any type, the file's own

        Built in chapter 2.
        """
        values = values.astype(values.dtype.newbyteorder("="), copy=False)
        if values.dtype.itemsize == self.kind.itemsize and values.dtype.kind in "iu":
            return values.view(self.kind)
        return values.astype(self.kind)


def read_layout(path: Path) -> Layout | None:
    """Return what the first page of a TIFF holds.

    path: a file that begins as a TIFF
    returns: the layout; None where tifffile does not understand the file, which Pillow then says more of

    Built in chapter 2.
    """
    try:
        with _tifffile().TiffFile(path) as file:
            return _layout(file)
    except Exception:  # it meets broken files with many kinds
        return None


def _layout(file: Any) -> Layout | None:
    """The layout of an open file; None for one of a type that numpy lacks, or without the numbers of a pixel."""
    page = file.pages[0]
    height, width, samples = int(page.imagelength), int(page.imagewidth), int(page.samplesperpixel)
    if page.dtype is None or height < 1 or width < 1:
        return None
    photometric, extras = int(page.photometric), [int(extra) for extra in page.extrasamples]
    pages = sum(not int(each.subfiletype) & (_REDUCED | _MASK) for each in file.pages)
    stack = int((file.imagej_metadata or {}).get("images", 1)) if file.is_imagej else 1
    orientation = page.tags.valueof("Orientation", default=1)
    alpha = bool(extras) and extras[0] in (_PREMULTIPLIED, _ALPHA)
    channels = 3 if photometric == _RGB else samples - alpha
    if not 1 <= channels <= samples - alpha:
        return None
    stacked, apart = _stacked(file) if samples == 1 else (1, 1)
    return Layout(
        pages=max(pages, stack, 1),
        stacked=stacked,
        apart=apart,
        height=height,
        width=width,
        channels=channels,
        extra=samples - channels - alpha,
        alpha=alpha,
        premultiplied=alpha and extras[0] == _PREMULTIPLIED,
        white_is_zero=photometric == _WHITE_IS_ZERO,
        kind=np.dtype(page.dtype).newbyteorder("="),
        colours=photometric <= _RGB,
        orientation=orientation if orientation in range(1, 9) else 1,
        codec=getattr(page.compression, "name", str(page.compression)),
        highest_first=file.byteorder == ">",
        whole=len(page.dataoffsets) >= math.prod(page.chunked),
    )


def _stacked(file: Any) -> tuple[int, int]:
    """How many pages are channels, as far as is known, and how far apart: ImageJ and OME say so, others nothing."""
    series = file.series[0]
    axes, shape, pages = series.axes, series.shape, len(series.pages)
    if "C" in axes:
        place = axes.index("C")
        apart = math.prod(
            size
            for axis, size in zip(axes, shape, strict=True)
            if axes.index(axis) > place and axis not in "YX"
        )
        return (shape[place], apart) if shape[place] * apart <= pages else (1, 1)
    return (pages, 1) if set(axes) <= set("IQYX") else (1, 1)


def read_numbers(path: Path, number: int = 0) -> np.ndarray | None:
    """Read all numbers of a page of a TIFF.

    path: a TIFF
    number: which page of the first series, from 0
    returns: (h, w, s), as stored: neither turned nor scaled, of any integer or float type; None where it is compressed
        in a way for which tifffile lacks a decoder
    raises: BadInput where the file is cut off or damaged

    Built in chapter 2.
    """
    try:
        with _tifffile().TiffFile(path) as file:
            page, size = file.series[0].pages[number] if number else file.pages[0], path.stat().st_size
            if file.pages[0].imagedepth != 1:
                raise BadInput(f"{path}: a volume of {page.imagedepth} layers, expected a picture")
            ends = (start + count for start, count in zip(page.dataoffsets, page.databytecounts, strict=True))
            if max(ends, default=0) > size:
                raise BadInput(f"{path}: cut off, expected a whole picture")
            values = np.asarray(page.asarray(squeeze=False))  # (planes, 1, h, w, samples)
    except BadInput:
        raise
    except Exception as error:  # as above
        if "imagecodecs" in str(error):
            return None
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BadInput(f"{path}: cannot be read as a picture ({reason})") from None
    values = values[:, 0]  # (planes, h, w, samples)
    values = values[0] if len(values) == 1 else np.moveaxis(values[..., 0], 0, -1)
    return values.astype(values.dtype.newbyteorder("="), copy=False)


@cache
def _tifffile() -> Any:
    """The package tifffile, which says nothing of its own on standard error."""
    import tifffile

    logging.getLogger("tifffile").addHandler(logging.NullHandler())
    return tifffile
