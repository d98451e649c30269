"""Two processes that make the same or write into one folder: each waits its turn, also when the other is killed."""

from __future__ import annotations

import dataclasses
import os
import select
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from own_process import content, ended, needs_fork, said, started
from small_archives import nuclei, pack
from small_calls import label_images, scene_files, untrained_run
from small_recipe import SCENES, SMALL

from bridgeseg import data_commands
from bridgeseg.data import archives, downloads
from bridgeseg.machine.files import write_text
from bridgeseg.system import conversion, result_folder
from bridgeseg.teaching import cache
from bridgeseg.training import trainer

fcntl = pytest.importorskip("fcntl")


class Event:
    """Something that one process waits for and another says; whoever is never told goes on after some minutes."""

    def __init__(self) -> None:
        self.ours, self.theirs = os.pipe()

    def tell(self) -> None:
        os.write(self.theirs, b"x")

    def wait(self) -> None:
        select.select([self.ours], [], [], 300)


def together(first: Callable[[], Any], second: Callable[[], Any]) -> tuple[tuple[int, Any], tuple[int, Any]]:
    """Do two things in two processes; returns of each the signal that killed it or 0, and its answer."""
    begun = [started(first), started(second)]
    one, other = (ended(each) for each in begun)
    return one, other


def telling_that_it_waits(waits: Event, work: Callable[[], Any]) -> Any:
    """Do some work in a process that says when it is about to wait for another, or when it is done."""
    real = fcntl.flock

    def flock(file: Any, how: int) -> None:
        if not how & fcntl.LOCK_NB:
            waits.tell()
        real(file, how)

    fcntl.flock = flock
    try:
        return work()
    finally:
        waits.tell()


@needs_fork
@pytest.mark.parametrize("killed", [False, True], ids=["goes on", "is killed"])
def test_what_is_downloaded_twice_comes_once(
    killed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "nuclei_from_zip", lambda a, b: archives.nuclei_from_zip(a, b, count=2))
    address = pack(tmp_path / "stage1_train.zip", nuclei(2)).as_uri()
    downloads.download_nuclei(tmp_path / "alone", lambda done, total: None, address)
    coming, waits = Event(), Event()

    def comes(done: int, total: int | None) -> None:
        coming.tell()
        waits.wait()
        if killed:
            os.kill(os.getpid(), signal.SIGKILL)

    def second() -> int:
        seen: list[int] = []
        coming.wait()
        downloads.download_nuclei(tmp_path / "data", lambda done, total: seen.append(done), address)
        return len(seen)

    one, other = together(
        lambda: downloads.download_nuclei(tmp_path / "data", comes, address),
        lambda: telling_that_it_waits(waits, second),
    )
    assert one == ((signal.SIGKILL, None) if killed else (0, tmp_path / "data" / "nuclei"))
    assert other == (0, int(killed))  # pieces that came
    assert content(tmp_path / "data") == content(tmp_path / "alone")


@needs_fork
def test_what_is_converted_twice_into_one_folder_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_commands, "draw_look", lambda look, data, path: write_text(path, "a sheet"))
    source = label_images(tmp_path / "from")
    assert said("convert", source, tmp_path / "to").status == 0
    alone = content(tmp_path / "to")
    shutil.rmtree(tmp_path / "to")
    converted, writes, waits = Event(), Event(), Event()

    def first() -> int:
        real = data_commands.locked

        def locked(out: Path) -> Any:  # before the sheet is drawn: the other has the lists away by then
            converted.tell()
            writes.wait()
            return real(out)

        data_commands.locked = locked
        return said("convert", source, tmp_path / "to").status

    def second() -> int:
        real = conversion.write_sample

        def write(*arguments: Any) -> None:
            writes.tell()
            waits.wait()
            real(*arguments)

        conversion.write_sample = write
        converted.wait()
        return said("convert", source, tmp_path / "to").status

    assert together(lambda: telling_that_it_waits(waits, first), second) == ((0, 0), (0, 0))
    assert content(tmp_path / "to") == alone


@needs_fork
def test_answers_of_two_calls_into_one_folder_are_all_kept(tmp_path: Path) -> None:
    run, out = untrained_run(tmp_path / "run"), tmp_path / "out"
    a, b = scene_files(tmp_path / "pictures")
    said("segment", run, a, b, "--out", out)
    alone = content(out)
    shutil.rmtree(out)
    gathers, waits = Event(), Event()

    def first() -> int:
        real = result_folder.write_atomically

        def write(path: Path, fill: Any) -> Path:
            if path.name == "instances.json":  # all that stands in the folder has been read
                gathers.tell()
                waits.wait()
            return real(path, fill)

        result_folder.write_atomically = write
        return said("segment", run, a, "--out", out).status

    def second() -> int:
        gathers.wait()
        return said("segment", run, b, "--out", out).status

    assert together(first, lambda: telling_that_it_waits(waits, second)) == ((0, 0), (0, 0))
    assert content(out) == alone


@needs_fork
def test_a_training_goes_on_where_another_process_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "SAVE_EVERY", -1.0)
    recipe = dataclasses.replace(SMALL, steps=3)
    trains, waits = Event(), Event()

    def trained(folder: str) -> list[str]:
        os.environ["BRIDGESEG_CACHE"] = str(tmp_path / folder)
        steps: list[str] = []
        cache.trained(recipe, SCENES, progress=lambda share, text: steps.append(text))
        return [text for text in steps if "step" in text]

    def first() -> None:
        save, saved = trainer.Trainer.save, []

        def save_and_die(self: trainer.Trainer) -> None:
            save(self)
            saved.append(self.done_steps)
            if len(saved) == 2:
                trains.tell()
                waits.wait()
                os.kill(os.getpid(), signal.SIGKILL)

        trainer.Trainer.save = save_and_die  # type: ignore[method-assign]
        trained("shared")

    def second() -> list[str]:
        trains.wait()
        return trained("shared")

    one, other = together(first, lambda: telling_that_it_waits(waits, second))
    assert one == (signal.SIGKILL, None)
    whole = ended(started(lambda: trained("alone")))
    assert len(other[1]) < len(whole[1]), "it began anew"
    weights = [
        {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.pt")}
        for name in ("shared", "alone")
    ]
    assert weights[0] == weights[1]
    assert list(weights[0]) == ["weights.pt"]
