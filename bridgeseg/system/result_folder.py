"""A folder of answers: what stands in it, and how it stays whole whatever ends the process that writes.

Each picture has a record, `records/NAME.gz`, of which instances.json, table.csv and index.html are made again with
every call. A picture's files are made aside, and moved in between a record that says "begun" and one that says all;
whoever holds the lock and finds the first knows that its writer died, and takes the remains away. So pictures may be
segmented in one call or in many, also at the same time; a call that is killed costs the picture that it was writing.

Built in chapter 10.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from bridgeseg.machine.files import UNFINISHED, write_atomically
from bridgeseg.machine.lock import held
from bridgeseg.structures.labels import BadInput
from bridgeseg.system.result_entries import entries_in
from bridgeseg.system.result_page import MARK, Shown, page
from bridgeseg.system.result_table import COLUMNS, Row, table_lines

INSTANCES, TABLE, PAGE, RECORDS = "instances.json", "table.csv", "index.html", "records"
MAPS = ("SegmentationClass", "SegmentationObject")
OVERLAYS, SMALL, PICTURES = "overlays", "overlays/small", "overlays/pictures"
OTHERS = 60  # seconds; a younger file in the folder itself may be of another program, which writes without the lock
_HEAD = ",".join(COLUMNS) + "\n"


@dataclass(frozen=True)
class Record:
    """What is known of a picture in the folder.

    name: of its files, without ending
    picture: the way from the folder to the picture's file
    digest: of that file's bytes
    finished: whether all of its files stand there
    size: height and width, pixels
    drawn: height and width of its overlay; None without one
    counts: instances of the final answer by category
    network: a name for the weights of the networks that answered, as `weights_name` gives it; "" where unknown

    Built in chapter 10.
    """

    name: str
    picture: str
    digest: str
    finished: bool = False
    size: tuple[int, int] = (0, 0)
    drawn: tuple[int, int] | None = None
    counts: dict[str, int] | None = None
    network: str = ""


def identified(picture: Path, out: Path, network: str = "") -> Record:
    """Return the record of a picture with which its answer begins.

    picture: its file
    out: the folder
    network: as in `Record`
    raises: BadInput where the file cannot be read

    Built in chapter 10.
    """
    try:
        way = os.path.relpath(picture.resolve(), out.resolve())
    except ValueError:  # another drive of Windows
        way = str(picture.resolve())
    try:
        with picture.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadInput(f"{picture}: cannot be read ({error.strerror})") from None
    return Record(picture.stem, way, digest, network=network)


def locked(out: Path) -> AbstractContextManager[None]:
    """Return what keeps other processes from writing into a folder while it is entered.

    out: the folder, which is made if need be

    Built in chapter 10.
    """
    return held(out / RECORDS / ".lock")


def check_folder(out: Path) -> None:
    """Say what stands in a folder that this module has not written and would write over.

    out: the folder; it need not exist
    raises: BadInput where a file stands in the place of a folder or a folder in that of a file, where instances.json
        cannot be read, or table.csv or index.html are somebody else's

    Built in chapter 10.
    """
    for place in (out, *(out / name for name in (RECORDS, *MAPS, OVERLAYS, SMALL, PICTURES))):
        if os.path.lexists(place) and not place.is_dir():
            kind = "a link that leads nowhere" if not place.exists() else "a file"
            raise BadInput(f"{place}: is {kind}, expected a folder, or nothing of that name")
    for place in (out / INSTANCES, out / TABLE, out / PAGE):
        if place.is_dir():
            raise BadInput(f"{place}: is a folder, expected a file that segment wrote, or none")
    for _ in entries_in(out / INSTANCES):
        pass
    for name, begins in ((TABLE, _HEAD), (PAGE, MARK)):
        found = _start_of(out / name, len(begins.encode()))
        if found is not None and found != begins.encode():
            raise BadInput(
                f"{out / name}: not written by segment, expected none or its own; move it or choose another --out"
            )


def check_picture(out: Path, new: Record) -> None:
    """Say that the files of a picture's name are another picture's, or nobody knows whose.

    out: the folder
    new: what `identified` returned
    raises: BadInput where it is so

    One picture is another where neither its place nor its bytes are the same. Built in chapter 10.
    """
    path = out / RECORDS / f"{new.name}.gz"
    if path.exists():
        old = read_record(path)
        if new.picture != old.picture and new.digest != old.digest:
            raise BadInput(
                f"{_place(out, new)}: the files {new.name} in {out} are those of {_place(out, old)}, expected the"
                " same picture; choose another --out or rename it"
            )
        return
    for there in files_of(out, new.name):
        if os.path.lexists(there):
            raise BadInput(
                f"{_place(out, new)}: {there} is there and has no record, expected none that segment has not written;"
                " choose another --out"
            )


def begin(out: Path, new: Record) -> None:
    """Say that the files of a picture are about to be written, and remove its old ones; call it locked.

    out: the folder
    new: what `identified` returned
    raises: what `check_picture` raises

    Half of an old answer beside half of a new one would pass for a whole one. Built in chapter 10.
    """
    check_picture(out, new)
    write_record(out, new, [], [])
    for there in files_of(out, new.name):
        there.unlink(missing_ok=True)


def finish(out: Path, record: Record, rows: list[Row], candidates: list[dict[str, Any]]) -> None:
    """Say that all files of a picture stand in the folder; call it locked.

    out: the folder
    record: the one with which it was begun, and what is known now
    rows: of table.csv
    candidates: entries for instances.json

    Built in chapter 10.
    """
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.category] = counts.get(row.category, 0) + 1
    write_record(out, replace(record, finished=True, counts=counts), rows, candidates)


def gather(out: Path, pages: bool, removed: Callable[[str], None]) -> list[Record]:
    """Make instances.json, table.csv and index.html of the records; call it locked.

    out: the folder
    pages: whether index.html is wanted; one that is there is kept up to date in any case
    removed: called with the name of each picture whose answer was not finished, and is removed
    returns: the records of the pictures that are in the folder now, by name
    raises: BadInput for a file that cannot be read; OSError as the system gives it

    Entries of instances.json of pictures without a record are kept as they are. Built in chapter 10.
    """
    for left in [*out.glob(f"{UNFINISHED}*"), *(out / RECORDS).glob(f"{UNFINISHED}*")]:
        if left.is_dir():  # an answer whose writer died
            shutil.rmtree(left)
        elif left.parent != out or time.time() - left.stat().st_mtime > OTHERS:
            left.unlink(missing_ok=True)
    records: list[tuple[Path, Record]] = []
    names = {path.stem for path in (out / RECORDS).glob("*.gz")}
    for path in sorted((out / RECORDS).glob("*.gz")):
        _line(path, 2)  # its checksum: files are removed by what a record says
        record = read_record(path)
        if record.finished and (out / MAPS[1] / f"{record.name}.png").exists():
            records.append((path, record))
            continue
        for there in files_of(out, record.name):
            there.unlink(missing_ok=True)
        removed(record.name)
    kept = [text for name, text in entries_in(out / INSTANCES) if name not in names]

    def instances(file: BinaryIO) -> None:
        between = b"["
        for text in _chunks(kept, [path for path, _ in records]):
            file.write(between + text)
            between = b",\n"
        file.write(b"[]" if between == b"[" else b"]")

    def table(file: BinaryIO) -> None:
        file.write(_HEAD.encode())
        for path, record in records:
            file.write(_bytes(table_lines(record.name, map(Row._make, json.loads(_line(path, 1))))))

    write_atomically(out / INSTANCES, instances)
    write_atomically(out / TABLE, table)
    if pages or (out / PAGE).exists():
        shown = [
            Shown(record.name, Path(record.picture).name, record.size, record.drawn, record.counts or {})
            for _, record in records
        ]
        write_atomically(out / PAGE, lambda file: file.write(_bytes(page(shown))))
    for path in (out / RECORDS).glob("*.gz"):  # last: until then it says what is to be taken away
        if path not in {path for path, _ in records}:
            path.unlink()
    return [record for _, record in records]


def files_of(out: Path, name: str) -> list[Path]:
    """Return where the files of a picture stand, its record aside, whether they are there or not.

    out: the folder
    name: of the picture

    Example:
        >>> [path.as_posix() for path in files_of(Path("out"), "a")][:2]
        ['out/SegmentationClass/a.png', 'out/SegmentationObject/a.png']

    Built in chapter 10.
    """
    drawn = [out / folder / f"{name}.jpg" for folder in (OVERLAYS, SMALL, PICTURES)]
    return [*(out / folder / f"{name}.png" for folder in MAPS), *drawn]


def write_record(out: Path, record: Record, rows: list[Row], candidates: list[dict[str, Any]]) -> None:
    """Write the record of a picture.

    out: the folder
    record: the first of its three lines, which can be read without the others
    rows: the second
    candidates: the third

    Built in chapter 10.
    """
    lines = (json.dumps(part, separators=(",", ":")) for part in (asdict(record), rows, candidates))
    content = gzip.compress("\n".join(lines).encode(), 6, mtime=0)
    write_atomically(out / RECORDS / f"{record.name}.gz", lambda file: file.write(content))


def read_record(path: Path) -> Record:
    """Return the record of a picture.

    path: `records/NAME.gz`
    raises: BadInput where it is damaged

    Built in chapter 10.
    """
    try:
        fields = json.loads(_line(path, 0))
        size, drawn = tuple(fields.pop("size")), fields.pop("drawn")
        return Record(**fields, size=size, drawn=drawn and tuple(drawn))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadInput(f"{path}: damaged, expected what segment wrote; remove it ({error})") from None


def _place(out: Path, record: Record) -> str:
    """Where a picture is, as whoever looks for it can read it: the way of a record starts in the folder."""
    return os.path.normpath(out.resolve() / record.picture)


def _chunks(kept: list[bytes], paths: list[Path]) -> Iterator[bytes]:
    """Entries of instances.json, many at a time, with commas between them and no brackets around."""
    yield from kept
    for path in paths:
        if inner := _line(path, 2)[1:-1]:
            yield inner


def _line(path: Path, number: int) -> bytes:
    """One line of a record."""
    try:
        with gzip.open(path) as file:
            if number:  # to the end, where the checksum is
                return file.read().split(b"\n")[number]
            return file.readline().rstrip(b"\n")
    except (EOFError, gzip.BadGzipFile, zlib.error, IndexError) as error:
        raise BadInput(f"{path}: damaged, expected what segment wrote; remove it ({error})") from None


def _bytes(text: str) -> bytes:
    """UTF-8 of a text; what a file name has that is no character is written by its number."""
    return text.encode("utf8", "backslashreplace")


def _start_of(path: Path, count: int) -> bytes | None:
    """The first bytes of a file; None where there is none."""
    try:
        with path.open("rb") as file:
            return file.read(count)
    except FileNotFoundError:
        return None
