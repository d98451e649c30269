"""`sbd:DIR` on the command line, with a small made SBD and a VOC2012 beside it whose ImageSets tell its pictures apart.

The true lists have 11,355 pictures, and no other counts are let through; so the lists of these few are made here.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from changed import changed
from PIL import Image
from small_recipe import SMALL

from bridgeseg.commands import main
from bridgeseg.data.label_png import write_label_png
from bridgeseg.data.sbd import SbdFolder
from bridgeseg.data.splits import PaperLists, read_names
from bridgeseg.data.voc import CATEGORIES, VocFolder
from bridgeseg.structures.labels import Sample
from bridgeseg.system import presets
from bridgeseg.system.checkpoint import load_run

pytest.importorskip("scipy.io", reason="SBD's files need scipy")
from small_sbd import maps, write  # noqa: E402  (needs scipy)

# SBD has a to h, of which a to c are SDS train and d to h SDS val; i has VOC's labels alone.
SBD = {"train": "aceg", "val": "bdfh"}  # its own lists, which mix VOC's train and val
VOC = {
    "Main/train": "abci",
    "Main/val": "defgh",
    "Segmentation/train": "aei",
    "Segmentation/val": "dg",
    "Segmentation/trainaug": "abcefhi",
}


@pytest.fixture
def sbd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """SBD's folder with eight pictures; VOC2012 stands beside it."""
    root, voc = tmp_path / "sbd", tmp_path / "VOC2012"
    for seed, name in enumerate("abcdefgh"):
        write(root, name, *maps(seed))
    for split, names in SBD.items():
        (root / f"{split}.txt").write_text("\n".join(names))
    for split, names in VOC.items():
        path = voc / "ImageSets" / f"{split}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(names))
    for folder in ("JPEGImages", "SegmentationClass", "SegmentationObject"):
        (voc / folder).mkdir()
    for seed, name in enumerate("abcdefghi"):
        instances, _, categories = maps(seed)
        picture = np.random.default_rng(seed).integers(0, 256, (*instances.shape, 3), np.uint8)
        Image.fromarray(picture).save(voc / "JPEGImages" / f"{name}.jpg")
        write_label_png(voc / "SegmentationClass" / f"{name}.png", categories)
        write_label_png(voc / "SegmentationObject" / f"{name}.png", instances)
    monkeypatch.setattr("bridgeseg.data.sbd.read_paper_lists", small_lists)
    monkeypatch.setitem(presets.RECIPES, "small", changed(SMALL, {"semantic.crops.side": 32}))
    return root


def small_lists(voc: Path, sbd: Path) -> PaperLists:
    """The lists of a few pictures, by the rules of `paper_lists` and without its counts."""
    annotated = {*read_names(sbd / "train.txt"), *read_names(sbd / "val.txt")}
    read = {name: set(read_names(voc / "ImageSets" / f"{name}.txt")) for name in VOC}
    train, val = read["Segmentation/train"], read["Segmentation/val"]
    parts = (annotated & read["Main/train"], annotated & read["Main/val"])
    lists = (annotated, train, val, (annotated | train) - val, *parts)
    return PaperLists(*(tuple(sorted(names)) for names in lists))


def trained(data: str, out: Path) -> Path:
    assert main(["train", "--data", data, "--recipe", "small", "--out", str(out)]) == 0
    return out


def one_error(capsys: pytest.CaptureFixture[str]) -> str:
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("bridgeseg: error: ")
    return line.removeprefix("bridgeseg: error: ")


def test_train_and_evaluate_take_the_lists_of_sds(sbd: Path, tmp_path: Path, capsys) -> None:
    out = trained(f"sbd:{sbd}", tmp_path / "run")
    run = load_run(out)
    assert run.trained_on == ("a", "b", "c"), "SDS train, and neither of SBD's own lists"
    assert run.data == "sbd"
    assert run.categories == CATEGORIES
    figures = tmp_path / "figures.json"
    assert main(["evaluate", str(out), "--data", f"sbd:{sbd}", "--json", str(figures)]) == 0
    found = json.loads(figures.read_text())
    val = [SbdFolder(sbd, names=list("defgh"))[index] for index in range(5)]
    assert (found["images"], found["instances"]) == (5, sum(instances_of(sample) for sample in val))
    # VOC's segmentation val has no picture of SDS train: there the same run may be scored, for mIoU.
    assert main(["evaluate", str(out), "--data", f"voc:{tmp_path / 'VOC2012'}"]) == 0
    assert "error" not in capsys.readouterr().err


def instances_of(sample: Sample) -> int:
    return len(np.unique(sample.instances[sample.instances > 0]))


