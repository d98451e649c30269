"""Pictures from files: whatever a file holds, RGB as a viewer shows it, or one line that says why not.

Built in chapter 2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from bridgeseg.data.channels import grey, is_channel, one, rgb, shown
from bridgeseg.data.deep_colour import read_both_bytes, read_deep_ppm
from bridgeseg.data.endings import ENDINGS, listed, passed_over, say_passed_over
from bridgeseg.data.grey_levels import to_8_bits
from bridgeseg.data.tiff import MAGIC, Layout, read_layout, read_numbers
from bridgeseg.machine.notes import Note, unsaid
from bridgeseg.structures.labels import BadInput

# Named, so that a file's first bytes can never start one of Pillow's interpreters (EPS runs Ghostscript).
FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF", "PPM")
# Our choice: five times a picture of 6000 x 4000. Beyond it lie decompression bombs, not photographs.
MOST_PIXELS = 128_000_000

_ORIENTATION = 0x0112  # the EXIF tag
# By an orientation in EXIF: whether rows and columns change places, and then whether rows, and columns, run backwards.
_TURNS = {
    **{1: (False, False, False), 2: (False, False, True), 3: (False, True, True), 4: (False, True, False)},
    **{5: (True, False, False), 6: (True, False, True), 7: (True, True, True), 8: (True, True, False)},
}


@contextmanager
def opened(path: str | Path, formats: tuple[str, ...] = FORMATS) -> Iterator[Image.Image]:
    """Open a picture file with Pillow; whatever goes wrong inside becomes one line that names the file.

    path: the file
    formats: Pillow's names of the formats that are accepted
    returns: a context with the Pillow image, not yet decoded
    raises: BadInput when there is no such file, when it may not be read, or when it cannot be decoded whole

    Built in chapter 2.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise BadInput(f"{path}: is a folder, expected a picture")
        if path.exists() and not path.is_file():
            raise BadInput(f"{path}: is not a regular file, expected a picture")
        with path.open("rb") as file:
            if not file.read(1):
                raise BadInput(f"{path}: is empty, expected a picture")
            file.seek(0)
            with Image.open(file, formats=formats) as image:
                if image.width * image.height > MOST_PIXELS:
                    size = f"{image.width} x {image.height} pixels"
                    raise BadInput(f"{path}: {size}, expected at most {MOST_PIXELS // 10**6} million")
                yield image
    except BadInput:
        raise
    except UnidentifiedImageError:
        raise BadInput(f"{path}: is not a picture, expected one of {', '.join(formats)}") from None
    except Image.DecompressionBombError as error:
        found = re.search(r"\d+", str(error))  # its own words are of attacks, and name no limit of ours
        size = f"{found[0]} pixels" if found else str(error)
        raise BadInput(f"{path}: {size}, expected at most {MOST_PIXELS // 10**6} million") from None
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file") from None
    except PermissionError:
        raise BadInput(f"{path}: may not be read (permission denied)") from None
    except Exception as error:
        # Pillow's decoders meet broken files with nearly every kind of exception there is.
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BadInput(f"{path}: cannot be read as a picture ({reason})") from None


def read_picture(path: str | Path, *, channel: int | None = None, note: Note = unsaid) -> np.ndarray:
    """Read a picture as a viewer shows it: upright, in RGB, transparent parts over white.

    EXIF orientation is applied. What numbers of more than 8 bits mean, `grey_levels.to_8_bits` says. Of several
    frames or pages the first is read.

    path: a file in one of FORMATS
    channel: show this one alone, as grey: 0 … the number of channels less one; None for the picture as it is
    note: called with a line for what is left out: further pages, further channels beside RGB
    returns: (h, w, 3) uint8, RGB
    raises: BadInput when the file is missing, unreadable, no picture, too large, or cut off, when it has other
        numbers of channels than grey or RGB and none is chosen, or not the one chosen

    Built in chapter 2.
    """
    path = Path(path)
    layout = tiff_layout(path)
    if layout is not None and not layout.whole:  # Pillow would leave the rest black
        raise BadInput(f"{path}: damaged, pieces of its {layout.width} x {layout.height} pixels are missing")
    if layout is not None and layout.extra and channel is None:
        note(f"{path}: {layout.channels + layout.extra} channels, read as RGB; {layout.extra} left out")
    if layout is not None and layout.stacked > 1 and channel is not None:
        return _of_page(path, layout, channel)
    if layout is not None and _needs_tifffile(layout, channel):
        _say_pages(path, layout.pages, layout.stacked, note)
        return _of_tiff(path, layout, channel, note)
    with opened(path) as image:
        image.load()
        if layout is None:
            _say_pages(path, _frames(image), 1, note)
        else:
            _say_pages(path, layout.pages, layout.stacked, note)
        deep = deep_colours(image, path)
        if deep is not None:
            return shown(deep, deep.shape[2] in (2, 4), channel, path, note=note)
        image = _upright(image)
        if image.mode.startswith("I") or image.mode == "F":
            values = to_8_bits(_numbers(image), str(path))  # (h, w)
            return grey(values) if channel is None else one(values[..., None], channel, path)
        alpha = image.mode in ("LA", "PA", "RGBA")
        if layout is not None and alpha and is_channel(np.asarray(image)[..., -1]):
            alpha = False
            if channel is None:
                raise BadInput(f"{path}: {_too_many(layout)}")
        if channel is not None:
            values = np.atleast_3d(np.asarray(image.convert("RGB") if image.mode == "P" else image))
            # transparency is no channel
            return one(to_8_bits(values[..., :-1] if alpha else values, str(path)), channel, path)
        return rgb(image, path, note)


