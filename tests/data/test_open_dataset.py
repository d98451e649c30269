import numpy as np
import pytest
from PIL import Image

from bridgeseg.data.nuclei import NucleiFolder
from bridgeseg.data.open_dataset import open_dataset, open_pictures, voc_beside
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
    opened, made = (
        open_dataset("scenes", None, "val", size=48, count=3),
        Scenes(split="val", size=48, count=3),
    )
    assert len(opened) == 3
    assert opened[2].picture.shape == (48, 48, 3)
    assert all(same(opened[index], made[index]) for index in range(3))
    assert len(open_dataset("scenes", None, "val")) == len(Scenes(split="val"))
    assert open_dataset("scenes", None, "val")[0].picture.shape == Scenes(split="val")[0].picture.shape


def test_a_voc_folder(tmp_path):
    export(Scenes(split="val", size=32, count=4), tmp_path, "val")
    opened, made = open_dataset("voc", tmp_path, "val"), VocFolder(tmp_path, "val")
    assert len(opened) == 4
    assert opened.categories == made.categories
    assert all(same(opened[index], made[index]) for index in range(4))


def test_a_nuclei_folder(nuclei):
    for split in ("train", "val", "all"):
        opened, made = open_dataset("nuclei", nuclei, split), NucleiFolder(nuclei, split)
        assert opened.names == made.names
        assert same(opened[0], made[0])


def test_count_keeps_the_first(nuclei):
    whole = open_dataset("nuclei", nuclei, "all")
    first = open_dataset("nuclei", nuclei, "all", count=3)
    assert first.names == whole.names[:3]
    assert first.categories == whole.categories
    assert len(first) == 3
    assert [sample.name for sample in first] == whole.names[:3]
    assert first[-1].name == whole.names[2]
    with pytest.raises(IndexError):
        first[3]
    assert len(open_dataset("nuclei", nuclei, "all", count=99)) == 10


@pytest.mark.parametrize("kind", ["", "scene", "coco", "VOC"])
def test_a_wrong_kind_is_told_what_is_allowed(kind, tmp_path):
    with pytest.raises(BadInput, match=f"data: '{kind}', expected scenes, voc, sbd, nuclei"):
        open_dataset(kind, tmp_path, "val")


def test_a_data_set_knows_what_it_is_and_where(tmp_path, nuclei):
    export(Scenes(split="val", size=32, count=4), tmp_path / "voc", "val")
    for kind, root in (("scenes", None), ("voc", tmp_path / "voc"), ("nuclei", nuclei / "stage1_train")):
        for count in (None, 2):
            opened = open_dataset(kind, root, "all" if kind == "nuclei" else "val", count=count)
            assert (opened.kind, opened.root) == (kind, root)


def test_other_wrong_arguments(tmp_path, nuclei):
    with pytest.raises(BadInput, match="no folder"):
        open_dataset("voc", tmp_path / "absent", "val")
    with pytest.raises(BadInput, match="size"):
        open_dataset("nuclei", nuclei, "val", size=96)
    with pytest.raises(BadInput, match="size"):
        open_dataset("scenes", None, "val", size=0)
    with pytest.raises(BadInput, match="count"):
        open_dataset("scenes", None, "val", count=0)
    with pytest.raises(BadInput, match="no folder"):
        open_dataset("voc", None, "val")
    for kind, root in (("scenes", None), ("nuclei", nuclei), ("voc", nuclei)):
        with pytest.raises(ValueError):
            open_dataset(kind, root, "nonsense")


def test_real_pictures_are_opened_by_name(nuclei, monkeypatch, tmp_path):
    monkeypatch.setenv("BRIDGESEG_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("BRIDGESEG_DATA", raising=False)
    assert open_pictures("nuclei", "train") is None
    monkeypatch.setenv("BRIDGESEG_DATA", str(tmp_path))
    (nuclei / "stage1_train").rename(tmp_path / "nuclei")
    opened = open_pictures("nuclei", "train")
    assert opened.kind == "nuclei"
    assert opened.names == NucleiFolder(tmp_path / "nuclei", "train").names
    with pytest.raises(BadInput, match="pictures 'cats'"):
        open_pictures("cats", "train")


@pytest.mark.parametrize("place", ["sbd/VOCdevkit/VOC2012", "sbd/VOC2012", "VOCdevkit/VOC2012", "VOC2012"])
def test_the_voc_whose_lists_tell_sbd_apart_is_in_it_or_beside_it(place, tmp_path):
    sbd = tmp_path / "sbd"
    sbd.mkdir()
    assert voc_beside(sbd) is None
    (tmp_path / place / "ImageSets").mkdir(parents=True)
    assert voc_beside(sbd) == tmp_path / place
    assert voc_beside(str(sbd)) == tmp_path / place
