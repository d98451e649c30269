import dataclasses

import numpy as np
import pytest
from PIL import Image

from bridgeseg.data.open_dataset import open_dataset
from bridgeseg.data.pictures import read_picture
from bridgeseg.data.scenes import Scenes
from bridgeseg.data.voc import CATEGORIES, VocFolder
from bridgeseg.data.voc_export import export, write_sample
from bridgeseg.structures.labels import BadInput, Sample


class Made:
    """A data set of random labels; sample number `fails_at` cannot be read."""

    kind, root = "made", None

    def __init__(self, names="ab", highest=5, categories=("background", "x", "y"), seed=0, fails_at=None):
        self.names, self.categories, self.fails_at = list(names), tuple(categories), fails_at
        self.highest, self.seed = highest, seed

    def __len__(self):
        return len(self.names)

    def __getitem__(self, index):
        if index == self.fails_at:
            raise BadInput("cut short")
        random = np.random.default_rng([self.seed, index])
        shape = (21 + index, 34)
        instances = random.integers(0, self.highest + 1, shape).astype(np.int32)
        categories = np.where(instances > 0, instances % 2 + 1, 0).astype(np.uint8)
        void = random.random(shape) < 0.1
        categories[void], instances[void] = 255, 0
        instances[0, 0], categories[0, 0] = self.highest, self.highest % 2 + 1
        picture = np.full((*shape, 3), (40, 90, 200), np.uint8)
        return Sample(self.names[index], picture, categories, instances)


def check_same_labels(dataset, root, split):
    read = VocFolder(root, split)
    assert list(read.names) == list(dataset.names)
    assert read.categories == tuple(dataset.categories)
    for index in range(len(dataset)):
        expected, sample = dataset[index], read[index]
        assert np.array_equal(sample.categories, expected.categories)
        assert np.array_equal(sample.instances, expected.instances)
        assert sample.picture.shape == expected.picture.shape


@pytest.mark.parametrize("highest", [1, 254, 255, 400])
def test_labels_come_back_the_same(tmp_path, highest):
    dataset = Made(highest=highest)
    assert export(dataset, tmp_path, "val") == tmp_path
    check_same_labels(dataset, tmp_path, "val")
    with Image.open(tmp_path / "SegmentationObject" / "a.png") as image:
        assert image.mode.startswith("P" if highest <= 254 else "I")


def test_addresses_change_little(tmp_path):
    dataset = Scenes(split="val", size=64, count=2)
    export(dataset, tmp_path, "val")
    for sample, read in zip(dataset, VocFolder(tmp_path, "val")):
        assert np.abs(sample.picture.astype(int) - read.picture).mean() < 4
    with Image.open(tmp_path / "JPEGImages" / f"{dataset.names[0]}.jpg") as image:
        assert image.format == "JPEG"
        assert {component[1:3] for component in image.layer} == {(1, 1)}  # colours at full resolution


def test_void_stands_in_both_maps(tmp_path):
    dataset = Made()
    export(dataset, tmp_path, "val")
    void = dataset[0].categories == 255
    assert void.any()
    for folder in ("SegmentationClass", "SegmentationObject"):
        stored = np.asarray(Image.open(tmp_path / folder / "a.png"))
        assert np.array_equal(stored == 255, void)


def test_the_layout_is_vocs(tmp_path):
    export(Made(), tmp_path, "val")
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {
        "classes.txt",
        "ImageSets/Segmentation/val.txt",
        *(f"JPEGImages/{name}.jpg" for name in "ab"),
        *(f"SegmentationClass/{name}.png" for name in "ab"),
        *(f"SegmentationObject/{name}.png" for name in "ab"),
    }
    assert (tmp_path / "classes.txt").read_text() == "x\ny\n"
    assert (tmp_path / "ImageSets" / "Segmentation" / "val.txt").read_text() == "a\nb\n"


def test_scenes_come_back_the_same(tmp_path):
    dataset = open_dataset("scenes", None, "val", size=64, count=5)
    export(dataset, tmp_path, "val")
    check_same_labels(dataset, tmp_path, "val")


@pytest.mark.parametrize("kind, name", [("voc", "photos"), ("voc", "pedestrians"), ("nuclei", "nuclei")])
def test_real_data_comes_back_the_same(tmp_path, data, kind, name):
    dataset = open_dataset(kind, data / name, "val", count=4)
    export(dataset, tmp_path, "val")
    check_same_labels(dataset, tmp_path, "val")


def test_what_was_exported_is_exported_the_same(tmp_path):
    export(Made(highest=300), tmp_path / "one", "val")
    export(VocFolder(tmp_path / "one", "val"), tmp_path / "two", "val")
    check_same_labels(Made(highest=300), tmp_path / "two", "val")


