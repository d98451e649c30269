"""A folder's pictures as they stand, with labels as far as they can be read: what is left where a folder does not open.

Built in chapter 12.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bridgeseg.data.endings import ENDINGS, LOSSLESS, by_name, composed, is_hidden, listed
from bridgeseg.data.label_png import read_label_png
from bridgeseg.data.nuclei import NucleiFolder
from bridgeseg.data.pictures import read_picture
from bridgeseg.data.sbd import SbdFolder
from bridgeseg.data.stored_numbers import check_size, read_mask
from bridgeseg.data.voc import CATEGORIES, one_category_each, read_categories, read_colours
from bridgeseg.data.voc_lists import read_list
from bridgeseg.structures.labels import VOID, BadInput, Sample

OBJECTS, KINDS = "SegmentationObject", "SegmentationClass"


class Labels(NamedTuple):
    """The labels of a picture, as far as they can be read.

    categories: (h, w) uint8, 255 void
    instances: (h, w) int32
    wrong: why some were not read; "" where nothing is wrong

    Built in chapter 12.
    """

    categories: np.ndarray
    instances: np.ndarray
    wrong: str = ""


Pictures = dict[str, Path]  # by their names
Reader = Callable[[str, tuple[int, int]], Labels]  # of the labels of a picture, from its name and size


class AsFound:
    """A folder in which anything may be absent or wrong, as pictures with the labels that they have.

    kind: the layout that was expected: "voc", "sbd" or "nuclei"
    root: the folder
    split: of VOC's layout the list to read; where it cannot be read, and of the others, all pictures are taken
    raises: OSError when the folder cannot be listed

    Built in chapter 12.
    """

    def __init__(self, kind: str, root: Path, split: str) -> None:
        self.kind = kind
        self.root = root / "stage1_train" if (root / "stage1_train").is_dir() else root
        if kind == "voc":
            self._pictures, self._labels = _voc(self.root, split)
        else:
            self._pictures, self._labels = _sbd(self.root) if kind == "sbd" else _nuclei(self.root)
        if not self._pictures:  # another layout, perhaps: what stands in the folder and in those in it
            self._pictures = {
                path.relative_to(self.root).with_suffix("").as_posix(): path
                for folder in [self.root, *listed(self.root).folders]
                for path in _listed(folder)
            }
        self.names = list(self._pictures)

    def __len__(self) -> int:
        return len(self.names)

    def read(self, index: int) -> tuple[Sample, str]:
        """Read a picture and the labels that it has.

        index: 0…len-1
        returns: the sample, background alone where it has none; why some were not read, "" where nothing is wrong
        raises: BadInput when the picture cannot be read
        """
        name = self.names[index]
        picture = read_picture(self._pictures[name])
        size = (picture.shape[0], picture.shape[1])
        try:
            labels = self._labels(name, size)
        except (BadInput, OSError) as error:
            labels = _none(size)._replace(wrong=" ".join(str(error).split()))
        return Sample(name, picture, labels.categories, labels.instances), labels.wrong

    def categories(self, highest: int) -> tuple[str, ...]:
        """Return the names of the categories, "background" first; where there is none, a number.

        highest: the number of the last category that is there
        """
        known = {"voc": ("background",), "sbd": CATEGORIES, "nuclei": NucleiFolder.categories}[self.kind]
        if self.kind == "voc":
            try:
                known = read_categories(self.root, (self.root / KINDS).is_dir())
            except BadInput:  # which may be why the folder does not open
                pass
        if known == CATEGORIES:  # nobody has said that all twenty should be there
            known = known[: highest + 1]
        return known + tuple(f"category {number}" for number in range(len(known), highest + 1))

    def files(self) -> dict[str, Counter[str]]:
        """Return how many files of which ending stand in each folder, two folders deep.

        returns: by the folder, "" for the root; those of single micrographs count as one, "*/images"; a file without an
            ending has ""
        """
        found: dict[str, Counter[str]] = {}
        for folder, inner, files in os.walk(self.root):
            parts = Path(folder).relative_to(self.root).parts
            inner[:] = sorted(name for name in inner if not is_hidden(name) and len(parts) < 2)
            if self.kind == "nuclei" and len(parts) == 2:
                parts = ("*", parts[1])
            endings = [os.path.splitext(name)[1] for name in files if not is_hidden(name)]
            if endings:
                found.setdefault("/".join(parts), Counter()).update(endings)
        return found


def _voc(root: Path, split: str) -> tuple[Pictures, Reader]:
    standing = {name: files[0] for name, files in _by_name(root / "JPEGImages").items()}
    maps = {
        folder: {name: files[0] for name, files in _by_name(root / folder, (".png",)).items()}
        for folder in (OBJECTS, KINDS)
    }
    try:
        wanted = {composed(name): name for name in read_list(root, split)}
        pictures = {name: standing[key] for key, name in wanted.items() if key in standing}
    except BadInput:
        pictures = standing
    try:
        colours = read_colours(root)
    except BadInput:
        colours = None

    def labels(name: str, size: tuple[int, int]) -> Labels:
        read = {}
        void = np.zeros(size, bool)
        for folder, files in maps.items():
            if path := files.get(composed(name)):
                read[folder], unknown = read_label_png(path, colours)
                check_size(path, unknown.shape, size)
                void |= unknown
        instances = read.get(OBJECTS, np.zeros(size, np.int32))
        categories = read.get(KINDS, (instances > 0).astype(np.int32))
        if categories.max() >= VOID:
            raise BadInput(
                f"{maps[KINDS][composed(name)]}: category {categories.max()}, expected less than {VOID}"
            )
        categories = np.where(void, VOID, categories).astype(np.uint8)
        instances = np.where(void, 0, instances).astype(np.int32)
        try:
            return Labels(categories, one_category_each(categories, instances, name))
        except BadInput as error:
            return Labels(categories, np.zeros(size, np.int32), str(error))

    return pictures, labels


def _sbd(root: Path) -> tuple[Pictures, Reader]:
    pictures = {path.stem: path for path in _listed(root / "img", (".jpg",))}
    labelled = set(pictures)
    for folder in ("cls", "inst"):
        labelled &= {path.stem for path in _listed(root / folder, (".mat",))}
    try:
        whole = SbdFolder(root, names=sorted(labelled))
    except BadInput:  # there is none, or nothing to read them with
        whole = None
    places = {} if whole is None else {name: place for place, name in enumerate(whole.names)}

    def labels(name: str, size: tuple[int, int]) -> Labels:
        if whole is None or name not in places:
            return _none(size)
        sample = whole[places[name]]
        return Labels(sample.categories, sample.instances)

    return pictures, labels


def _nuclei(root: Path) -> tuple[Pictures, Reader]:
    pictures = {}
    for folder in listed(root).folders:
        standing = _by_name(folder / "images")
        if standing:  # under the folder's name as it should be, or under any
            files = standing.get(composed(folder.name), next(iter(standing.values())))
            pictures[folder.name] = files[0]

    def labels(name: str, size: tuple[int, int]) -> Labels:
        instances, wrong = np.zeros(size, np.int32), ""
        for number, path in enumerate(_listed(root / name / "masks", LOSSLESS), 1):
            try:
                mask = read_mask(path)
                check_size(path, mask.shape, size)
                instances[mask & (instances == 0)] = number
            except BadInput as error:
                wrong = wrong or str(error)
        return Labels((instances > 0).astype(np.uint8), instances, wrong)

    return pictures, labels


def _none(size: tuple[int, int]) -> Labels:
    return Labels(np.zeros(size, np.uint8), np.zeros(size, np.int32))


def _listed(folder: Path, endings: tuple[str, ...] = ENDINGS) -> list[Path]:
    return listed(folder, endings).read if folder.is_dir() else []


def _by_name(folder: Path, endings: tuple[str, ...] = ENDINGS) -> dict[str, list[Path]]:
    return by_name(folder, endings) if folder.is_dir() else {}
