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
from bridgeseg.data.label_png import check_sums
from bridgeseg.data.pictures import MOST_PIXELS, read_picture
from bridgeseg.data.polygons import (
    BEYOND,
    Patch,
    fill_disc,
    fill_polygon,
    join,
    paste,
    reaches_beyond,
    read_points,
)
from bridgeseg.data.regions import Region, compose
from bridgeseg.structures.labels import BACKGROUND, VOID, BadInput, Sample

LINES = ("line", "linestrip", "point", "points")  # shapes without an area


class _Entry(NamedTuple):
    """A JSON file with labels, the file of its picture, and whether the picture is in the JSON itself."""

    path: Path
    picture: Path | None
    embedded: bool
    labels: set[str]


class LabelmeFolder:
    """A folder of labelme's files, and those in its sub-folders, as samples.

    Categories are the labels of shapes with an area, sorted. Shapes of one label and one `group_id` are one object.
    What is labelled `_background_` is background, and `__ignore__` void, both over what stands before them in the file.

    labelme shows a picture as its EXIF orientation says, and so does `read_picture`. Where a file says that its picture
    was of another size, the labels would lie elsewhere, and the picture is refused.

    A picture has the labels of one file. Of several that name it, as a copied file does, it is the one of its own name;
    the others get the picture of their own name, where there is one.

    root: the folder
    findings: where everything is counted that cannot be carried over
    raises: BadInput when no file with labels is there, or more than 254 categories

    Built in chapter 12.
    """

    kind = "labelme"

    def __init__(self, root: str | Path, findings: Findings) -> None:
        self.root = Path(root)
        self._findings = findings
        pictures = _Pictures(self.root)
        entries: list[_Entry] = []
        for path in walk(self.root, (".json",)):
            try:
                data = read_json(path)
                shapes = data.get("shapes")
                if not isinstance(shapes, list):
                    findings.note("JSON files without shapes, passed over", path.name)
                    continue
                embedded = bool(data.get("imageData"))
                picture = pictures.named(path, data.get("imagePath")) or pictures.of_own_name(path)
                if picture is None and not embedded:
                    named = PureWindowsPath(str(data.get("imagePath") or "none is named")).name
                    raise BadInput(f"its picture is absent ({named})")
            except BadInput as error:
                findings.note("pictures that cannot be used", f"{path.name}: {error}")
                continue
            labels = {_label(shape) for shape in shapes if _kind(shape) not in LINES}
            entries.append(_Entry(path, picture, embedded, labels))
        self._entries = _one_each(entries, pictures, findings)
        if not self._entries:
            raise BadInput(f"{self.root}: no labelme file with a picture, expected NAME.json beside NAME.jpg")
        used = {entry.picture for entry in self._entries}
        for path in pictures.all:
            if path not in used:
                findings.note("pictures without labels, passed over", path.name)
        labels = set[str]().union(*(entry.labels for entry in self._entries))
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
        entry = self._entries[index]
        data = read_json(entry.path)
        if entry.embedded or entry.picture is None:
            picture = _embedded(entry.path, data["imageData"])
        else:
            picture = read_picture(entry.picture, note=self._findings.left_out)
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
        data = base64.b64decode(text)
        check_sums("its PNG", data)
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
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


class _Pictures:
    """The pictures below a folder, to be found by the path that a JSON has for one, or by the JSON's own name."""

    def __init__(self, root: Path) -> None:
        self.all = list(walk(root, ENDINGS))
        exact = {os.path.abspath(path): path for path in self.all}
        # A name in other letters is the second choice: A.png and a.png may be two files.
        self._by_path = {alike(place): path for place, path in exact.items()} | exact

    def named(self, path: Path, named: Any) -> Path | None:
        """The picture that a file names; None where it is absent.

        Where the path leads, relative to the file, counts first. One that begins at a root is often of another
        computer: there the picture beside the file does, as it does where the path leads nowhere.
        """
        if not isinstance(named, str) or not named or "\0" in named:
            return None
        parts = PureWindowsPath(named)
        places = [path.parent / parts.as_posix(), path.parent / parts.name]
        if Path(parts.as_posix()).is_absolute():
            places.reverse()
        for place in places:
            found = self._at(place)
            if found is None and place.suffix.lower() in ENDINGS and place.is_file():
                found = Path(os.path.normpath(place))
            if found is not None:
                return found
        return None

    def of_own_name(self, path: Path) -> Path | None:
        """The picture beside a file that has its name; None where there is none."""
        found = (self._at(path.with_suffix(ending)) for ending in ENDINGS)
        return next((place for place in found if place is not None), None)

    def _at(self, place: Path) -> Path | None:
        exact = os.path.abspath(place)
        return self._by_path.get(exact) or self._by_path.get(alike(exact))


def _one_each(entries: list[_Entry], pictures: _Pictures, findings: Findings) -> list[_Entry]:
    """The entries, each with a picture that no other has."""

    def unlike(entry: _Entry) -> int:
        """0 for a file beside its picture and of its name, 1 for one of its name elsewhere, 2 for another."""
        if entry.picture is None or alike(entry.picture.stem) != alike(entry.path.stem):
            return 2
        return int(entry.picture.parent != entry.path.parent)

    holder: dict[Path, Path] = {}
    kept: dict[Path, _Entry] = {}
    for entry in sorted(entries, key=unlike):
        path, picture = entry.path, entry.picture
        if picture in holder and entry.embedded:
            findings.note("files that hold the picture of another one", f"{path.name}: {picture.name}")
        elif picture in holder:
            own = pictures.of_own_name(path)
            if own is None or own in holder:
                reason = f"its picture {picture.name} has the labels of {holder[picture].name}"
                findings.note("pictures that cannot be used", f"{path.name}: {reason}")
                continue
            line = f"{path.name}: {own.name}, not {picture.name}"
            findings.note(
                "files that name the picture of another one, read with that of their own name", line
            )
            picture = own
        if picture is not None:
            holder.setdefault(picture, path)
        kept[path] = entry._replace(picture=picture)
    return [kept[entry.path] for entry in entries if entry.path in kept]


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