def test_another_split_is_added(tmp_path):
    train, val = Made("abc"), Made("de", seed=1)
    export(train, tmp_path, "train")
    export(val, tmp_path, "val")
    check_same_labels(train, tmp_path, "train")
    check_same_labels(val, tmp_path, "val")


def test_a_split_is_replaced(tmp_path):
    export(Made("abc"), tmp_path, "val")
    export(Made("ab", seed=3), tmp_path, "val")
    check_same_labels(Made("ab", seed=3), tmp_path, "val")


def test_another_split_with_other_categories_is_refused(tmp_path):
    export(Made(), tmp_path, "train")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BadInput, match=r"classes.txt"):
        export(Made("cd", categories=("background", "x", "z")), tmp_path, "val")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_of_vocs_own_categories_is_known_without_classes_txt(tmp_path):
    export(Made(categories=CATEGORIES), tmp_path, "train")
    (tmp_path / "classes.txt").unlink()
    with pytest.raises(BadInput, match="aeroplane"):
        export(Made("cd"), tmp_path, "val")
    export(Made("cd", categories=CATEGORIES), tmp_path, "val")
    check_same_labels(Made("cd", categories=CATEGORIES), tmp_path, "val")


def test_one_name_in_two_splits(tmp_path):
    export(Made("ab"), tmp_path, "train")
    export(Made("ab"), tmp_path, "trainval")  # the same pictures: no harm
    check_same_labels(Made("ab"), tmp_path, "train")
    with pytest.raises(BadInput, match="another split"):
        export(Made("ab", seed=1), tmp_path, "val")
    check_same_labels(Made("ab"), tmp_path, "train")


@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_a_picture_of_another_split_keeps_its_pixels(tmp_path, ending):
    class Darker(Made):
        def __getitem__(self, index):
            sample = super().__getitem__(index)
            return dataclasses.replace(sample, picture=sample.picture - 1)

    out = export(Made("ab"), tmp_path, "train")
    if ending == "png":  # as of a folder that another program wrote
        for sample in map(Made().__getitem__, (0, 1)):
            Image.fromarray(sample.picture).save(out / "JPEGImages" / f"{sample.name}.png")
            (out / "JPEGImages" / f"{sample.name}.jpg").unlink()
    before = {path: path.read_bytes() for path in out.rglob("*.*g")}
    with pytest.raises(
        BadInput, match="a is in another split there with other pixels, expected another name"
    ):
        export(Darker("ab"), out, "val")
    export(Made("ab"), out, "val")  # the same pixels are no harm
    assert {path: path.read_bytes() for path in out.rglob("*.*g")} == before
    check_same_labels(Made("ab"), out, "val")


def test_an_export_cut_short_has_no_list(tmp_path):
    with pytest.raises(BadInput, match="cut short"):
        export(Made("abc", fails_at=2), tmp_path, "val")
    with pytest.raises(BadInput, match=r"val.txt: no such list"):
        VocFolder(tmp_path, "val")
    export(Made("abc"), tmp_path, "val")
    with pytest.raises(BadInput, match="cut short"):
        export(Made("abc", seed=1, fails_at=1), tmp_path, "val")
    with pytest.raises(BadInput, match=r"val.txt: no such list"):
        VocFolder(tmp_path, "val")


def test_the_source_is_never_overwritten(tmp_path):
    export(Made(), tmp_path, "val")
    picture = (tmp_path / "JPEGImages" / "a.jpg").read_bytes()
    for count in (None, 1):
        with pytest.raises(BadInput, match="come from"):
            export(open_dataset("voc", tmp_path, "val", count=count), tmp_path / ".", "other")
    assert (tmp_path / "JPEGImages" / "a.jpg").read_bytes() == picture


@pytest.mark.parametrize("split", ["", ".", "..", "a/b", "../val"])
def test_a_split_that_is_no_plain_name(tmp_path, split):
    with pytest.raises(BadInput, match="split"):
        export(Made(), tmp_path, split)


def test_names_that_leave_the_folder_and_no_names(tmp_path):
    with pytest.raises(BadInput, match="without folders"):
        export(Made(["../a"]), tmp_path / "out", "val")
    with pytest.raises(BadInput, match="nothing"):
        export(Made(""), tmp_path / "out", "val")
    assert not list(tmp_path.glob("*.png"))


def test_a_picture_too_long_for_a_jpeg_is_named_and_nothing_of_it_is_written(tmp_path):
    def wide(name, width):
        labels = np.zeros((1, width), np.uint8)
        return Sample(name, np.zeros((1, width, 3), np.uint8), labels, labels.astype(np.int32))

    with pytest.raises(BadInput, match="long: 65501 x 1 pixels, expected at most 65500 on a side of a JPEG"):
        write_sample(wide("long", 65501), tmp_path)
    assert not list(tmp_path.rglob("*.*"))
    write_sample(wide("fits", 65500), tmp_path)
    assert read_picture(tmp_path / "JPEGImages" / "fits.jpg").shape == (1, 65500, 3)
