"""A bundle carries what chapters trained, and pictures, from one cache into another, whole or not at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from torch import nn

from bridgeseg.machine.environment import data_folder
from bridgeseg.structures.labels import BadInput
from bridgeseg.system.checkpoint import WEIGHTS
from bridgeseg.teaching import bundle
from bridgeseg.teaching.remembered import remembered


@pytest.fixture
def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with one network of a chapter, one run, and one set of pictures; it is the one in use."""
    cache = tmp_path / "full"
    monkeypatch.setenv("BRIDGESEG_CACHE", str(cache))
    monkeypatch.delenv("BRIDGESEG_DATA", raising=False)
    trained(by=1.0)
    (cache / "runs" / "a-1").mkdir(parents=True)
    (cache / "runs" / "a-1" / WEIGHTS).write_bytes(b"weights")
    (cache / "runs" / "cut-off").mkdir()
    pictures = cache / "data" / "nuclei" / "stage1_train" / "one"
    pictures.mkdir(parents=True)
    (pictures / "one.png").write_bytes(b"a picture")
    return cache


def trained(by: float) -> tuple[float, float]:
    """What a training gives that adds a number to a weight, and the weight afterwards."""
    torch.manual_seed(0)
    network = nn.Linear(1, 1)

    def lesson(network: nn.Module) -> list[float]:
        with torch.no_grad():
            network.weight += by
        return [by]

    numbers, _ = remembered("short", network, lesson, ["a setting"])
    return numbers[0], float(network.weight.detach())


def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BRIDGESEG_CACHE", str(tmp_path / "empty"))
    return tmp_path / "empty"


