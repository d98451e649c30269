"""Damaged files against everything that reads one: `python tests/benchmarks/fuzz_files.py [--files 10000] [--store]`.

A small valid file of every kind (`fuzz_readers.READERS`) is damaged (cut off, bits turned over, bytes overwritten, a
field of its head set, a stretch cut out or doubled) and given to its reader, in a process that may take 2 GB, and 10
seconds of the processor a file (Linux). What may come of it:

- read right: the damage lay where it does no harm;
- one line, which names the file;
- other colours in a picture, which no reader can see;
- other labels, and a line that says what was left out;
- other labels of a format without checksums, or with checksums made anew after the damage: they cannot be seen.

What may not: a traceback, a process that hangs or dies, and other labels in silence. The same seed damages the same
files.
"""

from __future__ import annotations

import collections
import faulthandler
import hashlib
import io
import json
import multiprocessing
import os
import random
import resource
import signal
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from fuzz_readers import READERS, Reader
from stored_result import arguments, origin, publish

from bridgeseg.structures.labels import BadInput

MEMORY, SECONDS = 2 << 30, 10
ALLOWED = (
    *("read right", "one line", "other colours", "other labels, and a line", "other labels, not to be seen"),
)
Found = tuple[int, str, str, str]  # a file's number, its damage, what came of it, by which words


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


def outcome(reader: Reader, path: Path, how: str, right: np.ndarray, usual: list[str]) -> tuple[str, str]:
    """Read a damaged file, and say what came of it, and by which words.

    usual: what the reader says of the file before the damage
    """
    said: list[str] = []
    try:
        found = reader.read(path, said.append)
    except BadInput as error:
        text = str(error)
        if "\n" in text or len(text) > 500 + len(str(path)):
            return "many lines", text[:200]
        named = any(path.stem in line for line in [text, *said])
        return "one line" if named else "a line without the file's name", text[:200]
    except BaseException as error:
        return "traceback", f"{type(error).__name__}: {error}"[:200]
    if np.array_equal(found, right):
        return "read right", ""
    if not reader.labels:
        return "other colours", ""
    if said != usual:
        return "other labels, and a line", " ".join(said)[:200]
    unseen = not reader.checked or how.endswith("anew")
    return ("other labels, not to be seen" if unseen else "other labels in silence"), f"{found.shape}"


def child(name: str, first: int, last: int, seed: int, words: Path) -> None:
    """Read some damaged files; `words` gets a line of JSON for each, and `words`.wrong what goes to standard error."""
    wrong = words.with_suffix(".wrong").open("w")
    os.dup2(wrong.fileno(), 2)
    faulthandler.enable(wrong)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Beyond what the libraries have reserved already, which is much more than they use.
    most = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    reader = READERS[name]
    with tempfile.TemporaryDirectory() as folder, words.open("w") as file:
        path, usual = reader.make(Path(folder)), list[str]()
        whole, right = path.read_bytes(), reader.read(path, usual.append)
        for number in range(first, last):
            key = hashlib.sha256(f"{seed} {name} {number}".encode()).digest()
            how, data = damaged(whole, random.Random(key))
            path.write_bytes(data)
            signal.setitimer(signal.ITIMER_PROF, SECONDS)  # ends the process
            kind, text = outcome(reader, path, how, right, usual)
            signal.setitimer(signal.ITIMER_PROF, 0)
            print(json.dumps([number, how, kind, text.replace(folder, "")]), file=file, flush=True)


def tried(name: str, count: int, seed: int) -> list[Found]:
    """Return what came of each file of a kind."""
    found: list[Found] = []
    with tempfile.TemporaryDirectory() as folder:
        words = Path(folder, "words")
        while len(found) < count:
            # A fork has all libraries loaded already.
            process = multiprocessing.get_context("fork").Process(
                target=child, args=(name, len(found), count, seed, words)
            )
            process.start()
            process.join()
            found += [tuple(json.loads(line)) for line in words.read_text().splitlines()]
            if len(found) < count:
                wrong = words.with_suffix(".wrong").read_text(errors="replace")
                if process.exitcode == 1:
                    raise RuntimeError(f"{name}: {wrong}")
                how = "a hang" if process.exitcode == -signal.SIGPROF else "died"
                found.append((len(found), "", how, wrong.rpartition("Fatal")[2][:200]))
    return found


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", default=list(READERS), choices=list(READERS), metavar="KIND")
    given = parser.parse_args()
    began = time.monotonic()
    report: dict[str, Any] = origin(seed=given.seed) | {"files": given.files, "kinds": {}}
    total: collections.Counter[str] = collections.Counter()
    faults = []
    for place, name in enumerate(given.only):
        count = given.files // len(given.only) + (place < given.files % len(given.only))
        found = tried(name, count, given.seed)
        counts = collections.Counter(kind for _, _, kind, _ in found)
        report["kinds"][name] = dict(sorted(counts.items()))
        print(f"{name}: {report['kinds'][name]}", file=sys.stderr, flush=True)
        total.update(counts)
        faults += [
            [name, number, how, kind, said] for number, how, kind, said in found if kind not in ALLOWED
        ]
    report |= {"all": dict(sorted(total.items())), "faults": len(faults), "first faults": faults[:20]}
    report["minutes"] = round((time.monotonic() - began) / 60, 1)
    publish("fuzz-files", report, given.store)


if __name__ == "__main__":
    main()
