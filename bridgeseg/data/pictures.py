"""Pictures from files: whatever a file holds, RGB as a viewer shows it, or one line that says why not.

Built in chapter 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from bridgeseg.structures.labels import BadInput

# Named, so that a file's first bytes can never start one of Pillow's interpreters (EPS runs Ghostscript).
FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF", "PPM")
ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".ppm", ".pgm")
# Our choice: five times a picture of 6000 x 4000. Beyond it lie decompression bombs, not photographs.
MOST_PIXELS = 128_000_000

_ORIENTATION = 0x0112  # the EXIF tag


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
        raise BadInput(f"{path}: {error}") from None
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file") from None
    except PermissionError:
        raise BadInput(f"{path}: may not be read (permission denied)") from None
    except Exception as error:
        # Pillow's decoders meet broken files with nearly every kind of exception there is.
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BadInput(f"{path}: cannot be read as a picture ({reason})") from None


def read_picture(path: str | Path) -> np.ndarray:
    """Read a picture as a viewer shows it: upright, in RGB, transparent parts over white.

    EXIF orientation is applied. Grey of 16 bits is scaled from 0…65535 to 0…255; RGB of 16 bits keeps the
    high byte. Of several frames the first is read.

    path: a file in one of FORMATS
    returns: (h, w, 3) uint8, RGB
    raises: BadInput when the file is missing, unreadable, no picture, too large, or cut off

    Built in chapter 2.
    """
    with opened(path) as image:
        image.load()
        return np.ascontiguousarray(_rgb(_upright(image), path))


def picture_size(path: str | Path) -> tuple[int, int]:
    """Return the height and width of a picture as a viewer shows it, mostly without decoding it.

    path: a file in one of FORMATS
    returns: height and width in pixels, after EXIF orientation
    raises: BadInput as `read_picture`, save that pixels cut off may go unseen

    Built in chapter 2.
    """
    with opened(path) as image:
        if image.format == "TIFF":
            image.load()  # Pillow turns a TIFF upright itself, and drops the orientation then
        orientation = _orientation(image)
        return (image.width, image.height) if orientation >= 5 else (image.height, image.width)


def pictures_in(folder: str | Path) -> list[Path]:
    """List the pictures in a folder, by their endings, sorted by name, without hidden files and subfolders.

    folder: where to look
    returns: at least one path
    raises: BadInput when there is no such folder, when it may not be read, or when no picture is in it

    Built in chapter 2.
    """
    folder = Path(folder)
    try:
        found = sorted(
            path
            for path in folder.iterdir()
            if path.suffix.lower() in ENDINGS and not path.name.startswith(".") and path.is_file()
        )
    except OSError as error:
        raise BadInput(
            f"{folder}: cannot be listed ({error.strerror}), expected a folder of pictures"
        ) from None
    if not found:
        raise BadInput(f"{folder}: no pictures in it, expected files ending in {', '.join(ENDINGS)}")
    return found


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


def _rgb(image: Image.Image, path: str | Path) -> np.ndarray:
    """The decoded pixels as (h, w, 3) uint8, of a picture that stands upright."""
    if image.mode.startswith("I"):
        grey = np.asarray(image).astype(np.int64)
        if grey.min() < 0 or grey.max() > 65535:
            raise BadInput(f"{path}: grey values {grey.min()}…{grey.max()}, expected 0…65535")
        # 257 = 65535 / 255, rounded to the nearest
        return np.repeat(((grey + 128) // 257).astype(np.uint8)[..., None], 3, axis=2)  # (h, w, 3)
    if image.mode == "F":
        raise BadInput(f"{path}: floating-point pixels, whose range is unknown; expected 8 or 16 bits")
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        white = Image.new("RGBA", clear.size, (255, 255, 255, 255))
        return np.asarray(Image.alpha_composite(white, clear).convert("RGB"))
    return np.asarray(image.convert("RGB"))