def test_what_was_trained_is_found_in_another_cache(
    full: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, weight = trained(by=2.0)  # from the cache: it was trained by 1
    assert told == 1.0
    packed = bundle.pack(tmp_path / "room.zip")
    assert (packed.chapters, packed.runs, packed.pictures, packed.there) == (1, 1, ("nuclei",), 0)
    other = empty(tmp_path, monkeypatch)
    back = bundle.unpack(tmp_path / "room.zip")
    assert (back.chapters, back.runs, back.pictures, back.there) == (1, 1, ("nuclei",), 0)
    assert trained(by=2.0) == (told, weight), "found, and not trained anew"
    assert (other / "runs" / "a-1" / WEIGHTS).read_bytes() == b"weights"
    assert not (other / "runs" / "cut-off").exists(), "a run without weights is not finished"
    found = data_folder("nuclei")
    assert found
    assert (found / "stage1_train" / "one" / "one.png").read_bytes() == b"a picture"
    assert bundle.unpack(tmp_path / "room.zip").there == 3
    assert not list(other.rglob("*.part"))


def test_pictures_can_be_left_out(full: Path, tmp_path: Path) -> None:
    assert bundle.pack(tmp_path / "room.zip", without=["nuclei"]).pictures == ()
    with pytest.raises(BadInput, match="pictures 'cats', expected one of pedestrians, nuclei, photos"):
        bundle.pack(tmp_path / "room.zip", without=["cats"])


def test_there_must_be_something_to_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BRIDGESEG_DATA", raising=False)
    empty(tmp_path, monkeypatch)
    with pytest.raises(BadInput, match="holds nothing that chapters trained"):
        bundle.pack(tmp_path / "room.zip")
    assert not (tmp_path / "room.zip").exists()


def test_a_damaged_bundle_puts_nothing_half_into_the_cache(
    full: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle.pack(tmp_path / "room.zip")
    whole = (tmp_path / "room.zip").read_bytes()
    place = whole.index(b"a picture")
    (tmp_path / "room.zip").write_bytes(whole[:place] + b"A" + whole[place + 1 :])
    other = empty(tmp_path, monkeypatch)
    with pytest.raises(BadInput, match=r"room\.zip: Bad CRC-32"):
        bundle.unpack(tmp_path / "room.zip")
    assert data_folder("nuclei") is None
    assert not list(other.rglob("*.part"))
    (tmp_path / "room.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match="expected a whole bundle"):
        bundle.unpack(tmp_path / "room.zip")


@pytest.mark.parametrize(
    "name",
    [
        *(
            "../outside",
            "/outside",
            "runs/../../outside",
            "else/a.pt",
            "data/cats/a.png",
            "runs\\..\\a",
            "C:a",
        ),
        *(".", "runs/./a", "chapters", "chapters/a/b.pt", "runs/a", "data/nuclei"),
    ],
)
def test_nothing_is_written_outside_the_cache(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = empty(tmp_path, monkeypatch)
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as bad:
        bad.writestr(bundle.MADE_BY, json.dumps(bundle.here()))
        bad.writestr(name, b"x")
    with pytest.raises(BadInput, match="expected names within chapters, runs, data"):
        bundle.unpack(tmp_path / "bad.zip")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.zip"]
    assert not other.exists()


def test_any_other_zip_is_none(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
        other.writestr("hello.txt", b"x")
    with pytest.raises(BadInput, match="this is no bundle"):
        bundle.unpack(tmp_path / "other.zip")


def test_a_run_that_was_cut_off_gives_way_to_a_whole_one(
    full: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle.pack(tmp_path / "room.zip")
    other = empty(tmp_path, monkeypatch)
    (other / "runs" / "a-1").mkdir(parents=True)
    (other / "runs" / "a-1" / "state.pt").write_bytes(b"half")
    assert bundle.unpack(tmp_path / "room.zip").there == 0
    assert [path.name for path in (other / "runs" / "a-1").iterdir()] == [WEIGHTS]


def test_links_old_dates_and_folders_of_other_zip_programs(
    full: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = full / "data" / "nuclei" / "stage1_train"
    real.rename(tmp_path / "elsewhere")
    real.symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    os.utime(tmp_path / "elsewhere" / "one" / "one.png", (0, 0))  # before a zip's first date
    bundle.pack(tmp_path / "room.zip")
    with zipfile.ZipFile(tmp_path / "room.zip", "a") as again:
        again.writestr("data/nuclei/", b"")
    other = empty(tmp_path, monkeypatch)
    assert bundle.unpack(tmp_path / "room.zip").pictures == ("nuclei",)
    assert (other / "data/nuclei/stage1_train/one/one.png").read_bytes() == b"a picture"


def test_what_could_not_be_put_back_is_not_packed(full: Path, tmp_path: Path) -> None:
    (full / "data" / "nuclei" / "12:30.png").write_bytes(b"x")
    with pytest.raises(BadInput, match="holds 'data/nuclei/12:30.png', expected names within"):
        bundle.pack(tmp_path / "room.zip")
    (full / "data" / "nuclei" / "12:30.png").unlink()
    (full / "data" / "photos").mkdir()
    assert bundle.pack(tmp_path / "room.zip").pictures == ("nuclei",), "an empty folder is no set of pictures"


def test_the_command_says_when_networks_will_not_be_found(
    full: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = bundle.here()
    with monkeypatch.context() as patched:
        patched.setattr(bundle, "here", lambda: {**made, "torch": "1.0"})
        assert bundle.main(["pack", str(tmp_path / "room.zip")]) == 0
    empty(tmp_path, monkeypatch)
    assert bundle.main(["unpack", str(tmp_path / "room.zip")]) == 0
    said = capsys.readouterr().err
    assert "made with torch 1.0 (here " in said
    assert "trained anew" in said
    assert bundle.main(["unpack", str(tmp_path / "none.zip")]) == 1
    assert "none.zip" in capsys.readouterr().err


def test_it_runs_as_a_module(full: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "bridgeseg.teaching.bundle", "pack", str(tmp_path / "room.zip")]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "networks of chapters: 1, runs of lessons: 1, pictures: nuclei" in done.stdout
