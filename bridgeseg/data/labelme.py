"""Folders that labelme wrote: NAME.json beside NAME.jpg, or with the picture in it.

Built in chapter 12.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path, PureWindowsPath
from typing import Any, NamedTuple

import numpy as np

from bridgeseg.data.category_names import is_background, is_ignored
from bridgeseg.data.endings import ENDINGS, alike, plain_names, walk
from bridgeseg.data.findings import Findings
from bridgeseg.data.json_files import read_json, stated_size
from bridgeseg.data.labelme_shapes import LINES, fill_shape, kind_of, label_of
from bridgeseg.data.pictures import read_picture
from bridgeseg.data.polygons import BEYOND, Patch, join
from bridgeseg.data.regions import Region, compose
from bridgeseg.data.stored_numbers import check_size
from bridgeseg.structures.labels import BACKGROUND, VOID, BadInput, Sample


class _Entry(NamedTuple):
    """A JSON file, the file of its picture, whether the JSON holds that itself, its labels and kinds of shapes."""

    path: Path
    picture: Path | None
    embedded: bool
    labels: set[str]
    kinds: set[str]


class LabelmeFolder:
    """A folder of labelme's files, and those in its sub-folders, as samples.

    Categories are the labels of shapes with an area, sorted. Shapes of one label and one `group_id` are one object.
    What is labelled `_background_` is background, and `__ignore__` void, both over what stands before them in the file.

    labelme shows a picture as its EXIF orientation says, and so does `read_picture`. Where a file says that its picture
    was of another size, the labels would lie elsewhere, and the picture is refused.

    A file names its picture by a path. Where that leads nowhere and pictures have folders of their own, it is the only
    picture of that name, or of the file's.

    A picture has the labels of one file. Of several that name it, as a copied file does, it is the one of its own name;
    the others get the picture of their own name, where there is one.

    root: the folder
    findings: where everything is counted that cannot be carried over
    raises: BadInput when no file with labels is there, no label of a category, or more than 254

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
                named = data.get("imagePath")
                picture = pictures.named(path, named) or pictures.of_own_name(path)
                if picture is None and not embedded:
                    picture = pictures.elsewhere(path, named, findings)
                if picture is None and not embedded:
                    raise BadInput(
                        f"its picture is absent ({PureWindowsPath(str(named or 'none is named')).name})"
                    )
            except BadInput as error:
                findings.note("pictures that cannot be used", f"{path.name}: {error}")
                continue
            labels = {label_of(shape) for shape in shapes if kind_of(shape) not in LINES}
            entries.append(_Entry(path, picture, embedded, labels, {*map(kind_of, shapes)}))
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
        if len(self.categories) == 1:
            kinds = ", ".join(sorted({kind for entry in self._entries for kind in entry.kinds})) or "none"
            raise BadInput(
                f"{self.root}: no label of a shape with an area (types of shapes there: {kinds}), expected polygons,"
                " rectangles, circles or masks"
            )
        _note_look_alikes(self.categories[1:], findings)
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
        if stated := stated_size(data.get("imageHeight"), data.get("imageWidth")):
            check_size(entry.path, stated, picture.shape[:2])
        return compose(
            self.names[index], picture, self._regions(index, data["shapes"], picture), self._findings
        )

    def _regions(self, index: int, shapes: Sequence[Any], picture: np.ndarray) -> list[Region]:
        """The shapes as regions, in their order, those of a group where its first one stands."""
        name, size = self.names[index], (picture.shape[0], picture.shape[1])
        groups: dict[Any, tuple[int, list[Patch]]] = {}
        for number, shape in enumerate(shapes):
            kind = kind_of(shape)
            if kind in LINES:
                self._findings.note(f"shapes without an area ({kind})", name)
                continue
            label = label_of(shape)
            try:
                if not label:
                    raise BadInput("no label")
                patch, beyond = fill_shape(shape, size)
                if beyond:
                    self._findings.note(BEYOND, name)
            except BadInput as error:
                self._findings.note("shapes that cannot be read", f"{name}: {error}")
                continue
            group = shape.get("group_id")
            key = (label, str(group)) if group not in (None, "") else number
            if key in groups:
                self._findings.note("shapes joined by their group_id to an earlier one", name)
            category = BACKGROUND if is_background(label) else VOID
            if label in self.categories[1:]:
                category = self.categories.index(label)
            groups.setdefault(key, (category, []))[1].append(patch)
        return [Region(category, join(patches)) for category, patches in groups.values()]


class _Pictures:
    """The pictures below a folder, to be found by the path that a JSON has for one, or by the JSON's own name."""

    def __init__(self, root: Path) -> None:
        self.all = list(walk(root, ENDINGS))
        self._folders = {path.parent for path in self.all}
        self._of_name: defaultdict[str, list[Path]] = defaultdict(list)
        for path in self.all:
            self._of_name[alike(path.name)].append(path)
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

    def elsewhere(self, path: Path, named: Any, findings: Findings) -> Path | None:
        """The only picture of the name that a file has for it, or of its own, where its folder has no picture at all.

        In a folder with others it is absent, and one of its name elsewhere is another picture.
        """
        if path.parent in self._folders:
            return None
        wanted = [PureWindowsPath(named).name] if isinstance(named, str) else []
        for name in (*wanted, *(path.stem + ending for ending in ENDINGS)):
            found = self._of_name.get(alike(name), [])
            if len(found) == 1:
                findings.note("pictures found in another folder than their file says", found[0].name)
                return found[0]
        return None

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


def _note_look_alikes(labels: Iterable[str], findings: Findings) -> None:
    """Count labels that differ by capitals or a number behind them: before labelme 4 cow-1 and cow-2 were two cows."""
    alike_ones: defaultdict[str, list[str]] = defaultdict(list)
    for label in labels:
        alike_ones[alike(re.sub(r"[-_ ]?[0-9]+$", "", label) or label)].append(label)
    for found in alike_ones.values():
        if len(found) > 1:
            kind = "labels alike but for a number or capitals, each a category of its own"
            findings.note(kind, " and ".join(found[:3]), len(found))
