"""Folders that labelme wrote: NAME.json beside NAME.jpg, or with the picture in it.

Built in chapter 12.
"""

from __future__ import annotations

import base64
import binascii
import io
import math
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path, PureWindowsPath
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from bridgeseg.data.category_names import is_background, is_ignored
from bridgeseg.data.endings import ENDINGS, alike, plain_names, walk
from bridgeseg.data.findings import Findings
from bridgeseg.data.json_files import clean_name, read_json
from bridgeseg.data.pictures import MOST_PIXELS, read_picture
from bridgeseg.data.polygons import Patch, fill_disc, fill_polygon, join, paste, read_points
from bridgeseg.data.regions import Region, compose
from bridgeseg.structures.labels import BACKGROUND, VOID, BadInput, Sample

# What labelme's own lists of labels begin with, and what else people call the background.
LINES = ("line", "linestrip", "point", "points")  # shapes without an area


class _Entry(NamedTuple):
    """A JSON file with labels, and its picture: None for the one in it."""

    path: Path
    picture: Path | None


class LabelmeFolder:
    """A folder of labelme's files, and those in its sub-folders, as samples.

    Categories are the labels of shapes with an area, sorted. Shapes of one label and one `group_id` are one object.
    What is labelled `_background_` is background, and `__ignore__` void, both over what stands before them in the file.

    labelme shows a picture as its EXIF orientation says, and so does `read_picture`. Where a file says that its picture
    was of another size, the labels would lie elsewhere, and the picture is refused.

    root: the folder
    findings: where everything is counted that cannot be carried over
    raises: BadInput when no file with labels is there, or more than 254 categories

    Built in chapter 12.
    """

    kind = "labelme"

    def __init__(self, root: str | Path, findings: Findings) -> None:
        self.root = Path(root)
        self._findings = findings
        self._entries: list[_Entry] = []
        pictures = {alike(str(path)): path for path in walk(self.root, ENDINGS)}
        labels: set[str] = set()
        used: set[str] = set()
        for path in walk(self.root, (".json",)):
            try:
                data = read_json(path)
                shapes = data.get("shapes")
                if not isinstance(shapes, list):
                    findings.note("JSON files without shapes, passed over", path.name)
                    continue
                entry = _Entry(path, None if data.get("imageData") else _picture(path, data, pictures))
            except BadInput as error:
                findings.note("pictures that cannot be used", f"{path.name}: {error}")
                continue
            used |= {alike(str(path.with_suffix(""))), alike(str((entry.picture or path).with_suffix("")))}
            labels |= {_label(shape) for shape in shapes if _kind(shape) not in LINES}
            self._entries.append(entry)
        if not self._entries:
            raise BadInput(f"{self.root}: no labelme file with a picture, expected NAME.json beside NAME.jpg")
        for path in pictures.values():
            if alike(str(path.with_suffix(""))) not in used:
                findings.note("pictures without labels, passed over", path.name)
        self.categories = (
            "background",
            *sorted(
                label for label in labels if label and not is_background(label) and not is_ignored(label)
            ),
        )
        if len(self.categories) > VOID:
            raise BadInput(f"{self.root}: {len(self.categories) - 1} labels, expected at most {VOID - 1}")
        self.names = plain_names([entry.path.relative_to(self.root).as_posix() for entry in self._entries])

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        """Read one picture and its shapes.

        index: 0…len-1
        returns: the sample
        raises: BadInput when the picture cannot be read or has another size than its file says; IndexError
        """
        path, beside = self._entries[index]
        data = read_json(path)
        picture = (
            _embedded(path, data["imageData"])
            if beside is None
            else read_picture(beside, note=self._findings.left_out)
        )
        _check_size(data, picture)
        return compose(
            self.names[index], picture, self._regions(index, data["shapes"], picture), self._findings
        )

    def _regions(self, index: int, shapes: Sequence[Any], picture: np.ndarray) -> list[Region]:
        """The shapes as regions, in their order, those of a group where its first one stands."""
        name, size = self.names[index], (picture.shape[0], picture.shape[1])
        groups: dict[Any, tuple[int, list[Patch]]] = {}
        for number, shape in enumerate(shapes):
            kind = _kind(shape)
            if kind in LINES:
                self._findings.note(f"shapes without an area ({kind})", name)
                continue
            label = _label(shape)
            try:
                if not label:
                    raise BadInput("no label")
                patch = _patch(kind, shape, size, lambda: self._findings.note(BEYOND, name))
            except BadInput as error:
                self._findings.note("shapes that cannot be read", f"{name}: {error}")
                continue
            group = shape.get("group_id")
            key = (label, str(group)) if group is not None else number
            category = BACKGROUND if is_background(label) else VOID
            if label in self.categories[1:]:
                category = self.categories.index(label)
            groups.setdefault(key, (category, []))[1].append(patch)
        return [Region(category, join(patches)) for category, patches in groups.values()]


BEYOND = "outlines that reach beyond their picture, cut off there"


