"""Micrographs of nuclei in the layout of BBBC038 (Data Science Bowl 2018): one small mask file a nucleus.

A folder holds one sub-folder a picture: `<id>/images/<id>.png` and `<id>/masks/*.png`. A picture has some
forty masks, up to several hundred, so reading is a matter of tens of thousands of small files. Pillow lets go
of Python's lock while it unpacks one, so reading several pictures at once in threads pays; `NucleiFolder` may
be used from any number of threads.

Built in chapter 2.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, PngImagePlugin

from bridgeseg.data.pictures import read_picture
from bridgeseg.data.splits import set_aside
from bridgeseg.structures.labels import BadInput, Sample


class NucleiFolder:
    """A folder of micrographs with one mask file a nucleus, as samples of the single category "nucleus".

    root: the folder that holds the `<id>` folders, or its parent when that holds `stage1_train`
    split: "train" or "val", told apart by `set_aside`, or "all"
    raises: BadInput naming the folder when it holds no such pictures, when one lacks its picture or its
        masks, when the split is empty or is another

    Built in chapter 2.
    """

    kind = "nuclei"
    categories: tuple[str, ...] = ("background", "nucleus")

    def __init__(self, root: str | Path, split: Literal["train", "val", "all"] = "train") -> None:
        if split not in ("train", "val", "all"):
            raise BadInput(f"split: {split!r}, expected 'train', 'val' or 'all'")
        root = Path(root)
        self.root = root / "stage1_train" if (root / "stage1_train").is_dir() else root
        self.split = split
        names = _names(self.root)
        self.names = [name for name in names if split == "all" or set_aside(name) == (split == "val")]
        if not self.names:
            raise BadInput(
                f"{self.root}: no picture in split {split}, expected some of the {len(names)} there"
            )

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        """Read one picture and its masks; where two overlap, the file name that comes first wins.

        index: from 0 to len - 1, negative counts from the end
        returns: the sample; an empty mask is left out, so instances are numbered 1…n without a gap
        raises: BadInput naming the file that cannot be read or has another size than the picture
        """
        name = self.names[index]
        folder = self.root / name
        picture = read_picture(folder / "images" / f"{name}.png")
        height, width = picture.shape[:2]
        instances = np.zeros((height, width), np.int32)
        count = 0
        for path in sorted((folder / "masks").glob("*.png")):
            top, left, mask = _read_mask(path, (height, width))
            place = instances[top : top + mask.shape[0], left : left + mask.shape[1]]
            free = mask & (place == 0)
            if free.any():
                count += 1
                place[free] = count
        return Sample(name, picture, (instances > 0).astype(np.uint8), instances)


def _names(root: Path) -> list[str]:
    """The names of the pictures in a folder, sorted, each checked to have a picture and a folder of masks."""
    try:
        names = sorted(entry.name for entry in root.iterdir() if entry.is_dir() and entry.name[0] not in "._")
    except OSError as error:
        raise BadInput(
            f"{root}: {error.strerror or error}, expected a folder with <id>/images/<id>.png and <id>/masks"
        ) from error
    if not any((root / name / "images").is_dir() for name in names):
        raise BadInput(f"{root}: no picture found, expected <id>/images/<id>.png and <id>/masks/*.png")
    for name in names:
        picture = root / name / "images" / f"{name}.png"
        if not picture.is_file():
            raise BadInput(f"{picture}: missing, expected the picture of {name} there")
        if not (root / name / "masks").is_dir():
            raise BadInput(f"{root / name / 'masks'}: missing, expected a folder with one PNG a nucleus")
    return names


def _read_mask(path: Path, size: tuple[int, int]) -> tuple[int, int, np.ndarray]:
    """Read a mask, cut to the box around what is not zero.

    A mask holds one nucleus and mostly zeros. Pillow finds the box in C, so that only the nucleus becomes an
    array: a fifth less time than for the whole mask, and a fifth that would be spent holding Python's lock.

    returns: top, left, (h, w) bool; an empty mask has h = w = 0
    """
    try:
        # Not Image.open, which looks for plug-ins and weighs formats for each of 24,000 files.
        mask: Image.Image = PngImagePlugin.PngImageFile(io.BytesIO(path.read_bytes()))
        if (mask.height, mask.width) != size:
            raise BadInput(
                f"{path}: mask is {mask.width}×{mask.height} pixels, its picture {size[1]}×{size[0]}; "
                "expected the same size"
            )
        mask.load()
    except BadInput:
        raise
    except Exception as error:  # Pillow meets broken files with many kinds
        reason = getattr(error, "strerror", None) or "broken or not a PNG"
        raise BadInput(f"{path}: {reason}, expected a PNG mask of one nucleus") from error
    if mask.mode.startswith("I"):  # 16 bit: converting to 8 would turn small values into zero
        mask = Image.fromarray((np.asarray(mask) != 0).astype(np.uint8))
    elif mask.mode not in ("L", "P"):  # colour, alpha left out; or one bit, which would be slower to cut
        mask = mask.convert("L")
    box = mask.getbbox()
    if box is None:
        return 0, 0, np.zeros((0, 0), bool)
    return box[1], box[0], np.asarray(mask.crop(box)) != 0
