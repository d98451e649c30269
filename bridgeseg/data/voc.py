"""Folders in PASCAL VOC's layout: JPEGImages, SegmentationClass, SegmentationObject, ImageSets/Segmentation.

Built in chapter 2.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from bridgeseg.data.category_names import CLASSES, other_list, read_names_file
from bridgeseg.data.doubtful_maps import LOOKED_AT, doubt
from bridgeseg.data.label_png import read_label_png
from bridgeseg.data.pictures import read_picture
from bridgeseg.data.stored_numbers import check_size
from bridgeseg.data.voc_lists import list_path, listed_files, read_list
from bridgeseg.machine.notes import Note, Once, unsaid
from bridgeseg.structures.labels import BACKGROUND, VOID, BadInput, Sample, verify

CATEGORIES = (
    "background",
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *(
        "diningtable",
        "dog",
        "horse",
        "motorbike",
        "person",
        "pottedplant",
        "sheep",
        "sofa",
        "train",
        "tvmonitor",
    ),
)

_VOC_NAME = re.compile(r"\d{4}_\d{6}")  # of VOC's own pictures


class VocFolder:
    """A folder in PASCAL VOC's layout, read as samples.

    `classes.txt` beside JPEGImages names the categories, as `category_names.read_names_file` reads it; without it they
    are VOC's 20. Without SegmentationClass every instance is of the one category that `classes.txt` names ("object"
    without that file).

    The two maps are joined so that they agree. Our choice, VOC's own maps agree already:
    - a pixel is void where either map says so, and has no instance then;
    - an instance has the category of most of its pixels that are not void; those of its pixels with another
      category keep that and lose the instance;
    - a category without an instance stays as it is;
    - the numbers of the instances stay as they are in the file, gaps included.

    root: the folder
    split: the list in ImageSets/Segmentation to read, without its ending
    note: called with a line for what is passed over
    raises: BadInput when a folder, the list or a file named in it is missing, when the list is empty, or when no
        picture of the list has an instance; all of it looked at here, once

    Example:
        >>> import tempfile
        >>> from bridgeseg.data.scenes import Scenes
        >>> from bridgeseg.data.voc_export import export
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     pictures = VocFolder(export(Scenes("val", size=32, count=2), folder, "val"), "val")
        ...     pictures.names, pictures[0].instances.shape
        (['val-0-00000', 'val-0-00001'], (32, 32))

    Built in chapter 2.
    """

    kind = "voc"

    def __init__(self, root: str | Path, split: str = "train", note: Note = unsaid) -> None:
        self.root = Path(root)
        self._note = Once(note)
        self.split = split
        try:
            for folder in ("JPEGImages", "SegmentationObject"):
                if not (self.root / folder).is_dir():
                    raise BadInput(
                        f"{self.root / folder}: no such folder, expected in a folder of VOC's layout"
                    )
            self._has_categories = (self.root / "SegmentationClass").is_dir()
            self._categories = read_categories(self.root, self._has_categories)
            self._colours = read_colours(self.root)
            self._names = read_list(self.root, split)
            if self._categories is CATEGORIES and not all(map(_VOC_NAME.fullmatch, self._names)):
                note(
                    f"{self.root}: no {CLASSES}, so its categories are called as VOC's: 1 is {CATEGORIES[1]}"
                )
            maps = ["SegmentationObject"] + ["SegmentationClass"] * self._has_categories
            self._files = listed_files(self.root, split, maps, self._note)
        except PermissionError as error:
            raise BadInput(f"{error.filename}: may not be read (permission denied)") from None
        self._look_for_an_instance()
        if note is not unsaid:
            self._say_doubt()

    @property
    def categories(self) -> tuple[str, ...]:
        """The names of the categories; the first is "background"."""
        return self._categories

    @property
    def names(self) -> list[str]:
        """The names of the pictures, in the order of the list."""
        return self._names

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> Sample:
        """Read one sample.

        index: 0…len-1
        returns: the sample
        raises: BadInput when a file cannot be read, when sizes differ, when a category has no name, or when
            an instance lies on the background; IndexError
        """
        name = self._names[index]
        files = self._files[index]
        picture = read_picture(files["JPEGImages"], note=self._note)
        object_path = files["SegmentationObject"]
        instances, void = read_label_png(object_path, self._colours)
        check_size(object_path, instances.shape, picture.shape[:2])
        where = object_path
        if self._has_categories:
            where = files["SegmentationClass"]
            labels, unknown = read_label_png(where, self._colours)
            check_size(where, labels.shape, picture.shape[:2])
            if labels.max() >= len(self._categories):
                raise BadInput(
                    f"{where}: category {labels.max()}, expected at most {len(self._categories) - 1};"
                    " classes.txt beside JPEGImages names the categories"
                )
            categories = labels.astype(np.uint8)
            void |= unknown
        else:
            categories = (instances > 0).astype(np.uint8)
        categories[void] = VOID
        if (instances[void] > 0).any():
            self._say_void(files["SegmentationObject"], instances, void)
        instances[void] = 0
        instances = one_category_each(categories, instances, str(object_path))
        return verify(Sample(name, picture, categories, instances), str(where), len(self._categories) - 1)

    def _say_void(self, path: Path, instances: np.ndarray, void: np.ndarray) -> None:
        """Say how many instances are void altogether in the category map, if any."""
        left = np.setdiff1d(instances[void], instances[~void])
        if lost := np.count_nonzero(left):
            self._note(f"{path}: {lost} of its instances void altogether in SegmentationClass, left out")

    def _say_doubt(self) -> None:
        """Say what looks wrong in the first few instance maps."""
        maps: dict[str, list[np.ndarray]] = {"SegmentationObject": [], "SegmentationClass": []}
        for files in self._files[:LOOKED_AT]:
            for folder in ["SegmentationObject"] + ["SegmentationClass"] * self._has_categories:
                try:
                    maps[folder].append(read_label_png(files[folder], self._colours)[0])
                except BadInput:  # reading the sample will say so
                    return
        if words := doubt(maps["SegmentationObject"], maps["SegmentationClass"]):
            self._note(f"{self.root / 'SegmentationObject'}: in most of its first maps {words}")

    def _look_for_an_instance(self) -> None:
        """Read maps until one holds an instance that is not void: mostly the first does."""
        blank, void, unlike = None, 0, None
        for files in self._files:
            try:
                instances, unknown = read_label_png(files["SegmentationObject"], self._colours)
                if self._has_categories and instances.any():
                    _, elsewhere = read_label_png(files["SegmentationClass"], self._colours)
                    if elsewhere.shape == instances.shape and not instances[~elsewhere].any():
                        unlike = unlike or files["SegmentationClass"]
                        continue
            except BadInput:  # reading the sample will say so
                return
            if instances.any():
                return
            blank = blank or (files["SegmentationObject"] if unknown.any() else None)
            void += bool(unknown.any())
        if unlike is not None:
            reason = (
                f"; where SegmentationObject has some, SegmentationClass, as {unlike.name}, has 255, which is void:"
                " number the categories 1, 2, 3 …"
            )
        elif blank is not None:
            reason = (
                f"; {void} of its {len(self)} maps in SegmentationObject, as {blank.name}, hold nothing but 0 and 255,"
                " and 255 is void: number the objects of a picture 1, 2, 3 …"
            )
        else:
            reason = f": all {len(self)} maps in SegmentationObject are 0"
        path = list_path(self.root, self.split)
        raise BadInput(f"{path}: not one instance in the split {self.split!r}, expected some{reason}")


def one_category_each(categories: np.ndarray, instances: np.ndarray, where: str) -> np.ndarray:
    """Return the instance map with every instance on one category only: that of most of its pixels.

    categories: (h, w) uint8, 255 void
    instances: (h, w) int32, 0 where void
    where: the file, for the message
    returns: (h, w) int32; pixels of another category, the background included, have lost their instance
    raises: BadInput when an instance lies on the background, with all or with most of its pixels

    Built in chapter 2.
    """
    pixels = instances > 0
    # (instance, category) pairs as one number each; only pairs that occur are counted: (p,), as what follows
    pairs, counts = np.unique(
        instances[pixels].astype(np.int64) * 256 + categories[pixels], return_counts=True
    )
    numbers, kinds = pairs // 256, pairs % 256
    # the last of an instance's pairs, sorted by count, has most pixels; of equals the lowest category
    order = np.lexsort((-kinds, kinds != BACKGROUND, counts, numbers))
    last = np.append(numbers[order][1:] != numbers[order][:-1], True)[: len(order)]
    owners, own = numbers[order][last], kinds[order][last]  # (n,), an instance each
    if (own == BACKGROUND).any():
        number = owners[own == BACKGROUND][0]
        covered = bool(((numbers == number) & (kinds != BACKGROUND)).any())
        found = "lies mostly on the background" if covered else "has no category"
        raise BadInput(f"{where}: instance {number} {found} in the category map, expected one category")
    if len(owners) == len(pairs):
        return instances
    labels = instances[pixels]  # (k,)
    right = own[np.searchsorted(owners, labels)] == categories[pixels]
    kept = np.zeros_like(instances)
    kept[pixels] = np.where(right, labels, 0)
    return kept


def read_categories(root: str | Path, has_map: bool = True) -> tuple[str, ...]:
    """Read the names of the categories of a folder of VOC's layout.

    root: the folder
    has_map: whether it has a SegmentationClass
    returns: the names, "background" first
    raises: BadInput when classes.txt is wrong, as `category_names.read_names_file` says, when it is absent and another
        file seems to be the list, or, without SegmentationClass, when it holds more than one name

    Built in chapter 2.
    """
    path = Path(root) / CLASSES
    if not path.exists():
        if path.parent.is_dir() and (other := other_list(path.parent)) is not None:
            raise BadInput(
                f"{path}: absent, but {other.name} stands there; expected the names of the categories in {CLASSES}, one"
                " a line, without the background's"
            )
        return CATEGORIES if has_map else ("background", "object")
    names, _ = read_names_file(path)
    if not has_map and len(names) > 1:
        raise BadInput(
            f"{path}: {len(names)} categories and no SegmentationClass to tell them apart, expected one"
        )
    return ("background", *names)


def read_colours(root: Path) -> np.ndarray | None:
    """Read the colours of the categories, where classes.txt is a label map that names them.

    root: the folder
    returns: (n, 3) uint8, the background's first; None without such a file
    raises: BadInput when it is wrong, as `category_names.read_names_file` says

    Built in chapter 2.
    """
    if not (root / CLASSES).exists():
        return None
    _, colours = read_names_file(root / CLASSES)
    return None if colours is None else np.array(colours).clip(0, 255).astype(np.uint8)
