"""Damaged files against everything that reads one: `python tests/benchmarks/fuzz_files.py [--files 10000] [--store]`.

A small valid file of every kind is damaged (cut off, bits turned over, bytes overwritten, a field of its head set,
a stretch cut out or doubled) and given to its reader, in a process that may take 2 GB and 10 seconds a file (Linux).
What may come of it: what was in the file (the damage lay where it does no harm), or one line that names the file. What
may not: a traceback, a process that hangs or dies, and labels other than those that went in, without a word. Two things
cannot be seen by any reader and are counted apart: other colours in a picture, and labels of a PNG whose checksums were
made anew after the damage, or of a format that has none. The same seed damages the same files.

A further reader is a line in `READERS`: how a valid file is made, how it is read, and whether it holds labels.
"""

from __future__ import annotations

import argparse
import collections
import faulthandler
import hashlib
import io
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image
from stored_result import arguments, origin, publish

sys.path.insert(0, str(Path(__file__).parents[1]))  # tests: small_sbd
import small_sbd

from bridgeseg.data.label_png import read_label_png, write_label_png
from bridgeseg.data.pictures import read_picture
from bridgeseg.data.sbd import SbdFolder
from bridgeseg.data.scenes import draw_scene
from bridgeseg.structures.labels import BadInput
from bridgeseg.structures.run_lengths import from_run_lengths, to_run_lengths

MEMORY, SECONDS = 2 << 30, 10.0
ALLOWED = ("read right", "one line", "other colours", "other labels, not to be seen")


class Reader(NamedTuple):
    """How a valid file is made in a folder, and read."""

    make: Callable[[Path], Path]
    read: Callable[[Path], np.ndarray]
    labels: bool = True
    checked: bool = True  # whether the format has checksums over all of its labels


def picture(ending: str, **how: Any) -> Reader:
    def make(folder: Path) -> Path:
        path = folder / f"picture.{ending}"
        Image.fromarray(draw_scene(0, 0, (40, 56)).picture).save(path, **how)
        return path

    return Reader(make, read_picture, labels=False)


def label_png(highest: int) -> Reader:
    def make(folder: Path) -> Path:
        labels = np.random.default_rng(0).integers(0, highest + 1, (24, 30)) // 3 * 3
        return write_label_png(folder / "labels.png", labels, labels == 6)

    def read(path: Path) -> np.ndarray:
        labels, void = read_label_png(path)
        return np.where(void, -1, labels)

    return Reader(make, read)


def mat(kind: str) -> Reader:
    def make(folder: Path) -> Path:
        small_sbd.write(folder, "a", *small_sbd.maps(0))
        for name in ("train.txt", "val.txt"):
            (folder / name).write_text("a\n" if name == "train.txt" else "b\n")
        return folder / kind / "a.mat"

    def read(path: Path) -> np.ndarray:
        sample = SbdFolder(path.parent.parent, "train")[0]
        return np.stack([sample.categories, sample.instances])

    return Reader(make, read, checked=False)


def run_lengths() -> Reader:
    def make(folder: Path) -> Path:
        path = folder / "mask.json"
        path.write_text(json.dumps(to_run_lengths(draw_scene(0, 0, (40, 56)).instances > 0)))
        return path

    def read(path: Path) -> np.ndarray:
        try:
            return from_run_lengths(json.loads(path.read_text("utf8")))
        except (UnicodeDecodeError, json.JSONDecodeError) as error:  # as each who opens such a file has to
            raise BadInput(f"{path}: {error}") from error

    return Reader(make, read, checked=False)


READERS = {
    "JPEG": picture("jpg"),
    "PNG": picture("png"),
    "BMP": picture("bmp"),
    "TIFF": picture("tif", compression="tiff_lzw"),
    "WebP": picture("webp"),
    "GIF": picture("gif"),
    "PPM": picture("ppm"),
    "label PNG of 8 bits": label_png(200),
    "label PNG of 16 bits": label_png(900),
    "SBD's categories, .mat": mat("cls"),
    "SBD's instances, .mat": mat("inst"),
    "run lengths, JSON": run_lengths(),
}


def damaged(whole: bytes, chance: random.Random) -> tuple[str, bytes]:
    """Return how a file is damaged, and its bytes after that."""
    data = bytearray(whole)
    place, reach = chance.randrange(len(data)), chance.choice([1, 2, 4, 8, 64, 512])
    how = chance.choice(["cut off", "bits", "bytes", "head", "head, checksums anew", "cut out", "doubled"])
    if how == "cut off":
        data = data[:place]
    elif how == "bits":
        for _ in range(chance.choice([1, 1, 1, 8])):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    elif how == "bytes":
        data[place : place + reach] = chance.randbytes(min(reach, len(data) - place))
    elif how.startswith("head"):
        place = chance.randrange(min(128, len(data)))
        wide = chance.choice([1, 2, 4])
        data[place : place + wide] = chance.choice([bytes(wide), b"\xff" * wide, chance.randbytes(wide)])
        if how != "head":
            data = bytearray(with_checksums(bytes(data)))
    elif how == "cut out":
        del data[place : place + reach]
    else:
        data[place:place] = data[place : place + reach]
    return how, bytes(data)