def picture_size(path: str | Path) -> tuple[int, int]:
    """Return the height and width of a picture as a viewer shows it, mostly without decoding it.

    path: a file in one of FORMATS
    returns: height and width in pixels, after EXIF orientation
    raises: BadInput as `read_picture`, save that pixels cut off may go unseen

    Built in chapter 2.
    """
    layout = tiff_layout(Path(path))
    if layout is not None:
        turned = layout.orientation >= 5
        return (layout.width, layout.height) if turned else (layout.height, layout.width)
    with opened(path) as image:
        orientation = _orientation(image)
        return (image.width, image.height) if orientation >= 5 else (image.height, image.width)


def pictures_in(folder: str | Path, note: Note = unsaid) -> list[Path]:
    """List the pictures in a folder, by their endings, sorted by name, without hidden files and subfolders.

    folder: where to look
    note: called with one line where anything else stands there: other files, sub-folders, links that lead nowhere
    returns: at least one path
    raises: BadInput when there is no such folder, when it may not be read, or when no picture is in it

    Built in chapter 2.
    """
    folder = Path(folder)
    try:
        found = listed(folder)
    except OSError as error:
        raise BadInput(
            f"{folder}: cannot be listed ({error.strerror}), expected a folder of pictures"
        ) from None
    if not found.read:
        there = passed_over(found)
        raise BadInput(
            f"{folder}: no pictures in it{f' but {there}' if there else ''}; expected files ending in"
            f" {', '.join(ENDINGS)}"
        )
    say_passed_over(found, folder, note)
    return found.read


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation; 1 (upright), as viewers do, where there is none or the EXIF block is damaged."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _upright(image: Image.Image) -> Image.Image:
    """The picture turned as its EXIF orientation says; as it is, where that block is damaged."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # Pillow meets damaged EXIF blocks with many kinds
        return image


def tiff_layout(path: Path) -> Layout | None:
    """Return what a TIFF holds.

    path: any file
    returns: the layout; None for another file, or one that `opened` has to complain of

    Built in chapter 2.
    """
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            if file.read(4) not in MAGIC:
                return None
    except OSError:
        return None
    layout = read_layout(path)
    if layout is not None and layout.width * layout.height > MOST_PIXELS:
        return None
    return layout


def _needs_tifffile(layout: Layout, channel: int | None) -> bool:
    """Whether Pillow would not decode all of a TIFF's numbers that are wanted, or not decode it at all."""
    return not layout.plain or (channel is not None and layout.extra > 0)


def _of_tiff(path: Path, layout: Layout, channel: int | None, note: Note) -> np.ndarray:
    """A picture from the numbers of a TIFF, (h, w, 3) uint8."""
    count = layout.channels + layout.extra
    if not layout.colours:
        raise BadInput(f"{path}: {layout.kind} in another colour space, expected grey or RGB")
    if channel is None and layout.channels not in (1, 3):
        raise BadInput(f"{path}: {_too_many(layout)}")
    if layout.width * layout.height * (count + layout.alpha) > 4 * MOST_PIXELS:
        raise BadInput(f"{path}: {count} channels of {layout.width} x {layout.height} pixels, expected fewer")
    values = read_numbers(path)  # (h, w, s)
    values = _by_pillow(path, layout) if values is None else turned(values, layout.orientation)
    own = layout.alpha and is_channel(values[..., layout.channels])
    if own and channel is None:
        raise BadInput(f"{path}: {_too_many(layout)}")
    if channel is None:
        values = values[..., : layout.channels + layout.alpha]
    elif layout.alpha and not own:  # the first of what is beside the channels
        values = np.delete(values, layout.channels, axis=2)
    seen = shown(values, layout.alpha and channel is None, channel, path, layout.premultiplied, note)
    return 255 - seen if layout.white_is_zero else seen


