"""Of a folder in which something is absent or wrong all the rest is read, as the folder was before it was spoilt."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import small_sbd
from PIL import Image

from bridgeseg.data.as_found import AsFound
from bridgeseg.data.label_png import write_label_png
from bridgeseg.data.scenes import Scenes
from bridgeseg.data.voc_export import export
from bridgeseg.structures.labels import VOID, BadInput

SCENES = Scenes("train", size=48, count=3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return export(SCENES, tmp_path / "voc", "train")


def read(found: AsFound) -> dict[str, tuple[np.ndarray, np.ndarray, str]]:
    samples = [found.read(index) for index in range(len(found))]
    return {one.name: (one.categories, one.instances, wrong) for one, wrong in samples}


def test_a_folder_without_its_list_has_all_its_labels(folder: Path) -> None:
    (folder / "ImageSets" / "Segmentation" / "train.txt").unlink()
    found = AsFound("voc", folder, "train")
    assert found.names == SCENES.names
    for scene in SCENES:
        categories, instances, wrong = read(found)[scene.name]
        assert np.array_equal(categories, scene.categories)
        assert np.array_equal(instances, scene.instances)
        assert wrong == ""
    assert found.categories(2) == SCENES.categories, "classes.txt says so"
    (folder / "classes.txt").write_text("disc\n_background_\n")
    assert found.categories(2) == ("background", "category 1", "category 2")
    (folder / "classes.txt").unlink()
    assert found.categories(2) == ("background", "aeroplane", "bicycle")


def test_the_list_says_which_pictures_and_those_that_are_absent_are_left_out(folder: Path) -> None:
    text = "\n".join([SCENES.names[2], "absent", SCENES.names[0]])
    (folder / "ImageSets" / "Segmentation" / "train.txt").write_text(text)
    assert AsFound("voc", folder, "train").names == [SCENES.names[2], SCENES.names[0]]


def test_a_label_file_that_cannot_be_read_costs_the_labels_of_its_picture_alone(folder: Path) -> None:
    first, second, third = SCENES.names
    wrong = folder / "SegmentationObject" / f"{first}.png"
    Image.open(wrong).convert("RGB").save(wrong)
    (folder / "SegmentationObject" / f"{second}.png").unlink()
    write_label_png(folder / "SegmentationClass" / f"{third}.png", np.zeros((48, 48), np.uint8))
    labels = read(AsFound("voc", folder, "train"))
    assert str(wrong) in labels[first][2]
    assert not labels[first][0].any()
    assert np.array_equal(labels[second][0], SCENES[1].categories), "the categories are there still"
    assert not labels[second][1].any()
    assert "has no category" in labels[third][2]
    assert not labels[third][1].any()


def test_masks_of_0_and_255_are_void(folder: Path) -> None:
    for scene in SCENES:
        for maps in ("SegmentationObject", "SegmentationClass"):
            Image.fromarray(np.where(scene.instances > 0, 255, 0).astype(np.uint8)).save(
                folder / maps / f"{scene.name}.png"
            )
    for scene, (categories, instances, _) in zip(
        SCENES, read(AsFound("voc", folder, "train")).values(), strict=True
    ):
        assert np.array_equal(categories == VOID, scene.instances > 0)
        assert not instances.any()


def test_micrographs_keep_the_masks_that_can_be_read(tmp_path: Path) -> None:
    picture = Image.new("RGB", (6, 4), "red")
    for name in "ab":
        for inner in ("images", "masks"):
            (tmp_path / name / inner).mkdir(parents=True)
        mask = np.zeros((4, 6), np.uint8)
        mask[1, 2] = 255
        Image.fromarray(mask).save(tmp_path / name / "masks" / "1.png")
    picture.save(tmp_path / "a" / "images" / "another.jpg")
    picture.save(tmp_path / "b" / "images" / "b.png")
    (tmp_path / "b" / "masks" / "0.png").write_bytes(b"no picture")
    shutil.rmtree(tmp_path / "a" / "masks")
    found = AsFound("nuclei", tmp_path, "train")
    labels = read(found)
    assert [int(instances.sum() > 0) for _, instances, _ in labels.values()] == [0, 1]
    assert "0.png" in labels["b"][2]
    assert found.categories(1) == ("background", "nucleus")
    assert {folder: dict(endings) for folder, endings in found.files().items()} == {
        "*/images": {".jpg": 1, ".png": 1},
        "*/masks": {".png": 2},
    }


def test_of_sbd_pictures_without_both_files_have_no_labels(tmp_path: Path) -> None:
    for name in "abc":
        small_sbd.write(tmp_path, name, *small_sbd.maps(1))
    (tmp_path / "cls" / "b.mat").unlink()
    (tmp_path / "inst" / "c.mat").write_bytes(b"no mat")
    labels = read(AsFound("sbd", tmp_path, "train"))  # which has no lists at all
    assert [bool(instances.any()) for _, instances, _ in labels.values()] == [True, False, False]
    assert "c.mat" in labels["c"][2]


@pytest.mark.parametrize("kind", ["voc", "sbd", "nuclei"])
def test_another_layout_shows_the_pictures_that_stand_there(tmp_path: Path, kind: str) -> None:
    (tmp_path / "pics" / "deep").mkdir(parents=True)
    for name in ("a.png", "pics/b.png", "pics/deep/c.png"):
        Image.new("L", (3, 2)).save(tmp_path / name)
    (tmp_path / "pics" / "d.jpg").write_bytes(b"no picture")
    found = AsFound(kind, tmp_path, "train")
    assert found.names == ["a", "pics/b", "pics/d"]
    assert found.read(1)[0].picture.shape == (2, 3, 3)
    with pytest.raises(BadInput, match=r"d\.jpg"):
        found.read(2)
