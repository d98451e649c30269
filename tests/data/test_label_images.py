"""Label images of 8, 16 and 32 bits, by object or by category, become the objects that they number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bridgeseg.data.findings import Findings
from bridgeseg.data.label_images import (
    IN_PIECES,
    LabelImages,
    PaletteFolder,
    is_label_image,
    read_label_image,
)
from bridgeseg.data.label_png import write_label_png
from bridgeseg.data.mask_files import MaskFiles
from bridgeseg.structures.labels import BadInput, verify
from bridgeseg.system.label_layouts import _pieces as pieces

LABELS = np.array([[0, 1, 1, 0], [9, 0, 5, 5], [9, 0, 0, 1]])
EXPECTED = np.array([[0, 1, 1, 0], [3, 0, 2, 2], [3, 0, 0, 1]])


def picture(path: Path, size: tuple[int, int] = (3, 4)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*size, 3), 90, np.uint8)).save(path)


def labels(path: Path, values: np.ndarray, kind: type = np.uint8) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values.astype(kind)).save(path)


@pytest.mark.parametrize(
    "kind, top", [(np.uint8, 200), (np.uint16, 60000), (np.int32, 2**30), (np.float32, 70000)]
)
def test_numbers_of_any_width_are_the_objects(tmp_path: Path, kind: type, top: int) -> None:
    values = np.where(LABELS == 9, top, LABELS)
    picture(tmp_path / "images" / "a.tif")
    labels(tmp_path / "masks" / "a.tif", values, kind)
    assert np.array_equal(read_label_image(tmp_path / "masks" / "a.tif"), values)
    sample = verify(LabelImages(tmp_path, pieces, Findings())[0], "a", 1)
    assert np.array_equal(sample.instances, EXPECTED)
    assert np.array_equal(sample.categories, EXPECTED > 0)


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_numbers_of_one_bit_are_one_object(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    Image.fromarray(LABELS > 0).save(path)
    assert np.array_equal(read_label_image(path), LABELS > 0)


def test_a_label_image_without_background_has_objects_only(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.png")
    labels(tmp_path / "masks" / "a.png", LABELS + 3)
    assert LabelImages(tmp_path, pieces, Findings())[0].instances.min() == 1


@pytest.mark.parametrize("mark", ["_masks.tif", "_cp_masks.png", "_masks.TIF", "-labels.png"])
@pytest.mark.parametrize("beside", ["a.png", "a_img.tif", "A.PNG"])
def test_cellpose_s_and_qupath_s_files_stand_beside_the_picture(
    tmp_path: Path, mark: str, beside: str
) -> None:
    picture(tmp_path / beside)
    labels(tmp_path / f"a{mark}", LABELS, np.uint16)
    labels(tmp_path / "a_flows.tif", LABELS)
    (tmp_path / "a_seg.npy").write_bytes(b"\x93NUMPY")
    picture(tmp_path / "alone.png")
    findings = Findings()
    assert is_label_image(tmp_path / f"a{mark}")
    folder = LabelImages(tmp_path, pieces, findings)
    assert folder.names == [Path(beside).stem]
    assert np.array_equal(folder[0].instances, EXPECTED)
    assert findings.count("pictures without labels, passed over") == 1
    assert findings.count("Cellpose's other output, passed over") == 1
    assert findings.count("_seg.npy files, passed over: they can run code; save masks as PNG") == 1


def test_a_stray_label_image_does_not_hide_the_folders_of_pairs(tmp_path: Path) -> None:
    for name in "abc":
        picture(tmp_path / "images" / f"{name}.png")
        labels(tmp_path / "masks" / f"{name}.tif", LABELS)
    labels(tmp_path / "example_mask.png", LABELS)
    findings = Findings()
    assert LabelImages(tmp_path, pieces, findings).names == ["a", "b", "c"]
    assert findings.lines() == ["files beside images and masks, passed over: 1 (example_mask.png)"]
    picture(tmp_path / "example.png")
    with pytest.raises(BadInput, match="may be images/NAME.* or NAME_masks.tif beside"):
        LabelImages(tmp_path, pieces, Findings())
    for path in (tmp_path / "images").iterdir():
        path.unlink()
    assert LabelImages(tmp_path, pieces, Findings()).names == ["example"]


def test_what_stands_beside_cellpose_s_files_is_counted(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    picture(tmp_path / "a.jpg", (5, 5))
    labels(tmp_path / "a_masks.tif", LABELS)
    (tmp_path / "c.heic").write_bytes(b"")
    (tmp_path / "d.png").symlink_to("nowhere")
    (tmp_path / "e.npy").write_bytes(b"")
    (tmp_path / "more").mkdir()
    findings = Findings()
    LabelImages(tmp_path, pieces, findings)
    assert findings.lines() == [
        f"files and folders passed over in {tmp_path.name}/: 3 (c.heic, d.png, more)",
        ".npy files, passed over: 1 (e.npy)",
        "second files of one name, passed over: 1 (a.png)",
    ]


def test_the_corrected_label_image_comes_before_the_automatic_one(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    labels(tmp_path / "a_cp_masks.png", LABELS * 0 + 7)
    labels(tmp_path / "a_masks.png", LABELS)
    labels(tmp_path / "a_masks.tif", LABELS * 0 + 8)
    findings = Findings()
    assert np.array_equal(LabelImages(tmp_path, pieces, findings)[0].instances, EXPECTED)
    assert findings.lines() == [
        "second label images of one picture, passed over: 2 (a_masks.tif, a_cp_masks.png)"
    ]


def test_numbers_in_many_pieces_may_be_categories_and_are_named(tmp_path: Path) -> None:
    spots = np.zeros((9, 9), np.uint16)
    spots[::2, ::2] = 255  # in 25 pieces
    whole = np.arange(81, dtype=np.uint16).reshape(9, 9) + 200  # 255 among them
    for name, values in (("a", spots + (spots > 0) * np.eye(9, dtype=np.uint16)), ("b", whole)):
        picture(tmp_path / "images" / f"{name}.png", (9, 9))
        labels(tmp_path / "masks" / f"{name}.tif", values, np.uint16)
    findings = Findings()
    folder = LabelImages(tmp_path, pieces, findings)
    assert [folder[number].instances.max() for number in (0, 1)] == [2, 81]
    assert findings.lines() == [f"{IN_PIECES}: 1 (a)"]


@pytest.mark.parametrize("value", [1, 255])
def test_one_number_only_means_connected_pieces_and_is_said(tmp_path: Path, value: int) -> None:
    for name in "ab":
        picture(tmp_path / "images" / f"{name}.png")
        labels(tmp_path / "masks" / f"{name}.png", (LABELS > 0) * value)
    findings = Findings()
    sample = LabelImages(tmp_path, pieces, findings)[0]
    assert sample.instances.tolist() == [[0, 1, 1, 0], [2, 0, 1, 1], [2, 0, 0, 1]]
    kind = f"label images of one number only ({value}), whose connected pieces become objects"
    assert findings.lines() == [f"{kind}: 2 (all)"]


def test_label_images_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    stack = [Image.fromarray(LABELS.astype(np.uint8))] * 3
    stack[0].save(tmp_path / "stack.tif", save_all=True, append_images=stack[1:])
    Image.fromarray(np.stack([LABELS, LABELS * 2, LABELS], -1).astype(np.uint8)).save(
        tmp_path / "colours.png"
    )
    labels(tmp_path / "half.tif", LABELS / 2, np.float32)
    labels(tmp_path / "below.tif", LABELS - 1, np.int32)
    (tmp_path / "cut.png").write_bytes(b"\x89PNG\r\n")
    for name, part in (
        ("stack.tif", "3 pages"),
        ("colours.png", "colours"),
        ("half.tif", "not whole"),
        ("below.tif", "number -1"),
        ("cut.png", "cut.png"),
    ):
        with pytest.raises(BadInput, match=part):
            read_label_image(tmp_path / name)
    grey = np.stack([LABELS] * 3, -1).astype(np.uint8)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    assert np.array_equal(read_label_image(tmp_path / "grey.png"), LABELS)


def test_labels_of_another_size_are_refused(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.png", (4, 3))
    labels(tmp_path / "masks" / "a.png", LABELS)
    with pytest.raises(BadInput, match="4 x 3 pixels, its picture 3 x 4; .* turned"):
        LabelImages(tmp_path, pieces, Findings())[0]


def test_names_are_the_same_in_any_of_unicode_s_forms(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "caf\u00e9.png")
    labels(tmp_path / "masks" / "cafe\u0301.tif", LABELS)
    assert LabelImages(tmp_path, pieces, Findings()).names == ["caf\u00e9"]


def test_hidden_files_and_other_endings_are_counted(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.png")
    (tmp_path / "images" / "._a.png").write_bytes(b"\0\5\26\7")
    (tmp_path / "images" / "b.raw").write_bytes(b"")
    labels(tmp_path / "masks" / "a.tif", LABELS)
    labels(tmp_path / "masks" / "gone.tif", LABELS)
    (tmp_path / "masks" / "x.tif").symlink_to("nowhere")
    findings = Findings()
    assert LabelImages(tmp_path, pieces, findings).names == ["a"]
    assert findings.lines() == [
        "hidden files passed over in images/: 1 (._a.png)",
        "files and folders passed over in images/: 1 (b.raw)",
        "files and folders passed over in masks/: 1 (x.tif)",
        "absent pictures: 1 (that of gone.tif)",
    ]


def test_a_palette_s_objects_are_the_pieces_of_a_category(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.jpg")
    void = np.zeros((3, 4), bool)
    void[2, 2] = True
    write_label_png(tmp_path / "labels" / "a.png", np.array([[0, 1, 1, 2], [2, 0, 2, 2], [2, 0, 0, 1]]), void)
    findings = Findings()
    folder = PaletteFolder(tmp_path, pieces, findings)
    sample = verify(folder[0], "a", 2)
    assert folder.categories == ("background", "category_1", "category_2")
    assert sample.categories.tolist() == [[0, 1, 1, 2], [2, 0, 2, 2], [2, 0, 255, 1]]
    assert sample.instances.tolist() == [[0, 1, 1, 2], [3, 0, 2, 2], [3, 0, 0, 4]]
    assert findings.count("label images by category, whose connected pieces become objects") == 1
    (tmp_path / "classes.txt").write_text("background\nroof\nroad\n")
    assert PaletteFolder(tmp_path, pieces, Findings()).categories == ("background", "roof", "road")
    (tmp_path / "classes.txt").write_text("roof\n")
    with pytest.raises(BadInput, match="category 2, expected at most 1"):
        PaletteFolder(tmp_path, pieces, Findings())[0]


@pytest.mark.parametrize("name", ["class_names.txt", "labels.txt", "categories.json"])
def test_a_palette_s_names_in_another_file_are_not_passed_over(tmp_path: Path, name: str) -> None:
    picture(tmp_path / "images" / "a.jpg")
    labels(tmp_path / "labels" / "a.png", LABELS > 0)
    (tmp_path / name).write_text("roof\n")
    with pytest.raises(BadInput, match=f"classes.txt: absent, but {name} stands there"):
        PaletteFolder(tmp_path, pieces, Findings())
    (tmp_path / "classes.txt").write_text("roof\n")
    assert PaletteFolder(tmp_path, pieces, Findings()).categories == ("background", "roof")


def test_a_palette_may_have_the_colours_of_its_label_map(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.jpg")
    (tmp_path / "labels").mkdir()
    image = Image.fromarray((LABELS > 0).astype(np.uint8))
    image.putpalette([0, 0, 0, 0, 128, 0])  # 0 128 0 is VOC's colour of 2
    image.save(tmp_path / "labels" / "a.png")
    with pytest.raises(BadInput, match="VOC's colours at other numbers"):
        PaletteFolder(tmp_path, pieces, Findings())
    (tmp_path / "classes.txt").write_text("background:0,0,0::\nroof:0,128,0::\n")
    folder = PaletteFolder(tmp_path, pieces, Findings())
    assert folder.categories == ("background", "roof")
    assert np.array_equal(folder[0].categories, LABELS > 0)


def test_a_palette_of_0_and_255_is_one_category_and_not_void(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.jpg")
    labels(tmp_path / "labels" / "a.png", np.where(LABELS > 0, 255, 0))
    findings = Findings()
    folder = PaletteFolder(tmp_path, pieces, findings)
    assert folder.categories == ("background", "object")
    assert np.array_equal(folder[0].categories, LABELS > 0)
    assert findings.count("label images of 0 and 255 only, where 255 is an object") == 1


def test_a_mask_a_file_is_an_object_a_file(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.png")
    alpha = np.zeros((3, 4, 4), np.uint8)
    alpha[..., 3] = 255
    alpha[2, 0, 0] = 1
    labels(tmp_path / "masks" / "a" / "1.png", LABELS == 1)
    labels(tmp_path / "masks" / "a" / "2.TIF.tif", (LABELS == 5) * 60000, np.uint16)
    labels(tmp_path / "masks" / "a" / "3.PNG", LABELS * 0)
    Image.fromarray(alpha).save(tmp_path / "masks" / "a" / "4.png")
    labels(tmp_path / "masks" / "gone" / "1.png", LABELS)
    picture(tmp_path / "images" / "bare.png")
    findings = Findings()
    folder = MaskFiles(tmp_path, findings)
    sample = verify(folder[0], "a", 1)
    assert sample.instances.tolist() == [[0, 1, 1, 0], [0, 0, 2, 2], [3, 0, 0, 1]]
    assert findings.lines() == [
        "pictures without labels, passed over: 1 (bare.png)",
        "absent pictures: 1 (that of masks/gone)",
        "objects without a pixel of their own: 1 (a)",
    ]
    labels(tmp_path / "masks" / "a" / "5.png", LABELS.T)
    with pytest.raises(BadInput, match=r"5\.png"):
        folder[0]


def test_a_mask_saved_with_losses_is_refused_and_not_taken_for_background(tmp_path: Path) -> None:
    for name in "ab":
        picture(tmp_path / "images" / f"{name}.png")
        labels(tmp_path / "masks" / name / "1.png", (LABELS == 5) * 255)
        (tmp_path / "masks" / name / "notes.txt").write_text("x")
    findings = Findings()
    folder = MaskFiles(tmp_path, findings)
    assert [folder[number].instances.max() for number in (0, 1)] == [1, 1]
    assert findings.lines() == [
        "files and folders passed over in the folders of masks: 2 (a/notes.txt, b/notes.txt)"
    ]
    labels(tmp_path / "masks" / "b" / "2.JPG", (LABELS == 1) * 255)
    assert folder[0].instances.max() == 1
    with pytest.raises(BadInput, match=r"2\.JPG: \.JPG blurs a mask's border, expected PNG or TIFF"):
        folder[1]


@pytest.mark.parametrize("ending", [".bmp", ".PNG", ".tiff", ".gif", ".pgm"])
def test_masks_of_every_ending_that_keeps_numbers_are_objects(tmp_path: Path, ending: str) -> None:
    picture(tmp_path / "images" / "a.png")
    labels(tmp_path / "masks" / "a" / f"1{ending}", (LABELS == 5) * 255)
    (tmp_path / "masks" / "a" / "Thumbs.db").write_bytes(b"")
    (tmp_path / "masks" / "list.txt").write_text("a")
    findings = Findings()
    assert np.array_equal(MaskFiles(tmp_path, findings)[0].instances, LABELS == 5)
    assert findings.lines() == ["files passed over in masks/: 1 (list.txt)"]
