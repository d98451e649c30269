"""COCO's layout is read as its own tools read it, whatever variant a tool has written."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from pycocotools import mask as coco_mask
from whole_masks import whole

from bridgeseg.data.coco import CocoFolder
from bridgeseg.data.coco_segmentation import decompress, fill_runs, fill_segmentation
from bridgeseg.data.findings import Findings
from bridgeseg.structures.labels import BadInput, verify
from bridgeseg.structures.run_lengths import to_run_lengths

SQUARE = [1, 1, 4, 1, 4, 3, 1, 3]
masks = st.tuples(st.integers(1, 12), st.integers(1, 12)).flatmap(lambda size: arrays(bool, size))


@settings(max_examples=150, deadline=None)
@given(masks)
def test_run_lengths_of_both_kinds_are_the_mask(mask: np.ndarray) -> None:
    size = (mask.shape[0], mask.shape[1])
    rle = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    compressed = {"size": [*size], "counts": rle["counts"].decode()}
    assert decompress(compressed["counts"]) == to_run_lengths(mask)["counts"]
    assert decompress(str(rle["counts"])) == to_run_lengths(mask)["counts"]  # "b'…'", as str makes of bytes
    for one in (compressed, to_run_lengths(mask)):
        patch = fill_runs(one, size)
        assert np.array_equal(whole(patch, size), mask)
        assert not mask.any() or patch.mask.any(0)[[0, -1]].all()


def test_runs_of_no_length_are_read_as_pycocotools_reads_them() -> None:
    rle = {"size": [3, 3], "counts": [1, 2, 0, 3, 2, 0, 0, 1]}
    theirs = coco_mask.decode(coco_mask.frPyObjects(copy.deepcopy(rle), 3, 3))
    assert np.array_equal(whole(fill_runs(rle, (3, 3)), (3, 3)), theirs.astype(bool))


@pytest.mark.parametrize(
    "rle",
    [
        {"size": [3, 3], "counts": [9, 1]},
        {"size": [3, 4], "counts": [12]},
        {"size": [3, 3], "counts": [-1, 10]},
        {"size": [3, 3], "counts": [True, 8]},
        {"size": [3, 3], "counts": [1.5, 7.5]},
        {"size": [3, 3], "counts": "9\u00e9"},
        {"size": [3, 3], "counts": "Z"},
        {"size": [3, 3], "counts": "o" * 40},
        {"size": [3, 3], "counts": None},
        {"counts": [9]},
        [],
        None,
        "x",
        [[]],
        [[1, 1, 2, 2]],
        [[1, 1, 2, 2, 3]],
        [[1, 1], [2, 2], [3, 3]],
        [5, None],
    ],
)
def test_broken_segmentations_are_refused(rle: Any) -> None:
    with pytest.raises(BadInput):
        fill_segmentation(rle, (3, 3))


def test_parts_of_an_object_are_together_and_a_list_left_out_is_no_matter() -> None:
    other = [6, 5, 8, 5, 8, 7, 6, 7]
    mask = whole(fill_segmentation([SQUARE, other], (8, 10))[0], (8, 10))
    rles = coco_mask.frPyObjects([SQUARE, other], 8, 10)
    assert np.array_equal(mask, coco_mask.decode(coco_mask.merge(rles)).astype(bool))
    assert whole(fill_segmentation(SQUARE, (8, 10))[0], (8, 10)).sum() == 6


def test_single_pixels_that_a_tool_traced_do_not_cost_the_object(tmp_path: Path) -> None:
    parts = [SQUARE, [7, 7], [5, 5, 6, 5], []]
    found = fill_segmentation(parts, (8, 10))
    assert found.left_out == 3
    assert np.array_equal(
        whole(found.patch, (8, 10)), whole(fill_segmentation(SQUARE, (8, 10)).patch, (8, 10))
    )
    _, sample, findings = read(tmp_path, write(tmp_path, [annotation(1, segmentation=parts)]))
    assert (sample.instances == 1).sum() == 6
    assert findings.lines() == ["polygons of fewer than three points beside others of an object: 3 (a)"]
    with pytest.raises(BadInput, match="no polygon of three points"):
        fill_segmentation(parts[1:], (8, 10))


def annotation(number: int, category: Any = 3, **more: Any) -> dict[str, Any]:
    given = {"id": number, "image_id": 7, "category_id": category, "segmentation": [SQUARE], "iscrowd": 0}
    return {**given, **more}


def write(root: Path, annotations: list, categories: list | None = None, **image: Any) -> Path:
    """Write one picture of 8 x 10 pixels under images/ and the JSON; return the JSON."""
    (root / "images").mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((8, 10, 3), 90, np.uint8)).save(root / "images" / "a.jpg")
    said = {"id": 7, "file_name": "a.jpg", "height": 8, "width": 10, **image}
    categories = categories or [{"id": 90, "name": "zebra"}, {"id": 3, "name": "ant"}]
    data = {"images": [said], "annotations": annotations, "categories": categories}
    path = root / "instances.json"
    path.write_text(json.dumps(data))
    return path


def read(root: Path, path: Path) -> tuple[Any, Any, Findings]:
    findings = Findings()
    folder = CocoFolder(root, path, findings)
    return folder, verify(folder[0], "a", len(folder.categories) - 1), findings


def test_ids_have_gaps_and_categories_stand_in_their_order(tmp_path: Path) -> None:
    other = annotation(2, 90, segmentation=[[6, 5, 8, 5, 8, 7, 6, 7]])
    folder, sample, findings = read(tmp_path, write(tmp_path, [annotation(1), other]))
    assert folder.categories == ("background", "ant", "zebra")
    assert sample.categories[1, 1] == 1
    assert sample.categories[5, 6] == 2
    assert sample.instances.max() == 2
    assert findings.lines() == []


@pytest.mark.parametrize("kind", [str, float])
def test_ids_written_as_another_type_are_the_same_ids(tmp_path: Path, kind: Any) -> None:
    categories = [{"id": kind(9), "name": "ant"}, {"id": "10", "name": "zebra"}]
    if kind is str:
        categories.reverse()
    given = annotation(1, kind(9), image_id=kind(7))
    folder, sample, findings = read(tmp_path, write(tmp_path, [given], categories))
    assert folder.categories == ("background", "ant", "zebra")  # by the number, not by the letters
    assert (sample.categories == 1).sum() == 6
    assert findings.lines() == []


def test_one_id_of_two_categories_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, [annotation(1)], [{"id": 3, "name": "ant"}, {"id": 3.0, "name": "bee"}])
    with pytest.raises(BadInput, match="category 3 is ant and bee, expected one name"):
        CocoFolder(tmp_path, path, Findings())


@pytest.mark.parametrize(("number", "names"), [(0, ("ant",)), (5, ("insects", "ant")[::-1])])
def test_roboflow_s_head_of_all_categories_is_none_and_is_named(
    tmp_path: Path, number: int, names: tuple[str, ...]
) -> None:
    head = {"id": number, "name": "insects", "supercategory": "none"}
    ant = {"id": 3, "name": "ant", "supercategory": "insects"}
    folder, _, findings = read(tmp_path, write(tmp_path, [annotation(1)], [head, ant]))
    assert folder.categories == ("background", *names)
    assert findings.count("categories 0 without an annotation that head others") == (number == 0)
    # One that is used is a category as any other.
    path = write(tmp_path, [annotation(1), annotation(2, 0)], [head, ant])
    if number == 0:
        assert CocoFolder(tmp_path, path, Findings()).categories == ("background", "insects", "ant")


@pytest.mark.parametrize(
    ("flag", "void"), [("0", False), ("false", False), (False, False), ("1", True), (1, True)]
)
def test_a_flag_may_be_text(tmp_path: Path, flag: Any, void: bool) -> None:
    _, sample, _ = read(tmp_path, write(tmp_path, [annotation(1, iscrowd=flag)]))
    assert (sample.categories == 255).any() == void


def test_a_crowd_is_void_and_objects_in_it_stay(tmp_path: Path) -> None:
    rle = to_run_lengths(np.ones((8, 10), bool))
    crowd = annotation(2, segmentation=rle, iscrowd=1)
    _, sample, findings = read(tmp_path, write(tmp_path, [annotation(1), crowd]))
    assert (sample.instances == 1).sum() == 6
    assert (sample.categories == 255).sum() == 74
    assert findings.lines() == ["crowds, which become void: 1 (a)"]


def test_where_something_is_and_not_what_is_void(tmp_path: Path) -> None:
    boxed = annotation(1, segmentation=[], bbox=[0, 0, 2, 1])
    none = annotation(2, segmentation=None)
    broken = annotation(3, segmentation={"size": [8, 10], "counts": "~~"}, bbox=[4, 0, 1, 1])
    unknown = annotation(4, 5, segmentation=[[8, 6, 10, 6, 10, 8, 8, 8]])
    far = annotation(5, image_id=99)
    path = write(
        tmp_path, [boxed, none, broken, unknown, far, "x", annotation(6, segmentation=[[1, 5, 30, 5, 30, 7]])]
    )
    _, sample, findings = read(tmp_path, path)
    assert (sample.categories == 255).sum() == 2 + 1 + 4
    assert sample.instances.max() == 1
    said = "\n".join(findings.lines())
    assert "without a segmentation, void in their box: 2" in said
    assert "whose segmentation cannot be read, void in their box: 1" in said
    assert "of an unknown category, void: 1 (a: 5)" in said
    assert "a picture that the JSON does not have: 2 (image_id 99, image_id None)" in said
    assert "beyond their picture, cut off there: 1" in said


def test_a_category_that_is_the_background_is_none_and_one_name_is_one_category(tmp_path: Path) -> None:
    names = ["cells", "_background_", "cell", "cells", "a\nb", "__ignore__"]
    categories = [{"id": number, "name": name} for number, name in enumerate(names)]
    folder, sample, _ = read(tmp_path, write(tmp_path, [annotation(1), annotation(2, 1)], categories))
    assert folder.categories == ("background", "cells", "cell", "a b")
    assert sample.instances.max() == 0  # the background was drawn over it
    assert sample.categories.max() == 0


@pytest.mark.parametrize(
    "said", ["a.JPG", "images/a.jpg", "train2017/a.jpg", "C:\\x\\images\\a.jpg", "./../a.jpg"]
)
def test_a_picture_is_found_by_the_end_of_its_path(tmp_path: Path, said: str) -> None:
    _, sample, _ = read(tmp_path, write(tmp_path, [annotation(1)], file_name=said))
    assert sample.instances.max() == 1


def test_pictures_of_one_name_in_two_folders_are_told_apart(tmp_path: Path) -> None:
    path = write(tmp_path, [annotation(1), annotation(2, image_id=8)])
    data = json.loads(path.read_text())
    data["images"] = [
        {"id": number, "file_name": f"{cam}/0.png"} for number, cam in ((7, "left"), (8, "right"))
    ]
    path.write_text(json.dumps(data))
    for grey, cam in ((40, "left"), (200, "right")):
        (tmp_path / cam).mkdir()
        Image.fromarray(np.full((8, 10, 3), grey, np.uint8)).save(tmp_path / cam / "0.png")
    folder = CocoFolder(tmp_path, path, Findings())
    assert folder.names == ["left_0", "right_0"]
    assert [folder[number].picture.max() for number in (0, 1)] == [40, 200]


def images_of(path: Path, *names: str) -> None:
    """Let a JSON have images of these names, with the ids 7, 8, … and no size."""
    data = json.loads(path.read_text())
    data["images"] = [{"id": number, "file_name": name} for number, name in enumerate(names, 7)]
    path.write_text(json.dumps(data))


def test_labels_of_an_absent_picture_are_not_laid_on_another_of_its_name(tmp_path: Path) -> None:
    path = write(tmp_path, [annotation(1), annotation(2, image_id=8)])
    (tmp_path / "images").rename(tmp_path / "train")
    for right, wrong in (
        ("train/a.jpg", "val/a.jpg"),
        ("x/train/a.jpg", "train/x/a.jpg"),
        ("a.jpg", "b/a.jpg"),
    ):
        for order in ((right, wrong), (wrong, right)):
            images_of(path, *order)
            data = json.loads(path.read_text())
            data["annotations"] = [annotation(1, image_id=7 + order.index(wrong))]
            path.write_text(json.dumps(data))
            findings = Findings()
            folder = CocoFolder(tmp_path, path, findings)
            assert findings.lines() == [f"absent pictures: 1 ({wrong})"]
            assert len(folder) == 1
            assert folder[0].instances.max() == 0  # only the absent one has an object


def test_a_name_that_several_pictures_have_is_not_called_absent(tmp_path: Path) -> None:
    path = write(tmp_path, [annotation(1)])
    for cam in ("left", "right"):
        (tmp_path / cam).mkdir()
        (tmp_path / cam / "b.jpg").write_bytes((tmp_path / "images" / "a.jpg").read_bytes())
    images_of(path, "a.jpg", "b.jpg", "gone.jpg")
    findings = Findings()
    CocoFolder(tmp_path, path, findings)
    assert findings.lines()[:2] == [
        "pictures of which there are several of that name, passed over: 1 (b.jpg)",
        "absent pictures: 1 (gone.jpg)",
    ]


def test_a_picture_that_may_be_of_two_images_is_of_none(tmp_path: Path) -> None:
    path = write(tmp_path, [annotation(1), annotation(2, image_id=8), annotation(3, image_id=9)])
    Image.fromarray(np.zeros((8, 10, 3), np.uint8)).save(tmp_path / "images" / "b.png")
    images_of(path, "left/a.jpg", "right/a.jpg", "b.png")
    findings = Findings()
    assert CocoFolder(tmp_path, path, findings).names == ["b"]
    (line,) = findings.lines()
    assert line == "images of which several may be one picture, passed over: 2 (left/a.jpg, right/a.jpg)"


def test_absent_and_unnamed_pictures_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path, [annotation(1)])
    data = json.loads(path.read_text())
    gone = {"id": 1, "file_name": "gone.jpg"}
    data["images"] += [gone, {"id": 2}, {"id": 7, "file_name": "a.jpg"}, "x", {"id": 3, "file_name": ".."}]
    path.write_text(json.dumps(data))
    Image.fromarray(np.zeros((3, 3, 3), np.uint8)).save(tmp_path / "spare.png")
    folder, _, findings = read(tmp_path, path)
    assert folder.names == ["a"]
    assert findings.count("absent pictures") == 2
    assert findings.count("images without an id or a file_name") == 2
    assert findings.count("images with the id of an earlier one, passed over") == 1
    assert findings.count("pictures that the JSON does not name, passed over") == 1


@pytest.mark.parametrize("said", ["pictures/a%20b.jpg", "/data/local-files/?d=pictures\\a%20b.jpg"])
def test_a_picture_may_be_named_by_an_address(tmp_path: Path, said: str) -> None:
    path = write(tmp_path, [annotation(1)], file_name=said)
    (tmp_path / "images" / "a.jpg").rename(tmp_path / "images" / "a b.jpg")
    assert CocoFolder(tmp_path, path, Findings())[0].instances.max() == 1
    # The name itself comes first.
    (tmp_path / "images" / "a%20b.jpg").write_bytes((tmp_path / "images" / "a b.jpg").read_bytes())
    findings = Findings()
    CocoFolder(tmp_path, path, findings)
    assert findings.lines() == ["pictures that the JSON does not name, passed over: 1 (a b.jpg)"]


@pytest.mark.parametrize("said", [{"height": "8", "width": "10"}, {"height": 8.0}, {"height": 0, "width": 0}])
def test_a_size_may_be_text_or_unknown(tmp_path: Path, said: dict[str, Any]) -> None:
    assert CocoFolder(tmp_path, write(tmp_path, [annotation(1)], **said), Findings())[0].instances.max() == 1
    with pytest.raises(BadInput, match=r"labelled at 10 x 8\.5 pixels, expected whole numbers"):
        CocoFolder(tmp_path, write(tmp_path, [annotation(1)], height="8.5"), Findings())[0]


def test_a_picture_of_another_size_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, [annotation(1)], height=10, width=8)
    with pytest.raises(BadInput, match="8 x 10 pixels, its picture 10 x 8; .* exchanged"):
        CocoFolder(tmp_path, path, Findings())[0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "[" * 100_000,
        "{}",
        '{"images": [], "annotations": {}, "categories": []}',
        "1" * 5000,
        "\0",
    ],
)
def test_a_json_that_is_none_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(BadInput) as caught:
        CocoFolder(tmp_path, path, Findings())
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(max_examples=300, deadline=None)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-3, 12)
        | st.floats()
        | st.sampled_from(["", "0", "a.jpg", "~"]),
        lambda inner: (
            st.lists(inner, max_size=7)
            | st.dictionaries(st.sampled_from(["size", "counts"]), inner, max_size=2)
        ),
        max_leaves=12,
    )
)
def test_any_segmentation_is_pixels_or_one_line(segmentation: Any) -> None:
    try:
        patch = fill_segmentation(segmentation, (5, 6)).patch
    except BadInput:
        return
    assert whole(patch, (5, 6))[patch.place].shape == patch.mask.shape
