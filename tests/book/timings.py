"""How long each chapter takes to run, measured, and written wherever the book says it.

    python tests/book/timings.py             measure every chapter, cold and warm, into book/results/timings.json
    python tests/book/timings.py 02 03       measure these, and keep what is stored of the others
    python tests/book/timings.py --write     write what is stored into the chapters' cards and the Welcome's table

Cold: nothing that the chapter itself trains is there yet. Lessons, which `make book` and `make test` train beforehand
for all chapters, are there in both. Measure on a quiet machine; a test compares the texts with what is stored.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from chapter_anatomy import MINUTES_TO_READ
from chapter_runs import environment, executed
from notebooks import BOOK, CHAPTERS, Chapter
from strip_notebooks import as_text

# Run by itself a script finds its own folder only.
sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))
from stored_result import origin

from bridgeseg.data.open_dataset import open_pictures
from bridgeseg.machine.environment import cache_folder, device, tier
from bridgeseg.machine.files import write_text
from bridgeseg.teaching import cache
from bridgeseg.teaching.lessons import LESSONS

STORED = BOOK / "results" / "timings.json"
WELCOME = BOOK / "intro.md"
COMMAND = "python tests/book/timings.py"
CARD = re.compile(r"(?s)<!-- time -->(.*?)<!-- /time -->")
TABLE = re.compile(r"(?s)<!-- times -->(.*?)<!-- /times -->")
COLD_LIMIT, WARM_LIMIT = 300, 90  # seconds on two cores: what a chapter may take
NOTICEABLE = 1.25  # times as long: the card says what training takes

UNKNOWN = "not measured yet"

Times = dict[str, Any]


def measure(chapter: Path) -> Times:
    """Return how long a chapter takes, cold and warm, in seconds, and what it was measured on."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        there = environment(home, BRIDGESEG_CACHE=str(home / "own"), BRIDGESEG_TIER=tier())
        for name in ("BRIDGESEG_DATA", "BRIDGESEG_WEIGHTS"):
            if name in os.environ:
                there[name] = os.environ[name]
        lend_lessons(home / "own")
        seconds = {kind: _seconds(chapter, there) for kind in ("cold", "warm")}
    found = origin(COMMAND)
    return seconds | {name: found[name] for name in ("hardware", "versions", "date")} | {"tier": tier()}


def lend_lessons(folder: Path) -> None:
    """Give a cache the runs of all lessons for which the pictures are at hand, trained now where they are not yet."""
    cache.prepare()
    for lesson in LESSONS.values():
        if pictures := open_pictures(lesson.pictures, "train"):
            run = cache.folder_of(lesson.budgeted(tier()), pictures, lesson.seed)
            place = folder / run.relative_to(cache_folder())
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(run)


def _seconds(chapter: Path, there: dict[str, str]) -> float:
    start = time.monotonic()
    executed(chapter, there)
    return round(time.monotonic() - start, 1)


def too_long(stored: dict[str, Times]) -> list[str]:
    """Return each chapter that takes longer than it may, with its seconds."""
    limits = {"cold": COLD_LIMIT, "warm": WARM_LIMIT}
    return [
        f"{name}: {times[kind]:.0f} s {kind}, at most {limit}"
        for name, times in stored.items()
        for kind, limit in limits.items()
        if times[kind] > limit
    ]


def in_words(times: Times | None) -> str:
    """Return what a card says: how long the cells take, and how long when the chapter trains first."""
    if times is None:
        return UNKNOWN
    warm, cold = _duration(times["warm"]), _duration(times["cold"])
    cores = times["hardware"].partition(",")[0].replace(" cores", " processor cores")
    first = f", {cold} the first time, when it trains" if times["cold"] > NOTICEABLE * times["warm"] else ""
    return f"about {warm} on {cores}{first}; not measured on a GPU"


def _duration(seconds: float) -> str:
    if seconds < 45:
        return "half a minute" if seconds > 20 else "a quarter of a minute"
    minutes = round(seconds / 60)
    return "a minute" if minutes == 1 else f"{minutes} minutes"


def table(stored: dict[str, Times]) -> str:
    """Return the Welcome's table of all chapters: to read, to run the first time, to run every other time."""
    lines = ["| chapter | to read | to run, the first time | every other time |", "|---|---|---|---|"]
    machines = set()
    for path in CHAPTERS:
        chapter = Chapter(path)
        title = chapter.cells[0].source.splitlines()[0].removeprefix("# ")
        card = next(c.source for c in chapter.of("markdown") if MINUTES_TO_READ.search(c.source))
        reading = MINUTES_TO_READ.search(card)
        assert reading is not None
        took = [UNKNOWN, UNKNOWN]
        if times := stored.get(path.stem):
            machines.add(f"{times['hardware']}, {times['date']}")
            took = [_duration(times[kind]) for kind in ("cold", "warm")]
        name = f"[{int(path.stem[:2])}. {title}]({path.name})"
        lines.append(f"| {' | '.join([name, f'{reading.group(1)} minutes', *took])} |")
    measured = f"Measured on {'; '.join(sorted(machines))}. Not measured on a GPU." if machines else ""
    return "\n".join([*lines, "", measured]) if measured else "\n".join(lines)


def texts(stored: dict[str, Times]) -> dict[Path, str]:
    """Return each page that says how long something takes, as it should read."""
    wanted = {}
    for path in CHAPTERS:
        chapter = Chapter(path)
        for cell in chapter.of("markdown"):
            text = CARD.sub(f"<!-- time -->{in_words(stored.get(path.stem))}<!-- /time -->", cell.source)
            cell.stored["source"] = text.splitlines(keepends=True)
        wanted[path] = as_text(chapter.notebook)
    welcome = WELCOME.read_text("utf8")
    wanted[WELCOME] = TABLE.sub(f"<!-- times -->\n{table(stored)}\n<!-- /times -->", welcome)
    return wanted


def read() -> dict[str, Times]:
    """Return what is stored, by the name of the chapter's file."""
    return {name: each for name, each in json.loads(STORED.read_text("utf8")).items() if name != "command"}


def main(asked: list[str]) -> None:
    """Do what the command line asks for."""
    stored = read() if STORED.exists() else {}
    if "--write" in asked:
        for path, text in texts(stored).items():
            if text != path.read_text("utf8"):
                write_text(path, text)
                print(f"{path.name}: written")
        return
    if tier() != "fast" or device().type != "cpu":
        sys.exit(
            "the book says how long chapters take on processor cores; expected BRIDGESEG_TIER=fast and no GPU"
        )
    if unknown := [name for name in asked if not any(path.stem.startswith(name) for path in CHAPTERS)]:
        sys.exit(f"no chapter {', '.join(unknown)}; there are {', '.join(path.stem for path in CHAPTERS)}")
    for path in CHAPTERS:
        if not asked or path.stem.startswith(tuple(asked)):
            stored[path.stem] = measure(path)
            print(
                f"{path.stem}: cold {stored[path.stem]['cold']} s, warm {stored[path.stem]['warm']} s",
                flush=True,
            )
            here = {"command": COMMAND, **{p.stem: stored[p.stem] for p in CHAPTERS if p.stem in stored}}
            write_text(STORED, json.dumps(here, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
