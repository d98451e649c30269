"""A mask's numbers are those that its file stores, whatever they look like in a viewer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from bridgeseg.data import stored_numbers
from bridgeseg.data.findings import Findings
from bridgeseg.data.label_images import LabelImages, read_label_image
from bridgeseg.data.mask_files import MaskFiles
from bridgeseg.data.nuclei import NucleiFolder
from bridgeseg.data.stored_numbers import check_size, read_mask, read_stored
from bridgeseg.structures.labels import BadInput
from bridgeseg.system.label_layouts import _pieces as pieces
from tests.png_bytes import png

INSIDE = np.zeros((4, 5), bool)
INSIDE[1, 2:4] = True


def nucleus(root: Path) -> np.ndarray:
    """What the nuclei reader makes of masks/a/m.* of a folder of pictures with masks each."""
    (root / "n" / "a" / "images").mkdir(parents=True)
    (root / "images" / "a.png").rename(root / "n" / "a" / "images" / "a.png")
    (root / "masks" / "a").rename(root / "n" / "a" / "masks")
    return NucleiFolder(root / "n", "all")[0].instances


def picture(root: Path) -> Path:
    for folder in (root / "images", root / "masks" / "a"):
        folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((4, 5, 3), 90, np.uint8)).save(root / "images" / "a.png")
    return root / "masks" / "a"


def white_is_zero(path: Path) -> None:
    """Change the tag of a TIFF and no number."""
    with tifffile.TiffFile(path) as file:
        offset = file.pages[0].tags["PhotometricInterpretation"].valueoffset
    content = bytearray(path.read_bytes())
    content[offset : offset + 2] = b"\0\0"
    path.write_bytes(content)


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
@pytest.mark.parametrize(
    "kind", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"]
)
def test_a_tiff_s_numbers_are_as_stored_whatever_is_bright(
    tmp_path: Path, kind: str, photometric: str
) -> None:
    values = (INSIDE * 100).astype(kind)
    folder = picture(tmp_path)
    tifffile.imwrite(tmp_path / "x.tif", values, photometric=photometric)
    tifffile.imwrite(folder / "m.tif", values, photometric=photometric)
    assert np.array_equal(read_label_image(tmp_path / "x.tif"), values)
    assert np.array_equal(MaskFiles(tmp_path, Findings())[0].instances, INSIDE)
    assert np.array_equal(nucleus(tmp_path), INSIDE)


def test_white_is_zero_in_a_folder_of_label_images(tmp_path: Path) -> None:
    picture(tmp_path)
    (tmp_path / "masks" / "a").rmdir()
    tifffile.imwrite(tmp_path / "masks" / "a.tif", (INSIDE * 255).astype(np.uint8), photometric="miniswhite")
    assert np.array_equal(LabelImages(tmp_path, pieces, Findings())[0].instances, INSIDE)


def test_what_tifffile_cannot_unpack_is_as_stored_too(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    Image.fromarray((INSIDE * 200).astype(np.uint8)).save(path, compression="tiff_lzw")
    white_is_zero(path)
    assert np.array_equal(read_label_image(path), INSIDE * 200)


@pytest.mark.parametrize("kind", ["uint16", "int16", "uint32", "int32", "float32"])
def test_the_order_of_bytes_changes_no_number(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, numbers = tmp_path / "x.tif", (INSIDE * 200).astype(kind)
    tifffile.imwrite(path, numbers, byteorder=">", compression="zlib")
    assert np.array_equal(read_stored(path).numbers[..., 0], numbers)
    monkeypatch.setattr(stored_numbers, "read_numbers", lambda path: None)  # as without a decoder
    if kind == "uint16":
        assert np.array_equal(read_stored(path).numbers[..., 0], numbers)
    else:  # Pillow exchanges the bytes of others
        with pytest.raises(BadInput, match="imagecodecs"):
            read_stored(path)


@pytest.mark.parametrize("compression", ["raw", "group4"])
def test_of_one_bit_the_bright_is_inside(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "x.tif"
    Image.fromarray(INSIDE).save(path, compression=compression)
    assert np.array_equal(read_mask(path), INSIDE)
    white_is_zero(path)  # what was dark is bright
    assert np.array_equal(read_mask(path), ~INSIDE)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tiff_is_upright_as_pillow_has_it(tmp_path: Path, orientation: int) -> None:
    values = np.arange(20, dtype=np.uint8).reshape(4, 5)
    tifffile.imwrite(tmp_path / "x.tif", values, extratags=[(274, 3, 1, orientation, True)])
    # from an open file: Pillow 13 takes width for height where it maps the file itself
    with (tmp_path / "x.tif").open("rb") as file, Image.open(file) as image:
        image.load()
        assert np.array_equal(read_stored(tmp_path / "x.tif").numbers[..., 0], np.asarray(image))


def test_a_mask_of_several_pages_is_refused(tmp_path: Path) -> None:
    folder = picture(tmp_path)
    tifffile.imwrite(folder / "all.tif", np.stack([INSIDE, ~INSIDE]).astype(np.uint8))
    with pytest.raises(BadInput, match=r"all\.tif: 2 pages"):
        MaskFiles(tmp_path, Findings())[0]
    with pytest.raises(BadInput, match=r"all\.tif: 2 pages"):
        nucleus(tmp_path)


@pytest.mark.parametrize("colour", [(1, 0, 0), (0, 0, 1), (1, 0, 0, 255)])
def test_the_darkest_colour_is_inside(tmp_path: Path, colour: tuple[int, ...]) -> None:
    folder = picture(tmp_path)
    values = INSIDE[..., None] * np.array(colour, np.uint8)
    values[..., 3:] = 255
    Image.fromarray(values).save(folder / "m.png")
    assert np.array_equal(MaskFiles(tmp_path, Findings())[0].instances, INSIDE)
    assert np.array_equal(nucleus(tmp_path), INSIDE)


def test_the_lowest_of_colours_of_16_bits_is_inside(tmp_path: Path) -> None:
    values = np.stack([INSIDE, INSIDE * 0, INSIDE * 0], -1).astype(np.uint16)
    png(picture(tmp_path) / "m.png", [row.astype(">u2").tobytes() for row in values], 16, 2)
    assert np.array_equal(MaskFiles(tmp_path, Findings())[0].instances, INSIDE)
    assert np.array_equal(nucleus(tmp_path), INSIDE)


@pytest.mark.parametrize("ending", ["png", "tif"])
@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("around, inside", [(255, 255), (0, 0), (255, 90), (0, 255)])
def test_what_is_transparent_is_outside(
    tmp_path: Path, ending: str, grey: bool, around: int, inside: int
) -> None:
    folder = picture(tmp_path)
    shade = np.where(INSIDE, inside, around)
    values = np.stack([*[shade] * (1 if grey else 3), INSIDE * 255], -1).astype(np.uint8)
    Image.fromarray(values).save(folder / f"m.{ending}")
    assert np.array_equal(MaskFiles(tmp_path, Findings())[0].instances, INSIDE)
    assert np.array_equal(nucleus(tmp_path), INSIDE)


def test_transparent_parts_with_numbers_are_no_label_image(tmp_path: Path) -> None:
    for shade in (np.full((4, 5), 3), np.zeros((4, 5))):
        values = np.stack([shade, INSIDE * 255], -1).astype(np.uint8)
        Image.fromarray(values).save(tmp_path / "x.png")
        with pytest.raises(BadInput, match="transparent parts"):
            read_label_image(tmp_path / "x.png")
    Image.fromarray(np.stack([INSIDE * 3, INSIDE * 255], -1).astype(np.uint8)).save(tmp_path / "x.png")
    assert np.array_equal(read_label_image(tmp_path / "x.png"), INSIDE * 3)


def test_five_channels_and_pieces_missing_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "x.tif", np.ones((4, 5, 5), np.uint8), photometric="minisblack", planarconfig="contig"
    )
    with pytest.raises(BadInput, match="5 channels, expected 1"):
        read_stored(tmp_path / "x.tif")
    tifffile.imwrite(tmp_path / "y.tif", np.ones((400, 500), np.uint8))
    whole = (tmp_path / "y.tif").read_bytes()
    (tmp_path / "y.tif").write_bytes(whole[:9000])
    with pytest.raises(BadInput, match=r"y\.tif"):
        read_mask(tmp_path / "y.tif")


def test_sizes_are_compared_and_a_turn_is_named() -> None:
    check_size(Path("a.png"), (4, 5), (4, 5))
    with pytest.raises(BadInput, match=r"5 x 4 pixels, its picture 4 x 5; .* turned"):
        check_size(Path("a.png"), (4, 5), (5, 4))
    with pytest.raises(BadInput, match=r"expected the same size$"):
        check_size(Path("a.png"), (4, 5), (4, 6))


def test_a_png_whose_numbers_have_changed_on_the_disk_is_refused(tmp_path: Path) -> None:
    """Pillow passes over the checksum of the pixels: the numbers would be others, without a word."""
    masks = picture(tmp_path)
    rows = [bytes([200] * 5) for _ in range(4)]
    data = bytearray(png(masks / "m.png", rows, 8, 0).read_bytes())
    data[data.index(b"IEND") - 5] ^= 1  # in the checksum, so that the numbers themselves are right
    (masks / "m.png").write_bytes(data)
    with Image.open(masks / "m.png") as image:
        assert (np.asarray(image) == 200).all()
    for read in (read_stored, read_mask, read_label_image):
        with pytest.raises(BadInput, match=r"m\.png: is damaged \(a checksum does not fit\)"):
            read(masks / "m.png")
    with pytest.raises(BadInput, match=r"m\.png: is damaged"):
        nucleus(tmp_path)
