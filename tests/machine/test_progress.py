"""How long the rest takes is told from the last minute, by a clock that only the test moves."""

from __future__ import annotations

import io

import pytest

from bridgeseg.machine.progress import Bar, TimeLeft, in_words


def test_steady_work_is_told_to_the_second() -> None:
    left = TimeLeft()
    said = [left(second / 300, now=1000.0 + second) for second in range(0, 300, 5)]
    assert said[0] is None
    assert said[1:] == pytest.approx([300 - second for second in range(5, 300, 5)])


def test_work_that_slows_down_is_told_by_its_last_minute() -> None:
    left = TimeLeft()
    now = 0.0
    for step in range(1, 101):  # the first half in a second a step, the second in ten
        now += 1.0 if step <= 50 else 10.0
        said = left(step / 100, now)
        if step == 50:
            assert said == pytest.approx(50.0)
        if step == 70:
            assert said == pytest.approx(300.0)
    assert said == 0.0
    assert len(left.seen) <= 8, "what is older than the minute is forgotten"


def test_a_step_that_takes_minutes_is_measured_too() -> None:
    left = TimeLeft()
    assert [left(step / 10, now=200.0 * step) for step in range(3)] == [None, 1800.0, 1600.0]


def test_a_resumed_run_is_not_credited_with_what_was_done_before() -> None:
    left = TimeLeft()
    assert left(0.8, now=50.0) is None
    assert left(0.9, now=60.0) == pytest.approx(10.0)


def test_nothing_is_said_where_nothing_is_known() -> None:
    left = TimeLeft()
    assert left(0.0, 0.0) is None
    assert left(0.5, 1.0) is None, "one second is too little to tell by"
    assert left(0.5, 20.0) == pytest.approx(20.0)
    assert left(0.0, 30.0) is None, "another piece of work has begun"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "10 s"),
        (11, "20 s"),
        (90, "90 s"),
        (91, "2 min"),
        (5940, "99 min"),
        (5941, "1 h 40 min"),
        (36000, "10 h 00 min"),
    ],
)
def test_times_are_said_a_little_too_long(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_the_bar_says_the_minutes_left_when_only_steps_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [500.0]
    monkeypatch.setattr("bridgeseg.machine.progress.time.monotonic", lambda: now[0])
    screen = io.StringIO()
    bar = Bar(screen)
    for step in range(0, 101, 10):
        bar(step / 100, f"step {step}")
        now[0] += 60.0
    lines = screen.getvalue().splitlines()
    assert lines[0] == "  0%  step 0"
    assert lines[1] == " 10%  9 min left, step 10"
    assert lines[9] == " 90%  60 s left, step 90"
    assert lines[10] == "100%  step 100", "at the end nothing is left"
