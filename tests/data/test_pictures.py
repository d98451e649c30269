import io
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from png_bytes import png
from rendering import noise

from bridgeseg.data import pictures
from bridgeseg.data.pictures import picture_size, pictures_in, read_picture
from bridgeseg.structures.labels import BadInput

ORIENTATION = 0x0112


def one_line(call, *, naming):
    """The message of the error that a call ends with, which is one line that names the file."""
    with pytest.raises(BadInput) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    assert str(naming) in message
    return message


def attempt(path):
    """The picture and no message, or no picture and the message of the error."""
    try:
        return read_picture(path), ""
    except BadInput as error:
        return None, str(error)


@pytest.mark.parametrize("ending", ["png", "bmp", "tif", "ppm", "webp"])
def test_lossless_colour_comes_back_exactly(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    Image.fromarray(noise(5, 7)).save(path, lossless=True)
    picture = read_picture(path)
    assert picture.dtype == np.uint8
    assert picture.flags["C_CONTIGUOUS"]
    assert np.array_equal(picture, noise(5, 7))
    assert picture_size(path) == (5, 7)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_turns_the_picture_upright(tmp_path, format, orientation):
    path = tmp_path / "a"
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    Image.fromarray(noise(16, 24)).save(path, format=format, exif=exif)
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    assert np.array_equal(read_picture(path), expected)
    assert expected.shape[:2] == ((24, 16) if orientation >= 5 else (16, 24))
    assert picture_size(path) == expected.shape[:2]


@pytest.mark.filterwarnings("ignore")
def test_damaged_exif_is_passed_over(tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(noise(8, 8)).save(path, exif=b"Exif\0\0MM\0*\xff\xff\xff\xff junk")
    assert read_picture(path).shape == (8, 8, 3)
    assert picture_size(path) == (8, 8)


def test_16_bit_grey_is_scaled_from_its_whole_range(tmp_path):
    values = [0, 128, 129, 257, 32768, 65407, 65535]
    path = png(tmp_path / "a.png", [b"".join(struct.pack(">H", v) for v in values)], 16, 0)
    expected = [round(v / 257) for v in values]
    assert read_picture(path)[0, :, 0].tolist() == expected == [0, 0, 1, 1, 128, 255, 255]
    assert (read_picture(path).max(axis=2) == read_picture(path).min(axis=2)).all()


@pytest.mark.parametrize("dtype", ["<u2", ">u2", "<i4"])
def test_16_bit_grey_of_a_tiff(tmp_path, dtype):
    path = tmp_path / "a.tif"
    Image.fromarray(np.array([[0, 25700, 65535]], dtype=dtype)).save(path)
    assert read_picture(path)[0, :, 1].tolist() == [0, 100, 255]


def test_grey_beyond_16_bits_and_floating_point_are_refused(tmp_path):
    for name, values in (("i.tif", np.array([[0, 70000]], np.int32)), ("f.tif", np.ones((2, 2), np.float32))):
        Image.fromarray(values).save(tmp_path / name)
        one_line(lambda: read_picture(tmp_path / name), naming=tmp_path / name)  # noqa: B023


def test_16_bit_colour_keeps_the_high_byte(tmp_path):
    row = b"".join(struct.pack(">HHH", 0xFF12, 0x8034, 0x0056) for _ in range(3))
    path = png(tmp_path / "a.png", [row, row], 16, 2)
    assert read_picture(path).tolist() == [[[0xFF, 0x80, 0x00]] * 3] * 2


def test_few_bits_of_grey_are_stretched(tmp_path):
    assert read_picture(png(tmp_path / "1.png", [b"\xa0"], 1, 0))[0, :, 0].tolist() == [255, 0, 255] + [0] * 5
    assert read_picture(png(tmp_path / "4.png", [b"\x0f\x80"], 4, 0))[0, :, 2].tolist() == [0, 255, 136, 0]


def test_transparent_parts_lie_over_white(tmp_path):
    rgba = np.array([[[10, 20, 30, 255], [10, 20, 30, 0], [0, 0, 0, 51]]], np.uint8)
    Image.fromarray(rgba).save(tmp_path / "rgba.png")
    assert read_picture(tmp_path / "rgba.png").tolist() == [[[10, 20, 30], [255] * 3, [204] * 3]]
    la = np.array([[[40, 255], [40, 0]]], np.uint8)
    Image.fromarray(la).save(tmp_path / "la.png")
    assert read_picture(tmp_path / "la.png").tolist() == [[[40] * 3, [255] * 3]]
    palette = Image.fromarray(np.array([[0, 1]], np.uint8))
    palette.putpalette([1, 2, 3, 4, 5, 6])
    palette.save(tmp_path / "p.png")
    palette.save(tmp_path / "clear.png", transparency=1)
    assert read_picture(tmp_path / "p.png").tolist() == [[[1, 2, 3], [4, 5, 6]]]
    assert read_picture(tmp_path / "clear.png").tolist() == [[[1, 2, 3], [255] * 3]]
    Image.fromarray(noise(1, 2)).save(
        tmp_path / "rgb.png", transparency=tuple(int(v) for v in noise(1, 2)[0, 1])
    )
    assert read_picture(tmp_path / "rgb.png").tolist() == [[noise(1, 2)[0, 0].tolist(), [255] * 3]]


def test_cmyk_has_its_colours_and_not_their_opposites(tmp_path):
    red = Image.new("RGB", (8, 8), (200, 30, 40)).convert("CMYK")
    for name in ("a.jpg", "a.tif"):
        red.save(tmp_path / name)
        assert np.abs(read_picture(tmp_path / name).astype(int) - (200, 30, 40)).max() < 8, name


def test_one_pixel(tmp_path):
    Image.fromarray(noise(1, 1)).save(tmp_path / "a.png")
    assert np.array_equal(read_picture(tmp_path / "a.png"), noise(1, 1))


def test_a_large_photo(tmp_path):
    Image.new("RGB", (6000, 4000), (9, 99, 199)).save(tmp_path / "a.jpg")
    assert picture_size(tmp_path / "a.jpg") == (4000, 6000)
    picture = read_picture(tmp_path / "a.jpg")
    assert picture.shape == (4000, 6000, 3)
    assert np.abs(picture[2000, 3000].astype(int) - (9, 99, 199)).max() < 5


@pytest.mark.filterwarnings("ignore")  # Pillow warns of odd tags before it gives up
@pytest.mark.parametrize("format", ["PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF"])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_file_cut_anywhere_gives_the_whole_picture_or_an_error(tmp_path, format, progressive):
    buffer = io.BytesIO()
    Image.fromarray(noise(12, 40)).save(buffer, format=format, progressive=progressive)
    whole = buffer.getvalue()
    path = tmp_path / "whole"
    path.write_bytes(whole)
    expected = read_picture(path)
    path, refused = tmp_path / "cut", 0
    for length in range(0, len(whole), max(1, len(whole) // 150)):
        path.write_bytes(whole[:length])
        picture, message = attempt(path)
        if picture is None:
            refused += 1
            assert str(path) in message
            assert "\n" not in message
        else:
            assert np.array_equal(picture, expected), length
    assert refused > 100


@pytest.mark.filterwarnings("ignore")  # Pillow warns of odd tags before it gives up
def test_bytes_changed_anywhere_raise_nothing_else(tmp_path):
    random = np.random.default_rng(1)
    for format in ("PNG", "JPEG", "TIFF", "GIF"):
        buffer = io.BytesIO()
        Image.fromarray(noise(6, 6)).save(buffer, format=format)
        for _ in range(100):
            content = bytearray(buffer.getvalue())
            for place in random.integers(0, len(content), 4):
                content[place] = random.integers(256)
            (tmp_path / "a").write_bytes(content)
            assert "\n" not in attempt(tmp_path / "a")[1]


def test_what_is_no_picture(tmp_path):
    text = tmp_path / "text.jpg"
    text.write_text("not a picture\n" * 20)
    assert "not a picture" in one_line(lambda: read_picture(text), naming=text)
    empty = tmp_path / "empty.png"
    empty.touch()
    assert "empty" in one_line(lambda: read_picture(empty), naming=empty)
    assert "folder" in one_line(lambda: read_picture(tmp_path), naming=tmp_path)
    absent = tmp_path / "absent.png"
    assert "no such file" in one_line(lambda: picture_size(absent), naming=absent)


def test_postscript_is_never_interpreted(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
    one_line(lambda: read_picture(path), naming=path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    assert "regular" in one_line(lambda: read_picture(tmp_path / "a.png"), naming=tmp_path / "a.png")


def test_a_picture_that_may_not_be_read(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    Image.fromarray(noise(5, 7)).save(path)
    if os.geteuid() == 0:  # root may read everything

        def refuse(self, *args, **kwargs):
            raise PermissionError(13, "Permission denied", str(self))

        monkeypatch.setattr(Path, "open", refuse)
    else:
        path.chmod(0)
    assert "permission" in one_line(lambda: read_picture(path), naming=path)


@pytest.mark.filterwarnings("ignore")
def test_a_decompression_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "bomb.png"
    Image.new("1", (20000, 20000)).save(path)
    assert path.stat().st_size < 10**6
    one_line(lambda: read_picture(path), naming=path)


def test_too_many_pixels_are_refused_by_our_own_limit(tmp_path, monkeypatch):
    Image.fromarray(noise(5, 7)).save(tmp_path / "a.png")
    monkeypatch.setattr(pictures, "MOST_PIXELS", 5 * 7 - 1)
    assert "7 x 5" in one_line(lambda: read_picture(tmp_path / "a.png"), naming="a.png")


def test_addresses_in_a_folder(tmp_path):
    for name in ("b.JPG", "a.png", ".hidden.png", "notes.txt", "c.tiff"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    assert [path.name for path in pictures_in(tmp_path)] == ["a.png", "b.JPG", "c.tiff"]
    one_line(lambda: pictures_in(tmp_path / "folder.png"), naming=tmp_path / "folder.png")
    one_line(lambda: pictures_in(tmp_path / "absent"), naming=tmp_path / "absent")
    one_line(lambda: pictures_in(tmp_path / "a.png"), naming=tmp_path / "a.png")
