"""The nuclei reader: what it reads is what was written, and bad folders are named."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bridgeseg.data.nuclei import NucleiFolder
from bridgeseg.data.splits import set_aside
from bridgeseg.structures.labels import BadInput, verify


def write(root: Path, name: str, masks: list[np.ndarray], size: tuple[int, int] = (20, 30)) -> None:
    (root / name / "images").mkdir(parents=True)
    (root / name / "masks").mkdir()
    picture = np.random.default_rng(len(name)).integers(0, 256, (*size, 4), np.uint8)
    picture[..., 3] = 255
    Image.fromarray(picture).save(root / name / "images" / f"{name}.png")
    for number, mask in enumerate(masks):
        Image.fromarray(mask).save(root / name / "masks" / f"{number:02}.png")


def disc(y: int, x: int, radius: int, value: int = 255, size: tuple[int, int] = (20, 30)) -> np.ndarray:
    rows, columns = np.ogrid[: size[0], : size[1]]
    return np.where((rows - y) ** 2 + (columns - x) ** 2 <= radius**2, value, 0).astype(np.uint8)


def test_reads_what_was_written(tmp_path: Path) -> None:
    masks = [disc(4, 4, 3), disc(10, 12, 4, value=1), disc(15, 27, 5), np.zeros((20, 30), np.uint8)]
    write(tmp_path, "a", [*masks, disc(0, 29, 0)])
    sample = verify(NucleiFolder(tmp_path, "all")[0], "a", count=1)
    expected = np.zeros((20, 30), np.int32)
    for number, mask in enumerate(masks[:3], 1):
        expected[mask > 0] = number
    expected[0, 29] = 4  # the empty mask before it leaves no gap
    np.testing.assert_array_equal(sample.instances, expected)
    np.testing.assert_array_equal(sample.categories, expected > 0)
    with Image.open(tmp_path / "a" / "images" / "a.png") as picture:
        np.testing.assert_array_equal(sample.picture, np.asarray(picture)[..., :3])
    assert sample.name == "a"
    assert NucleiFolder(tmp_path, "all").categories == ("background", "nucleus")


def test_overlap_belongs_to_the_first_file_and_a_hidden_mask_leaves_no_gap(tmp_path: Path) -> None:
    write(tmp_path, "a", [disc(10, 10, 5), disc(10, 10, 2), disc(10, 14, 5)])
    instances = NucleiFolder(tmp_path, "all")[0].instances
    expected = np.where(disc(10, 10, 5) > 0, 1, np.where(disc(10, 14, 5) > 0, 2, 0))
    np.testing.assert_array_equal(instances, expected)


@pytest.mark.parametrize("kind", ["1", "L", "P", "RGB", "RGBA", "I;16"])
def test_any_kind_of_png_will_do_as_a_mask(tmp_path: Path, kind: str) -> None:
    inside = disc(10, 12, 4) > 0
    write(tmp_path, "a", [])
    if kind == "I;16":
        image = Image.fromarray(inside.astype(np.uint16))  # 1 of 65535 counts as inside
    elif kind == "P":
        image = Image.fromarray(inside.astype(np.uint8))
        image.putpalette([255, 255, 255, 0, 0, 0])  # numbers count, not colours
    else:
        image = Image.fromarray(inside.astype(np.uint8) * 255).convert(kind)
    image.save(tmp_path / "a" / "masks" / "m.png")
    np.testing.assert_array_equal(NucleiFolder(tmp_path, "all")[0].instances, inside)


def test_a_picture_without_nuclei(tmp_path: Path) -> None:
    write(tmp_path, "a", [])
    sample = NucleiFolder(tmp_path, "all")[0]
    assert not sample.instances.any()
    assert not sample.categories.any()


def test_train_and_val_make_up_all(tmp_path: Path) -> None:
    for number in range(12):
        write(tmp_path, str(number), [])
    train, val = NucleiFolder(tmp_path), NucleiFolder(tmp_path, "val")
    assert sorted(train.names + val.names) == NucleiFolder(tmp_path, "all").names
    assert all(map(set_aside, val.names))
    assert not any(map(set_aside, train.names))
    assert [sample.name for sample in map(train.__getitem__, range(len(train)))] == train.names


def test_the_parent_of_stage1_train_will_do(tmp_path: Path) -> None:
    write(tmp_path / "stage1_train", "a", [])
    (tmp_path / "stage1_train" / ".hidden").mkdir()
    assert (
        NucleiFolder(tmp_path, "all").names == NucleiFolder(tmp_path / "stage1_train", "all").names == ["a"]
    )


def test_bad_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"absent: No such file.*expected a folder"):
        NucleiFolder(tmp_path / "absent")
    (tmp_path / "other").mkdir()
    with pytest.raises(BadInput, match="no picture found, expected <id>/images"):
        NucleiFolder(tmp_path)
    with pytest.raises(BadInput, match="split: 'test'"):
        NucleiFolder(tmp_path, "test")  # type: ignore[arg-type]
    write(tmp_path / "few", "a", [])
    name = "val" if not set_aside("a") else "train"
    with pytest.raises(BadInput, match=f"few: no picture in split {name}"):
        NucleiFolder(tmp_path / "few", name)  # type: ignore[arg-type]
    write(tmp_path / "few", "b", [])
    (tmp_path / "few" / "b" / "images" / "b.png").rename(tmp_path / "few" / "b" / "images" / "c.png")
    with pytest.raises(BadInput, match=r"b.images.b\.png: missing"):
        NucleiFolder(tmp_path / "few")
    write(tmp_path / "bare", "a", [])
    (tmp_path / "bare" / "a" / "masks").rmdir()
    with pytest.raises(BadInput, match=r"a.masks: missing"):
        NucleiFolder(tmp_path / "bare")


def test_bad_masks_are_named(tmp_path: Path) -> None:
    write(tmp_path, "a", [disc(4, 4, 3)])
    path = tmp_path / "a" / "masks" / "00.png"
    whole = path.read_bytes()
    for data in (whole[: len(whole) // 2], b"not a picture", b"", whole[:20]):
        path.write_bytes(data)
        with pytest.raises(BadInput, match=r"00\.png: broken or not a PNG"):
            NucleiFolder(tmp_path, "all")[0]
    Image.fromarray(disc(4, 4, 3, size=(30, 20))).save(path)
    with pytest.raises(BadInput, match=r"00\.png: 20 x 30 pixels, its picture 30 x 20"):
        NucleiFolder(tmp_path, "all")[0]
    path.unlink()
    path.mkdir()
    with pytest.raises(BadInput, match=r"00\.png: Is a directory"):
        NucleiFolder(tmp_path, "all")[0]


@pytest.mark.parametrize("ending", [".PNG", ".tif", ".TIFF", ".bmp", ".Png", ".gif"])
def test_masks_of_every_ending_are_masks(tmp_path: Path, ending: str) -> None:
    masks = [disc(4, 4, 3), disc(10, 12, 4), disc(15, 27, 5)]
    write(tmp_path, "a", masks)
    expected = NucleiFolder(tmp_path, "all")[0].instances
    for number, mask in enumerate(masks[1:], 1):
        (tmp_path / "a" / "masks" / f"{number:02}.png").unlink()
        Image.fromarray(mask).save(tmp_path / "a" / "masks" / f"{number:02}{ending}")
    np.testing.assert_array_equal(NucleiFolder(tmp_path, "all")[0].instances, expected)


def test_a_mask_of_16_bits_in_a_tiff(tmp_path: Path) -> None:
    write(tmp_path, "a", [])
    Image.fromarray(disc(4, 4, 3, value=1).astype(np.uint16)).save(tmp_path / "a" / "masks" / "m.tif")
    np.testing.assert_array_equal(NucleiFolder(tmp_path, "all")[0].instances, disc(4, 4, 3, value=1))


def test_hidden_files_never_stop_a_set_and_others_are_named(tmp_path: Path) -> None:
    write(tmp_path, "a", [disc(4, 4, 3)])
    for name in ("._00.png", ".DS_Store", "Thumbs.db", "notes.txt"):
        (tmp_path / "a" / "masks" / name).write_bytes(b"no mask")
    write(tmp_path, "_old", [])
    said: list[str] = []
    assert NucleiFolder(tmp_path, "all", said.append)[0].instances.max() == 1
    assert said == [
        f"{tmp_path}: not read: 1 folder (_old), whose names begin with _",
        f"{tmp_path}: not read as masks: 1 file (a/masks/notes.txt)",
    ]


def test_masks_that_cannot_be_believed_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "a", [disc(4, 4, 3)])
    masks = tmp_path / "a" / "masks"
    Image.fromarray(disc(4, 4, 3)).save(masks / "z.jpg")
    with pytest.raises(BadInput, match=r"z\.jpg: \.jpg blurs a mask's border"):
        NucleiFolder(tmp_path, "all")[0]
    (masks / "z.jpg").unlink()
    pages = [Image.fromarray(disc(4, 4, 3))] * 2
    pages[0].save(masks / "z.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(BadInput, match=r"z\.tif: 2 pages"):
        NucleiFolder(tmp_path, "all")[0]
    (masks / "z.tif").unlink()
    (masks / "z.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(BadInput, match=r"z\.png: No such file"):
        NucleiFolder(tmp_path, "all")[0]


def three() -> np.ndarray:
    """A label image of three nuclei."""
    return disc(5, 5, 4, 1) + disc(14, 14, 4, 2) + disc(5, 24, 4, 3)


@pytest.mark.parametrize("kind", ["grey", "16 bits", "gaps", "small", "palette", "RGB", "tif"])
def test_a_label_image_is_no_mask_of_one_nucleus(tmp_path: Path, kind: str) -> None:
    write(tmp_path, "a", [])
    numbers = three() * (60 if kind == "gaps" else 1)
    if kind == "small":
        numbers = disc(5, 5, 1, 2) + disc(14, 14, 2, 40) + disc(5, 24, 1, 90)
    image = Image.fromarray(numbers.astype(np.uint16) if kind == "16 bits" else numbers)
    if kind in ("palette", "RGB"):
        image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0])
    path = tmp_path / "a" / "masks" / ("m.tif" if kind == "tif" else "m.png")
    (image.convert("RGB") if kind == "RGB" else image).save(path)
    with pytest.raises(
        BadInput, match=r"m\.\w+: 3 numbers or colours beside 0, expected a mask of one object"
    ):
        NucleiFolder(tmp_path, "all")[0]


def test_what_softens_or_surrounds_a_mask_is_outside(tmp_path: Path) -> None:
    sharp = disc(10, 12, 6)
    soft = np.maximum(sharp, np.where(disc(10, 12, 7) > 0, 40 + np.arange(30), 0)).astype(np.uint8)
    write(tmp_path, "a", [soft])
    np.testing.assert_array_equal(NucleiFolder(tmp_path, "all")[0].instances, sharp > 0)


def test_a_mask_that_is_turned_round_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "a", [255 - disc(10, 12, 6)])
    with pytest.raises(BadInput, match=r"00\.png: all four corners of the picture belong to it"):
        NucleiFolder(tmp_path, "all")[0]
    image = Image.fromarray((disc(10, 12, 6) == 0).astype(np.uint8))
    image.putpalette([255, 255, 255, 0, 0, 0])  # and one that only looks so is refused by its palette
    image.save(tmp_path / "a" / "masks" / "00.png")
    with pytest.raises(BadInput, match=r"00\.png: its palette has black at number 1"):
        NucleiFolder(tmp_path, "all")[0]
    bar = np.zeros((20, 30), np.uint8)
    bar[:, 10:20] = 255  # from edge to edge, and no corner
    Image.fromarray(bar).save(tmp_path / "a" / "masks" / "00.png")
    assert NucleiFolder(tmp_path, "all")[0].instances.max() == 1


def test_masks_that_are_left_out_are_counted(tmp_path: Path) -> None:
    for name in "abcde":
        write(
            tmp_path, name, [disc(10, 10, 5), disc(10, 10, 2), np.zeros((20, 30), np.uint8), disc(3, 25, 2)]
        )
    said: list[str] = []
    folder = NucleiFolder(tmp_path, "all", said.append)
    assert [int(folder[index].instances.max()) for index in [*range(5), 0]] == [2] * 6
    left = "2 masks (01.png, 02.png) empty or wholly under others, left out; 2 remain"
    assert said == [f"{tmp_path / name}: {left}" for name in "abc"] + [
        f"{tmp_path}: such masks are in further pictures too"
    ]


def test_what_stands_in_a_folder_and_is_not_read_is_said(tmp_path: Path) -> None:
    for name in "abc":
        write(tmp_path, name, [disc(4, 4, 3)])
    (tmp_path / "d").symlink_to(tmp_path / "nowhere")
    said: list[str] = []
    NucleiFolder(tmp_path, "all", said.append)
    assert said[0] == f"{tmp_path}: not read: 1 link that leads nowhere (d)"
    assert len(said) == 2
    assert "at most one mask in each of the 3 pictures, expected one a nucleus" in said[1]


def test_pictures_beside_label_images_are_left_to_convert(tmp_path: Path) -> None:
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    with pytest.raises(BadInput, match="images and masks side by side.*convert"):
        NucleiFolder(tmp_path, "all")


def test_a_set_without_masks_is_said(tmp_path: Path) -> None:
    write(tmp_path, "a", [])
    said: list[str] = []
    NucleiFolder(tmp_path, "all", said.append)
    assert said == [f"{tmp_path}: no mask in any of the 1 pictures, expected <id>/masks/*.png"]


def test_the_picture_may_have_another_ending(tmp_path: Path) -> None:
    write(tmp_path, "cafe\u0301", [disc(4, 4, 3)])
    images = tmp_path / "cafe\u0301" / "images"
    expected = NucleiFolder(tmp_path, "all")[0]
    with Image.open(images / "cafe\u0301.png") as picture:
        picture.save(images / "caf\u00e9.TIF")
    (images / "cafe\u0301.png").unlink()
    np.testing.assert_array_equal(NucleiFolder(tmp_path, "all")[0].picture, expected.picture)


def test_a_second_picture_of_one_name_is_said_and_the_png_is_read(tmp_path: Path) -> None:
    for name in "abcd":
        write(tmp_path, name, [disc(4, 4, 3), disc(4, 12, 3)])
        if name != "b":
            with Image.open(tmp_path / name / "images" / f"{name}.png") as picture:
                picture.convert("L").save(tmp_path / name / "images" / f"{name}.jpg")
    expected = NucleiFolder(tmp_path, "all")[1].picture
    said: list[str] = []
    np.testing.assert_array_equal(NucleiFolder(tmp_path, "all", said.append)[0].picture, expected)
    assert said == [
        f"{tmp_path}: not read: 3 second pictures of one name (a.jpg, c.jpg, d.jpg);"
        " the labels are taken for those of a.png"
    ]


def test_threads_read_the_same(tmp_path: Path) -> None:
    for number in range(8):
        write(tmp_path, str(number), [disc(number, 3 * number, 4), disc(19 - number, number, 3)])
    dataset = NucleiFolder(tmp_path, "all")
    with ThreadPoolExecutor(4) as pool:
        for threaded, index in zip(pool.map(dataset.__getitem__, range(8)), range(8), strict=True):
            np.testing.assert_array_equal(threaded.instances, dataset[index].instances)


def test_real_nuclei(data: Path) -> None:
    dataset = NucleiFolder(data / "nuclei", "all")
    val = NucleiFolder(data / "nuclei", "val")
    assert 0.12 < len(val) / len(dataset) < 0.28
    for index in (0, len(dataset) // 2, len(dataset) - 1):
        sample = verify(dataset[index], dataset.names[index], count=1)
        masks = sorted((dataset.root / sample.name / "masks").glob("*.png"))
        assert sample.instances.max() == len(masks)
        for number, path in enumerate(masks, 1):
            with Image.open(path) as mask:
                np.testing.assert_array_equal(sample.instances == number, np.asarray(mask) > 0)
