"""Micrographs of nuclei in the layout of BBBC038 (Data Science Bowl 2018): one small mask file a nucleus.

A folder holds one sub-folder a picture: `<id>/images/<id>.png` and `<id>/masks/*.png`, or files of other endings. A
picture has some forty masks, up to several hundred, so reading is a matter of tens of thousands of small files.
Pillow lets go of Python's lock while it unpacks one, so reading several pictures at once in threads pays;
`NucleiFolder` may be used from any number of threads.

Built in chapter 2.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, PngImagePlugin

from bridgeseg.data.endings import (
    ENDINGS,
    LOSSLESS,
    by_name,
    composed,
    has_ending,
    is_hidden,
    listed,
    say_seconds,
)
from bridgeseg.data.label_png import check_sums
from bridgeseg.data.pictures import read_picture
from bridgeseg.data.splits import set_aside
from bridgeseg.data.stored_numbers import check_size, read_mask
from bridgeseg.machine.notes import NAMED, Note, Once, counted, unsaid
from bridgeseg.structures.labels import BadInput, Sample

PNG_FIRST = (".png", *(ending for ending in ENDINGS if ending != ".png"))


class NucleiFolder:
    """A folder of micrographs with one mask file a nucleus, as samples of the single category "nucleus".

    root: the folder that holds the `<id>` folders, or its parent when that holds `stage1_train`
    split: "train" or "val", told apart by `set_aside`, or "all"
    note: called with a line for what is passed over
    raises: BadInput naming the folder when it holds no such pictures, when one lacks its picture or its
        masks, when the split is empty or is another

    Built in chapter 2.
    """

    kind = "nuclei"
    categories: tuple[str, ...] = ("background", "nucleus")

    def __init__(
        self, root: str | Path, split: Literal["train", "val", "all"] = "train", note: Note = unsaid
    ) -> None:
        if split not in ("train", "val", "all"):
            raise BadInput(f"split: {split!r}, expected 'train', 'val' or 'all'")
        root = Path(root)
        self.root = root / "stage1_train" if (root / "stage1_train").is_dir() else root
        self.split = split
        self._note = Once(note)
        self._with_lost: set[Path] = set()
        self._pictures = _find(self.root, self._note)
        names = list(self._pictures)
        self.names = [name for name in names if split == "all" or set_aside(name) == (split == "val")]
        if not self.names:
            raise BadInput(
                f"{self.root}: no picture in split {split}, expected some of the {len(names)} there"
            )
        _look_at_masks(self.root, self.names, self._note)

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
        picture = read_picture(self._pictures[name], note=self._note)
        height, width = picture.shape[:2]
        instances = np.zeros((height, width), np.int32)
        count, lost = 0, []
        for path in _masks(folder):
            top, left, mask = _read_mask(path, (height, width))
            place = instances[top : top + mask.shape[0], left : left + mask.shape[1]]
            free = mask & (place == 0)
            if free.any():
                count += 1
                place[free] = count
            else:
                lost.append(path.name)
        if lost:
            self._say_lost(folder, lost, count)
        return Sample(name, picture, (instances > 0).astype(np.uint8), instances)

    def _say_lost(self, folder: Path, lost: list[str], count: int) -> None:
        """Say which masks hold no nucleus, of the first few pictures."""
        left = f"{counted(lost, 'mask', 'masks')} empty or wholly under others, left out; {count} remain"
        if len(self._with_lost) < NAMED or folder in self._with_lost:
            self._note(f"{folder}: {left}")
        else:
            self._note(f"{self.root}: such masks are in further pictures too")
        self._with_lost.add(folder)


def _find(root: Path, note: Note) -> dict[str, Path]:
    """The pictures in a folder by their names, sorted, each checked to have a picture and a folder of masks."""
    try:
        entries = [entry for entry in root.iterdir() if not is_hidden(entry.name)]
        folders = sorted(entry.name for entry in entries if entry.is_dir())
        dangling = sorted(entry.name for entry in entries if entry.is_symlink() and not entry.exists())
    except OSError as error:
        raise BadInput(
            f"{root}: {error.strerror or error}, expected a folder with <id>/images/<id>.png and <id>/masks"
        ) from error
    names = [name for name in folders if name[0] != "_"]
    if {"images", "masks"} <= set(names) and not (root / "images" / "images").is_dir():
        raise BadInput(
            f"{root}: images and masks side by side, expected <id>/images/<id>.png and <id>/masks/*.png; convert reads"
            " such a folder"
        )
    if not any((root / name / "images").is_dir() for name in names):
        raise BadInput(f"{root}: no picture found, expected <id>/images/<id>.png and <id>/masks/*.png")
    if left := [name for name in folders if name[0] == "_"]:
        note(f"{root}: not read: {counted(left, 'folder', 'folders')}, whose names begin with _")
    if dangling:
        there = counted(dangling, "link that leads nowhere", "links that lead nowhere")
        note(f"{root}: not read: {there}")
    found: dict[str, list[Path]] = {}
    for name in names:
        picture = root / name / "images" / f"{name}.png"
        try:
            found[name] = by_name(picture.parent, PNG_FIRST)[composed(name)]
        except (OSError, KeyError):
            raise BadInput(f"{picture}: missing, expected the picture of {name} there") from None
        if not (root / name / "masks").is_dir():
            raise BadInput(f"{root / name / 'masks'}: missing, expected a folder with one PNG a nucleus")
    say_seconds(root, list(found.values()), note)
    return {name: files[0] for name, files in found.items()}


def _look_at_masks(root: Path, names: list[str], note: Note) -> None:
    """Say which files beside the masks are none, and whether there are no masks at all."""
    others: list[str] = []
    count, most = 0, 0
    for name in names:
        try:
            found = listed(root / name / "masks", ENDINGS)
        except OSError as error:
            raise BadInput(f"{root / name / 'masks'}: {error.strerror or error}, expected masks") from error
        here = len(found.read) + len(found.dangling)
        count, most = count + here, max(most, here)
        others += [f"{name}/masks/{path.name}" for path in [*found.others, *found.folders]]
    if others:
        note(f"{root}: not read as masks: {counted(others, 'file', 'files')}")
    if most == 1 and count > 2:
        note(
            f"{root}: at most one mask in each of the {len(names)} pictures, expected one a nucleus; where a file holds"
            " all nuclei of a picture, convert reads it"
        )
    if not count:
        note(f"{root}: no mask in any of the {len(names)} pictures, expected <id>/masks/*.png")


def _masks(folder: Path) -> list[Path]:
    """The mask files of one picture, by name; a link that leads nowhere is one that cannot be read."""
    return [
        path
        for path in sorted((folder / "masks").iterdir())
        if has_ending(path.name) and not is_hidden(path.name)
    ]


def _read_mask(path: Path, size: tuple[int, int]) -> tuple[int, int, np.ndarray]:
    """Read a mask, cut to the box around what is not zero.

    A mask holds one nucleus and mostly zeros. Pillow finds the box in C, so that only the nucleus becomes an
    array: a fifth less time than for the whole mask, and a fifth that would be spent holding Python's lock.

    returns: top, left, (h, w) bool; an empty mask has h = w = 0
    """
    if not has_ending(path.name, LOSSLESS):
        raise BadInput(f"{path}: {path.suffix} blurs a mask's border, expected PNG or TIFF")
    if not has_ending(path.name, (".png",)):
        return _cut(_whole(path, size), path)
    try:
        # Not Image.open, which looks for plug-ins and weighs formats for each of 24,000 files.
        data = path.read_bytes()
        mask: Image.Image = PngImagePlugin.PngImageFile(io.BytesIO(data))
        check_sums(path, data)
        check_size(path, (mask.height, mask.width), size)
        mask.load()
    except BadInput:
        raise
    except Exception as error:  # Pillow meets broken files with many kinds
        reason = getattr(error, "strerror", None) or "broken or not a PNG"
        raise BadInput(f"{path}: {reason}, expected a mask of one nucleus") from error
    if mask.mode == "1":  # one bit would be slower to cut
        mask = mask.convert("L")
    if mask.mode != "L" or getattr(mask, "n_frames", 1) > 1:
        return _cut(_whole(path, size), path)
    # Of one brightness beside 0, as nearly all are? The histogram is counted in C.
    if sum(map(bool, mask.histogram()[1:])) > 1:
        return _cut(_whole(path, size), path)
    return _cut(mask, path)


def _whole(path: Path, size: tuple[int, int]) -> Image.Image:
    """A mask of any kind, as bytes that are not zero inside."""
    held = read_mask(path)
    check_size(path, held.shape, size)
    return Image.fromarray(held.astype(np.uint8))


def _cut(mask: Image.Image, path: Path) -> tuple[int, int, np.ndarray]:
    """The box around what is not zero: top, left, (h, w) bool."""
    box = mask.getbbox()
    if box is None:
        return 0, 0, np.zeros((0, 0), bool)
    held = np.asarray(mask.crop(box)) != 0
    if (
        held.shape == (mask.height, mask.width)
        and min(held.shape) > 1
        and held[[0, 0, -1, -1], [0, -1, 0, -1]].all()
    ):
        raise BadInput(
            f"{path}: all four corners of the picture belong to it, expected a mask of one nucleus and 0 around it"
        )
    return box[1], box[0], held