def reaches_beyond(points: np.ndarray, size: tuple[int, int]) -> bool:
    """Return whether an outline leaves its picture by more than a pixel.

    points: (n, 2) float64, x and y
    size: height and width of the picture

    Tools put points on a border a rounding error outside of it, which says nothing. Built in chapter 12.
    """
    return bool(len(points)) and bool(
        (points < -1).any() or (points > np.array([size[1], size[0]]) + 1).any()
    )


def _label(shape: Any) -> str:
    return clean_name(shape.get("label")) if isinstance(shape, dict) else ""


def _kind(shape: Any) -> str:
    """The type of a shape; files of 2018 and before have none and know polygons only."""
    return str(shape.get("shape_type") or "polygon") if isinstance(shape, dict) else "no shape"


def _patch(kind: str, shape: dict[str, Any], size: tuple[int, int], beyond: Any) -> Patch:
    """The pixels of a shape with an area."""
    points = read_points(shape.get("points"))
    if kind == "mask":
        return _mask(points, shape.get("mask"), size)
    needed = {"rectangle": (2, 4), "circle": (2,), "oriented_rectangle": (4,)}
    if kind not in ("polygon", *needed):
        raise BadInput(f"a shape of type {kind!r}")
    if len(points) not in needed.get(kind, (len(points),)) or len(points) < (3 if kind == "polygon" else 2):
        raise BadInput(f"a {kind} of {len(points)} points")
    if kind == "circle":
        (x, y), radius = points[0], math.dist(*points)
        if reaches_beyond(np.array([[x - radius, y - radius], [x + radius, y + radius]]), size):
            beyond()
        return fill_disc((x, y), radius, size)
    if reaches_beyond(points, size):
        beyond()
    if kind == "rectangle":
        (x0, y0), (x1, y1) = points.min(0), points.max(0)
        points = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    return fill_polygon(points, size)


def _mask(points: np.ndarray, text: Any, size: tuple[int, int]) -> Patch:
    """The pixels of a mask, a PNG in base64 whose first pixel is the first of two points.

    Both points are pixels of the mask where they are whole numbers: a larger PNG is cut there, as labelme does.
    """
    if len(points) != 2 or not isinstance(text, str):
        raise BadInput("a mask without its box or its PNG")
    try:
        with Image.open(io.BytesIO(base64.b64decode(text)), formats=("PNG",)) as image:
            if image.width * image.height > MOST_PIXELS:
                raise BadInput(f"a mask of {image.width} x {image.height} pixels")
            mask = np.asarray(image)
    except Exception as error:  # Pillow meets broken files with many kinds
        raise BadInput(f"a mask that is no PNG ({' '.join(str(error).split())[:80]})") from None
    held = mask.reshape(*mask.shape[:2], -1)[..., 0] != 0
    (x0, y0), (x1, y1) = np.rint(points).astype(int).tolist()
    if np.array_equal(points, np.rint(points)):
        held = held[: max(y1 - y0 + 1, 0), : max(x1 - x0 + 1, 0)]
    return paste(held, y0, x0, size)


def _picture(path: Path, data: dict[str, Any], pictures: dict[str, Path]) -> Path:
    """The picture that a file belongs to: the one that it names, else the one that has its name.

    Of the path that a file names, often one of another computer, the last part counts first.
    """
    named = data.get("imagePath")
    places: list[Path] = []
    if isinstance(named, str) and named and "\0" not in named:
        parts = PureWindowsPath(named)
        places = [path.parent / parts.name, Path(os.path.normpath(path.parent / parts.as_posix()))]
    for place in places:
        if alike(str(place)) in pictures:
            return pictures[alike(str(place))]
        if place.suffix.lower() in ENDINGS and place.is_file():
            return place
    for ending in ENDINGS:
        if alike(str(path.with_suffix(ending))) in pictures:
            return pictures[alike(str(path.with_suffix(ending)))]
    raise BadInput(f"its picture is absent ({places[0].name if places else 'none is named'})")


def _embedded(path: Path, text: Any) -> np.ndarray:
    """The picture that a file holds, read as any other, (h, w, 3) uint8."""
    try:
        content = base64.b64decode(text)
    except (TypeError, ValueError, binascii.Error):
        raise BadInput("imageData is no base64") from None
    with tempfile.TemporaryDirectory() as folder:
        inner = Path(folder) / f"{path.stem[:40]}.imageData"
        inner.write_bytes(content)
        try:
            return read_picture(inner)
        except BadInput as error:
            raise BadInput(str(error).replace(str(inner), "imageData")) from None


def _check_size(data: dict[str, Any], picture: np.ndarray) -> None:
    """Refuse a picture of another size than the one that was labelled."""
    said = (data.get("imageHeight"), data.get("imageWidth"))
    size = picture.shape[:2]
    if None in said or said == size:
        return
    turned = "; it is turned by its EXIF orientation, the labels are not" if said == size[::-1] else ""
    raise BadInput(
        f"labelled at {said[1]!r:.20} x {said[0]!r:.20} pixels, the picture has {size[1]} x {size[0]}{turned}"
    )
