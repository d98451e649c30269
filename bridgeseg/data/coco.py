"""Data sets in COCO's layout: one JSON with images, annotations and categories, and the pictures.

Built in chapter 12.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from bridgeseg.data.category_names import is_background, is_ignored
from bridgeseg.data.coco_segmentation import fill_segmentation
from bridgeseg.data.endings import ENDINGS, alike, plain_names, walk
from bridgeseg.data.findings import Findings
from bridgeseg.data.json_files import clean_name, id_text, read_json, stated_size
from bridgeseg.data.pictures import read_picture
from bridgeseg.data.polygons import BEYOND, FARTHEST, Patch, fill_polygon, reaches_beyond
from bridgeseg.data.regions import Region, compose
from bridgeseg.data.stored_numbers import check_size
from bridgeseg.structures.labels import BACKGROUND, VOID, BadInput, Sample

KEYS = ("images", "annotations", "categories")
_WHOLE = re.compile(r"-?[0-9]{1,18}")


class CocoFolder:
    """A data set in COCO's layout, as samples.

    Categories stand in the order of their ids, which may have gaps; two of one name are one. An annotation with
    `iscrowd` or `ignore` is void, and objects annotated one by one in it keep their pixels. A picture is found by the
    end of its path, and belongs to one image only: that whose path fits it best. Our choice: where an object
    is known to be and not what or how far, its pixels are void and not background: those of an annotation of an unknown
    category, and the box of one without an outline that can be read.

    root: the folder that the pictures are in, at any depth
    file: the JSON
    findings: where everything is counted that cannot be carried over
    raises: BadInput when the JSON cannot be read, lacks one of the three lists, has no picture that is there, or has
        more than 254 categories

    Built in chapter 12.
    """

    kind = "coco"

    def __init__(self, root: str | Path, file: str | Path, findings: Findings) -> None:
        self.root = Path(root)
        self._file = Path(file)
        self._findings = findings
        data = read_json(file)
        for key in KEYS:
            if not isinstance(data.get(key), list):
                raise BadInput(f"{file}: no list {key!r}, expected {', '.join(KEYS)}")
        labelled = {id_text(one.get("category_id")) for one in data["annotations"] if isinstance(one, dict)}
        entries = [one for one in data["categories"] if not self._is_head(one, data["categories"], labelled)]
        self.categories, self._category = _read_categories(entries, self._file)
        images = self._first_of_each([image for image in data["images"] if self._is_image(image)])
        places = _Places(self.root)
        paths = places.one_each([image["file_name"] for image in images], findings)
        found = list(zip(images, paths, strict=True))
        there = [(image, path) for image, path in found if path is not None]
        if not there:
            raise BadInput(f"{self.root}: none of the {len(images)} pictures of {self._file.name} is there")
        self._images = [image for image, _ in there]
        self._pictures = [path for _, path in there]
        self.names = plain_names([_slashed(image["file_name"]) for image, _ in there])
        for path in sorted(set(places.all) - places.named):
            findings.note("pictures that the JSON does not name, passed over", path.name)
        self._annotations = self._by_image(data["annotations"], {id_text(image["id"]) for image in images})

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        """Read one picture and its annotations.

        index: 0…len-1
        returns: the sample
        raises: BadInput when the picture cannot be read or has another size than the JSON says; IndexError
        """
        image, name = self._images[index], self.names[index]
        picture = read_picture(self._pictures[index], note=self._findings.left_out)
        size = (picture.shape[0], picture.shape[1])
        if stated := stated_size(image.get("height"), image.get("width")):
            check_size(self._file, stated, size)
        regions = [self._region(one, name, size) for one in self._annotations[id_text(image["id"])]]
        # What is not known comes first, so that objects lie upon it.
        ordered = sorted((region for region in regions if region), key=lambda region: region.category != VOID)
        return compose(name, picture, ordered, self._findings)

    def _region(self, annotation: dict[str, Any], name: str, size: tuple[int, int]) -> Region | None:
        """What an annotation says of the picture; None where it says nothing of any pixel."""
        category = self._category.get(id_text(annotation.get("category_id")))
        try:
            patch, points, left_out = fill_segmentation(annotation.get("segmentation"), size)
        except BadInput as error:
            bare = not annotation.get("segmentation")
            kind = "without a segmentation" if bare else "whose segmentation cannot be read"
            self._findings.note(
                f"annotations {kind}, void in their box", name if bare else f"{name}: {error}"
            )
            box = _box(annotation.get("bbox"), size)
            return None if box is None else Region(VOID, box)
        if reaches_beyond(points, size):
            self._findings.note(BEYOND, name)
        if left_out:
            self._findings.note(
                "polygons of fewer than three points beside others of an object", name, left_out
            )
        if _is_set(annotation.get("iscrowd")) or _is_set(annotation.get("ignore")):
            self._findings.note("crowds, which become void", name)
            return Region(VOID, patch)
        if category is None:
            number = annotation.get("category_id")
            self._findings.note("annotations of an unknown category, void", f"{name}: {number}")
            return Region(VOID, patch)
        return Region(category, patch)

    def _is_image(self, image: Any) -> bool:
        """Whether an entry names a picture; counted where it does not."""
        fine = isinstance(image, dict) and isinstance(image.get("id"), int | float | str)
        if fine and isinstance(image.get("file_name"), str) and image["file_name"].strip():
            return True
        self._findings.note("images without an id or a file_name", str(image)[:40])
        return False

    def _is_head(self, entry: Any, entries: list[Any], labelled: set[str]) -> bool:
        """Whether a category is the head of others, as Roboflow writes a project's name, and none; counted then."""
        if not isinstance(entry, dict) or id_text(entry.get("id")) != "0" or "0" in labelled:
            return False
        others = [other for other in entries if isinstance(other, dict) and other is not entry]
        if not entry.get("name") or entry["name"] not in [other.get("supercategory") for other in others]:
            return False
        self._findings.note("categories 0 without an annotation that head others", clean_name(entry["name"]))
        return True

    def _first_of_each(self, images: list[Any]) -> list[Any]:
        """The images whose id no earlier one has; the others are counted."""
        first: dict[str, Any] = {}
        for image in images:
            if first.setdefault(id_text(image["id"]), image) is not image:
                self._findings.note("images with the id of an earlier one, passed over", image["file_name"])
        return list(first.values())

    def _by_image(self, annotations: list[Any], known: set[str]) -> defaultdict[str, list[dict[str, Any]]]:
        """The annotations of every picture; those of none are counted."""
        found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for one in annotations:
            image = id_text(one.get("image_id") if isinstance(one, dict) else None)
            if image in known:
                found[image].append(one)
            else:
                self._findings.note(
                    "annotations of a picture that the JSON does not have", f"image_id {image}"
                )
        return found


