import numpy as np
import pytest
from PIL import Image

from bridgeseg.data.nuclei import NucleiFolder
from bridgeseg.data.open_dataset import open_dataset
from bridgeseg.data.scenes import Scenes
from bridgeseg.data.voc import VocFolder
from bridgeseg.data.voc_export import export
from bridgeseg.structures.labels import BadInput


def same(one, other):
    return (
        one.name == other.name
        and np.array_equal(one.picture, other.picture)
        and np.array_equal(one.categories, other.categories)
        and np.array_equal(one.instances, other.instances)
    )


@pytest.fixture
def nuclei(tmp_path):
    """A folder in BBBC038's layout: ten pictures of two nuclei."""
    for number in range(10):
        folder = tmp_path / "stage1_train" / f"id{number}"
        (folder / "images").mkdir(parents=True)
        (folder / "masks").mkdir()
        Image.new("RGBA", (9, 6), (number, 0, 0, 255)).save(folder / "images" / f"id{number}.png")
        for column in (1, 4):
            mask = np.zeros((6, 9), np.uint8)
            mask[2:4, column : column + 3] = 255
            Image.fromarray(mask).save(folder / "masks" / f"{column}.png")
    return tmp_path


def test_scenes_take_size_and_count():
    opened, made = open_dataset("scenes", "val", size=48, count=3), Scenes(split="val", size=48, count=3)
    assert len(opened) == 3
    assert opened[2].picture.shape == (48, 48, 3)
    assert all(same(opened[index], made[index]) for index in range(3))
    assert len(open_dataset("scenes", "val")) == len(Scenes(split="val"))
    assert open_dataset("scenes", "val")[0].picture.shape == Scenes(split="val")[0].picture.shape


def test_a_voc_folder(tmp_path):
    export(Scenes(split="val", size=32, count=4), tmp_path, "val")
    opened, made = open_dataset(f"voc:{tmp_path}", "val"), VocFolder(tmp_path, "val")
    assert len(opened) == 4
    assert opened.categories == made.categories
    assert all(same(opened[index], made[index]) for index in range(4))


def test_a_nuclei_folder(nuclei):
    for split in ("train", "val", "all"):
        opened, made = open_dataset(f"nuclei:{nuclei}", split), NucleiFolder(nuclei, split)
        assert opened.names == made.names
        assert same(opened[0], made[0])


def test_count_keeps_the_first(nuclei):
    whole = open_dataset(f"nuclei:{nuclei}", "all")
    first = open_dataset(f"nuclei:{nuclei}", "all", count=3)
    assert first.names == whole.names[:3]
    assert first.categories == whole.categories
    assert len(first) == 3
    assert [sample.name for sample in first] == whole.names[:3]
    assert first[-1].name == whole.names[2]
    with pytest.raises(IndexError):
        first[3]
    assert len(open_dataset(f"nuclei:{nuclei}", "all", count=99)) == 10


@pytest.mark.parametrize(
    "spec", ["", "scene", "scenes:x", "voc", "voc:", "nuclei:", "coco:x", "/a/folder", "VOC:x"]
)
def test_a_wrong_spec_is_told_what_is_allowed(spec):
    with pytest.raises(BadInput, match="scenes, voc:DIR or nuclei:DIR"):
        open_dataset(spec, "val")


def test_other_wrong_arguments(tmp_path, nuclei):
    with pytest.raises(BadInput, match="no folder"):
        open_dataset(f"voc:{tmp_path / 'absent'}", "val")
    with pytest.raises(BadInput, match="size"):
        open_dataset(f"nuclei:{nuclei}", "val", size=96)
    with pytest.raises(BadInput, match="size"):
        open_dataset("scenes", "val", size=0)
    with pytest.raises(BadInput, match="count"):
        open_dataset("scenes", "val", count=0)
    for spec in ("scenes", f"nuclei:{nuclei}", f"voc:{nuclei}"):
        with pytest.raises(ValueError):
            open_dataset(spec, "nonsense")


def test_a_folder_in_the_home_folder(nuclei, monkeypatch):
    monkeypatch.setenv("HOME", str(nuclei))
    monkeypatch.setenv("USERPROFILE", str(nuclei))
    assert len(open_dataset("nuclei:~", "all")) == 10
