"""A command that is killed, stopped or interrupted at any step on the disk: nothing half, and the next call mends."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from own_process import Said, content, needs_fork, said, struck
from small_archives import nuclei, pack
from small_calls import label_images, scene_files
from small_recipe import SMALL

from bridgeseg import data_commands
from bridgeseg.data import archives, downloads
from bridgeseg.machine.files import write_text
from bridgeseg.system import segment_files
from bridgeseg.system.result_folder import read_record
from bridgeseg.system.result_table import Row
from bridgeseg.system.segment_files import Answer

# One that no process can catch, and one that ends it without a word.
KILLS = [signal.SIGKILL, signal.SIGTERM] if hasattr(signal, "SIGKILL") else []


def at_every_moment(
    work: Callable[[], Any],
    folder: Path,
    begin: Callable[[], object],
    look: Callable[[dict[str, bytes], int], object],
    growing: tuple[str, ...] = (),
    passing: dict[str, bytes] | None = None,
) -> int:
    """Kill some work at each of its steps on the disk, at every third also by Ctrl-C, and do it again; how many.

    folder: what the work writes into; begin: brings that into the state before it
    look: called with what stands there after the strike, and with the signal
    growing: how files begin that are made of others, and so have more than two states
    passing: files that are there for a while only
    """
    begin()
    work()
    whole = content(folder)
    known = (whole, passing or {})
    for moment in itertools.count():
        for number in (KILLS[moment % 2], *[signal.SIGINT][moment % 3 :]):
            begin()
            before = content(folder)
            in_time, died, answer = struck(work, moment, number)
            there = content(folder)
            if not in_time:
                assert there == whole
                return moment
            assert died == (0 if number == signal.SIGINT else number)
            finals = {name: data for name, data in there.items() if not hidden(name)}
            for name in finals:
                if not name.startswith(growing):
                    known_data = [each.get(name) for each in (before, *known)]
                    assert finals[name] in known_data, (name, moment, number)
            if number == signal.SIGINT:
                # Only what was opened, or made, in this very moment: its maker has not yet learned its name.
                left = [data for name, data in there.items() if name not in finals]
                assert left in ([], [b""], [b"a folder"]), moment
                if isinstance(answer, Said):
                    errors = [line for line in answer.errors if "warning" not in line]
                    assert (answer.status, errors) == (130, ["bridgeseg: error: interrupted"])
            look(finals, number)
            for old in folder.rglob(".unfinished-*"):
                os.utime(old, (0, 0))  # long ago
            work()
            assert content(folder) == whole, (moment, number)
    raise AssertionError


def hidden(name: str) -> bool:
    return any(part.startswith(".") for part in Path(name).parts)


@needs_fork
def test_a_conversion_that_is_killed_has_no_list_or_all_and_the_next_call_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_commands, "draw_look", lambda look, data, path: write_text(path, "a sheet"))
    source, out = label_images(tmp_path / "from"), tmp_path / "to"

    def look(there: dict[str, bytes], number: int) -> None:
        for listed in (data for name, data in there.items() if "ImageSets/Segmentation/" in name):
            for name in listed.decode().split():
                assert {
                    f"JPEGImages/{name}.jpg",
                    f"SegmentationObject/{name}.png",
                    "classes.txt",
                } <= there.keys()

    def work() -> Said:
        done = said("convert", source, out)
        assert done.status in (0, 130), done
        return done

    died = at_every_moment(work, out, lambda: shutil.rmtree(out, ignore_errors=True), look)
    assert died > 30


@needs_fork
def test_answers_whose_writer_is_killed_are_whole_or_absent_and_the_next_call_ends_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(run: object, picture: np.ndarray, name: str) -> Answer:
        labels = np.zeros(picture.shape[:2], np.int32)
        labels[1, 1:5] = 1
        entry = {"image_id": name, "category_id": 1, "category": "cat", "score": 0.5}
        return Answer(labels.astype(np.uint8), labels, [Row(1, "cat", 0.5, 4, 1, 1, 5, 2, 3.0, 1.5)], [entry])

    monkeypatch.setattr(segment_files, "segment_picture", answer)
    monkeypatch.setattr(segment_files, "weights_name", lambda run: "small")
    run: Any = SimpleNamespace(recipe=SMALL)
    out, pictures = tmp_path / "out", scene_files(tmp_path)

    def segmented(*some: Path) -> None:
        wrong: list[str] = []
        with suppress(KeyboardInterrupt):
            segment_files.segment_files(run, some, out, wrong.append)
        assert not wrong

    segmented(pictures[0])
    shutil.copytree(out, tmp_path / "before")

    def begin() -> None:
        shutil.rmtree(out)
        shutil.copytree(tmp_path / "before", out)

    def work() -> None:
        segmented(*pictures)

    def look(there: dict[str, bytes], number: int) -> None:
        told = [
            {entry["image_id"] for entry in json.loads(there["instances.json"])},
            {line.split(",")[0] for line in there["table.csv"].decode().splitlines()[1:]},
            set(re.findall(r"<h2.*?>(.*?)\.png</h2>", there["index.html"].decode())),
        ]
        assert there["table.csv"].endswith(b"\n")
        assert there["index.html"].endswith(b"</html>\n")
        records = {path.stem: read_record(path) for path in (out / "records").glob("*.gz")}
        if number == signal.SIGINT:
            assert [{Path(name).stem for name in there if name.startswith("SegmentationObject/")}] * 3 == told
            assert all(record.finished for record in records.values())

    died = at_every_moment(work, out, begin, look, ("instances.json", "table.csv", "index.html", "records/"))
    assert died > 60


@needs_fork
def test_a_download_that_is_killed_leaves_no_half_of_anything_and_the_next_call_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "nuclei_from_zip", lambda a, b: archives.nuclei_from_zip(a, b, count=2))
    archive = pack(tmp_path / "stage1_train.zip", nuclei(2))
    data = tmp_path / "data"

    def begin() -> None:
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir()

    def work() -> None:
        with suppress(KeyboardInterrupt):
            downloads.download_nuclei(data, lambda done, total: None, url=archive.as_uri())

    whole: dict[str, bytes] = {}

    def look(there: dict[str, bytes], number: int) -> None:
        unpacked = {name for name in there if name.startswith("nuclei/")}
        assert unpacked in (set(), {name for name in whole if name.startswith("nuclei/")})

    begin()
    work()
    whole |= content(data)
    died = at_every_moment(work, data, begin, look, passing={archive.name: archive.read_bytes()})
    assert died > 15
