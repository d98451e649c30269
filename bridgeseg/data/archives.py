"""Zip archives of Penn-Fudan's pedestrians and of BBBC038's nuclei, unpacked into the layouts the package reads.

An archive from the network is looked at before anything of it is written: whole, every member's checksum right, no
member that would land outside its folder, as many pictures as the data set has. Then it is unpacked under a
temporary name that becomes the real one when all is done, so that half a data set is never taken for a whole one.
What a killed process left under such a name goes with the next call.

Built in chapter 2.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from bridgeseg.data.label_png import read_label_png, write_label_png
from bridgeseg.data.pictures import read_picture
from bridgeseg.data.splits import set_aside
from bridgeseg.machine.files import UNFINISHED, sweep
from bridgeseg.machine.lock import held
from bridgeseg.structures.labels import BadInput

NUCLEI = 670  # pictures in BBBC038's stage1_train.zip
PEDESTRIANS = 170  # pictures in PennFudanPed.zip
LARGEST = 4 * 1024**3  # bytes unpacked; both data sets stay far below, a zip bomb does not

# No part of a name may start with a dot: macOS leaves files such as ._name.png in archives.
_NUCLEUS = re.compile(r"(?:.*/)?([^./][^/]*)/(images|masks)/([^./][^/]*\.png)")
_PEDESTRIAN = re.compile(r"(?:.*/)?(PNGImages|PedMasks)/([^./][^/]*)\.png")


def check_archive(path: str | Path) -> None:
    """Read a zip archive to its end and say what is wrong with it.

    path: the archive
    raises: BadInput when it is no zip or cut off, when a member's checksum is wrong, when a member is a link or
        would land outside the folder it is unpacked into, or when all would take more than 4 GiB

    Built in chapter 2.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                _check_member(path, member)
            size = sum(member.file_size for member in archive.infolist())
            if size > LARGEST:
                raise BadInput(f"{path}: {size} bytes when unpacked, expected at most {LARGEST}")
            broken = archive.testzip()
    except BadInput:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError) as error:
        raise BadInput(f"{path}: not a whole zip archive ({error})") from error
    if broken is not None:
        raise BadInput(f"{path}: broken, the checksum of {broken} is wrong")


def nuclei_from_zip(archive: str | Path, out: str | Path, count: int | None = NUCLEI) -> Path:
    """Unpack BBBC038's stage1_train.zip into a folder that `NucleiFolder` reads.

    archive: the zip; `<id>/images/<id>.png` and `<id>/masks/*.png`, at its top or in a folder
    out: the folder to make; gets `stage1_train/<id>/…`
    count: how many pictures there must be; None for any number
    returns: out
    raises: BadInput as `check_archive`, when out exists or cannot be written, when the count differs, or when a picture
        or its masks are missing

    Built in chapter 2.
    """
    out = Path(out)
    with _made(out) as folder, _opened(archive) as zipped:
        members: dict[str, dict[str, list[zipfile.ZipInfo]]] = {}
        for member in zipped.infolist():
            if match := _NUCLEUS.fullmatch(member.filename):
                members.setdefault(match[1], {"images": [], "masks": []})[match[2]].append(member)
        _check_count(archive, len(members), count)
        for name, kinds in members.items():
            if [PurePosixPath(member.filename).name for member in kinds["images"]] != [f"{name}.png"]:
                raise BadInput(f"{archive}: expected the one picture {name}/images/{name}.png of {name}")
            if not kinds["masks"]:
                raise BadInput(
                    f"{archive}: no {name}/masks/*.png, expected a mask for every nucleus of {name}"
                )
            for kind, files in kinds.items():
                place = folder / "stage1_train" / name / kind
                place.mkdir(parents=True)
                for member in files:
                    _extract(zipped, member, place / PurePosixPath(member.filename).name)
    return out