class _Places:
    """The pictures below a folder, to be found by the path that a JSON has for them."""

    def __init__(self, root: Path) -> None:
        self.all = list(walk(root, ENDINGS))
        self.named: set[Path] = set()  # those that a path was found for
        self._by_name: defaultdict[str, list[tuple[list[str], Path]]] = defaultdict(list)
        for path in self.all:
            parts = [alike(part) for part in path.relative_to(root).parts]
            self._by_name[parts[-1]].append((parts, path))

    def one_each(self, names: list[str], findings: Findings) -> list[Path | None]:
        """The picture of each path, and of no other: where several find the same, that which fits it best.

        So the labels of an absent picture are never laid on another of its name.
        """
        found = [self._find(named) for named in names]
        fits: defaultdict[Path, list[tuple[int, bool]]] = defaultdict(list)
        for path, fit in found:
            if path is not None:
                fits[path].append(fit)
        self.named = set(fits)
        kept: list[Path | None] = []
        for named, (path, fit) in zip(names, found, strict=True):
            if path is None and fit[0]:
                findings.note("pictures of which there are several of that name, passed over", named)
                kept.append(None)
            elif path is None or fit < max(fits[path]):
                findings.note("absent pictures", named)
                kept.append(None)
            elif fits[path].count(fit) > 1:
                findings.note("images of which several may be one picture, passed over", named)
                kept.append(None)
            else:
                kept.append(path)
        return kept

    def _find(self, named: str) -> tuple[Path | None, tuple[int, bool]]:
        """The picture whose path ends as this one does, the longer the better; None where there is none or two.

        With it how well it fits: how many last parts are the same, and whether that is the whole path.
        """
        wanted = _parts(named)
        if (
            wanted and wanted[-1] not in self._by_name
        ):  # Label Studio names a picture by an address, blanks as %20
            wanted = _parts(unquote(named))
        candidates = self._by_name[wanted[-1]] if wanted else []
        common = [(_same_end(parts, wanted), -len(parts), path) for parts, path in candidates]
        common.sort(key=lambda one: one[:2], reverse=True)
        if not common:
            return None, (0, False)
        if len(common) > 1 and common[0][:2] == common[1][:2]:
            return None, (common[0][0], False)
        return common[0][2], (common[0][0], common[0][0] == len(wanted))


