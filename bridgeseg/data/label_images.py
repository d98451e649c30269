"""Pictures beside label images: a number for every object, as StarDist and Cellpose have them, or for every category.

Built in chapter 12.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from bridgeseg.data.category_names import CLASSES, other_list
from bridgeseg.data.endings import ENDINGS
from bridgeseg.data.findings import Findings
from bridgeseg.data.label_png import read_label_png
from bridgeseg.data.named_files import alike, by_stem, folder_named, plain_names
from bridgeseg.data.pictures import read_picture
from bridgeseg.data.stored_numbers import check_size, read_stored
from bridgeseg.data.voc import read_categories, read_colours
from bridgeseg.structures.labels import VOID, BadInput, Sample

LABEL_ENDINGS = (".tif", ".tiff", ".png")
# What stands after the picture's name in that of its label image; the longest first.
MASK_MARKS = ("_cp_masks", "_masks", "_mask", "_labels", "_label")
PICTURE_MARKS = ("", "_img", "_image")
# What Cellpose writes beside a picture, and is none.
OUTPUTS = ("_flows", "_outlines", "_outlines_cp", "_cp_output", "_flows_cp")

Pieces = Callable[[np.ndarray], np.ndarray]


def read_label_image(path: str | Path) -> np.ndarray:
    """Read an image whose numbers are those of the objects.

    path: as in `read_stored`, 1 to 64 bits, grey or with a palette; grey that was saved as colours, too
    returns: (h, w) int64, 0 or more
    raises: BadInput when it cannot be read, has several pages or colours, transparent parts that contradict its
        numbers, or numbers that are negative, not whole or beyond int64

    Built in chapter 12.
    """
    stored = read_stored(path)
    values = stored.numbers[..., 0]
    if (stored.numbers != values[..., None]).any():
        raise BadInput(f"{path}: colours, expected a grey image whose numbers are the objects'")
    if stored.alpha_differs and ((values != 0) != (stored.alpha != 0)).any():
        raise BadInput(f"{path}: transparent parts that are not its 0, expected numbers alone")
    if values.dtype.kind == "f" and not (np.isfinite(values) & (values == np.rint(values))).all():
        raise BadInput(f"{path}: numbers that are not whole, expected those of the objects")
    if values.min() < 0:
        raise BadInput(f"{path}: number {values.min()}, expected 0 or more")
    if values.max() >= 2**63:
        raise BadInput(f"{path}: number {values.max()}, expected less than 2⁶³")
    return values.astype(np.int64)


class LabelImages:
    """Pictures with a label image each, as samples of the single category "object".

    Either `images/NAME.*` and `masks/NAME.tif` (StarDist), or `NAME_masks.tif` beside `NAME.*` (Cellpose). Where all
    label images together hold one number only, nothing tells objects apart: connected pieces are objects then, which
    is counted.

    root: the folder
    pieces: numbers the connected pieces of a category map, (h, w) uint8 in and (h, w) int32 out
    findings: where everything is counted that cannot be carried over
    raises: BadInput when there is no picture with a label image

    Built in chapter 12.
    """

    kind = "labels"
    categories: tuple[str, ...] = ("background", "object")

    def __init__(self, root: str | Path, pieces: Pieces, findings: Findings) -> None:
        self.root = Path(root)
        self._pieces, self._findings = pieces, findings
        images, masks = folder_named(self.root, "images"), folder_named(self.root, "masks")
        flat = any(_unmarked(stem)[1] for stem in by_stem(self.root, LABEL_ENDINGS, Findings()))
        if images and masks and not flat:
            pictures = by_stem(images, ENDINGS, findings)
            labels = by_stem(masks, LABEL_ENDINGS, findings)
        else:
            beside = by_stem(self.root, LABEL_ENDINGS, Findings())
            labels = {stem: path for stem, path in beside.items() if _unmarked(stem)[1]}
            others = by_stem(self.root, ENDINGS, Findings())
            pictures = {stem: path for stem, path in others.items() if stem not in labels}
            for stem in [stem for stem in pictures if stem.endswith(OUTPUTS)]:
                findings.note("Cellpose's other output, passed over", pictures.pop(stem).name)
            for path in sorted(self.root.glob("*_seg.npy")):
                findings.note("_seg.npy files, passed over: they can run code; save masks as PNG", path.name)
        self._pairs = pair(pictures, labels, findings)
        if not self._pairs:
            raise BadInput(f"{self.root}: no picture with a label image of its name")
        self.names = plain_names([picture.name for picture, _ in self._pairs])
        self._in_pieces = self._one_number_only()

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        """Read one picture and its label image.

        index: 0…len-1
        returns: the sample; objects are numbered in the order of their numbers, without a gap
        raises: BadInput when a file cannot be read or the two are of different sizes; IndexError
        """
        path, where = self._pairs[index]
        picture, labels = read_picture(path, note=self._findings.left_out), read_label_image(where)
        check_size(where, labels.shape, picture.shape[:2])
        categories = (labels > 0).astype(np.uint8)
        if self._in_pieces:
            instances = self._pieces(categories)
        else:
            numbers, instances = np.unique(labels, return_inverse=True)
            instances = instances.reshape(labels.shape) + (1 if numbers[0] > 0 else 0)
        return Sample(self.names[index], picture, categories, instances.astype(np.int32))

    def _one_number_only(self) -> bool:
        """Whether all label images together hold one number besides 0, which tells no objects apart."""
        numbers: set[int] = set()
        for _, where in self._pairs:
            try:
                numbers |= set(np.unique(read_label_image(where)).tolist()) - {0}
            except BadInput:
                continue  # said when it is read
            if len(numbers) > 1:
                return False
        if numbers:
            kind = f"label images of one number only ({numbers.pop()}), whose connected pieces become objects"
            self._findings.note(kind, "all", len(self._pairs))
        return True


class PaletteFolder:
    """Pictures with a category for every pixel, `images/NAME.*` and `labels/NAME.png`, as samples.

    Objects are the connected pieces of a category, as nothing else tells them apart. `classes.txt` in the folder names
    the categories; without it they are called by their numbers. 255 is void; in a folder whose maps hold 0 and 255
    only, it is the single category "object".

    root: the folder
    pieces, findings: as in `LabelImages`
    raises: BadInput when there is no picture with a label image, or no category in any, and what `read_categories`
        raises where the folder holds a list of names

    Built in chapter 12.
    """

    kind = "palette"

    def __init__(self, root: str | Path, pieces: Pieces, findings: Findings) -> None:
        self.root = Path(root)
        self._pieces, self._findings = pieces, findings
        images, labels = folder_named(self.root, "images"), folder_named(self.root, "labels")
        if images is None or labels is None:
            raise BadInput(
                f"{self.root}: no folders images and labels, expected images/NAME.* and labels/NAME.png"
            )
        self._pairs = pair(by_stem(images, ENDINGS, findings), by_stem(labels, (".png",), findings), findings)
        if not self._pairs:
            raise BadInput(f"{self.root}: no picture with a label image of its name in labels")
        self.names = plain_names([picture.name for picture, _ in self._pairs])
        self._colours = read_colours(self.root)
        highest, void, refused = 0, 0, ""
        for _, where in self._pairs:
            try:
                categories, unknown = read_label_png(where, self._colours)
            except BadInput as error:  # of one of many it is said when it is read
                refused = refused or f"; {error}"
                continue
            highest, void = max(highest, int(categories.max())), void + int(np.count_nonzero(unknown))
        self._void_is_object = highest == 0 and void > 0
        if self._void_is_object:
            findings.note("label images of 0 and 255 only, where 255 is an object", "all", len(self._pairs))
            highest = 1
        if not 1 <= highest < VOID:
            found = f"categories up to {highest} in the label images"
            raise BadInput(f"{labels}: {found}, expected 1…{VOID - 1}{refused}")
        self.categories = self._named(highest)
        findings.note(
            "label images by category, whose connected pieces become objects", "all", len(self._pairs)
        )

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        """Read one picture and its label image.

        index: 0…len-1
        returns: the sample
        raises: BadInput when a file cannot be read, the two are of different sizes, or a category has no name;
            IndexError
        """
        path, where = self._pairs[index]
        picture = read_picture(path, note=self._findings.left_out)
        labels, void = read_label_png(where, self._colours)
        check_size(where, labels.shape, picture.shape[:2])
        if labels.max() >= len(self.categories):
            raise BadInput(f"{where}: category {labels.max()}, expected at most {len(self.categories) - 1}")
        categories = labels.astype(np.uint8)
        categories[void] = 1 if self._void_is_object else VOID
        return Sample(self.names[index], picture, categories, self._pieces(categories))

    def _named(self, highest: int) -> tuple[str, ...]:
        """The names of the categories, background first."""
        if (self.root / CLASSES).exists() or other_list(self.root) is not None:  # another list it refuses
            return read_categories(self.root)
        if self._void_is_object:
            return ("background", "object")
        return ("background", *(f"category_{number}" for number in range(1, highest + 1)))


def pair(pictures: dict[str, Path], labels: dict[str, Path], findings: Findings) -> list[tuple[Path, Path]]:
    """Return the pictures and their label images, by name; those alone are counted.

    pictures, labels: by their names as `by_stem` gives them; a label image's may have a mark such as _masks behind it
    findings: where they are counted
    returns: picture and label image, sorted

    Built in chapter 12.
    """
    pairs: list[tuple[Path, Path]] = []
    left = dict(pictures)
    for stem, where in labels.items():
        names = [stem] + [_unmarked(stem)[0] + mark for mark in PICTURE_MARKS]
        name = next((name for name in names if name in left), None)
        if name is None:
            findings.note("absent pictures", f"that of {where.name}")
        else:
            pairs.append((left.pop(name), where))
    for path in left.values():
        findings.note("pictures without labels, passed over", path.name)
    return sorted(pairs)


def _unmarked(stem: str) -> tuple[str, str]:
    """The name without the mark of a label image behind it, and that mark."""
    mark = next((mark for mark in MASK_MARKS if stem.endswith(mark)), "")
    return stem.removesuffix(mark), mark


def is_label_image(path: Path) -> bool:
    """Return whether a file's name is that of a label image beside its picture.

    path: the file
    """
    return path.suffix.lower() in LABEL_ENDINGS and _unmarked(alike(path.stem))[1] in MASK_MARKS[:2]
