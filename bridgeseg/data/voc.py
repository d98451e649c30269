"""Folders in PASCAL VOC's layout: JPEGImages, SegmentationClass, SegmentationObject, ImageSets/Segmentation.

Built in chapter 2.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bridgeseg.data.label_png import read_label_png
from bridgeseg.data.pictures import read_picture
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
PICTURE_ENDINGS = (".jpg", ".jpeg", ".png")  # the first that exists counts


class VocFolder:
    """A folder in PASCAL VOC's layout, read as samples.

    `classes.txt` beside JPEGImages names the categories, one a line, background left out or in the first
    line; without it they are VOC's 20. Without SegmentationClass every instance is of the one category that
    `classes.txt` names ("object" without that file).

    The two maps are joined so that they agree. Our choice, VOC's own maps agree already:
    - a pixel is void where either map says so, and has no instance then;
    - an instance has the category of most of its pixels that are not void; those of its pixels with another
      category keep that and lose the instance;
    - a category without an instance stays as it is;
    - the numbers of the instances stay as they are in the file, gaps included.

    root: the folder
    split: the list in ImageSets/Segmentation to read, without its ending
    raises: BadInput when a folder, the list or a file named in it is missing, or when the list is empty; all
        of it looked at here, once

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

    def __init__(self, root: str | Path, split: str = "train") -> None:
        self.root = Path(root)
        self.split = split
        try:
            for folder in ("JPEGImages", "SegmentationObject"):
                if not (self.root / folder).is_dir():
                    raise BadInput(
                        f"{self.root / folder}: no such folder, expected in a folder of VOC's layout"
                    )
            self._has_categories = (self.root / "SegmentationClass").is_dir()
            self._categories = read_categories(self.root, self._has_categories)
            self._names = read_list(self.root, split)
            self._pictures = self._find()
        except PermissionError as error:
            raise BadInput(f"{error.filename}: may not be read (permission denied)") from None

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
        picture = read_picture(self._pictures[index])
        object_path = self.root / "SegmentationObject" / f"{name}.png"
        instances, void = read_label_png(object_path)
        _same_size(object_path, instances, picture)
        where = object_path
        if self._has_categories:
            where = self.root / "SegmentationClass" / f"{name}.png"
            labels, unknown = read_label_png(where)
            _same_size(where, labels, picture)
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
        instances[void] = 0
        instances = one_category_each(categories, instances, str(object_path))
        return verify(Sample(name, picture, categories, instances), str(where), len(self._categories) - 1)

    def _find(self) -> list[Path]:
        """The picture of every name of the list; its maps are looked for too."""
        standing = {path.name for path in (self.root / "JPEGImages").iterdir()}
        # endings in capitals too: cameras write .JPG
        endings = [*PICTURE_ENDINGS, *(ending.upper() for ending in PICTURE_ENDINGS)]
        maps = ["SegmentationObject"] + ["SegmentationClass"] * self._has_categories
        labelled = {folder: {path.name for path in (self.root / folder).iterdir()} for folder in maps}
        listed = list_path(self.root, self.split)
        found = []
        for name in self._names:
            file = next((name + ending for ending in endings if name + ending in standing), None)
            if file is None:
                raise BadInput(f"{listed}: names {name}, but JPEGImages/{name}.jpg is absent")
            for folder in maps:
                if f"{name}.png" not in labelled[folder]:
                    raise BadInput(f"{listed}: names {name}, but {folder}/{name}.png is absent")
            found.append(self.root / "JPEGImages" / file)
        return found


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


def list_path(root: str | Path, split: str) -> Path:
    """Return where the list of a split stands in a folder of VOC's layout.

    root: the folder
    split: the list's name without its ending
    """
    return Path(root) / "ImageSets" / "Segmentation" / f"{split}.txt"


def read_list(root: str | Path, split: str) -> list[str]:
    """Read the names of a split's pictures.

    root: the folder
    split: the list's name without its ending
    returns: at least one name, none twice
    raises: BadInput when the list is missing, empty, no text, or names a picture twice
    """
    path = list_path(root, split)
    if not path.is_file():
        others = sorted(file.stem for file in path.parent.glob("*.txt"))
        there = f"; lists there: {', '.join(others)}" if others else ""
        raise BadInput(f"{path}: no such list of the pictures of split {split!r}{there}")
    names = _lines(path)
    if not names:
        raise BadInput(f"{path}: the list is empty, expected the name of a picture in every line")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise BadInput(f"{path}: names {twice} twice, expected every picture once")
    return names


def read_categories(root: str | Path, has_map: bool = True) -> tuple[str, ...]:
    """Read the names of the categories of a folder of VOC's layout.

    root: the folder
    has_map: whether it has a SegmentationClass
    returns: the names, "background" first
    raises: BadInput when classes.txt is empty, holds a name twice or too many, or, without SegmentationClass,
        more than one

    Built in chapter 2.
    """
    path = Path(root) / "classes.txt"
    if not path.exists():
        return CATEGORIES if has_map else ("background", "object")
    names = _lines(path)
    if names and names[0].lower() == "background":
        names = names[1:]
    if not 1 <= len(names) < VOID:
        raise BadInput(f"{path}: {len(names)} names of categories, expected 1…{VOID - 1}, one a line")
    if len({"background", *names}) <= len(names):
        raise BadInput(f"{path}: the same category twice, expected every name once")
    if not has_map and len(names) > 1:
        raise BadInput(
            f"{path}: {len(names)} categories and no SegmentationClass to tell them apart, expected one"
        )
    return ("background", *names)


def _lines(path: Path) -> list[str]:
    """The lines of a text file that are not blank, without the byte order mark that some editors write."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot be read as text ({error})") from None
    return [line.strip() for line in lines if line.strip()]


def _same_size(path: Path, labels: np.ndarray, picture: np.ndarray) -> None:
    size = picture.shape[:2]
    if labels.shape == size:
        return
    turned = (
        "; the picture is turned by its EXIF orientation, the map is not"
        if labels.shape == size[::-1]
        else ""
    )
    raise BadInput(
        f"{path}: {labels.shape[1]} x {labels.shape[0]} pixels, its picture {size[1]} x {size[0]};"
        f" expected the same size{turned}"
    )