def test_what_was_trained_on_sds_val_is_not_scored_there(sbd: Path, tmp_path: Path, capsys) -> None:
    voc = tmp_path / "VOC2012"
    (voc / "ImageSets" / "Segmentation" / "train.txt").write_text("\n".join(VOC["Segmentation/trainaug"]))
    out = trained(f"voc:{voc}", tmp_path / "run")
    assert set(load_run(out).trained_on) == set(small_lists(voc, sbd).trainaug)
    capsys.readouterr()
    assert main(["evaluate", str(out), "--data", f"sbd:{sbd}", "--json", str(tmp_path / "f.json")]) == 1
    shared = "evaluate: 3 of the 5 pictures to score are among those trained on (e is one), expected none"
    assert one_error(capsys) == shared
    assert not (tmp_path / "f.json").exists()
    # Its mIoU on VOC's segmentation val is a fair figure, and how well the training part was learned may be asked.
    assert main(["evaluate", str(out), "--data", f"voc:{voc}"]) == 0
    (line,) = capsys.readouterr().err.splitlines()  # nothing of pictures trained on
    assert "no classes.txt, so its categories are called as VOC's" in line
    assert main(["evaluate", str(out), "--data", f"sbd:{sbd}", "--split", "train"]) == 0
    assert "warning: evaluate: 3 of the 3 pictures" in capsys.readouterr().err


def test_only_the_pictures_to_score_count(sbd: Path, tmp_path: Path, capsys) -> None:
    out = trained(f"sbd:{sbd}", tmp_path / "run")
    (tmp_path / "VOC2012" / "ImageSets" / "Main" / "val.txt").write_text("d\nb")  # b was trained on
    capsys.readouterr()
    assert main(["evaluate", str(out), "--data", f"sbd:{sbd}"]) == 1
    assert "1 of the 2 pictures to score are among those trained on (b is one)" in one_error(capsys)


@pytest.mark.parametrize(("split", "names"), [("train", "abc"), ("val", "defgh")])
def test_export_writes_the_same_samples(split: str, names: str, sbd: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "exported"
    assert main(["export", "--data", f"sbd:{sbd}", "--out", str(out), "--split", split]) == 0
    assert f"{len(names)} pictures of sbd:{sbd}, split {split}" in capsys.readouterr().out
    exported, made = VocFolder(out, split), SbdFolder(sbd, names=list(names))
    assert exported.names == list(names)
    assert exported.categories == CATEGORIES
    for index in range(len(names)):
        np.testing.assert_array_equal(exported[index].categories, made[index].categories)
        np.testing.assert_array_equal(exported[index].instances, made[index].instances)


@pytest.mark.parametrize("verb", ["train", "evaluate", "export"])
def test_without_voc_2012_one_line_says_what_it_is_needed_for(
    verb: str, sbd: Path, tmp_path: Path, capsys
) -> None:
    (tmp_path / "VOC2012").rename(tmp_path / "elsewhere")
    given = {"train": ["train"], "evaluate": ["evaluate", "scenes"], "export": ["export"]}[verb]
    given += [] if verb == "evaluate" else ["--out", str(tmp_path / "out")]
    assert main([*given, "--data", f"sbd:{sbd}"]) == 1
    split = "sds_train" if verb == "train" else "sds_val"
    assert one_error(capsys) == (
        f"{sbd}: no VOC2012 in it or beside it, expected there: its ImageSets say which of the pictures are {split}"
    )
    assert not (tmp_path / "out").exists()


def test_lists_that_are_not_the_paper_s_are_one_line(
    sbd: Path, tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # the true lists again
    assert main(["train", "--data", f"sbd:{sbd}", "--out", str(tmp_path / "run")]) == 1
    expected = "SBD's annotated pictures: 8 pictures, expected 11355; the lists are not the paper's"
    assert one_error(capsys) == expected


def test_without_a_recipe_it_is_that_of_photographs(
    sbd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = changed(SMALL, {"name": "photos-light", "semantic.crops.side": 32})
    monkeypatch.setattr(presets, "PHOTOS_LIGHT", small)
    assert main(["train", "--data", f"sbd:{sbd}", "--out", str(tmp_path / "run")]) == 0
    assert load_run(tmp_path / "run").recipe == small


def test_categories_of_another_data_set_are_refused(sbd: Path, capsys) -> None:
    assert main(["evaluate", "scenes", "--data", f"sbd:{sbd}"]) == 1
    assert one_error(capsys).startswith("data: has the categories aeroplane, bicycle, bird, boat … (20)")
