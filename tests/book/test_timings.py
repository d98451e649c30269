"""What the book says of the time that chapters take is what was measured, and no chapter takes longer than it may."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
import timings
import torch
from notebooks import CHAPTERS, Chapter
from small_chapter import NAME, broken

from bridgeseg.structures.labels import BadInput
from bridgeseg.teaching.lessons import LESSONS

MEASURED = {
    "cold": 200.0,
    "warm": 61.0,
    "hardware": "2 cores, a processor",
    "versions": {},
    "date": "2026-01-02",
    "tier": "fast",
}


@pytest.fixture(scope="module")
def stored() -> dict[str, timings.Times]:
    """What was measured."""
    if not timings.STORED.exists():
        pytest.skip("not measured yet: python tests/book/timings.py")
    return timings.read()


def test_every_chapter_and_no_other_is_measured(stored: dict[str, timings.Times]) -> None:
    assert sorted(stored) == [path.stem for path in CHAPTERS], "run: python tests/book/timings.py"


def test_the_book_says_what_was_measured(stored: dict[str, timings.Times]) -> None:
    for path, text in timings.texts(stored).items():
        assert text == path.read_text("utf8"), f"{path.name}: run: python tests/book/timings.py --write"


def test_no_chapter_takes_longer_than_it_may(stored: dict[str, timings.Times]) -> None:
    assert timings.too_long(stored) == []


# The measuring and the writing themselves


def test_what_takes_too_long_is_seen() -> None:
    assert timings.too_long({"01_a": MEASURED}) == []
    assert timings.too_long({"01_a": {**MEASURED, "warm": 91.0}}) == ["01_a: 91 s warm, at most 90"]
    assert timings.too_long({"01_a": {**MEASURED, "cold": 301.0}}) == ["01_a: 301 s cold, at most 300"]


def test_lessons_and_downloads_are_not_the_chapter_s_own_time() -> None:
    name, lesson = next(iter(LESSONS.items()))
    more = 60 * lesson.minutes["fast"]
    first = {**MEASURED, "trained": [name], "fetched": ["nuclei"], "fetching": 40.0}
    assert timings.too_long({"01_a": {**first, "cold": 340 + more}}) == []
    assert timings.too_long({"01_a": {**first, "cold": 341 + more}}) == ["01_a: 301 s cold, at most 300"]


@pytest.mark.parametrize(
    ("cold", "warm", "said"),
    [
        (
            200.0,
            61.0,
            "about a minute on 2 processor cores, 3 minutes the first time, when it trains; not measured on a GPU",
        ),
        (65.0, 61.0, "about a minute on 2 processor cores; not measured on a GPU"),
        (30.0, 29.0, "about half a minute on 2 processor cores; not measured on a GPU"),
        (
            130.0,
            12.0,
            "about a quarter of a minute on 2 processor cores, 2 minutes the first time, when it trains; not m",
        ),
    ],
)
def test_seconds_in_words(cold: float, warm: float, said: str) -> None:
    assert timings.in_words({**MEASURED, "cold": cold, "warm": warm}).startswith(said)


@pytest.mark.parametrize(
    ("trained", "fetched", "said"),
    [
        ([], [], "3 minutes the first time, when it trains;"),
        (["pedestrians"], [], "3 minutes the first time with the real pictures, when it trains;"),
        (
            ["pedestrians"],
            ["nuclei"],
            "3 minutes the first time with the real pictures, when it fetches pictures and trains;",
        ),
    ],
)
def test_what_the_first_time_does_is_said(trained: list[str], fetched: list[str], said: str) -> None:
    assert said in timings.in_words({**MEASURED, "trained": trained, "fetched": fetched})


def test_what_a_chapter_offers_to_fetch_is_seen(small: Path) -> None:
    assert timings.offers(CHAPTERS[0]) == ["pedestrians", "nuclei"]
    assert timings.offers(small) == []


def test_what_is_in_the_first_times_and_what_is_not(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stem, first = small.stem, {**MEASURED, "trained": [], "fetched": [], "fetching": 0.0}
    assert list(timings.first_times({stem: MEASURED})) == []  # not known
    (alone,) = timings.first_times({stem: first})
    assert "the cache is empty" in alone
    monkeypatch.setattr(timings, "offers", lambda chapter: ["pedestrians", "nuclei"])
    told = list(timings.first_times({stem: {**first, "trained": ["pedestrians"]}}))
    assert told[1:] == [
        "That of chapter 4 contains the training of a network for pedestrians; "
        "without the real pictures it is as short as every other.",
        "Pictures and weights were at hand: to fetch pedestrians and nuclei, 137 MB, and the pretrained weights, "
        "14 MB, comes on top. That is about a minute at 20 megabits a second, which was divided and not timed.",
    ]
    (_, told_untrained) = timings.first_times({stem: first})
    assert "137 MB, comes on top" in told_untrained
    told = list(timings.first_times({stem: {**first, "trained": ["pedestrians"], "fetched": ["nuclei"]}}))
    assert told[1:] == [
        "That of chapter 4 contains the download of nuclei and the training of a network for pedestrians; "
        "without the real pictures it is as short as every other."
    ]


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A book of a small chapter and a welcome."""
    path = broken(lambda made: None, tmp_path).path
    (tmp_path / "intro.md").write_text("Hello.\n\n<!-- times -->\n<!-- /times -->\n\nGo on.\n")
    monkeypatch.setattr(timings, "CHAPTERS", [path])
    monkeypatch.setattr(timings, "WELCOME", tmp_path / "intro.md")
    monkeypatch.setattr(timings, "STORED", tmp_path / "timings.json")
    return path


