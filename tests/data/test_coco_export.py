"""What is exported loads with COCO's own tools, which find the same areas, boxes and masks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from bridgeseg.data.coco import CocoFolder
from bridgeseg.data.coco_export import annotate, export_coco
from bridgeseg.data.findings import Findings
from bridgeseg.data.scenes import Scenes
from bridgeseg.data.voc_export import export
from bridgeseg.structures.labels import BadInput, Sample
from bridgeseg.structures.run_lengths import to_run_lengths


def test_scenes_load_with_pycocotools(tmp_path: Path) -> None:
    scenes = Scenes("val", size=48, count=3)
    coco = COCO(export_coco(scenes, tmp_path, "val"))
    assert [one["name"] for one in coco.loadCats(coco.getCatIds())] == list(scenes.categories[1:])
    for index, image in enumerate(coco.loadImgs(coco.getImgIds())):
        sample = scenes[index]
        assert (tmp_path / "images" / image["file_name"]).is_file()
        assert image["file_name"] == f"{sample.name}.jpg"
        found = coco.loadAnns(coco.getAnnIds(imgIds=image["id"], iscrowd=False))
        assert len(found) == len(np.unique(sample.instances)) - 1
        for one in found:
            mask = coco.annToMask(one).astype(bool)
            (number,) = np.unique(sample.instances[mask])
            assert np.array_equal(mask, sample.instances == number)
            assert (sample.categories[mask] == one["category_id"]).all()
            rle = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
            assert one["area"] == coco_mask.area(rle)
            assert one["bbox"] == coco_mask.toBbox(rle).tolist()


@settings(max_examples=80, deadline=None)
@given(
    st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
        lambda size: st.tuples(
            arrays(np.uint8, size, elements=st.sampled_from([0, 1, 2, 255])), st.just(size)
        )
    ),
    st.integers(0, 99),
)
def test_annotations_are_the_maps(drawn: Any, seed: int) -> None:
    categories, size = drawn
    numbers = np.random.default_rng(seed).integers(0, 3, size).astype(np.int32)
    instances = np.where((categories > 0) & (categories < 255), numbers * 2 + categories * (numbers > 0), 0)
    instances = instances.astype(np.int32)
    sample = Sample("a", np.zeros((*size, 3), np.uint8), categories, instances)
    seen = np.zeros(size, np.int32)
    for one in annotate(sample, 2):
        mask = coco_mask.decode(coco_mask.frPyObjects(dict(one["segmentation"]), *size)).astype(bool)
        assert one["segmentation"] == to_run_lengths(mask)
        rle = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
        assert one["area"] == mask.sum()
        assert one["bbox"] == coco_mask.toBbox(rle).tolist()
        seen += mask
        if one["iscrowd"]:
            assert (instances[mask] == 0).all()
            assert np.isin(categories[mask], [255, one["category_id"]]).all()
        else:
            assert len(np.unique(instances[mask])) == 1
            assert (categories[mask] == one["category_id"]).all()
    # Void is a crowd of either category; every other pixel that has a label lies in one annotation.
    assert np.array_equal(seen, np.select([categories == 255, categories > 0], [2, 1], 0))


def test_void_comes_back_as_void(tmp_path: Path) -> None:
    class Made:
        kind, root, names, categories = "made", None, ["a"], ("background", "x", "y")

        def __len__(self) -> int:
            return 1

        def __getitem__(self, index: int) -> Sample:
            labels = np.array([[1, 255, 2], [1, 1, 0]], np.uint8)
            instances = np.array([[4, 0, 9], [4, 0, 0]], np.int32)
            return Sample("a", np.full((2, 3, 3), 99, np.uint8), labels, instances)

    read = CocoFolder(tmp_path, export_coco(Made(), tmp_path, "val"), Findings())
    assert read.categories == Made.categories
    assert read[0].instances.tolist() == [[1, 0, 2], [1, 0, 0]]
    # The pixel of x without an instance is a crowd of x, and a crowd is void.
    assert read[0].categories.tolist() == [[1, 255, 2], [1, 255, 0]]


def test_an_export_cut_short_has_no_json(tmp_path: Path) -> None:
    class Broken(Scenes):
        def __getitem__(self, index: int) -> Sample:
            if index == 1:
                raise BadInput("cut short")
            return super().__getitem__(index)

    export_coco(Scenes("val", size=32, count=2), tmp_path, "val")
    with pytest.raises(BadInput, match="cut short"):
        export_coco(Broken("val", size=32, count=2), tmp_path, "val")
    assert not list(tmp_path.glob("*.json"))


class Grey:
    """A data set of one grey picture."""

    kind, root = "made", None

    def __init__(self, grey: int, categories: tuple[str, ...] = ("background", "x"), name: str = "1") -> None:
        self.grey, self.categories, self.names = grey, categories, [name]

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Sample:
        picture = np.full((2, 3, 3), self.grey, np.uint8)
        labels = np.ones((2, 3), np.uint8)
        return Sample(self.names[0], picture, labels, labels.astype(np.int32))


def test_another_part_keeps_its_pictures_and_its_categories(tmp_path: Path) -> None:
    train = export_coco(Grey(10), tmp_path, "train")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(
        BadInput, match=r"1\.jpg: is another picture of instances_train\.json, expected another name"
    ):
        export_coco(Grey(200), tmp_path, "val")
    with pytest.raises(BadInput, match=r"instances_train\.json: has categories x; expected y"):
        export_coco(Grey(10, ("background", "y"), "2"), tmp_path, "val")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    export_coco(Grey(10), tmp_path, "val")  # the same picture is no harm
    export_coco(Grey(200, name="2"), tmp_path, "val")
    assert train.read_bytes() == before[train]
    train.write_text("{}")
    with pytest.raises(BadInput, match=r"instances_train\.json: "):
        export_coco(Grey(10), tmp_path, "val")


@pytest.mark.parametrize("text", ["[", "[]", '{"images": 3, "categories": [5]}', '{"images": [{}]}'])
def test_another_json_that_is_none_of_ours_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "instances_train.json").write_text(text)
    with pytest.raises(BadInput, match=r"instances_train\.json: ") as caught:
        export_coco(Grey(10), tmp_path, "val")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "images").exists()


def test_the_source_and_wrong_splits_are_refused(tmp_path: Path) -> None:
    from bridgeseg.data.voc import VocFolder

    export(Scenes("val", size=32, count=1), tmp_path, "val")
    with pytest.raises(BadInput, match="come from"):
        export_coco(VocFolder(tmp_path, "val"), tmp_path, "val")
    with pytest.raises(BadInput, match="split"):
        export_coco(Scenes("val", size=32, count=1), tmp_path / "o", "a/b")


def test_numbers_in_the_json_are_plain(tmp_path: Path) -> None:
    data = json.loads(export_coco(Scenes("val", size=32, count=2), tmp_path, "val").read_text())
    assert {*data} == {"images", "annotations", "categories"}
    assert [one["id"] for one in data["annotations"]] == list(range(1, len(data["annotations"]) + 1))
    assert data["images"][0] == {"id": 1, "file_name": "val-0-00000.jpg", "height": 32, "width": 32}
