"""Pictures beside label images: a number for every object, as StarDist and Cellpose have them, or for every category.

Built in chapter 12.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from bridgeseg.data.category_names import CLASSES, other_list
from bridgeseg.data.endings import (
    ENDINGS,
    LOSSLESS,
    alike,
    by_stem,
    folder_named,
    has_ending,
    plain_names,
    standing,
)
from bridgeseg.data.findings import Findings
from bridgeseg.data.label_png import read_label_png
from bridgeseg.data.pictures import read_picture
from bridgeseg.data.stored_numbers import check_size, read_stored
from bridgeseg.data.voc import read_categories, read_colours
from bridgeseg.structures.labels import VOID, BadInput, Sample

# What stands after the picture's name in that of its label image, with _ or -; the longest first. Cellpose writes the
# first two, QuPath's scripts -labels: these are label images wherever they stand.
MASK_MARKS = ("_cp_masks", "_masks", "_labels", "_mask", "_label")
# Of several label images of a picture the first counts: what Cellpose found by itself comes after what was corrected.
PREFERRED = ("", "_masks", "_mask", "_labels", "_label", "_cp_masks")
PICTURE_MARKS = ("", "_img", "_image")
# What Cellpose writes beside a picture, and is none.
OUTPUTS = ("_flows", "_outlines", "_outlines_cp", "_cp_output", "_flows_cp")

IN_PIECES = (
    "label images of twice as many pieces as numbers, read as one object a number and not as categories"
)

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
    if int(values.max()) >= 2**63:  # a truth value is compared with no number beyond int64
        raise BadInput(f"{path}: number {values.max()}, expected less than 2⁶³")
    return values.astype(np.int64)


class LabelImages:
    """Pictures with a label image each, as samples of the single category "object".

    Either `images/NAME.*` and `masks/NAME.tif` (StarDist), or `NAME_masks.tif` beside `NAME.*` (Cellpose). Where all
    label images together hold one number only, nothing tells objects apart: connected pieces are objects then, which
    is counted.

    root: the folder
    pieces: numbers the connected pieces of a category map, (h, w) integers in and (h, w) int32 out
    findings: where everything is counted that cannot be carried over
    raises: BadInput when there is no picture with a label image

    Built in chapter 12.
    """

    kind = "labels"
    categories: tuple[str, ...] = ("background", "object")

    def __init__(self, root: str | Path, pieces: Pieces, findings: Findings) -> None:
        self.root = Path(root)
        self._pieces, self._findings = pieces, findings
        folders, beside = self._in_folders(Findings()), self._beside(Findings())
        if folders and beside:
            raise BadInput(
                f"{self.root}: may be images/NAME.* and masks/NAME.tif or NAME_masks.tif beside NAME.*, as both are"
                " there; expected one of them"
            )
        if beside or folders is None:
            self._pairs = self._beside(findings)
        else:
            self._pairs = self._in_folders(findings) or []
            for path in standing(self.root, ENDINGS, Findings()):
                findings.note("files beside images and masks, passed over", path.name)
        if not self._pairs:
            raise BadInput(
                f"{self.root}: no picture with a label image of its name, expected images/NAME.* and masks/NAME.tif or"
                " .png (a JPEG blurs numbers), NAME_masks.tif beside NAME.*, or folders masks/NAME of a mask an object"
            )
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
            # A number that is void's in a category map is none here.
            pieces = int(self._pieces(instances + (instances >= VOID)).max())
            if pieces >= 2 * max(instances.max(), 1):
                self._findings.note(IN_PIECES, self.names[index])
        return Sample(self.names[index], picture, categories, instances.astype(np.int32))

    def _in_folders(self, findings: Findings) -> list[tuple[Path, Path]] | None:
        """The pairs of images and masks; None where those folders are not there."""
        images, masks = folder_named(self.root, "images"), folder_named(self.root, "masks")
        if images is None or masks is None:
            return None
        pictures = by_stem(standing(images, ENDINGS, findings), findings)
        return pair(pictures, standing(masks, LOSSLESS, findings), findings)

    def _beside(self, findings: Findings) -> list[tuple[Path, Path]]:
        """The pairs of pictures and label images of one folder."""
        pictures, labels = [], []
        for path in standing(self.root, (*ENDINGS, ".npy"), findings):
            stem = alike(path.stem)
            if path.suffix.lower() == ".npy":
                kind = "_seg.npy files, passed over: they can run code; save masks as PNG"
                findings.note(kind if stem.endswith("_seg") else ".npy files, passed over", path.name)
            elif stem.endswith(OUTPUTS):
                findings.note("Cellpose's other output, passed over", path.name)
            elif _unmarked(stem)[1] and has_ending(path.name, LOSSLESS):
                labels.append(path)
            else:
                pictures.append(path)
        return pair(by_stem(pictures, findings), labels, findings)

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
        pictures = by_stem(standing(images, ENDINGS, findings), findings)
        self._pairs = pair(pictures, standing(labels, (".png",), findings), findings)
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


def pair(pictures: dict[str, Path], labels: Iterable[Path], findings: Findings) -> list[tuple[Path, Path]]:
    """Return the pictures and their label images, by name; those alone are counted.

    pictures: by their names as `by_stem` gives them
    labels: whose names may have a mark such as _masks behind the picture's
    findings: where they are counted, and further label images of a picture
    returns: picture and label image, sorted

    Our choice: of several the name without a mark counts, then the marks in the order of PREFERRED, of equals the first
    by name. Built in chapter 12.
    """
    pairs: dict[str, tuple[Path, Path]] = {}
    for where in sorted(labels, key=lambda path: (PREFERRED.index(_unmarked(alike(path.stem))[1]), path)):
        stem = alike(where.stem)
        names = [stem] + [_unmarked(stem)[0] + mark for mark in PICTURE_MARKS]
        name = next((name for name in names if name in pictures), None)
        if name is None:
            findings.note("absent pictures", f"that of {where.name}")
        elif name in pairs:
            findings.note("second label images of one picture, passed over", where.name)
        else:
            pairs[name] = (pictures[name], where)
    for name, path in pictures.items():
        if name not in pairs:
            findings.note("pictures without labels, passed over", path.name)
    return sorted(pairs.values())


def _unmarked(stem: str) -> tuple[str, str]:
    """The name without the mark of a label image behind it, and that mark."""
    mark = next((mark for mark in MASK_MARKS if stem.replace("-", "_").endswith(mark)), "")
    return stem[: len(stem) - len(mark)], mark


def is_label_image(path: Path) -> bool:
    """Return whether a file's name is that of a label image beside its picture.

    path: the file
    """
    return has_ending(path.name, LOSSLESS) and _unmarked(alike(path.stem))[1] in MASK_MARKS[:3]