def _slashed(named: str) -> str:
    """A path that may have been written on Windows, with slashes."""
    return named.strip().replace("\\", "/")


def _parts(named: str) -> list[str]:
    """The parts of a path, in the letters by which they are compared."""
    return [alike(part) for part in _slashed(named).split("/") if part not in ("", ".", "..")]


def _same_end(one: list[str], other: list[str]) -> int:
    """How many last parts two paths share."""
    pairs = list(zip(reversed(one), reversed(other), strict=False))
    return next((count for count, (a, b) in enumerate(pairs) if a != b), len(pairs))


def _is_set(flag: Any) -> bool:
    """Whether a flag is on; converters from XML write "0" for one that is off."""
    return str(flag or 0).strip().lower() not in ("", "0", "false")


def _read_categories(entries: list[Any], file: Path) -> tuple[tuple[str, ...], dict[str, int]]:
    """The names, background first, and the number of every id as text: 0 for a background, 255 for what is ignored."""
    names: list[str] = []
    numbers: dict[str, int] = {}
    if not all(isinstance(entry, dict) and _WHOLE.fullmatch(id_text(entry.get("id"))) for entry in entries):
        raise BadInput(f"{file}: a category without a whole number for its id, expected id and name")
    named: dict[str, str] = {}  # by id
    for entry in sorted(entries, key=lambda entry: int(id_text(entry["id"]))):
        number = id_text(entry["id"])
        name = clean_name(entry.get("name")) or f"category {number}"
        if named.setdefault(number, name) != name:
            raise BadInput(f"{file}: category {number} is {named[number]} and {name}, expected one name")
        if is_background(name):
            numbers[number] = BACKGROUND
        elif is_ignored(name):
            numbers[number] = VOID
        else:
            names += [name] if name not in names else []
            numbers[number] = names.index(name) + 1
    if not 1 <= len(names) < VOID:
        raise BadInput(f"{file}: {len(names)} categories, expected 1…{VOID - 1}")
    return ("background", *names), numbers


def _box(box: Any, size: tuple[int, int]) -> Patch | None:
    """The pixels of x, y, width, height; None where that is no box."""
    if not isinstance(box, list) or len(box) != 4 or not all(type(value) in (int, float) for value in box):
        return None
    x, y, wide, tall = box
    if not all(math.isfinite(value) and abs(value) < FARTHEST for value in box):
        return None
    return fill_polygon(np.array([[x, y], [x + wide, y], [x + wide, y + tall], [x, y + tall]]), size)
