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


def test_cold_is_without_what_the_chapter_trains_and_warm_is_with_it(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[float, list[str]]] = []

    def runs(chapter: Path, there: dict[str, str]) -> None:
        own = Path(there["BRIDGESEG_CACHE"])
        ran.append((time.monotonic(), sorted(path.name for path in (own / "runs").iterdir())))
        (own / "runs" / "its own").mkdir(exist_ok=True)

    def lend(folder: Path) -> None:
        (folder / "runs" / "a lesson").mkdir(parents=True)

    monkeypatch.setenv("BRIDGESEG_TIER", "fast")
    monkeypatch.setattr(timings, "executed", runs)
    monkeypatch.setattr(timings, "lend_lessons", lend)
    monkeypatch.setattr(timings, "device", lambda: torch.device("cpu"))
    timings.main([])
    assert [there for _, there in ran] == [["a lesson"], ["a lesson", "its own"]]
    written = timings.read()[small.stem]
    assert {"cold", "warm", "hardware", "versions", "date", "tier"} == set(written)
    assert json.loads(timings.STORED.read_text())["command"] == timings.COMMAND
    with pytest.raises(SystemExit, match="no chapter 77"):
        timings.main(["77"])
    monkeypatch.setenv("BRIDGESEG_TIER", "full")
    with pytest.raises(SystemExit, match="expected BRIDGESEG_TIER=fast"):
        timings.main([])


def test_lessons_are_lent_where_their_pictures_are_at_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = tmp_path / "cache" / "runs" / "a-lesson"
    trained.mkdir(parents=True)
    monkeypatch.setenv("BRIDGESEG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(timings.cache, "prepare", lambda: None)
    monkeypatch.setattr(timings.cache, "folder_of", lambda recipe, spec, seed: trained)
    monkeypatch.setattr(timings, "open_pictures", lambda name, split: None)
    timings.lend_lessons(tmp_path / "none")
    assert not (tmp_path / "none").exists()
    monkeypatch.setattr(timings, "open_pictures", lambda name, split: ["a picture"])
    monkeypatch.setattr(timings, "LESSONS", dict(list(LESSONS.items())[:1]))
    timings.lend_lessons(tmp_path / "lent")
    assert (tmp_path / "lent" / "runs" / "a-lesson").resolve() == trained
