"""A folder that no format fits says what it is and what to do with it; what a reader would misread is no format."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bridgeseg.structures.labels import BadInput
from bridgeseg.system.label_layouts import recognise


def image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((3, 4), 9, np.uint8)).save(path)


def refused(source: Path) -> str:
    with pytest.raises(BadInput) as caught:
        recognise(source)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"{source}: ")


def test_a_folder_that_opens_as_it_is_says_how(tmp_path: Path) -> None:
    for name in ("JPEGImages", "SegmentationClass", "SegmentationObject"):
        (tmp_path / "voc" / name).mkdir(parents=True)
    for name in ("img", "cls", "inst"):
        (tmp_path / "sbd" / name).mkdir(parents=True)
    image(tmp_path / "dsb" / "stage1_train" / "00a[e]" / "images" / "00a[e].png")
    image(tmp_path / "dsb" / "stage1_train" / "00a[e]" / "masks" / "1.png")
    assert refused(tmp_path / "voc").startswith(f"opens as voc:{tmp_path / 'voc'} as it is")
    assert refused(tmp_path / "sbd").startswith(f"opens as sbd:{tmp_path / 'sbd'} as it is")
    for place in ("dsb", "dsb/stage1_train"):
        opened = f"opens as nuclei:{tmp_path / 'dsb/stage1_train'} as it is"
        assert refused(tmp_path / place).startswith(opened)


def test_folders_of_parts_are_named_with_their_formats(tmp_path: Path) -> None:
    for part in ("test", "train"):
        image(tmp_path / part / "images" / "a.tif")
        image(tmp_path / part / "masks" / "a.tif")
    (tmp_path / "notes").mkdir()
    said = "none of the known layouts, but its folders test (labels), train (labels); expected one of them"
    assert refused(tmp_path) == said
    assert recognise(tmp_path / "train") == "labels"


def test_cellpose_s_own_files_are_not_loaded_and_a_way_out_is_named(tmp_path: Path) -> None:
    image(tmp_path / "a.png")
    (tmp_path / "a_seg.npy").write_bytes(b"\x93NUMPY")
    assert "_seg.npy files, which can run code; expected masks that it saved as PNG" in refused(tmp_path)


def test_what_is_there_is_counted_where_nothing_fits(tmp_path: Path) -> None:
    for name in ("a", "b"):
        image(tmp_path / "images" / f"{name}.jpg")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("0 0.1 0.1 0.2 0.1 0.2 0.2\n")  # YOLO's
    (tmp_path / ".DS_Store").write_bytes(b"")
    assert "(files: 2 .jpg, 1 .txt), expected NAME.json beside" in refused(tmp_path)
    (tmp_path / "empty").mkdir()
    assert "(files: no file), expected" in refused(tmp_path / "empty")


@pytest.mark.parametrize(
    ("text", "said"),
    [('{"images": [], "annotations": [{"id": 1', "is not JSON"), ("[]", "holds a list, expected an object")],
)
def test_a_json_that_cannot_be_read_is_named(tmp_path: Path, text: str, said: str) -> None:
    image(tmp_path / "a.jpg")
    (tmp_path / "x.json").write_text(text)
    assert refused(tmp_path).startswith(f"none of the known layouts; {tmp_path / 'x.json'}: {said}")


def test_a_file_that_is_no_set_of_coco_s_says_what_it_is(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("annotations/instances_default.json", "{}")
    (tmp_path / "a.json").write_text(json.dumps({"shapes": [], "imagePath": "a.jpg"}))
    assert refused(tmp_path / "export.zip").startswith("is a ZIP archive, expected the folder")
    assert refused(tmp_path / "a.json") == "is a file of labelme, expected its folder"
