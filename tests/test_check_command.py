"""`check`, and what `evaluate --plots` writes, through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bridgeseg.commands import main
from bridgeseg.data.label_png import write_label_png
from bridgeseg.data.scenes import Scenes
from bridgeseg.data.voc_export import export
from bridgeseg.training import drawn_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of VOC's layout with three pictures to train on and two others."""
    voc = tmp_path / "voc"
    export(Scenes("val", count=2), voc, "val")
    export(Scenes("train", count=3), voc, "train")
    return voc


def test_a_good_folder_is_counted_and_the_command_to_train_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    sheet = tmp_path / "check.png"
    assert main(["check", f"voc:{folder}", "--sheet", str(sheet)]) == 0
    said = capsys.readouterr()
    count = sum(len(np.unique(one.instances)) - 1 for one in Scenes("train", count=3))
    assert f"instances     {count};" in said.out
    assert f"python -m bridgeseg train --data voc:{folder} --recipe photos-light --out RUN" in said.out
    assert "error" not in said.err
    with Image.open(sheet) as picture:
        assert picture.width > 600
    before = sheet.read_bytes()
    assert main(["check", f"voc:{folder}", "--sheet", str(sheet)]) == 1
    assert "is there already, expected a new file" in capsys.readouterr().err
    assert sheet.read_bytes() == before


def test_scenes_are_checked_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "scenes", "--count", "3"]) == 0
    assert "suits: scenes-" in capsys.readouterr().out