def _of_page(path: Path, layout: Layout, channel: int) -> np.ndarray:
    """One of the channels that a TIFF has in pages of their own, (h, w, 3) uint8."""
    if not 0 <= channel < layout.stacked:
        raise BadInput(
            f"{path}: channel {channel}, expected 0…{layout.stacked - 1}: the file has {layout.stacked}"
        )
    values = read_numbers(path, channel * layout.apart)  # (h, w, 1)
    if values is None:
        raise BadInput(f"{path}: {_unread(layout)}")
    seen = one(turned(values, layout.orientation), 0, path)
    return 255 - seen if layout.white_is_zero else seen


def _too_many(layout: Layout) -> str:
    """That a TIFF has channels that are no colours, and what to do."""
    count = layout.channels + layout.extra + layout.alpha
    called = ", the last called transparency, which it hardly is" if layout.alpha else ""
    return (
        f"{count} channels{called}, expected 1 (grey) or 3 (RGB); save one of them, or three as RGB, or choose one:"
        f" segment --channel 0 to {count - 1}, in Python read_picture(…, channel=0)"
    )


def _say_pages(path: Path, pages: int, stacked: int, note: Note) -> None:
    """Say that there are further pages, and how to choose one where it is a channel."""
    if pages > 1:
        others = "1" if stacked == 2 else f"1 to {stacked - 1}"
        other = f"; segment --channel {others} reads another" if stacked > 1 else ""
        note(f"{path}: {pages} pages, the first was read; {pages - 1} left out{other}")


def _unread(layout: Layout) -> str:
    """That a TIFF is packed as nothing here unpacks it, and what to do."""
    return (
        f"{layout.codec}, a compression that is not read here for {layout.kind}; expected it without compression, or"
        " the package imagecodecs (pip install imagecodecs)"
    )


def _by_pillow(path: Path, layout: Layout) -> np.ndarray:
    """The numbers of a TIFF of 16-bit colour or of grey, (h, w, s), upright, by Pillow, which unpacks more."""
    if layout.kind == np.dtype(np.uint16) and layout.channels == 3 and not layout.premultiplied:
        with opened(path):  # for its error lines
            values = read_both_bytes(path, "TIFF")
        if values is not None:
            return values[..., : 3 + layout.alpha]
    if layout.grey_by_pillow:
        with opened(path) as image:
            image.load()
            return layout.numbers(np.asarray(_upright(image)))[..., None]
    raise BadInput(f"{path}: {_unread(layout)}")


def turned(values: np.ndarray, orientation: int) -> np.ndarray:
    """Return a picture's numbers turned as an orientation in EXIF says.

    values: (h, w, s), any type
    orientation: 1…8
    returns: (h, w, s) of the same type; (w, h, s) where the orientation is 5 or more

    Built in chapter 2.
    """
    swapped, up, left = _TURNS[orientation]
    values = values.swapaxes(0, 1) if swapped else values
    return values[:: -1 if up else 1, :: -1 if left else 1]


def _frames(image: Image.Image) -> int:
    """How many pictures an animation has; 1 for a JPEG, whose further ones are a camera's previews."""
    return 1 if image.format in ("JPEG", "MPO") else getattr(image, "n_frames", 1)


def deep_colours(image: Image.Image, path: Path) -> np.ndarray | None:
    """Return the numbers of a colour PNG or PPM of 16 bits, of which Pillow keeps the high byte alone.

    image: the picture, opened
    path: its file
    returns: (h, w, c) uint16, upright, c 2 to 4; None for any other picture
    raises: what Pillow raises where the file is damaged

    Built in chapter 2.
    """
    if image.format == "PPM":
        return read_deep_ppm(path)
    with path.open("rb") as file:
        header = file.read(26)
    # PNG's bit depth and colour type are bytes 24 and 25; Pillow reads grey of 16 bits itself
    if image.format != "PNG" or header[24] != 16 or header[25] == 0:
        return None
    deep = read_both_bytes(path, "PNG")
    return None if deep is None else turned(deep, _orientation(image))


def _numbers(image: Image.Image) -> np.ndarray:
    """The numbers of grey of other types than bytes, (h, w), of a file that is no TIFF."""
    values = np.asarray(image)
    wide = image.mode.startswith("I") and values.min() >= 0 and values.max() <= 65535
    return values.astype(np.uint16) if wide else values
