"""A folder of answers stays whole: over many calls, two at once, Ctrl-C, a kill, a full disk, and files of others."""

from __future__ import annotations

import csv
import errno
import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bridgeseg.data.label_png import read_label_png
from bridgeseg.machine import files
from bridgeseg.machine.progress import silent
from bridgeseg.structures.labels import BadInput
from bridgeseg.system import result_folder, segment_files
from bridgeseg.system.presets import NUCLEI_FAST
from bridgeseg.system.result_entries import entries_in
from bridgeseg.system.result_folder import locked
from bridgeseg.system.result_table import Row
from bridgeseg.system.segment_files import Answer


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every picture have as many instances, one above another, as its upper left pixel is bright."""

    def answer(run: object, picture: np.ndarray, name: str) -> Answer:
        count = int(picture[0, 0, 0])
        labels = np.zeros(picture.shape[:2], np.int32)
        for number in range(1, count + 1):
            labels[number, 1:5] = number
        rows = [Row(n, "cat", 0.5, 4, 1, n, 5, n + 1, 3.0, n + 0.5) for n in range(1, count + 1)]
        entries = [{"image_id": name, "category_id": 1, "score": 0.5, "n": n} for n in range(count)]
        return Answer((labels > 0).astype(np.uint8), labels, rows, entries)

    monkeypatch.setattr(segment_files, "segment_picture", answer)
    monkeypatch.setattr(segment_files, "weights_name", lambda run: run.name)


def drawn(path: Path, count: int) -> Path:
    """A picture in which so many instances are found."""
    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", (30, 20), (count, 0, 0)).save(path)
    return path


def segmented(
    out: Path, *pictures: Path, network: str = "one", **options: Any
) -> tuple[int, list[str], list[str]]:
    """How many were done, and the lines of errors and of warnings."""
    errors: list[str] = []
    warnings: list[str] = []
    run: Any = SimpleNamespace(recipe=NUCLEI_FAST, name=network)
    done = segment_files.segment_files(
        run, list(pictures), out, errors.append, silent, warnings.append, **options
    )
    return done, errors, warnings


def told(out: Path) -> dict[str, int]:
    """How many instances the folder says that each picture has, where all of its files say the same."""
    in_json: dict[str, int] = {}
    for entry in json.loads((out / "instances.json").read_text()):
        in_json[entry["image_id"]] = in_json.get(entry["image_id"], 0) + 1
    in_table: dict[str, int] = {}
    with (out / "table.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            in_table[row["picture"]] = in_table.get(row["picture"], 0) + 1
    in_maps = {
        path.stem: int(read_label_png(path)[0].max()) for path in (out / "SegmentationObject").glob("*")
    }
    assert in_json == in_table == in_maps
    assert sorted(in_maps) == sorted(path.stem for path in (out / "SegmentationClass").glob("*"))
    sections = re.findall(r"<h2.*?>(.*?)\.png</h2>\n<p>cat (\d+)", (out / "index.html").read_text())
    assert {name: int(count) for name, count in sections} == in_maps
    assert sorted(path.stem for path in (out / "overlays").glob("*.jpg")) == sorted(in_maps)
    assert not list(out.rglob(".unfinished-*"))
    return in_maps


def content(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*.*")}


def test_a_call_for_each_picture_gives_what_one_call_for_all_gives(tmp_path: Path) -> None:
    pictures = [drawn(tmp_path / f"{name}.png", count) for name, count in (("b", 3), ("a", 1), ("c", 5))]
    for picture in pictures:
        assert segmented(tmp_path / "many", picture) == (1, [], [])
    assert segmented(tmp_path / "once", *pictures) == (3, [], [])
    assert told(tmp_path / "many") == {"a": 1, "b": 3, "c": 5}
    assert content(tmp_path / "many") == content(tmp_path / "once")


def test_a_picture_that_is_segmented_anew_takes_the_place_of_its_answer(tmp_path: Path) -> None:
    out = tmp_path / "out"
    picture = drawn(tmp_path / "a.png", 2)
    segmented(out, picture, drawn(tmp_path / "b.png", 1))
    drawn(picture, 4)  # other bytes at the same place
    assert segmented(out, picture) == (1, [], [])
    assert told(out) == {"a": 4, "b": 1}
    picture.rename(tmp_path / "moved")  # the same bytes at another place
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "moved").rename(tmp_path / "elsewhere" / "a.png")
    assert segmented(out, tmp_path / "elsewhere" / "a.png") == (1, [], [])


@pytest.mark.parametrize("other", ["a.bmp", "elsewhere/a.png"])
def test_another_picture_of_the_same_name_is_refused_in_a_later_call(other: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    segmented(out, drawn(tmp_path / "a.png", 2))
    before = content(out)
    done, errors, _ = segmented(out, drawn(tmp_path / other, 3))
    assert done == 0
    (line,) = errors
    assert line.startswith(f"{tmp_path / other}: ")
    assert f"those of {tmp_path / 'a.png'}, expected" in line
    assert content(out) == before


def test_labels_that_somebody_drew_are_not_written_over(tmp_path: Path) -> None:
    truth = tmp_path / "out" / "SegmentationObject" / "a.png"
    truth.parent.mkdir(parents=True)
    truth.write_bytes(b"drawn by hand")
    done, errors, _ = segmented(tmp_path / "out", drawn(tmp_path / "a.png", 2))
    assert done == 0
    assert len(errors) == 1
    assert str(truth) in errors[0]
    assert truth.read_bytes() == b"drawn by hand"


@pytest.mark.parametrize(
    ("name", "text", "part"),
    [
        ("instances.json", '[{"image_id": "z"}', "ends or breaks"),
        ("instances.json", '[{"image_id": "z", "segm', "cannot be read"),
        ("instances.json", '{"annotations": []}', "no list"),
        ("instances.json", '[{"id": 1}]', "no image_id"),
        ("instances.json", '[{"image_id": "z"}] x', "follows"),
        ("instances.json", "", "no list"),
        ("instances.json", "[" * 100_000, "cannot be read"),
        ("table.csv", "picture,area\na,3\n", "not written by segment"),
        ("index.html", "<!doctype html>\n<title>My own</title>", "not written by segment"),
    ],
)
def test_files_that_are_not_ours_are_an_error_and_left_as_they_are(
    name: str, text: str, part: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_text(text)
    done, errors, _ = segmented(out, drawn(tmp_path / "a.png", 2))
    assert done == 0
    (line,) = errors
    assert str(out / name) in line
    assert part in line
    assert content(out) == {name: text.encode()}


def test_entries_of_pictures_without_a_record_are_kept_as_they_are(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    old = [{"image_id": "a", "n": 7}, {"image_id": "y", "text": "ä ] }"}, {"image_id": 5, "n": [1, 2]}]
    (out / "instances.json").write_text(json.dumps(old, indent=2, ensure_ascii=False), "utf8")
    for _ in range(2):
        segmented(out, drawn(tmp_path / "a.png", 1))
        assert json.loads((out / "instances.json").read_text("utf8")) == [
            *old[1:],
            {"image_id": "a", "category_id": 1, "score": 0.5, "n": 0},
        ]
    assert [name for name, _ in entries_in(out / "instances.json")] == ["y", "5", "a"]


def test_ctrl_c_leaves_what_is_finished_in_all_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = [drawn(tmp_path / f"{name}.png", 2) for name in "abc"]
    real = segment_files.write_label_png

    def interrupted(path: Path, labels: np.ndarray) -> Path:
        real(path, labels)
        if path.stem == "c":
            raise KeyboardInterrupt  # one of its two maps is there already
        return path

    monkeypatch.setattr(segment_files, "write_label_png", interrupted)
    with pytest.raises(KeyboardInterrupt):
        segmented(tmp_path / "out", *pictures)
    assert told(tmp_path / "out") == {"a": 2, "b": 2}


MOMENTS = 24  # files are renamed so often, at most, while two pictures are written


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_kill_at_any_moment_leaves_files_that_are_whole_and_the_next_call_mends(tmp_path: Path) -> None:
    old, new, later = (drawn(tmp_path / f"{name}.png", 1) for name in ("old", "new", "later"))
    died = 0
    for moment in range(2 * MOMENTS):
        out = tmp_path / f"out{moment}"
        segmented(out, old)
        if not _killed(lambda out=out: segmented(out, drawn(old, 3), new), moment):
            assert told(out) == {"old": 3, "new": 1}
            break
        died += 1
        drawn(old, 1)
        for path in out.rglob("*.json"):
            assert isinstance(json.loads(path.read_text()), list)
        for path in [*out.rglob("*.png"), *out.rglob("*.jpg")]:
            if not path.name.startswith("."):
                Image.open(path).load()
        for left in out.glob(".unfinished-*"):
            os.utime(left, (0, 0))  # long ago
        done, errors, warnings = segmented(out, later)
        assert (done, errors) == (1, [])
        found = told(out)
        assert found.pop("later") == 1
        # An answer that was cut off is gone, and said to be.
        assert found.get("old", 3) in (1, 3)
        assert ("old" in found) == (not any("answer to old" in line for line in warnings))
        assert segmented(out, old, new) == (2, [], [])
        assert told(out) == {"old": 1, "new": 1, "later": 1}
    assert died > 30


def _killed(work: Callable[[], object], moment: int) -> bool:
    """Do some work in another process, which is killed before or after its so-and-so-manieth rename or removal."""
    child = os.fork()
    if not child:
        left = [moment]

        def counted(real: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any, **options: Any) -> Any:
                for late in (False, True):
                    if left[0] == 0:
                        os.kill(os.getpid(), signal.SIGKILL)
                    left[0] -= 1
                    if not late:
                        result = real(*arguments, **options)
                return result

            return call

        os.replace = counted(os.replace)
        Path.unlink = counted(Path.unlink)  # type: ignore[method-assign]
        try:
            work()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_an_answer_whose_map_was_deleted_is_left_out_and_said_so(tmp_path: Path) -> None:
    out = tmp_path / "out"
    segmented(out, drawn(tmp_path / "a.png", 2), drawn(tmp_path / "b.png", 1))
    (out / "SegmentationObject" / "b.png").unlink()
    done, errors, warnings = segmented(out, drawn(tmp_path / "c.png", 1))
    assert (done, errors) == (1, [])
    assert len(warnings) == 1
    assert "the answer to b" in warnings[0]
    assert told(out) == {"a": 2, "c": 1}


def test_a_disk_that_fills_up_costs_no_earlier_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, real = tmp_path / "out", files.write_atomically
    pictures = [drawn(tmp_path / f"{name}.png", 2) for name in "abc"]

    def full(path: Path, write: Any) -> Path:
        if path.name == "b.jpg":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(path, write)

    monkeypatch.setattr(segment_files, "write_atomically", full)
    done, errors, _ = segmented(out, *pictures)
    assert done == 1
    assert len(errors) == 1
    assert "No space left" in errors[0]
    assert told(out) == {"a": 2}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_processes_that_write_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    pictures = [drawn(tmp_path / f"p{number}.png", number) for number in range(1, 7)]
    children = []
    for start in range(3):
        children.append(os.fork())
        if not children[-1]:
            status = 1  # whatever happens, a child ends here and goes through no further test
            try:
                for picture in pictures[start:] + pictures[:start]:
                    segmented(tmp_path / "out", picture)
                status = 0
            finally:
                os._exit(status)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    assert told(tmp_path / "out") == {f"p{number}": number for number in range(1, 7)}


def test_a_disk_that_is_full_costs_no_earlier_answer_of_the_same_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, picture = tmp_path / "out", drawn(tmp_path / "a.png", 2)
    segmented(out, picture)
    before = content(out)
    drawn(picture, 3)

    def full(path: Path, write: Any) -> Path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(segment_files, "write_atomically", full)
    done, errors, _ = segmented(out, picture)
    assert (done, len(errors)) == (0, 1)
    assert content(out) == before


def test_what_another_program_is_just_writing_into_the_folder_stays(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / ".unfinished-of-another").write_text("half")
    (out / ".unfinished-answer").mkdir()
    segmented(out, drawn(tmp_path / "a.png", 1))
    assert [path.name for path in out.glob(".unfinished-*")] == [".unfinished-of-another"]


def test_without_overlays_there_is_neither_a_page_nor_an_old_overlay(tmp_path: Path) -> None:
    out, picture = tmp_path / "out", drawn(tmp_path / "a.png", 2)
    segmented(out, picture, overlays=False)
    assert sorted(path.name for path in out.iterdir()) == [
        *("SegmentationClass", "SegmentationObject", "instances.json", "records", "table.csv")
    ]
    segmented(out, picture)
    assert told(out) == {"a": 2}
    drawn(picture, 3)
    segmented(out, picture, overlays=False)
    assert not list((out / "overlays").rglob("*.jpg"))
    page = (out / "index.html").read_text()
    assert "cat 3" in page
    assert "<img" not in page


@pytest.mark.parametrize("name", ["x" * 251, "=1+1", 'a <b>&"c" #1?%', "ä" * 125, "line\nbreak"])
def test_every_name_that_a_file_can_have_goes_through(name: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert segmented(out, drawn(tmp_path / f"{name}.png", 1)) == (1, [], [])
    assert (out / "overlays" / f"{name}.jpg").exists()
    assert [entry["image_id"] for entry in json.loads((out / "instances.json").read_text())] == [name]


def test_a_name_that_is_no_text_goes_through(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path / "x") + b"\xff.png"
    try:
        drawn(tmp_path / "a.png", 1).rename(os.fsdecode(raw))
    except OSError:
        pytest.skip("this file system has no such names")
    assert segmented(tmp_path / "out", Path(os.fsdecode(raw))) == (1, [], [])
    assert "x\\udcff,1,cat" in (tmp_path / "out" / "table.csv").read_text("utf8")
    assert "overlays/x%FF.jpg" in (tmp_path / "out" / "index.html").read_text("utf8")


def test_a_name_too_long_for_its_answer_is_one_line(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 255)
    drawn(tmp_path / "a.png", 1).rename(long)
    done, errors, _ = segmented(tmp_path / "out", long, drawn(tmp_path / "b.png", 1))
    assert done == 1
    assert len(errors) == 1
    assert "File name too long" in errors[0]
    assert told(tmp_path / "out") == {"b": 1}


def test_a_damaged_record_is_one_line_and_nothing_is_written_over(tmp_path: Path) -> None:
    out = tmp_path / "out"
    segmented(out, drawn(tmp_path / "a.png", 2))
    whole = (out / "records" / "a.gz").read_bytes()
    before = content(out)
    for damaged in (b"", b"nothing", whole[:30], whole[:40] + b"\0\0\0\0" + whole[44:]):
        (out / "records" / "a.gz").write_bytes(damaged)
        done, errors, _ = segmented(out, drawn(tmp_path / "a.png", 3))
        assert done == 0
        assert errors
        assert all(str(out / "records" / "a.gz") in line for line in errors)
        assert content(out) | {"records/a.gz": b""} == before | {"records/a.gz": b""}
    (out / "records" / "a.gz").write_bytes(whole[:-8] + bytes([whole[-8] ^ 1]) + whole[-7:])  # its checksum
    with pytest.raises(BadInput, match=r"records.a\.gz: damaged"):
        result_folder.gather(out, pages=True, removed=pytest.fail)
    assert content(out) | {"records/a.gz": b""} == before | {"records/a.gz": b""}
    (out / "records" / "a.gz").write_bytes(whole[:-20])
    assert segmented(out, tmp_path / "a.png") == (1, [], [])  # whose it is can still be read
    assert told(out) == {"a": 3}


def test_the_lock_is_held_while_files_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")
    real, seen = result_folder.write_atomically, []

    def looking(path: Path, write: Any) -> Path:
        with (tmp_path / "out" / "records" / ".lock").open() as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        seen.append(path.name)
        return real(path, write)

    for module in (result_folder, segment_files):
        monkeypatch.setattr(module, "write_atomically", looking)
    segmented(tmp_path / "out", drawn(tmp_path / "a.png", 1))
    assert seen == ["a.jpg", "a.jpg", "a.gz", "a.gz", "instances.json", "table.csv", "index.html"]
    with locked(tmp_path / "out"):
        pass


def test_a_picture_that_vanished_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        result_folder.identified(tmp_path / "gone.png", tmp_path / "out")


@pytest.mark.parametrize(
    "text", ["[]", " [ ] \n", '[{"image_id": "a"}]', '[ {"image_id": 1} , {"image_id": 2}\n]']
)
def test_a_list_is_read_as_json_reads_it(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(text)
    read = [json.loads(entry) for _, entry in entries_in(tmp_path / "x.json")]
    assert read == json.loads(text)


@pytest.mark.parametrize(
    "text", ["[]]", "[", "[,]", '[{"image_id": 1},]', '[{"image_id": 1} {"image_id": 2}]', "[] []"]
)
def test_what_json_does_not_read_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(BadInput, match="it is left as it is"):
        list(entries_in(tmp_path / "x.json"))


@pytest.mark.parametrize("again", ["a.png", "../{here}/a.png", "link.png"])
def test_a_file_that_is_given_twice_is_segmented_once(again: str, tmp_path: Path) -> None:
    picture = drawn(tmp_path / "a.png", 2)
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "a.png").symlink_to(picture)
    other = tmp_path / ("links/a.png" if again == "link.png" else again.format(here=tmp_path.name))
    done, errors, warnings = segmented(tmp_path / "out", picture, other)
    assert (done, errors) == (1, [])
    assert warnings == [f"{other}: is given twice, and was segmented once"]
    assert told(tmp_path / "out") == {"a": 2}


def test_answers_of_two_networks_in_one_folder_are_said(tmp_path: Path) -> None:
    out = tmp_path / "out"
    pictures = [drawn(tmp_path / f"{name}.png", 1) for name in "abc"]
    assert segmented(out, *pictures)[2] == []
    done, errors, (line,) = segmented(out, pictures[1], network="two")
    assert (done, errors) == (1, [])
    assert line.startswith(f"{out}: another network answered 2 pictures (a, c), and all are counted")
    assert segmented(out, *pictures, network="two")[2] == []


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        (".", "a file"),
        (".", "a link that leads nowhere"),
        ("records", "a file"),
        ("SegmentationObject", "a link that leads nowhere"),
        ("overlays", "a file"),
        ("instances.json", "a folder"),
        ("index.html", "a folder"),
    ],
)
def test_a_file_in_the_place_of_a_folder_and_the_reverse_is_said_before_anything_is_done(
    place: str, kind: str, tmp_path: Path
) -> None:
    out = tmp_path / "out" / place
    out.parent.mkdir(exist_ok=True)
    if kind == "a file":
        out.write_text("something")
    elif kind == "a folder":
        out.mkdir()
    else:
        out.symlink_to("nowhere")
    before = sorted(tmp_path.rglob("*"))
    done, errors, _ = segmented(tmp_path / "out", drawn(tmp_path / "a.png", 1))
    assert done == 0
    assert len(errors) == 1
    assert errors[0].startswith(f"{out}: is {kind}, expected ")
    assert sorted(tmp_path.rglob("*")) == sorted([*before, tmp_path / "a.png"])