def test_a_picture_that_cannot_be_read_is_named_and_the_check_goes_on(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = Scenes("train", count=3).names[1]
    (folder / "JPEGImages" / f"{name}.jpg").write_bytes(b"no picture")
    (folder / "JPEGImages" / "phone.heic").write_bytes(b"")
    assert main(["check", f"voc:{folder}"]) == 0
    said = capsys.readouterr()
    assert "- not read in JPEGImages: 1 file of another ending (phone.heic)" in said.out.splitlines()
    assert [name in line for line in said.err.splitlines() if "error" in line] == [True]
    assert "pictures      3, of which 1 cannot be read" in said.out


def test_a_picture_of_both_parts_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = Scenes("train", count=1).names[0], Scenes("val", count=1).names[0]
    (folder / "JPEGImages" / f"{other}.jpg").write_bytes((folder / "JPEGImages" / f"{one}.jpg").read_bytes())
    assert main(["check", f"voc:{folder}"]) == 0
    assert f"also in the other part, so that scores would flatter: {one} = {other}" in capsys.readouterr().out


def test_without_another_part_it_is_said_that_there_is_none(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "ImageSets" / "Segmentation" / "val.txt").unlink()
    assert main(["check", f"voc:{folder}"]) == 0
    assert "- no part 'val' to compare with:" in capsys.readouterr().out


@pytest.mark.parametrize("spoil", ["list", "classes", "void"])
def test_a_folder_that_does_not_open_is_looked_at_and_the_reason_comes_first(
    spoil: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenes = Scenes("train", count=3)
    if spoil == "list":
        (folder / "ImageSets" / "Segmentation" / "train.txt").unlink()
    elif spoil == "classes":
        (folder / "classes.txt").write_text("disc\n_background_\n")
    else:
        for scene in scenes:
            void = np.where(scene.instances > 0, 255, 0).astype(np.uint8)
            for maps in ("SegmentationObject", "SegmentationClass"):
                Image.fromarray(void).save(folder / maps / f"{scene.name}.png")
    sheet = tmp_path / "check.png"
    assert main(["check", f"voc:{folder}", "--sheet", str(sheet)]) == 1
    said = capsys.readouterr()
    pictures = 5 if spoil == "list" else 3  # without a list those of val are there too
    every = [*scenes, *Scenes("val", count=2)][:pictures]
    instances = 0 if spoil == "void" else sum(len(np.unique(one.instances)) - 1 for one in every)
    lines = said.out.splitlines()
    assert f"pictures      {pictures}, of which 0 cannot be read" in lines
    assert next(line for line in lines if line.startswith("instances ")).split()[1] == f"{instances};"
    assert "  JPEGImages              5 .jpg" in lines
    (reason,) = said.err.splitlines()
    assert reason.startswith(f"bridgeseg: error: {folder}")
    assert lines[lines.index("suspicious") + 1] == f"- {reason.removeprefix('bridgeseg: error: ')}"
    assert ("category 1" in said.out) == (spoil == "classes")
    assert ("every labelled pixel is void" in said.out) == (spoil == "void")
    assert "suits:" not in said.out
    assert sheet.is_file()


def test_where_no_sample_can_be_read_the_pictures_are_looked_at_without_labels(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (folder / "SegmentationObject").iterdir():
        Image.open(path).convert("RGB").save(path)
    assert main(["check", f"voc:{folder}"]) == 1
    said = capsys.readouterr()
    assert "pictures      3, of which 0 cannot be read" in said.out
    assert (
        "- labels that cannot be read, of 3 pictures (train-0-00000, train-0-00001, train-0-00002);"
        in said.out
    )
    assert len(said.err.splitlines()) == 1
    assert "no picture can be read" in said.err


@pytest.mark.parametrize(
    ("spoil", "part"), [("masks", "not one instance in the split"), ("pictures", "no picture can be read")]
)
def test_what_nothing_can_be_trained_from_is_an_error_of_one_line(
    spoil: str, part: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [*Scenes("train", count=3).names, *Scenes("val", count=2).names]:
        if spoil == "masks":
            for maps in ("SegmentationObject", "SegmentationClass"):
                write_label_png(folder / maps / f"{name}.png", np.zeros((96, 96), np.uint8))
        else:
            (folder / "JPEGImages" / f"{name}.jpg").write_bytes(b"no picture")
    assert main(["check", f"voc:{folder}"]) == 1
    assert part in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["cities"], "cities"),
        (["voc:/nowhere"], "/nowhere"),
        (["scenes", "--split", "third"], "third"),
        (["scenes", "--sheet", "check.jpg"], "expected a file that ends in .png"),
    ],
)
def test_what_cannot_be_checked_is_one_line(
    arguments: list[str], part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", *arguments]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert part in line


def test_a_sheet_that_cannot_be_written_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, write: object) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(drawn_files, "write_atomically", full)
    assert main(["check", "scenes", "--count", "1", "--sheet", "new.png"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "bridgeseg: error: scenes: No space left on device"


# evaluate --plots


def test_evaluate_draws_and_lists_and_its_figures_stay_as_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plots = tmp_path / "plots"
    plain = ["evaluate", "scenes", "--data", "scenes", "--count", "2", "--json"]
    assert main([*plain, str(tmp_path / "a.json")]) == 0
    assert main([*plain, str(tmp_path / "b.json"), "--plots", str(plots)]) == 0
    figures = [json.loads((tmp_path / f"{name}.json").read_text()) for name in "ab"]
    for one in figures:
        del one["seconds_per_image"]
    assert figures[0] == figures[1]
    assert {path.name for path in plots.iterdir()} - {"worst.png"} == {"precision-recall.png", "pictures.csv"}
    rows = (plots / "pictures.csv").read_text().splitlines()
    assert rows[0] == "picture,true_instances,answered,hits,missed,false,f1"
    assert sum(int(row.split(",")[1]) for row in rows[1:]) == figures[0]["instances"]
    wrong = any(row.split(",")[4:6] != ["0", "0"] for row in rows[1:])
    assert (plots / "worst.png").exists() == wrong


def test_plots_that_cannot_be_written_cost_no_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    base = ["evaluate", "scenes", "--data", "scenes", "--count", "1"]
    assert main([*base, "--plots", str(file)]) == 1
    assert "is a file, expected a folder" in capsys.readouterr().err
    assert file.read_text() == "mine"

    def full(path: Path, text: str) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(drawn_files, "write_text", full)
    figures = tmp_path / "f.json"
    assert main([*base, "--plots", str(tmp_path / "new"), "--json", str(figures)]) == 1
    said = capsys.readouterr()
    assert "mean IoU" in said.out
    assert "plots:" in said.err
    assert "No space left on device" in said.err
    assert json.loads(figures.read_text())["images"] == 1
