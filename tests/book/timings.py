"""How long each chapter takes to run, measured, and written wherever the book says it.

    python tests/book/timings.py             measure every chapter, cold and warm, into book/results/timings.json
    python tests/book/timings.py 02 03       measure these, and keep what is stored of the others
    python tests/book/timings.py --fetch     the same, and fetch pictures and weights in the cold run, from the network
    python tests/book/timings.py --write     write what is stored into the chapters' cards and the Welcome's table

Cold: a first run. The environment is installed, and the cache is empty: the chapter trains its lessons, and with
`--fetch` it begins when the first picture is fetched. Without, pictures and weights are those that BRIDGESEG_DATA and
BRIDGESEG_WEIGHTS name. Warm: once more, over what the first run left. Measure on a quiet machine; a test compares the
texts with what is stored.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chapter_anatomy import MINUTES_TO_READ
from chapter_runs import environment, executed
from notebooks import BOOK, CHAPTERS, Chapter
from strip_notebooks import as_text

# Run by itself a script finds its own folder only.
sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))
from stored_result import origin

from bridgeseg.data.downloads import text_progress
from bridgeseg.machine.environment import device, tier
from bridgeseg.machine.files import write_text
from bridgeseg.structures.labels import BadInput
from bridgeseg.system.checkpoint import WEIGHTS
from bridgeseg.teaching.lessons import LESSONS
from bridgeseg.teaching.real_pictures import FETCHED, MEGABYTES

STORED = BOOK / "results" / "timings.json"
WELCOME = BOOK / "intro.md"
COMMAND = "python tests/book/timings.py"
CARD = re.compile(r"(?s)<!-- time -->(.*?)<!-- /time -->")
TABLE = re.compile(r"(?s)<!-- times -->(.*?)<!-- /times -->")
COLD_LIMIT, WARM_LIMIT = 300, 90  # seconds on two cores: what a chapter may take, lessons not counted
NOTICEABLE = 1.25  # times as long: the card says what training takes

MEGABITS = 20  # a second: a line by which downloads that could not be timed are said in minutes
WEIGHTS_MEGABYTES = 14  # of the MobileNet on which the lesson for pedestrians is built

UNKNOWN = "not measured yet"

Times = dict[str, Any]


def measure(chapter: Path, fetch: bool = False) -> Times:
    """Return how long a chapter takes, cold and warm, in seconds, what the first run did, and what it was measured on.

    fetch: whether the first run gets pictures and weights from the network
    """
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        own = home / "own"
        there = environment(home, BRIDGESEG_CACHE=str(own), BRIDGESEG_TIER=tier())
        for name in ("BRIDGESEG_DATA", "BRIDGESEG_WEIGHTS"):
            if name in os.environ and not fetch:
                there[name] = os.environ[name]
        start = time.monotonic()
        fetched = fetch_pictures(chapter, own / "data") if fetch else []
        fetching = time.monotonic() - start
        cold = fetching + _seconds(chapter, there)
        lessons = {name: lesson.budgeted(tier()).name for name, lesson in LESSONS.items()}
        trained = [name for name, recipe in lessons.items() if any(own.glob(f"runs/{recipe}-*/{WEIGHTS}"))]
        seconds = {"cold": round(cold, 1), "warm": round(_seconds(chapter, there), 1)}
    did = {"trained": trained, "fetched": fetched, "fetching": round(fetching, 1)}
    found = origin(COMMAND)
    return seconds | did | {n: found[n] for n in ("hardware", "versions", "date")} | {"tier": tier()}


def fetch_pictures(chapter: Path, folder: Path) -> list[str]:
    """Fetch into a folder what a chapter offers to fetch, and return the names of the sets."""
    for name in offers(chapter):
        FETCHED[name](folder, text_progress(name, sys.stdout))
    return offers(chapter)


def offers(chapter: Path) -> list[str]:
    """Return the names of the sets that a chapter offers to fetch."""
    calls = (name for cell in Chapter(chapter).of("code") for name, _ in cell.calls())
    return list(FETCHED) if "real_pictures" in calls else []


def _seconds(chapter: Path, there: dict[str, str]) -> float:
    start = time.monotonic()
    executed(chapter, there)
    return time.monotonic() - start


def too_long(stored: dict[str, Times]) -> list[str]:
    """Return each chapter that takes longer than it may, with its seconds; lessons and downloads are not its own."""
    found = []
    for name, times in stored.items():
        lessons = 60 * sum(LESSONS[lesson].minutes["fast"] for lesson in times.get("trained", []))
        own = {"cold": times["cold"] - lessons - times.get("fetching", 0), "warm": times["warm"]}
        for kind, limit in (("cold", COLD_LIMIT), ("warm", WARM_LIMIT)):
            if own[kind] > limit:
                found.append(f"{name}: {own[kind]:.0f} s {kind}, at most {limit}")
    return found


def in_words(times: Times | None) -> str:
    """Return what a card says: how long the cells take, and how long when the chapter trains or fetches first."""
    if times is None:
        return UNKNOWN
    warm, cold = _duration(times["warm"]), _duration(times["cold"])
    cores = times["hardware"].partition(",")[0].replace(" cores", " processor cores")
    first = ""
    if times["cold"] > NOTICEABLE * times["warm"]:
        does = "fetches pictures and trains" if times.get("fetched") else "trains"
        pictures = " with the real pictures" if times.get("trained") else ""
        first = f", {cold} the first time{pictures}, when it {does}"
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
    if machines:
        measured = f"Measured on {'; '.join(sorted(machines))}. Not measured on a GPU."
        here = {path.stem: stored[path.stem] for path in CHAPTERS if path.stem in stored}
        lines += ["", " ".join([*first_times(here), measured])]
    return "\n".join(lines)


def first_times(stored: dict[str, Times]) -> Iterator[str]:
    """Yield what is in the first times and what is not, a sentence each; nothing where that was not measured."""
    if not stored or not all("trained" in times for times in stored.values()):
        return
    yield "The first time, the environment is installed and the cache is empty."
    for name, times in stored.items():
        did = [f"the download of {_and(times['fetched'])}"] if times["fetched"] else []
        did += [f"the training of a network for {_and(times['trained'])}"] if times["trained"] else []
        if did:
            without = "without the real pictures it is as short as every other"
            yield f"That of chapter {int(name[:2])} contains {_and(did)}; {without}."
    if not any(times["fetched"] for times in stored.values()):
        offered = list(dict.fromkeys(name for path in CHAPTERS for name in offers(path)))
        if offered:
            size = sum(MEGABYTES[name] for name in offered)
            weights = WEIGHTS_MEGABYTES if any(times["trained"] for times in stored.values()) else 0
            learned = f", and the pretrained weights, {weights} MB," if weights else ","
            line = _duration((size + weights) * 8 / MEGABITS)
            yield (
                f"Pictures and weights were at hand: to fetch {_and(offered)}, {size} MB{learned} comes on top. "
                f"That is about {line} at {MEGABITS} megabits a second, which was divided and not timed."
            )


def _and(names: list[str]) -> str:
    return " and ".join(names)


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
    fetch = "--fetch" in asked
    asked = [name for name in asked if name != "--fetch"]
    if unknown := [name for name in asked if not any(path.stem.startswith(name) for path in CHAPTERS)]:
        sys.exit(f"no chapter {', '.join(unknown)}; there are {', '.join(path.stem for path in CHAPTERS)}")
    for path in CHAPTERS:
        if not asked or path.stem.startswith(tuple(asked)):
            try:
                stored[path.stem] = measure(path, fetch)
            except BadInput as error:  # no network to fetch from
                sys.exit(f"{path.stem}: not measured, {error}")
            print(
                f"{path.stem}: cold {stored[path.stem]['cold']} s, warm {stored[path.stem]['warm']} s",
                flush=True,
            )
            here = {"command": COMMAND, **{p.stem: stored[p.stem] for p in CHAPTERS if p.stem in stored}}
            write_text(STORED, json.dumps(here, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
