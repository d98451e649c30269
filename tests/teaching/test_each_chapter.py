"""The table of what each chapter brought shows the chapters so far, and nothing of those to come."""

from __future__ import annotations

import numpy as np
import pytest

from bridgeseg.teaching import each_chapter
from bridgeseg.teaching.each_chapter import FULL, NAME, Row, same_scenes

STORED = {
    "rows": [
        {"chapter": 4, "what": "a small one", "mean_iou": 0.5, "parameters": 42, "minutes": 0.5, "date": "x"},
        {"chapter": 5, "what": "one that sees far", "mean_iou": 0.6, "parameters": 1000000, "minutes": 2.0},
    ]
}


@pytest.mark.parametrize(
    ("chapter", "shown"), [(4, ["a small one"]), (5, ["a small one", "one that sees far"])]
)
def test_stored_rows_up_to_the_chapter_and_then_its_own(
    chapter: int, shown: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(each_chapter, "stored_result", {NAME: STORED}.get)
    each_chapter.each_chapter(chapter, [Row("measured here", 0.25, 1234567, 1.25)])
    head, *rows = capsys.readouterr().out.splitlines()
    assert len({len(row) for row in (head, *rows)}) == 1, "columns stand one below the other"
    assert [row[9:38].strip() for row in rows] == [*shown, "measured here"]
    assert rows[-1].split() == [f"{chapter},", "here", "measured", "here", "0.250", "1,234,567", "1.2"]


def test_the_full_tier_has_the_rows_of_chapters_that_train_and_are_not_to_come(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"what": "in full", "mean_iou": 0.75, "parameters": 7, "minutes": 1.0, "ap_r": (0.5, 0.25, 0.1)}
    chapters = {
        "04": {"trains": True, "rows": [row]},
        "05": {"trains": False, "rows": [row]},
        "06": {"trains": True, "rows": [row]},
    }
    full = {"hardware": "a large one", "chapters": chapters}
    monkeypatch.setattr(each_chapter, "stored_result", {NAME: STORED, FULL: full}.get)
    each_chapter.each_chapter(5, [Row("measured here", 0.25, 1, 1.0)])
    *rows, said = capsys.readouterr().out.splitlines()
    assert [row[:9].strip() for row in rows] == ["chapter", "4", "5", "4, full", "5, here"]
    assert rows[3].split()[-3:] == ["0.500", "0.250", "0.100"]
    assert said == "full: the full tier, stored, a large one"


def test_without_stored_rows_its_own_are_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(each_chapter, "stored_result", lambda name: None)
    each_chapter.each_chapter(4, [Row("measured here", 0.25, 1, 1.0)])
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_instances_have_columns_as_soon_as_a_row_has_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(each_chapter, "stored_result", {NAME: STORED}.get)
    each_chapter.each_chapter(8, [Row("with boxes", 0.25, 1, 1.0, (0.5, 0.25, 0.125))])
    head, *rows = capsys.readouterr().out.splitlines()
    assert len({len(row) for row in (head, *rows)}) == 1, "columns stand one below the other"
    assert head.split()[-4:] == ["AP^r", "0.5", "0.7", "vol"]
    assert rows[0].split()[-3:] == ["–", "–", "–"]
    assert rows[-1].split()[-3:] == ["0.500", "0.250", "0.125"]


def test_the_scenes_are_unseen_and_the_same_every_time() -> None:
    one, other = same_scenes(), same_scenes()
    assert len(one) == 200
    assert all(name.startswith("val") for name in one.names)
    assert np.array_equal(one[199].picture, other[199].picture)