def pedestrians_from_zip(archive: str | Path, out: str | Path, count: int | None = PEDESTRIANS) -> Path:
    """Turn PennFudanPed.zip into a folder of VOC's layout that `VocFolder` reads.

    The pictures become JPEG of quality 95. There is one category, so no SegmentationClass. The data set has no
    lists; one picture in five is set aside for val by its name (`splits.set_aside`), which is our choice.

    archive: the zip; `PNGImages/NAME.png` and `PedMasks/NAME_mask.png`, at its top or in a folder
    out: the folder to make
    count: how many pictures there must be; None for any number
    returns: out
    raises: BadInput as `check_archive`, when out exists or cannot be written, when the count differs, or when a picture
        has no mask

    Built in chapter 2.
    """
    out = Path(out)
    with _made(out) as folder, _opened(archive) as zipped, tempfile.TemporaryDirectory() as scratch:
        members: dict[tuple[str, str], zipfile.ZipInfo] = {}
        for member in zipped.infolist():
            if match := _PEDESTRIAN.fullmatch(member.filename):
                members[match[1], match[2]] = member
        names = sorted(name for kind, name in members if kind == "PNGImages")
        _check_count(archive, len(names), count)
        for kind in ("JPEGImages", "SegmentationObject", "ImageSets/Segmentation"):
            (folder / kind).mkdir(parents=True)
        for name in names:
            if ("PedMasks", f"{name}_mask") not in members:
                raise BadInput(f"{archive}: no PedMasks/{name}_mask.png, expected the mask of {name}")
            source, mask = Path(scratch) / f"{name}.png", Path(scratch) / f"{name}_mask.png"
            _extract(zipped, members["PNGImages", name], source)
            _extract(zipped, members["PedMasks", f"{name}_mask"], mask)
            picture, (labels, void) = read_picture(source), read_label_png(mask)
            if labels.shape != picture.shape[:2]:
                raise BadInput(
                    f"{archive}: PedMasks/{name}_mask.png is {labels.shape}, its picture {picture.shape[:2]}; "
                    "expected the same size"
                )
            jpeg = io.BytesIO()  # not the file, since Pillow's encoder does not see that a disk has filled up
            Image.fromarray(picture).save(jpeg, "JPEG", quality=95)
            (folder / "JPEGImages" / f"{name}.jpg").write_bytes(jpeg.getvalue())
            write_label_png(folder / "SegmentationObject" / f"{name}.png", labels.astype(np.int32), void)
            source.unlink()
            mask.unlink()
        for split in ("train", "val"):
            chosen = [f"{name}\n" for name in names if set_aside(name) == (split == "val")]
            (folder / "ImageSets" / "Segmentation" / f"{split}.txt").write_text("".join(chosen))
        (folder / "classes.txt").write_text("pedestrian\n")
    return out


def _check_member(path: str | Path, member: zipfile.ZipInfo) -> None:
    name = member.filename
    outside = name.startswith("/") or "\\" in name or ":" in name or ".." in name.split("/")
    if outside or stat.S_ISLNK(member.external_attr >> 16):
        raise BadInput(f"{path}: member {name!r} leads outside the archive, refused as a whole")


def _check_count(archive: str | Path, found: int, count: int | None) -> None:
    if found != count if count is not None else not found:
        expected = "at least one" if count is None else count
        raise BadInput(f"{archive}: {found} pictures, expected {expected} in the layout of the data set")


def _extract(zipped: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> None:
    with zipped.open(member) as source, path.open("wb") as target:
        shutil.copyfileobj(source, target)


@contextmanager
def _opened(path: str | Path) -> Iterator[zipfile.ZipFile]:
    check_archive(path)
    with zipfile.ZipFile(path) as archive:
        yield archive


@contextmanager
def _made(out: Path) -> Iterator[Path]:
    """A folder under a temporary name that becomes `out` when the block ends well, and goes when it does not."""
    try:
        _check_new(out)  # before a lock is made beside it
        with held(out.with_name(f".{out.name}.lock"), f"{out}: another process unpacks it; waiting"):
            _check_new(out)
            sweep(out.parent, f"{out.name}.")
            folder = Path(tempfile.mkdtemp(dir=out.parent, prefix=f"{UNFINISHED}{out.name}."))
            try:
                yield folder
                umask = os.umask(0)
                os.umask(umask)
                folder.chmod(0o777 & ~umask)  # mkdtemp lets nobody else in
                folder.rename(out)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
    except OSError as error:
        raise BadInput(f"{out}: cannot be written ({error.strerror or error})") from error


def _check_new(out: Path) -> None:
    if out.exists():
        raise BadInput(f"{out}: exists, expected a new folder to unpack into")