def test_the_texts_are_filled_and_then_stay(small: Path) -> None:
    stem = Path(NAME).stem
    timings.STORED.write_text(json.dumps({"command": timings.COMMAND, stem: MEASURED}))
    before = Chapter(small).cells
    timings.main(["--write"])
    card, row = Chapter(small).cells[1].source, timings.WELCOME.read_text()
    assert f"takes <!-- time -->{timings.in_words(MEASURED)}<!-- /time -->." in card
    reading = re.search(r"About (\d+) minutes to read", card)
    assert reading is not None
    assert f"\n| [4. A small one]({NAME}) | {reading.group(1)} minutes | 3 minutes | a minute |\n" in row
    assert row.startswith("Hello.\n\n<!-- times -->\n| chapter |")
    assert row.endswith(
        "2 cores, a processor, 2026-01-02. Not measured on a GPU.\n<!-- /times -->\n\nGo on.\n"
    )
    assert [c.source for c in Chapter(small).cells[2:]] == [c.source for c in before[2:]]
    assert all(text == path.read_text() for path, text in timings.texts(timings.read()).items())
    later = {**MEASURED, "warm": 200.0}
    assert all(text != path.read_text() for path, text in timings.texts({stem: later}).items())
    assert "not measured yet | not measured yet" in timings.texts({})[timings.WELCOME]


def test_cold_is_a_first_run_and_warm_comes_after_it(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[list[str], bool]] = []
    lesson = LESSONS["pedestrians"].budgeted("fast").name

    def runs(chapter: Path, there: dict[str, str]) -> None:
        own = Path(there["BRIDGESEG_CACHE"])
        ran.append((sorted(path.name for path in own.glob("*/*")), "BRIDGESEG_DATA" in there))
        (own / "runs" / f"{lesson}-0").mkdir(parents=True, exist_ok=True)
        (own / "runs" / f"{lesson}-0" / "weights.pt").touch()

    monkeypatch.setenv("BRIDGESEG_TIER", "fast")
    monkeypatch.setenv("BRIDGESEG_DATA", str(tmp_path))
    monkeypatch.setattr(timings, "executed", runs)
    monkeypatch.setattr(timings, "device", lambda: torch.device("cpu"))
    timings.main([])
    assert ran == [([], True), ([f"{lesson}-0"], True)]
    written = timings.read()[small.stem]
    facts = {"cold", "warm", "trained", "fetched", "fetching", "hardware", "versions", "date", "tier"}
    assert facts == set(written)
    assert (written["trained"], written["fetched"]) == (["pedestrians"], [])
    assert json.loads(timings.STORED.read_text())["command"] == timings.COMMAND

    def fetch(folder: Path, progress: object) -> None:
        time.sleep(0.2)
        (folder / "nuclei").mkdir(parents=True)

    ran.clear()
    monkeypatch.setattr(timings, "FETCHED", {"nuclei": fetch})
    monkeypatch.setattr(timings, "offers", lambda chapter: ["nuclei"])
    timings.main(["--fetch"])
    assert ran == [(["nuclei"], False), (["nuclei", f"{lesson}-0"], False)]
    written = timings.read()[small.stem]
    assert written["fetched"] == ["nuclei"]
    assert written["cold"] >= written["fetching"] >= 0.2

    def nothing(folder: Path, progress: object) -> None:
        raise BadInput("is there a network?")

    monkeypatch.setattr(timings, "FETCHED", {"nuclei": nothing})
    with pytest.raises(SystemExit, match="not measured, is there a network"):
        timings.main(["--fetch"])
    assert timings.read()[small.stem] == written
    with pytest.raises(SystemExit, match="no chapter 77"):
        timings.main(["77"])
    monkeypatch.setenv("BRIDGESEG_TIER", "full")
    with pytest.raises(SystemExit, match="expected BRIDGESEG_TIER=fast"):
        timings.main([])
