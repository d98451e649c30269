"""A chapter says once which real pictures it has, what it lacks, and fetches those that may be when it is asked to."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridgeseg.machine.environment import LAYOUTS, data_folder, download_folder
from bridgeseg.structures.labels import BadInput
from bridgeseg.teaching import real_pictures as module
from bridgeseg.teaching.real_pictures import FETCHED, MEGABYTES, real_pictures


@pytest.fixture(autouse=True)
def nothing_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No pictures, and a network without them: what is asked for is made, empty, in the cache."""
    monkeypatch.delenv("BRIDGESEG_DATA", raising=False)
    monkeypatch.setenv("BRIDGESEG_CACHE", str(tmp_path / "cache"))

    def made(name: str):
        def download(folder: Path, progress: object) -> Path:
            (folder / name).mkdir(parents=True)
            return folder / name

        return download

    monkeypatch.setattr(module, "FETCHED", {name: made(name) for name in FETCHED})


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    found = capsys.readouterr()
    assert found.err == ""  # which the book counts as a warning
    return found.out.splitlines()


def test_without_pictures_one_sentence_says_what_is_missed_and_nothing_is_fetched(
    capsys: pytest.CaptureFixture[str],
) -> None:
    real_pictures()
    at_hand, missed, how = said(capsys)
    assert at_hand == "real pictures at hand: none"
    assert missed.startswith("You miss pedestrians, nuclei and photos: drawn scenes stand in for them")
    assert how == "To fetch pedestrians and nuclei (137 MB), set DOWNLOAD in this cell and run it again."
    assert not download_folder().exists()


def test_who_agrees_gets_what_may_be_fetched_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real_pictures(fetch=True)
    at_hand, missed = said(capsys)
    assert at_hand == "real pictures at hand: pedestrians and nuclei"
    assert missed.startswith("You miss photos:")
    assert {name for name in LAYOUTS if data_folder(name)} == set(FETCHED)
    monkeypatch.setattr(module, "FETCHED", dict.fromkeys(FETCHED))  # would fail, if it were called
    real_pictures(fetch=True)


def test_where_all_are_at_hand_nothing_is_missed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in LAYOUTS:
        (tmp_path / "data" / name).mkdir(parents=True)
    monkeypatch.setenv("BRIDGESEG_DATA", str(tmp_path / "data"))
    real_pictures(fetch=True)
    assert said(capsys) == ["real pictures at hand: pedestrians, nuclei and photos"]
    assert not download_folder().exists()


def test_without_a_network_a_line_says_so_and_the_chapter_goes_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(folder: Path, progress: object) -> Path:
        raise BadInput("https://a.org/b.zip: cannot be downloaded, is there a network?")

    monkeypatch.setattr(module, "FETCHED", {"nuclei": fails})
    real_pictures(fetch=True)
    first, *_ = said(capsys)
    assert first == "nuclei: not fetched, https://a.org/b.zip: cannot be downloaded, is there a network?"


def test_what_may_be_fetched_is_known_and_has_a_size() -> None:
    assert set(FETCHED) == set(MEGABYTES) <= set(LAYOUTS)
