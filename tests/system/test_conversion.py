"""A folder of any known layout becomes one of VOC's layout with the same labels, or says why not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bridgeseg import data_commands
from bridgeseg.commands import main
from bridgeseg.data.coco_export import export_coco
from bridgeseg.data.endings import plain_names
from bridgeseg.data.findings import Findings
from bridgeseg.data.label_png import write_label_png
from bridgeseg.data.scenes import Scenes
from bridgeseg.data.splits import divide
from bridgeseg.data.voc import VocFolder
from bridgeseg.data.voc_lists import read_list
from bridgeseg.structures.labels import BadInput, Sample
from bridgeseg.system import conversion
from bridgeseg.system.conversion import convert, recognise

LABELS = np.array([[0, 1, 1, 0], [2, 0, 3, 3], [2, 0, 0, 0]], np.uint8)


def image(path: Path, values: np.ndarray | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((3, 4, 3), 90, np.uint8) if values is None else values).save(path)


def stardist(root: Path, names: str = "ab") -> Path:
    for name in names:
        image(root / "images" / f"{name}.tif")
        image(root / "masks" / f"{name}.tif", LABELS)
    return root


def labelme(root: Path, names: str = "ab") -> Path:
    for name in names:
        image(root / f"{name}.png")
        shape = {"label": "x", "points": [[0, 0], [2, 0], [2, 2], [0, 2]], "shape_type": "rectangle"}
        shape["points"] = [[0, 0], [2, 2]]
        data = {"imagePath": f"{name}.png", "imageData": None, "shapes": [shape]}
        (root / f"{name}.json").write_text(json.dumps(data))
    return root


def masks(root: Path) -> Path:
    for name in "ab":
        image(root / "images" / f"{name}.png")
        for number in (1, 2, 3):
            image(root / "masks" / name / f"{number}.png", (LABELS == number).astype(np.uint8) * 255)
    return root


def palette(root: Path) -> Path:
    for name in "ab":
        image(root / "images" / f"{name}.jpg")
        write_label_png(root / "labels" / f"{name}.png", LABELS)
    return root


def cellpose(root: Path) -> Path:
    for name in "ab":
        image(root / f"{name}.png")
        image(root / f"{name}_masks.tif", LABELS)
    return root


def coco(root: Path) -> Path:
    export_coco(Scenes("val", size=32, count=2), root, "val")
    return root


MAKERS = {
    "labelme": labelme,
    "masks": masks,
    "palette": palette,
    "labels": stardist,
    "labels, beside": cellpose,
    "coco": coco,
}


@pytest.mark.parametrize("name", MAKERS)
def test_every_layout_is_recognised_and_opens_as_voc(name: str, tmp_path: Path) -> None:
    source = MAKERS[name](tmp_path / "from")
    before = {path: path.read_bytes() for path in source.rglob("*") if path.is_file()}
    kind = name.split(",")[0]
    assert recognise(source) == kind
    done = convert(source, tmp_path / "to", Findings())
    assert done.kind == kind
    assert len(VocFolder(tmp_path / "to", "train")) == len(VocFolder(tmp_path / "to", "val")) == 1
    assert {path: path.read_bytes() for path in source.rglob("*") if path.is_file()} == before
    found = [VocFolder(tmp_path / "to", split)[0] for split in ("train", "val")]
    objects = [len(np.unique(sample.instances)) - 1 for sample in found]
    assert done.objects.total() == sum(objects) > 0
    assert done.smallest[0] == min(np.unique(one.instances, return_counts=True)[1][1:].min() for one in found)


def test_two_layouts_in_one_folder_are_one_error_that_says_which(tmp_path: Path) -> None:
    labelme(masks(tmp_path))
    with pytest.raises(BadInput, match="may be labelme or masks, expected --format"):
        recognise(tmp_path)
    assert convert(tmp_path, tmp_path.parent / "to", Findings(), kind="masks").kind == "masks"
    shutil.rmtree(tmp_path.parent / "to")


def test_several_files_of_coco_are_one_error_and_one_may_be_named(tmp_path: Path) -> None:
    coco(tmp_path / "from")
    export_coco(Scenes("train", size=32, count=2), tmp_path / "from", "train")
    with pytest.raises(
        BadInput, match=r"2 JSON files \(instances_train.json, instances_val.json\), expected one"
    ):
        convert(tmp_path / "from", tmp_path / "to", Findings())
    done = convert(tmp_path / "from" / "instances_train.json", tmp_path / "to", Findings())
    assert set(done.train + done.val) == set(Scenes("train", size=32, count=2).names)


def test_a_folder_of_no_known_layout_is_an_error(tmp_path: Path) -> None:
    image(tmp_path / "a.png")
    for source in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(BadInput, match="expected NAME.json beside"):
            convert(source, tmp_path.parent / "to", Findings())


def test_what_was_there_before_is_refused_and_stays(tmp_path: Path) -> None:
    source, out = stardist(tmp_path / "from"), tmp_path / "to"
    for place in (source, source / "to", source / "images"):
        with pytest.raises(BadInput, match="never changed"):
            convert(source, place, Findings())
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(BadInput, match="not empty"):
        convert(source, out, Findings())
    assert [path.name for path in out.iterdir()] == ["thesis.txt"]
    convert(source, tmp_path / "two", Findings())
    with pytest.raises(BadInput, match="not made from"):
        convert(masks(tmp_path / "others"), tmp_path / "two", Findings())
    convert(source, tmp_path / "two", Findings())  # the same again is fine


def test_a_conversion_cut_short_has_no_list_and_can_be_done_again(tmp_path: Path, monkeypatch: Any) -> None:
    source, out = stardist(tmp_path / "from", "abcd"), tmp_path / "to"
    write, done = conversion.write_sample, []

    def stopping(sample: Sample, folder: Path) -> None:
        if len(done) % 4 == 2:
            raise KeyboardInterrupt
        done.append(write(sample, folder))

    for _ in range(2):  # the first time, and over one that was finished
        monkeypatch.setattr(conversion, "write_sample", stopping)
        with pytest.raises(KeyboardInterrupt):
            convert(source, out, Findings())
        assert not list(out.rglob("train.txt")) + list(out.rglob("val.txt"))
        monkeypatch.undo()
        convert(source, out, Findings())
        assert len(read_list(out, "train")) + len(read_list(out, "val")) == 4


def test_pictures_that_cannot_be_used_are_named_and_nothing_at_all_is_an_error(tmp_path: Path) -> None:
    source = stardist(tmp_path / "from", "abc")
    (source / "images" / "b.tif").write_bytes(b"II*\0")
    findings = Findings()
    done = convert(source, tmp_path / "to", findings)
    assert sorted(done.train + done.val) == ["a", "c"]
    assert "pictures that cannot be used: 1 (b: " in findings.lines()[0]
    for name in "ac":
        (source / "images" / f"{name}.tif").write_bytes(b"")
    with pytest.raises(BadInput, match=r"none of 3 pictures can be used; the first, a: .*is empty"):
        convert(source, tmp_path / "three", Findings())
    assert not list((tmp_path / "three").rglob("*.txt"))


def test_a_picture_too_long_for_a_jpeg_is_counted_and_the_others_are_written(tmp_path: Path) -> None:
    source = stardist(tmp_path / "from")
    image(source / "images" / "long.png", np.zeros((2, 65501, 3), np.uint8))
    image(source / "masks" / "long.tif", np.ones((2, 65501), np.uint8))
    findings = Findings()
    done = convert(source, tmp_path / "to", findings)
    assert sorted(done.train + done.val) == ["a", "b"]
    (line,) = findings.lines()
    assert line.startswith("pictures that cannot be used: 1 (long: ")
    assert "65501 x 2 pixels, expected at most 65500 on a side of a JPEG" in line
    assert not list((tmp_path / "to").rglob("long.*"))


def test_labels_of_any_look_open_again_or_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    for number, label in enumerate(("[other]", "{a}", "#1", "1: cell", "HeLa:2", "# no name")):
        source, out = labelme(tmp_path / f"{number}"), tmp_path / f"{number} to"
        for path in source.glob("*.json"):
            path.write_text(path.read_text().replace('"x"', f'"{label}"'))
        if label == "# no name":
            with pytest.raises(
                BadInput, match=r"classes\.txt: '# no name', expected names of categories alone"
            ):
                convert(source, out, Findings())
            assert not out.exists()
        else:
            convert(source, out, Findings())
            assert VocFolder(out, "train").categories == ("background", label)


def test_a_set_without_an_object_is_an_error(tmp_path: Path) -> None:
    source = stardist(tmp_path / "from")
    for name in "ab":
        image(source / "masks" / f"{name}.tif", LABELS * 0)
    with pytest.raises(BadInput, match="no object in any of 2 pictures"):
        convert(source, tmp_path / "to", Findings())


def test_one_more_picture_moves_no_other() -> None:
    names = [f"picture {number}" for number in range(60)]
    train, val = divide(names, 0.3)
    assert set(train) | set(val) == set(names)
    assert 8 < len(val) < 28
    more_train, more_val = divide(["first", *names, "last"], 0.3)
    assert set(train) < set(more_train) | {"first", "last"}
    assert set(val) <= set(more_val)
    assert divide(names, 0.3, seed=1) != (train, val)
    assert divide(names[::-1], 0.3)[1] == val[::-1]


@pytest.mark.parametrize("share", [1e-9, 0.2, 0.5, 1 - 1e-9])
def test_each_part_has_a_picture_where_there_are_two(share: float) -> None:
    for count in range(1, 9):
        train, val = divide([f"{number}" for number in range(count)], share)
        assert len(train) >= 1
        assert bool(val) == (count > 1)


@pytest.mark.parametrize("share", [1e-9, 0.2, 0.5, 1 - 1e-9])
def test_train_has_an_object_and_val_too_where_two_pictures_have_one(share: float) -> None:
    names = [f"{number}" for number in range(7)]
    for first in range(7):
        for second in range(first, 7):
            held = {names[first], names[second]}
            train, val = divide(names, share, held=held)
            assert held & {*train}
            assert bool(held & {*val}) == (len(held) == 2)
            assert val
            assert sorted(train + val) == names


def test_the_only_picture_with_an_object_is_in_train_and_the_table_is_printed(
    tmp_path: Path, capsys: Any
) -> None:
    for only in "ab":
        source = stardist(tmp_path / only)
        for name in {*"ab"} - {only}:
            image(source / "masks" / f"{name}.tif", LABELS * 0)
        assert main(["convert", str(source), str(tmp_path / f"{only} to")]) == 0
        assert read_list(tmp_path / f"{only} to", "train") == [only]
        assert "object           3 in 1 pictures" in capsys.readouterr().out


def test_the_table_is_printed_before_the_sheet_is_drawn(
    tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(data_commands, "draw_look", full)
    assert main(["convert", str(stardist(tmp_path / "from")), str(tmp_path / "to")]) == 1
    said = capsys.readouterr()
    assert "object           6 in 2 pictures" in said.out
    assert "No space left on device" in said.err


def test_names_fit_into_a_list(tmp_path: Path) -> None:
    assert plain_names(["a\nb.jpg", " c .png", "d/e.jpg", "f/e.jpg"]) == ["a_b", "c", "d_e", "f_e"]
    with pytest.raises(BadInput, match="would be called"):
        plain_names(["a_b.jpg", "a/b.png", "c/b.png"])
    for name in ("two words", "tab\there", "caf\u00e9"):
        image(tmp_path / "from" / "images" / f"{name}.tif")
        image(tmp_path / "from" / "masks" / f"{name}.tif", LABELS)
    convert(tmp_path / "from", tmp_path / "to", Findings(), share=0.5)
    names = [name for split in ("train", "val") for name in VocFolder(tmp_path / "to", split).names]
    assert sorted(names) == ["caf\u00e9", "tab_here", "two words"]


# The verb


def test_convert_says_what_it_did(tmp_path: Path, capsys: Any) -> None:
    source = stardist(tmp_path / "from", "abc")
    image(source / "images" / "alone.png")
    assert main(["convert", str(source), str(tmp_path / "to"), "--val", "0.5", "--seed", "3"]) == 0
    said = capsys.readouterr()
    assert said.err == "bridgeseg: warning: pictures without labels, passed over: 1 (alone.png)\n"
    assert "object           9 in 3 pictures" in said.out
    assert "smallest object  2 pixels" in said.out
    with Image.open(tmp_path / "to" / "sheet.png") as sheet:
        assert min(sheet.size) > 200


@pytest.mark.parametrize("value", ["0", "1", "-1", "nan", "some"])
def test_a_share_that_is_none_is_refused(value: str, capsys: Any) -> None:
    with pytest.raises(SystemExit):
        main(["convert", "x", "y", "--val", value])
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_convert_refuses_in_one_line(tmp_path: Path, capsys: Any) -> None:
    assert main(["convert", str(tmp_path / "nowhere"), str(tmp_path / "to")]) == 1
    assert main(["convert", str(stardist(tmp_path / "from")), str(tmp_path / "from" / "to")]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("bridgeseg: error: ") for line in lines)


def test_export_writes_coco_too(tmp_path: Path) -> None:
    given = ["export", "--data", "scenes", "--count", "1", "--size", "32", "--out", str(tmp_path)]
    assert main([*given, "--format", "coco"]) == 0
    assert (tmp_path / "instances_val.json").is_file()
    assert not (tmp_path / "JPEGImages").exists()


def test_pages_that_are_left_out_are_counted(tmp_path: Path, capsys: Any) -> None:
    source = stardist(tmp_path / "from", "ab")
    stack = [Image.new("L", (4, 3), value) for value in (90, 91, 92)]
    stack[0].save(source / "images" / "a.tif", save_all=True, append_images=stack[1:])
    assert main(["convert", str(source), str(tmp_path / "to")]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert "pictures that were not read whole: 1 (" in line
    assert "a.tif: 3 pages, the first was read; 2 left out" in line
