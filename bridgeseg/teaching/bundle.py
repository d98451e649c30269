"""What the chapters trained and the pictures they look at in one file, for a room that neither downloads nor trains.

    python -m bridgeseg.teaching.bundle pack FILE [--without nuclei …]    of what is at hand here
    python -m bridgeseg.teaching.bundle unpack FILE                       into the cache of this machine

A bundle is a zip whose files are stored as they are. It has three folders: `chapters`, the networks that chapters
trained and keep; `runs`, what their lessons trained; `data`, real pictures. What stands in a cache already is left as
it is. Its first file says where it was made: a chapter finds its network again only where it would train the same one,
that is with functions that pass the same checkpoints, the same PyTorch, and a processor that draws the same first
weights.

Our choice. Built in chapter 1.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import torch

import bridgeseg
from bridgeseg.machine.environment import LAYOUTS, cache_folder, data_folder, device, download_folder, tier
from bridgeseg.machine.files import write_atomically
from bridgeseg.structures.labels import BadInput
from bridgeseg.system.checkpoint import WEIGHTS
from bridgeseg.teaching.cache import alone
from bridgeseg.training.trainer import TRAINING_VERSION

MADE_BY = "made_by.json"  # the first file of a bundle
ROOMS = ("chapters", "runs", "data")


@dataclass(frozen=True)
class Bundle:
    """What was packed, or put back.

    chapters, runs: networks of chapters, and runs of lessons
    pictures: names of sets of real pictures
    there: how many of all these stood in the cache already, and were left
    made_by: where it was packed, as `here` says it

    Built in chapter 1.
    """

    chapters: int
    runs: int
    pictures: tuple[str, ...]
    there: int
    made_by: dict[str, str]

    def __str__(self) -> str:
        pictures = " ".join(self.pictures) or "none"
        there = f"; there already: {self.there}" if self.there else ""
        return f"networks of chapters: {self.chapters}, runs of lessons: {self.runs}, pictures: {pictures}{there}"


def here() -> dict[str, str]:
    """Return what a bundle that is packed here says of its making.

    Example:
        >>> sorted(here())
        ['bridgeseg', 'device', 'processor', 'tier', 'torch', 'training']

    Each can change what is trained, and with it the name under which it is kept. Built in chapter 1.
    """
    return {
        "bridgeseg": bridgeseg.__version__,
        "torch": torch.__version__,
        "device": device().type,
        "processor": torch.backends.cpu.get_cpu_capability(),
        "tier": tier(),
        "training": str(TRAINING_VERSION),
    }


def pack(file: str | Path, without: Sequence[str] = ()) -> Bundle:
    """Write what the cache holds, and the real pictures that are at hand, into one file.

    file: the bundle; an older one of that name is replaced when the new one is whole
    without: names of sets of pictures to leave out
    returns: what is in it
    raises: BadInput for a set of another name, for a file whose name no other system takes, and where there is nothing
        to pack

    Built in chapter 1.
    """
    for name in without:
        data_folder(name)  # raises for another name
    units = {unit: files for unit, path in _at_hand(without) if (files := list(_files(unit, path)))}
    if not units:
        raise BadInput(
            f"{cache_folder()}: holds nothing that chapters trained, and there are no pictures; "
            "expected what `make book` leaves there"
        )
    made_by = here()

    def write(out: BinaryIO) -> None:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED, strict_timestamps=False) as bundle:
            bundle.writestr(MADE_BY, json.dumps(made_by, indent=1) + "\n")
            for name, path in (pair for files in units.values() for pair in files):
                bundle.write(path, name)

    write_atomically(file, write)
    return _counted(list(units), 0, made_by)


def unpack(file: str | Path) -> Bundle:
    """Put what a bundle holds into this machine's cache.

    file: a bundle
    returns: what it holds, and how much of it stood there already
    raises: BadInput for a file that is no bundle or is damaged; what was put back until then stays, whole. OSError for
        one that is not there

    Nothing of it is executed. A network or a set of pictures appears whole or not at all. Built in chapter 1.
    """
    try:
        with zipfile.ZipFile(file) as bundle:
            names = bundle.namelist()
            if names[:1] != [MADE_BY]:
                raise BadInput(
                    f"{file}: its first file is {names[:1]}, expected {MADE_BY}: this is no bundle"
                )
            made_by = {str(key): str(value) for key, value in json.loads(bundle.read(MADE_BY)).items()}
            units: dict[PurePosixPath, list[str]] = {}
            for name in (name for name in names[1:] if not name.endswith("/")):
                units.setdefault(_unit_of(name, file), []).append(name)
            there = sum(not _put_back(bundle, unit, members) for unit, members in units.items())
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, AttributeError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"{file}: {error}, expected a whole bundle, as `pack` writes it") from error
    return _counted(list(units), there, made_by)


def _at_hand(without: Sequence[str]) -> Iterator[tuple[PurePosixPath, Path]]:
    """Yield everything that can be packed: what it is called in a bundle, and its file or folder here."""
    for path in sorted((cache_folder() / "chapters").glob("*.pt")):
        yield PurePosixPath("chapters", path.name), path
    for path in sorted((cache_folder() / "runs").glob(f"*/{WEIGHTS}")):
        if not path.parent.name.startswith("."):
            yield PurePosixPath("runs", path.parent.name), path.parent
    for name in LAYOUTS:
        folder = None if name in without else data_folder(name)
        if folder:
            yield PurePosixPath("data", name), folder


def _files(unit: PurePosixPath, path: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files of a network, a run or a set of pictures: what each is called in a bundle, and where it is."""
    if path.is_file():
        yield str(unit), path
        return
    for folder, folders, names in os.walk(path, followlinks=True):
        folders.sort()
        for name in sorted(names):
            called = str(PurePosixPath(unit, *Path(folder, name).relative_to(path).parts))
            _unit_of(called, path)  # refuses now what could not be put back
            yield called, Path(folder, name)