def with_checksums(data: bytes) -> bytes:
    """A PNG with the checksums that its chunks should have, so that a decoder reads on; anything else as it is."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data
    made, place = io.BytesIO(), 8
    made.write(data[:8])
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        body = data[place + 4 : place + 8 + length]
        made.write(data[place : place + 4] + body + zlib.crc32(body).to_bytes(4, "big"))
        place += 12 + length
    return made.getvalue() + data[place:]


def case(name: str, number: int, seed: int, folder: Path) -> tuple[Path, str, np.ndarray]:
    """Make a damaged file, and return it, how it is damaged, and what was in it."""
    reader = READERS[name]
    path = reader.make(folder)
    right = reader.read(path)
    key = hashlib.sha256(f"{seed} {name} {number}".encode()).digest()
    how, data = damaged(path.read_bytes(), random.Random(key))
    path.write_bytes(data)
    return path, how, right


def outcome(name: str, path: Path, how: str, right: np.ndarray) -> tuple[str, str]:
    """Read a damaged file, and say what came of it, and by which words."""
    reader = READERS[name]
    try:
        found = reader.read(path)
    except BadInput as error:
        text = str(error)
        return ("one line" if "\n" not in text and len(text) < 500 else "many lines"), text[:200]
    except BaseException as error:
        return "traceback", f"{type(error).__name__}: {error}"[:200]
    if np.array_equal(found, right):
        return "read right", ""
    if not reader.labels:
        return "other colours", ""
    unseen = not reader.checked or how.endswith("anew")
    return ("other labels, not to be seen" if unseen else "other labels in silence"), f"{found.shape}"


def child(name: str, first: int, last: int, seed: int) -> None:
    """Read some damaged files, one line of JSON for each on standard output."""
    # Beyond what the libraries have reserved already, which is much more than they use.
    most = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    for number in range(first, last):
        with tempfile.TemporaryDirectory() as folder:
            path, how, right = case(name, number, seed, Path(folder))
            kind, said = outcome(name, path, how, right)
        print(json.dumps([number, how, kind, said.replace(folder, "")]), flush=True)


def tried(name: str, count: int, seed: int) -> list[tuple[int, str, str, str]]:
    """Return for each file of a kind its number, its damage, what came of it, and the words."""
    found: list[tuple[int, str, str, str]] = []
    while len(found) < count:
        first = len(found)
        last = min(count, first + 1000)
        words = [sys.executable, __file__, "--child", name, str(first), str(last), "--seed", str(seed)]
        with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as wrong:
            process = subprocess.Popen(words, stdout=said, stderr=wrong)
            seen, since = 0, time.monotonic()
            while process.poll() is None:
                time.sleep(0.05)
                size = said.seek(0, 2)
                if size != seen:
                    seen, since = size, time.monotonic()
                elif time.monotonic() - since > SECONDS + 20 * (not seen):  # it imports first
                    process.kill()
                    process.wait()
            said.seek(0)
            found += [tuple(json.loads(line)) for line in said.read().splitlines()]
            if len(found) < last:
                wrong.seek(0)
                how = "a hang" if process.returncode == -9 else "died"
                found.append((len(found), "", how, wrong.read().rpartition("Fatal")[2][:200]))
    return found


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        name, first, last = given.child
        faulthandler.enable()
        child(name, int(first), int(last), given.seed)
        return
    report: dict[str, Any] = origin(seed=given.seed) | {"files": given.files, "kinds": {}}
    total: collections.Counter[str] = collections.Counter()
    faults = []
    for place, name in enumerate(READERS):
        count = given.files // len(READERS) + (place < given.files % len(READERS))
        found = tried(name, count, given.seed)
        counts = collections.Counter(kind for _, _, kind, _ in found)
        report["kinds"][name] = dict(sorted(counts.items()))
        total.update(counts)
        faults += [
            [name, number, how, kind, said] for number, how, kind, said in found if kind not in ALLOWED
        ]
    report |= {"all": dict(sorted(total.items())), "faults": len(faults), "first faults": faults[:20]}
    publish("fuzz-files", report, given.store)


if __name__ == "__main__":
    main()
