"""What labelme wrote, of any of its versions, is read as it was drawn or refused by name."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bridgeseg.data.findings import Findings
from bridgeseg.data.labelme import LabelmeFolder
from bridgeseg.structures.labels import BadInput, verify

SQUARE = [[1, 1], [4, 1], [4, 3], [1, 3]]


def png(pixels: np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def shape(label: Any, points: Any, kind: str | None = "polygon", **more: Any) -> dict[str, Any]:
    return {"label": label, "points": points, "shape_type": kind, "group_id": None, "flags": {}, **more}


def write(root: Path, name: str, shapes: list, size: tuple[int, int] = (8, 10), **more: Any) -> Path:
    """Write a picture, (height, width), and its JSON; return the JSON."""
    root.mkdir(exist_ok=True, parents=True)
    (root / f"{name}.png").write_bytes(png(np.full((*size, 3), 90, np.uint8)))
    said = {"imagePath": f"{name}.png", "imageData": None, "imageHeight": size[0], "imageWidth": size[1]}
    path = root / f"{name}.json"
    path.write_text(json.dumps({"version": "5.5.0", "flags": {}, "shapes": shapes, **said, **more}))
    return path


def read(root: Path) -> tuple[Any, Findings]:
    findings = Findings()
    folder = LabelmeFolder(root, findings)
    sample = verify(folder[0], "x", len(folder.categories) - 1)
    return (folder, sample), findings


def test_a_mask_whose_pixels_have_changed_is_counted(tmp_path: Path) -> None:
    data = bytearray(png(np.array([[1, 0], [1, 1]], np.uint8) * 255))
    data[data.index(b"IEND") - 5] ^= 1  # in the checksum of the pixels
    damaged = shape("c", [[1, 5], [2, 6]], "mask", mask=base64.b64encode(data).decode())
    write(tmp_path, "one", [shape("b", SQUARE), damaged])
    _, findings = read(tmp_path)
    assert any("checksum does not fit" in line for line in findings.lines())


def test_every_kind_of_area_is_read(tmp_path: Path) -> None:
    mask = np.array([[1, 0], [1, 1]], np.uint8) * 255
    held = base64.b64encode(png(mask)).decode()
    shapes = [
        shape("b", SQUARE),
        shape("a", [[9, 7], [6, 5]], "rectangle"),
        shape("a", [[7, 2], [7, 3.2]], "circle"),
        shape("c", [[1, 5], [2, 6]], "mask", mask=held),
        shape("b", [[0, 0], [1, 0], [1, 1], [0, 1]], "oriented_rectangle"),
        shape("b", [[0, 7], [1, 7], [1, 8], [0, 8]], "rotation", direction=0.0),
    ]
    write(tmp_path, "one", shapes)
    (folder, sample), findings = read(tmp_path)
    assert folder.categories == ("background", "a", "b", "c")  # sorted
    expected = np.zeros((8, 10), int)
    expected[1:3, 1:4] = 1
    expected[5:7, 6:9] = 2
    expected[1:3, 6:8] = 3  # centres within 1.2 of (7, 2)
    expected[5, 1] = expected[6, 1] = expected[6, 2] = 4
    expected[0, 0] = 5
    expected[7, 0] = 6
    assert np.array_equal(sample.instances, expected)
    assert np.array_equal(sample.categories, np.array([0, 2, 1, 1, 3, 2, 2])[expected])
    assert findings.lines() == []


def test_a_mask_that_reaches_beyond_its_picture_is_counted(tmp_path: Path) -> None:
    held = base64.b64encode(png(np.full((4, 4), 255, np.uint8))).decode()
    write(tmp_path, "one", [shape("a", [[x, 6], [x + 3, 9]], "mask", mask=held) for x in (0, 5)])
    (_, sample), findings = read(tmp_path)
    assert (sample.instances > 0).sum() == 16
    assert findings.lines() == ["outlines that reach beyond their picture, cut off there: 2 (one)"]


def test_a_group_is_one_object_of_its_label(tmp_path: Path) -> None:
    parts = [
        [[0, 0], [2, 0], [2, 2], [0, 2]],
        [[5, 0], [7, 0], [7, 2], [5, 2]],
        [[0, 5], [2, 5], [2, 7], [0, 7]],
    ]
    shapes = [
        shape("a", parts[0], group_id=1),
        shape("b", parts[2], group_id=1),
        shape("a", parts[1], group_id=1),
    ]
    write(tmp_path, "one", shapes)
    (_, sample), _ = read(tmp_path)
    assert sample.instances[0, 0] == sample.instances[0, 5] == 1
    assert sample.instances[5, 0] == 2


def test_background_and_ignore_are_no_categories(tmp_path: Path) -> None:
    hole, unknown = [[2, 1], [3, 1], [3, 2], [2, 2]], [[3, 2], [9, 2], [9, 8], [3, 8]]
    write(tmp_path, "one", [shape("a", SQUARE), shape("_background_", hole), shape("__ignore__", unknown)])
    (folder, sample), _ = read(tmp_path)
    assert folder.categories == ("background", "a")
    assert sample.categories[1, 1:4].tolist() == [1, 0, 1]
    assert sample.categories[2, 1:5].tolist() == [1, 1, 255, 255]


def test_old_files_without_types_and_with_numbers_for_labels_are_read(tmp_path: Path) -> None:
    old = {"label": 7, "line_color": None, "points": SQUARE}
    path = write(tmp_path, "one", [old])
    data = json.loads(path.read_text())
    for key in ("imageHeight", "imageWidth", "flags", "version"):
        del data[key]
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps({**data, "imagePath": "C:\\data\\one.png"}).encode())
    (folder, sample), _ = read(tmp_path)
    assert folder.categories == ("background", "7")
    assert (sample.instances == 1).sum() == 6


def test_the_picture_in_the_file_is_the_one_that_was_labelled(tmp_path: Path) -> None:
    held = base64.b64encode(png(np.full((8, 10, 3), 200, np.uint8))).decode()
    path = write(tmp_path, "one", [shape("a", SQUARE)], imageData=held)
    assert LabelmeFolder(tmp_path, Findings())[0].picture.mean() == 200
    (tmp_path / "one.png").unlink()
    assert LabelmeFolder(tmp_path, Findings())[0].picture.mean() == 200
    path.write_text(path.read_text().replace(held, "not base64"))
    with pytest.raises(BadInput, match="imageData"):
        LabelmeFolder(tmp_path, Findings())[0]


def test_a_picture_turned_by_its_exif_is_labelled_as_labelme_shows_it(tmp_path: Path) -> None:
    stored = np.zeros((10, 8, 3), np.uint8)  # ten high as it is stored, eight as it is shown
    exif = Image.Exif()
    exif[0x0112] = 6
    path = write(tmp_path, "one", [shape("a", SQUARE)], imagePath="one.jpg")
    (tmp_path / "one.png").unlink()
    (tmp_path / "one.jpg").write_bytes(png(stored, "JPEG", exif=exif))
    assert LabelmeFolder(tmp_path, Findings())[0].picture.shape == (8, 10, 3)
    # A version before 2019 showed it lying: where its labels are nobody knows any more.
    path.write_text(
        path.read_text().replace('"imageHeight": 8', '"imageHeight": 10').replace(": 10}", ": 8}")
    )
    with pytest.raises(BadInput, match="8 x 10 pixels, its picture 10 x 8; .* EXIF"):
        LabelmeFolder(tmp_path, Findings())[0]


def test_what_has_no_area_or_makes_no_sense_is_counted(tmp_path: Path) -> None:
    shapes: list[Any] = [
        shape("a", SQUARE),
        shape("a", [[1, 1], [2, 2]], "line"),
        shape("a", [[1, 1]], "point"),
        shape("a", [[1, float("nan")], [2, 2], [3, 3]]),
        shape("a", [[1, 1], [2, 2]]),
        shape("a", SQUARE, "cuboid"),
        shape("a", [[1, 1], [2, 2]], "mask", mask="AAAA"),
        shape("", SQUARE),
        "no shape",
        shape("a", [[-90, 5], [99, 5], [99, 7], [-90, 7]]),
        shape("tiny", [[5.6, 0.6], [5.9, 0.6], [5.9, 0.9]]),
    ]
    write(tmp_path, "one", shapes)
    (_, sample), findings = read(tmp_path)
    assert sample.instances.max() == 2
    assert (sample.instances[5:7] == 2).all()
    counts = {line.split(": ")[0]: line.split(": ")[1].split()[0] for line in findings.lines()}
    assert counts == {
        "shapes without an area (line)": "1",
        "shapes without an area (point)": "1",
        "shapes that cannot be read": "6",
        "outlines that reach beyond their picture, cut off there": "1",
        "objects without a pixel of their own": "1",
    }


def test_files_that_cannot_be_used_are_named_and_the_others_read(tmp_path: Path) -> None:
    write(tmp_path, "good", [shape("a", SQUARE)])
    write(tmp_path, "gone", [shape("a", SQUARE)])
    (tmp_path / "gone.png").unlink()
    (tmp_path / "cut.json").write_text('{"shapes": [')
    (tmp_path / "deep.json").write_text("[" * 200_000)
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "other.json").write_text("{}")
    (tmp_path / "._good.json").write_bytes(b"\0\5\26\7")
    (tmp_path / "alone.png").write_bytes((tmp_path / "good.png").read_bytes())
    (folder, _), findings = read(tmp_path)
    assert folder.names == ["good"]
    said = "\n".join(findings.lines())
    for part in ("cut.json", "deep.json", "list.json", "gone.png", "other.json", "alone.png"):
        assert part in said
    assert findings.count("pictures that cannot be used") == 4


def test_sub_folders_and_pictures_in_another_folder_are_found(tmp_path: Path) -> None:
    for day in ("mon", "tue"):
        write(tmp_path / day, "a", [shape("x", SQUARE)])
    path = write(tmp_path / "mon", "b", [shape("x", SQUARE)], imagePath="..\\pictures\\b.PNG")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "mon" / "b.png").rename(tmp_path / "pictures" / "b.PNG")
    findings = Findings()
    folder = LabelmeFolder(tmp_path, findings)
    assert folder.names == ["mon_a", "b", "tue_a"]
    assert [folder[number].instances.max() for number in range(3)] == [1, 1, 1]
    assert findings.lines() == []
    path.write_text(path.read_text().replace("b.PNG", "B.png"))  # another computer did not mind
    assert LabelmeFolder(tmp_path, Findings())[1].instances.max() == 1


def greys(root: Path, **grey: int) -> None:
    """Let pictures NAME.png be of one grey, by which to know them."""
    for name, value in grey.items():
        (root / f"{name}.png").write_bytes(png(np.full((8, 10, 3), value, np.uint8)))


def test_a_copied_file_gets_the_picture_of_its_own_name_and_is_named(tmp_path: Path) -> None:
    for name in "bca":
        write(tmp_path, name, [shape("x", SQUARE)], imagePath="b.png")
    greys(tmp_path, a=10, b=20, d=40)
    (tmp_path / "c.png").unlink()
    findings = Findings()
    folder = LabelmeFolder(tmp_path, findings)
    assert {name: folder[index].picture.max() for index, name in enumerate(folder.names)} == {
        "a": 10,
        "b": 20,
    }
    assert findings.lines() == [
        "files that name the picture of another one, read with that of their own name: 1 (a.json: a.png, not b.png)",
        "pictures that cannot be used: 1 (c.json: its picture b.png has the labels of b.json)",
        "pictures without labels, passed over: 1 (d.png)",
    ]


def test_a_copied_file_that_holds_a_picture_does_not_label_the_one_beside_it(tmp_path: Path) -> None:
    held = base64.b64encode(png(np.full((8, 10, 3), 10, np.uint8))).decode()
    for name in "ab":
        write(tmp_path, name, [shape("x", SQUARE)], imagePath="a.png", imageData=held)
    findings = Findings()
    folder = LabelmeFolder(tmp_path, findings)
    assert [folder[index].picture.max() for index in (0, 1)] == [10, 10]
    assert findings.lines() == [
        "files that hold the picture of another one: 1 (b.json: a.png)",
        "pictures without labels, passed over: 1 (b.png)",
    ]


def test_the_path_in_a_file_counts_before_a_picture_of_that_name_beside_it(tmp_path: Path) -> None:
    path = write(tmp_path / "ann", "x", [shape("x", SQUARE)], imagePath="../images/x.png")
    (tmp_path / "images").mkdir()
    greys(tmp_path / "images", x=70)
    findings = Findings()
    folder = LabelmeFolder(tmp_path, findings)
    assert folder[0].picture.max() == 70
    assert findings.lines() == ["pictures without labels, passed over: 1 (x.png)"]
    # A path from a root is of the computer that labelled: the folder may have been copied since.
    path.write_text(path.read_text().replace("../images", (tmp_path / "images").as_posix()))
    assert LabelmeFolder(tmp_path, Findings())[0].picture.max() == 90


def test_names_in_other_letters_are_two_pictures_where_both_are_there(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path, name, [shape("x", SQUARE)], imagePath="A.png" if name == "one" else "a.png")
        (tmp_path / f"{name}.png").unlink()
    greys(tmp_path, A=10, a=20)
    if len(list(tmp_path.glob("*.png"))) < 2:
        pytest.skip("this file system takes both for one")
    folder = LabelmeFolder(tmp_path, Findings())
    assert [folder[index].picture.max() for index in (0, 1)] == [10, 20]


def test_nothing_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no labelme file"):
        LabelmeFolder(tmp_path, Findings())
    write(tmp_path, "one", [shape("a", SQUARE, "linestrip"), shape("_background_", SQUARE)])
    with pytest.raises(
        BadInput, match=r"no label of a shape with an area \(.* linestrip, polygon\), expected"
    ):
        LabelmeFolder(tmp_path, Findings())


def test_pictures_in_a_folder_of_their_own_are_found_by_their_names(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / "labels", name, [shape("x", SQUARE)], imagePath=f"C:\\moved\\{name}.png")
    (tmp_path / "images").mkdir()
    for name, ending in (("a", "PNG"), ("b", "tif")):
        place = tmp_path / "images" / f"{name}.{ending}"
        place.write_bytes((tmp_path / "labels" / f"{name}.png").read_bytes())
    (tmp_path / "labels" / "b.png").unlink()
    # A picture beside the files says that pictures stand there: that of b is absent.
    findings = Findings()
    assert LabelmeFolder(tmp_path, findings).names == ["a"]
    assert findings.count("pictures that cannot be used") == 1
    (tmp_path / "labels" / "a.png").unlink()
    findings = Findings()
    folder = LabelmeFolder(tmp_path, findings)
    assert [folder[number].instances.max() for number in range(2)] == [1, 1]
    assert findings.lines() == ["pictures found in another folder than their file says: 2 (a.PNG, b.tif)"]
    # Of two pictures of one name it may be either.
    (tmp_path / "more").mkdir()
    (tmp_path / "images" / "b.tif").rename(tmp_path / "images" / "b.png")
    (tmp_path / "more" / "b.png").write_bytes(b"")
    assert LabelmeFolder(tmp_path, Findings()).names == ["a"]


def test_joined_shapes_are_counted_and_a_blank_group_is_none(tmp_path: Path) -> None:
    other = [[6, 5], [9, 5], [9, 7], [6, 7]]
    for group, objects in ((0, 1), ("", 2), (None, 2)):
        write(tmp_path, "one", [shape("a", SQUARE, group_id=group), shape("a", other, group_id=group)])
        (_, sample), findings = read(tmp_path)
        assert sample.instances.max() == objects
        assert findings.count("shapes joined by their group_id to an earlier one") == 2 - objects


def test_labels_that_number_objects_or_differ_in_capitals_are_named(tmp_path: Path) -> None:
    labels = ("cow-1", "cow-2", "cow", "Tree", "tree", "7", "8", "dog")
    write(tmp_path, "one", [shape(label, SQUARE) for label in labels])
    findings = Findings()
    assert len(LabelmeFolder(tmp_path, findings).categories) == 9
    kind = "labels alike but for a number or capitals, each a category of its own"
    assert findings.lines() == [f"{kind}: 5 (Tree and tree, cow and cow-1 and cow-2)"]


@pytest.mark.parametrize(
    "said",
    [{"imageHeight": "8", "imageWidth": 10.0}, {"imageHeight": 0, "imageWidth": 0}, {"imageWidth": None}],
)
def test_a_size_may_be_text_or_unknown(tmp_path: Path, said: dict[str, Any]) -> None:
    write(tmp_path, "one", [shape("a", SQUARE)], **said)
    assert read(tmp_path)[0][1].instances.max() == 1


def test_a_file_in_another_encoding_says_so(tmp_path: Path) -> None:
    path = write(tmp_path, "one", [shape("x", SQUARE)])
    path.write_bytes(path.read_text().replace('"x"', '"细胞"').encode("gb18030"))
    findings = Findings()
    with pytest.raises(BadInput, match="no labelme file"):
        LabelmeFolder(tmp_path, findings)
    assert "one.json: is not text in UTF-8, expected it saved as such" in findings.lines()[0]