def _unit_of(name: str, file: str | Path) -> PurePosixPath:
    """To which network, run or set of pictures a file of a bundle belongs; never to anything outside the cache."""
    path = PurePosixPath(name)
    outside = path.is_absolute() or {"..", "."} & set(name.split("/")) or "\\" in name or ":" in name
    deep = len(path.parts) == 2 if path.parts[:1] == ("chapters",) else len(path.parts) > 2
    if (
        outside
        or not deep
        or path.parts[0] not in ROOMS
        or (path.parts[0] == "data" and path.parts[1] not in LAYOUTS)
    ):
        raise BadInput(f"{file}: holds {name!r}, expected names within {', '.join(ROOMS)}")
    return PurePosixPath(*path.parts[:2])


def _put_back(bundle: zipfile.ZipFile, unit: PurePosixPath, members: Sequence[str]) -> bool:
    """Put a network, a run or a set of pictures where it belongs, unless it is there; return whether that was done."""
    room, name = unit.parts
    place = download_folder() / name if room == "data" else cache_folder() / room / name
    whole = place / WEIGHTS if room == "runs" else place  # a run without weights was cut off
    with alone(place):
        if whole.exists() or (room == "data" and data_folder(name)):
            return False
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=".", suffix=".part") as begun:
            for member in members:
                target = Path(begun, name, *PurePosixPath(member).parts[2:])
                target.parent.mkdir(parents=True, exist_ok=True)
                with bundle.open(member) as packed, open(target, "wb") as out:
                    shutil.copyfileobj(packed, out)
            if place.is_dir():
                place.rename(Path(begun, "cut-off"))
            Path(begun, name).rename(place)
    return True


def _counted(units: Sequence[PurePosixPath], there: int, made_by: dict[str, str]) -> Bundle:
    of_room = {room: [unit.name for unit in units if unit.parts[0] == room] for room in ROOMS}
    return Bundle(len(of_room["chapters"]), len(of_room["runs"]), tuple(of_room["data"]), there, made_by)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `python -m bridgeseg.teaching.bundle`.

    arguments: without the program's name; None takes the process's own
    returns: the exit status

    Built in chapter 1.
    """
    parser = argparse.ArgumentParser(
        prog="python -m bridgeseg.teaching.bundle", description="One file for a room of machines."
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    packs = verbs.add_parser("pack", help="write what the cache holds, and real pictures")
    packs.add_argument("file", type=Path)
    packs.add_argument("--without", nargs="+", default=[], metavar="PICTURES", help="sets to leave out")
    verbs.add_parser("unpack", help="put it back").add_argument("file", type=Path)
    asked = parser.parse_args(arguments)
    try:
        if asked.verb == "pack":
            bundle = pack(asked.file, asked.without)
            print(f"{asked.file}: {asked.file.stat().st_size / 1e6:.0f} MB; {bundle}")
        else:
            bundle = unpack(asked.file)
            print(f"{cache_folder()}: {bundle}")
            now = here()
            other = [key for key, value in now.items() if bundle.made_by.get(key) != value]
            if other:
                made = ", ".join(f"{key} {bundle.made_by.get(key)} (here {now[key]})" for key in other)
                print(
                    f"made with {made}: what depends on it will not be found, and is trained anew",
                    file=sys.stderr,
                )
    except (BadInput, OSError) as error:
        print(f"bridgeseg.teaching.bundle: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
