"""On a disk that is really full every command says so in one line, leaves nothing half, and succeeds with room."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import http.server
import io
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from own_process import Said, content, ended, needs_fork, on_a_small_disk, said, started
from small_archives import nuclei, pack, pedestrians, png
from small_calls import label_images, scene_files, untrained_run
from small_recipe import SCENES, SMALL
from torch import nn

from bridgeseg import data_commands
from bridgeseg.data import archives, downloads
from bridgeseg.machine.files import write_text
from bridgeseg.structures.labels import BadInput
from bridgeseg.system import presets
from bridgeseg.teaching import cache
from bridgeseg.teaching.remembered import remembered

PAGE = 4096  # bytes: of these a disk in memory gives out whole ones
SIZE = 8 * 2**20
FULL = "No space left on device"
ROOMS = (0, 1, 2, 4, 7, 12, 20)  # pages


def in_little_room(
    disk: Path,
    call: Callable[[], Said],
    rooms: tuple[int, ...],
    again: Callable[[], Said] | None = None,
    begin: Callable[[], object] = lambda: None,
    may_differ: tuple[str, ...] = (),
    passing: dict[str, Callable[[bytes], object]] | None = None,
) -> list[Said]:
    """Make a call on a disk with so many pages of room, and again with more, which must give what it gives with room.

    again: where the call is another one the second time
    begin: what stands on the disk before
    may_differ: files of which only the names are compared
    passing: files that may be there for a while, and what looks whether one is whole
    returns: what was said in too little room
    """

    def there() -> dict[str, bytes]:
        return {name: b"" if name.endswith(may_differ) else data for name, data in content(disk).items()}

    def emptied() -> None:
        for path in disk.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        begin()

    emptied()
    assert call().status == 0
    whole = there()
    failed = []
    for room in rooms:
        emptied()
        before = there()
        filler = disk / "filler"
        with filler.open("wb") as file:
            file.write(bytes(max(0, os.statvfs(disk).f_bavail - room) * os.statvfs(disk).f_frsize))
        done = call()
        filler.unlink()
        after = there()
        if not done.status:
            assert after == whole, room
            continue
        failed.append(done)
        assert done.status == 1, room
        left = [name for name in after if any(part.startswith(".unfinished") for part in Path(name).parts)]
        assert not left, (room, left)
        for name, is_whole in (passing or {}).items():
            if name in after:
                assert is_whole((disk / name).read_bytes()), (room, name)
                del after[name]
        wrong = [name for name, data in after.items() if data not in (before.get(name), whole.get(name))]
        assert not wrong, (room, wrong)
        done = (again or call)()
        assert done.status == 0, (room, done)
        assert there() == whole, room
    return failed


def one_line(done: Said, disk: Path) -> None:
    """Only one line is an error, and it names a place on the disk and why."""
    lines = [line for line in done.errors if line.startswith("bridgeseg: error: ")]
    assert len(lines) == 1, done.errors
    assert FULL in lines[0]
    assert str(disk) in lines[0]
    assert "Traceback" not in "".join(done.errors)


def emptied_disk(tmp_path: Path) -> Path:
    (tmp_path / "disk").mkdir()
    return tmp_path / "disk"


@needs_fork
def test_a_conversion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_commands, "draw_look", lambda look, data, path: write_text(path, "a sheet"))
    disk, source = emptied_disk(tmp_path), label_images(tmp_path / "from")

    def work() -> list[Said]:
        return in_little_room(disk, lambda: said("convert", source, disk / "to"), ROOMS)

    failed = on_a_small_disk(disk, SIZE, work)
    assert len(failed) > 4
    for done in failed:
        one_line(done, disk / "to")
    assert len({done.errors[0] for done in failed}) > 4, "it is the file that is named"


@needs_fork
def test_an_export(tmp_path: Path) -> None:
    disk = emptied_disk(tmp_path)
    for kind in ("voc", "coco"):
        call = (
            "export",
            "--data",
            "scenes",
            "--count",
            2,
            "--size",
            32,
            "--format",
            kind,
            "--out",
            disk / "to",
        )
        work = functools.partial(in_little_room, disk, functools.partial(said, *call), ROOMS[:4])
        failed = on_a_small_disk(disk, SIZE, work)
        assert len(failed) > 1
        for done in failed:
            one_line(done, disk / "to")


@needs_fork
def test_answers(tmp_path: Path) -> None:
    disk, run = emptied_disk(tmp_path), untrained_run(tmp_path / "run")
    pictures = scene_files(tmp_path / "pictures")

    def call(*some: Path) -> Said:
        return said("segment", run, *some, "--out", disk / "out")

    def work() -> list[Said]:
        return in_little_room(
            disk, lambda: call(*pictures), (0, 1, 2, 4, 20), begin=lambda: call(pictures[0])
        )

    failed = on_a_small_disk(disk, SIZE, work)
    assert len(failed) == 4
    for done in failed:
        one_line(done, disk / "out")


@needs_fork
def test_figures_and_drawings(tmp_path: Path) -> None:
    disk, run = emptied_disk(tmp_path), untrained_run(tmp_path / "run")
    call = ("evaluate", run, "--data", "scenes", "--count", 1, "--json", disk / "f.json")

    def work() -> list[Said]:
        return in_little_room(disk, lambda: said(*call), (0, 1), may_differ=("f.json",))  # seconds are in it

    (failed,) = on_a_small_disk(disk, SIZE, work)
    one_line(failed, disk / "f.json")


@needs_fork
def test_a_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(presets.RECIPES, "small", dataclasses.replace(SMALL, steps=2))
    disk = emptied_disk(tmp_path)
    call = ("train", "--data", "scenes", "--recipe", "small", "--out", disk / "run")

    def work() -> list[Said]:
        return in_little_room(
            disk,
            lambda: said(*call),
            (0, 2, 600),  # too little for the recipe, the state, and the weights beside the state
            again=lambda: said(*call, "--resume"),
            may_differ=("log.jsonl", "curves.png"),
            passing={"run/state.pt": lambda data: torch.load(io.BytesIO(data), weights_only=True)},
        )

    failed = on_a_small_disk(disk, SIZE, work)
    assert len(failed) == 3
    for done in failed:
        one_line(done, disk / "run")
    assert [Path(done.errors[-1].split(": ")[2]).name for done in failed] == [
        *("recipe.json", "state.pt", "weights.pt")
    ]


@needs_fork
def test_what_chapters_keep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = emptied_disk(tmp_path)
    monkeypatch.setenv("BRIDGESEG_CACHE", str(disk))

    def trained() -> Said:
        recipe = dataclasses.replace(SMALL, steps=1)
        return answered(lambda: cache.trained(recipe, SCENES, progress=lambda share, text: None))

    def kept() -> Said:
        network = nn.Linear(2, 3, bias=False)
        nn.init.ones_(network.weight)
        return answered(lambda: remembered("short", network, lambda network: [0.5], []))

    def work() -> list[Said]:
        failed = in_little_room(disk, kept, (0, 100), may_differ=(".pt",))  # seconds are in it
        return failed + in_little_room(disk, trained, (0,), may_differ=("log.jsonl", "curves.png"))

    short, long = on_a_small_disk(disk, SIZE, work)
    assert f"{FULL}: '{disk / 'chapters' / 'short-'}" in short.errors[0]
    assert f"{FULL}: '{disk / 'runs' / 'small-'}" in long.errors[0]


def answered(work: Callable[[], Any]) -> Said:
    """Call what is no command, and return its error as a command's."""
    try:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            work()
    except (OSError, BadInput) as error:
        return Said(1, [f"bridgeseg: error: {error}"])
    return Said(0, [])


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """A folder as a server on this machine shows it."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


SETS = {
    "nuclei": ("stage1_train.zip", nuclei, downloads.download_nuclei),
    "pedestrians": ("PennFudanPed.zip", pedestrians, downloads.download_pedestrians),
}


@needs_fork
@pytest.mark.parametrize("name", SETS)
def test_a_download(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, members, download = SETS[name]
    unpack = getattr(archives, f"{name}_from_zip")
    monkeypatch.setattr(downloads, f"{name}_from_zip", lambda a, b: unpack(a, b, count=2))
    monkeypatch.setenv("no_proxy", "*")
    disk = emptied_disk(tmp_path)
    (tmp_path / "server").mkdir()
    archive = pack(tmp_path / "server" / file, members(2)).read_bytes()

    def work() -> list[Said]:
        with served(tmp_path / "server") as address:
            return in_little_room(
                disk,
                lambda: answered(lambda: download(disk, lambda done, total: None, f"{address}/{file}")),
                ROOMS,
                passing={file: archive.__eq__},
            )

    failed = on_a_small_disk(disk, SIZE, work)
    assert len(failed) > 3
    for done in failed:
        one_line(done, disk)
        assert "cannot be written" in done.errors[0]
    if name == "nuclei":  # the one fails while it comes, the other while it is unpacked
        assert {Path(done.errors[0].split(": ")[2]).name for done in failed} == {file, name}


@needs_fork
def test_no_picture_is_cut_off_where_a_write_ends_early(tmp_path: Path) -> None:
    # A limit for every file, at which a write writes less than it was given, as on a disk with a few bytes left.
    resource = pytest.importorskip("resource")
    run, pictures = untrained_run(tmp_path / "run"), scene_files(tmp_path / "pictures", "a")
    # A pattern that comes again and again is small as a PNG, so that its JPEG is the first to be too large.
    pattern = png(np.tile(np.random.default_rng(0).integers(0, 256, (5, 5, 3), np.uint8), (6, 8, 1)))
    members = {name: pattern if "/PNGImages/Fudan" in name else data for name, data in pedestrians(2).items()}
    archive = pack(tmp_path / "PennFudanPed.zip", members)

    def limited(most: int, work: Callable[[], Any]) -> Any:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
        try:
            return work()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    def work() -> int:
        segment = functools.partial(said, "segment", run, *pictures, "--out")
        pedestrian = functools.partial(archives.pedestrians_from_zip, archive, count=2)
        assert segment(tmp_path / "whole").status == 0
        pedestrian(out=tmp_path / "pedestrians")
        files = [content(tmp_path / "whole"), content(tmp_path / "pedestrians")]
        jpegs = {len(data) for part in files for name, data in part.items() if name.endswith(".jpg")}
        failed = 0
        for most in sorted(size - less for size in jpegs for less in (1, 100)):
            out = tmp_path / f"out{most}"
            done = limited(most, lambda out=out: segment(out))
            found = content(out)
            assert all(
                data == files[0][name] for name, data in found.items() if name.endswith((".jpg", ".png"))
            )
            failed += done.status
            out = tmp_path / f"pedestrians{most}"
            done = limited(most, lambda out=out: answered(lambda: pedestrian(out=out)))
            assert done.status or content(out) == files[1]
            failed += done.status
        return failed

    assert ended(started(work))[1] > 5
