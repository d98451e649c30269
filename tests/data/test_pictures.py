import io
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
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
    values = np.array([[0, 25600, 65535]], dtype=dtype)  # 25600 is 100 with its bytes exchanged
    Image.fromarray(values).save(path)
    assert read_picture(path)[0, :, 1].tolist() == [0, 100, 255]


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"bigtiff": True}])
@pytest.mark.parametrize("kind", ["uint16", "int16", "uint32", "int32", "float32"])
def test_the_order_of_bytes_changes_nothing(tmp_path, kind, options):
    values = (noise(9, 12)[..., 0].astype(kind) * 3 + 300).astype(kind)
    for order, name in (("<", "intel.tif"), (">", "imagej.tif")):
        tifffile.imwrite(tmp_path / name, values, byteorder=order, **options)
    assert len(np.unique(read_picture(tmp_path / "intel.tif"))) > 50
    assert np.array_equal(read_picture(tmp_path / "imagej.tif"), read_picture(tmp_path / "intel.tif"))


def test_16_bit_colour_of_a_whole_range_is_rounded_to_8(tmp_path):
    row = b"".join(struct.pack(">HHH", 0xFF12, 0x8034, 0x0056) for _ in range(3))
    path = png(tmp_path / "a.png", [row, row], 16, 2)
    assert read_picture(path).tolist() == [[[round(v / 257) for v in (0xFF12, 0x8034, 0x0056)]] * 3] * 2


def faint(shape=(40, 50, 3), low=100, high=400, seed=0):
    """Numbers that use little of 16 bits, and what a viewer that stretches them shows."""
    numbers = np.random.default_rng(seed).integers(low, high + 1, shape).astype(np.uint16)
    numbers.flat[:2] = low, high
    ends = [np.sort(numbers.ravel())[int(at)] for at in (0.001 * (numbers.size - 1), 0.999 * numbers.size)]
    return numbers, ((numbers.astype(float) - ends[0]) / (ends[1] - ends[0])).clip(0, 1) * 255


def near(shown, expected):
    assert shown.dtype == np.uint8
    assert np.abs(shown.astype(float) - expected).max() <= 2


def test_12_bits_of_colour_in_16_are_stretched_by_one_range(tmp_path):
    numbers, expected = faint(low=60, high=4095)
    numbers[..., 2] //= 2
    expected = (numbers.astype(float) - numbers.min()) / (numbers.max() - numbers.min()) * 255
    files = [png(tmp_path / "a.png", [row.astype(">u2").tobytes() for row in numbers], 16, 2)]
    for name, options in (
        ("a", {}),
        ("b", {"compression": "zlib", "predictor": True}),
        ("c", {"tile": (16, 16)}),
    ):
        files.append(tmp_path / f"{name}.tif")
        tifffile.imwrite(files[-1], numbers, photometric="rgb", **options)
    files.append(tmp_path / "planes.tif")
    tifffile.imwrite(files[-1], np.moveaxis(numbers, 2, 0), photometric="rgb", planarconfig="separate")
    files.append(tmp_path / "big.tif")
    tifffile.imwrite(files[-1], numbers, photometric="rgb", bigtiff=True, byteorder=">")
    (tmp_path / "a.ppm").write_bytes(b"P6 50 40\n# made by hand\n65535\n" + numbers.astype(">u2").tobytes())
    (tmp_path / "text.ppm").write_text("P3 50 40 4095\n" + " ".join(map(str, numbers.ravel().tolist())))
    for file in [*files, tmp_path / "a.ppm", tmp_path / "text.ppm"]:
        near(read_picture(file), expected)


def test_compressed_colour_that_tifffile_lacks_the_decoder_for_is_read_by_pillow(tmp_path, monkeypatch):
    path, (numbers, expected) = tmp_path / "a.tif", faint()
    for order in "<>":
        for options in ({}, {"compression": "zlib", "predictor": True}, {"tile": (16, 16)}):
            tifffile.imwrite(path, numbers, photometric="rgb", byteorder=order, **options)
            near(read_picture(path), expected)
            with monkeypatch.context() as patch:
                patch.setattr(pictures, "read_numbers", lambda path: None)
                near(read_picture(path), expected)
    tifffile.imwrite(path, numbers[..., :2], photometric="minisblack", extrasamples=["unassalpha"])
    monkeypatch.setattr(pictures, "read_numbers", lambda path: None)
    assert "imagecodecs" in one_line(lambda: read_picture(path), naming=path)


@pytest.mark.parametrize("low,high", [(140, 370), (200, 350), (0, 4095), (30000, 30200)])
@pytest.mark.parametrize("white", ["minisblack", "miniswhite"])
def test_grey_that_uses_little_of_16_bits_is_stretched(tmp_path, low, high, white):
    numbers, expected = faint((40, 50), low, high)
    tifffile.imwrite(tmp_path / "a.tif", numbers, photometric=white)
    expected = expected if white == "minisblack" else 255 - expected
    near(read_picture(tmp_path / "a.tif"), expected[..., None])


@pytest.mark.parametrize(
    "kind", ["int8", "int16", "uint32", "int32", "uint64", "float16", "float32", "float64"]
)
def test_numbers_of_every_type_are_shown(tmp_path, kind):
    numbers, _ = faint((40, 50), 0, 100)
    shifted = numbers.astype(kind) - (50 if kind.startswith("int") else 0)
    tifffile.imwrite(tmp_path / "a.tif", shifted.astype(kind))
    expected = numbers * (1.0 if kind.startswith("float") else 2.55)  # floats fill a third of 0...255
    near(read_picture(tmp_path / "a.tif"), expected[..., None])


def test_white_is_zero_of_every_depth(tmp_path):
    grey = noise(6, 8)[..., 0]
    for values in (grey, grey > 99, grey.astype(np.uint16) * 257, grey.astype(np.uint32) * 16843009):
        tifffile.imwrite(tmp_path / "a.tif", values, photometric="miniswhite")
        expected = 255 - (values * 255 if values.dtype == bool else grey)
        assert np.array_equal(read_picture(tmp_path / "a.tif")[..., 1], expected), values.dtype


def test_numbers_that_are_not_finite_are_counted_and_refused(tmp_path):
    for wrong in (np.nan, np.inf):
        values = np.ones((3, 4), np.float32)
        values[1, 1:3] = wrong
        tifffile.imwrite(tmp_path / "a.tif", values)
        message = one_line(lambda: read_picture(tmp_path / "a.tif"), naming=tmp_path / "a.tif")
        assert "2 of 12 numbers are NaN or infinite" in message


@pytest.mark.parametrize("ending", ["png", "tif"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_channels_are_those_of_colour_whatever_the_file(tmp_path, ending, mode):
    values = np.random.default_rng(2).integers(0, 256, (9, 7, len(mode)), np.uint8)
    values[..., 3:] = values[..., 3:] // 128 * 255  # clear or solid, as transparency mostly is
    path = tmp_path / f"a.{ending}"
    Image.fromarray(values).save(path, **({"compression": "tiff_lzw"} if ending == "tif" else {}))
    for channel in range(3):
        assert np.array_equal(read_picture(path, channel=channel)[..., 0], values[..., channel])
    message = one_line(lambda: read_picture(path, channel=3), naming=path)
    assert "channel 3, expected 0…2" in message


@pytest.mark.parametrize("count", [2, 4, 5])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("planes", ["contig", "separate"])
def test_channels_that_are_no_colours_are_counted_and_can_be_chosen(tmp_path, count, kind, planes):
    path = tmp_path / "a.tif"
    values = np.random.default_rng(1).integers(0, 256, (9, 7, count)).astype(kind)
    stored = values if planes == "contig" else np.moveaxis(values, 2, 0)
    extra = ["unspecified"] * (count - 1)
    tifffile.imwrite(path, stored, photometric="minisblack", planarconfig=planes, extrasamples=extra)
    message = one_line(lambda: read_picture(path), naming=path)
    assert f"{count} channels, expected 1 (grey) or 3 (RGB)" in message
    assert "channel=" in message
    assert picture_size(path) == (9, 7)
    for channel in range(count):
        alone = tmp_path / "alone.tif"
        tifffile.imwrite(alone, values[..., channel], photometric="minisblack")
        assert np.array_equal(read_picture(path, channel=channel), read_picture(alone))
    assert f"expected 0…{count - 1}" in one_line(lambda: read_picture(path, channel=count), naming=path)


def test_a_channel_of_a_colour_picture_can_be_chosen(tmp_path):
    Image.fromarray(noise(4, 5)).save(tmp_path / "a.png")
    assert np.array_equal(read_picture(tmp_path / "a.png", channel=2)[..., 0], noise(4, 5)[..., 2])
    assert "0…2" in one_line(lambda: read_picture(tmp_path / "a.png", channel=3), naming=tmp_path / "a.png")


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_colours_with_transparency_and_with_more(tmp_path, kind):
    most = np.iinfo(kind).max
    values = (noise(6, 8).astype(kind) * (most // 255)).astype(kind)
    clear = np.zeros((6, 8, 1), kind)
    clear[2:4] = most
    tifffile.imwrite(
        tmp_path / "a.tif", np.dstack([values, clear]), photometric="rgb", extrasamples=["unassalpha"]
    )
    expected = np.where(clear > 0, noise(6, 8), 255)
    assert np.array_equal(read_picture(tmp_path / "a.tif"), expected)
    said = []
    tifffile.imwrite(
        tmp_path / "b.tif",
        np.dstack([values, clear, clear]),
        photometric="rgb",
        extrasamples=["unspecified"] * 2,
    )
    assert np.array_equal(read_picture(tmp_path / "b.tif", note=said.append), noise(6, 8))
    assert said == [f"{tmp_path / 'b.tif'}: 5 channels, read as RGB; 2 left out"]


def test_16_bit_png_with_transparency(tmp_path):
    row = struct.pack(">8H", 65535, 0, 25700, 65535, 9, 9, 9, 0)
    path = png(tmp_path / "a.png", [row], 16, 6, 2)
    assert read_picture(path).tolist() == [[[255, 0, 100], [255] * 3]]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_deep_pictures_are_turned_upright_too(tmp_path, orientation):
    plain, deep = tmp_path / "plain.tif", tmp_path / "deep.tif"
    for path, values in ((plain, noise(4, 6)), (deep, noise(4, 6).astype(np.uint16) * 257)):
        tag = [(ORIENTATION, "H", 1, orientation, True)]
        tifffile.imwrite(path, values, photometric="rgb", extratags=tag)
    assert np.array_equal(read_picture(deep), read_picture(plain))
    assert picture_size(deep) == read_picture(plain).shape[:2]


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_further_pages_are_told(tmp_path, kind):
    stack = np.random.default_rng(2).integers(0, 256, (5, 6, 8)).astype(kind)
    for options in ({"photometric": "minisblack"}, {"imagej": True}):
        said = []
        tifffile.imwrite(tmp_path / "a.tif", stack, **options)
        shown = read_picture(tmp_path / "a.tif", note=said.append)
        tifffile.imwrite(tmp_path / "first.tif", stack[0])
        assert np.array_equal(shown, read_picture(tmp_path / "first.tif", note=said.append))
        assert len(said) == 1
        assert said[0].startswith(f"{tmp_path / 'a.tif'}: 5 pages, the first was read; 4 left out")
    said = []
    frames = [Image.fromarray(noise(4, 4, seed)) for seed in range(3)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    read_picture(tmp_path / "a.gif", note=said.append)
    assert said == [f"{tmp_path / 'a.gif'}: 3 pages, the first was read; 2 left out"]


def test_a_tiff_that_claims_more_rows_than_it_lists_is_refused(tmp_path):
    path, numbers = tmp_path / "a.tif", faint((12, 10))[0]
    for kind in (np.uint8, np.uint16):
        tifffile.imwrite(path, numbers.astype(kind), rowsperstrip=12)
        with tifffile.TiffFile(path, mode="r+b") as file:
            file.pages[0].tags["ImageLength"].overwrite(5000)
        assert "missing" in one_line(lambda: read_picture(path), naming=path)


@pytest.mark.filterwarnings("ignore")  # as above
def test_a_deep_tiff_cut_anywhere_gives_the_whole_picture_or_an_error(tmp_path, capfd):
    numbers, _ = faint((12, 10, 3))
    for options in ({}, {"compression": "zlib"}, {"rowsperstrip": 3}):
        tifffile.imwrite(tmp_path / "whole.tif", numbers, photometric="rgb", **options)
        whole, expected = (tmp_path / "whole.tif").read_bytes(), read_picture(tmp_path / "whole.tif")
        for length in range(1, len(whole), 7):
            (tmp_path / "cut.tif").write_bytes(whole[:length])
            picture, message = attempt(tmp_path / "cut.tif")
            assert "\n" not in message
            assert picture is None or np.array_equal(picture, expected), length
    assert capfd.readouterr() == ("", "")


def test_a_deep_png_cut_anywhere_gives_the_whole_picture_or_an_error(tmp_path, capfd):
    numbers, _ = faint((12, 10, 3))
    path = png(tmp_path / "whole.png", [row.astype(">u2").tobytes() for row in numbers], 16, 2)
    whole, expected = path.read_bytes(), read_picture(path)
    for length in range(1, len(whole), 5):
        path.write_bytes(whole[:length])
        picture, message = attempt(path)
        assert "\n" not in message
        assert picture is None or np.array_equal(picture, expected), length
    assert capfd.readouterr() == ("", "")


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
    said = one_line(lambda: read_picture(path), naming=path)
    assert "400000000 pixels, expected at most 128 million" in said
    assert "attack" not in said  # it may be a micrograph


def test_too_many_pixels_are_refused_by_our_own_limit(tmp_path, monkeypatch):
    Image.fromarray(noise(5, 7)).save(tmp_path / "a.png")
    monkeypatch.setattr(pictures, "MOST_PIXELS", 5 * 7 - 1)
    assert "7 x 5" in one_line(lambda: read_picture(tmp_path / "a.png"), naming="a.png")


def test_addresses_in_a_folder(tmp_path):
    for name in ("b.JPG", "a.png", ".hidden.png", "notes.txt", "c.tiff", "d.jfif", "._a.png", "Thumbs.db"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    assert [path.name for path in pictures_in(tmp_path)] == ["a.png", "b.JPG", "c.tiff", "d.jfif"]
    one_line(lambda: pictures_in(tmp_path / "folder.png"), naming=tmp_path / "folder.png")
    one_line(lambda: pictures_in(tmp_path / "absent"), naming=tmp_path / "absent")
    one_line(lambda: pictures_in(tmp_path / "a.png"), naming=tmp_path / "a.png")


def test_what_is_passed_over_in_a_folder_is_counted_and_named(tmp_path):
    for name in ("a.png", "b.heic", "c.jp2", "d.HEIC", "e.txt", ".DS_Store"):
        (tmp_path / name).touch()
    (tmp_path / "more").mkdir()
    (tmp_path / "lost.png").symlink_to(tmp_path / "nowhere.png")
    said = []
    assert [path.name for path in pictures_in(tmp_path, said.append)] == ["a.png"]
    text = "4 files of other endings (b.heic, c.jp2, d.HEIC, …), 1 sub-folder (more)"
    text += ", 1 link that leads nowhere (lost.png)"
    assert said == [f"{tmp_path}: not read: {text}"]
    (tmp_path / "a.png").unlink()
    assert text in one_line(lambda: pictures_in(tmp_path), naming=tmp_path)


def test_nothing_is_said_of_a_folder_that_is_read_whole(tmp_path):
    for name in ("a.png", ".hidden", "._a.png", "desktop.ini"):
        (tmp_path / name).touch()
    said = []
    pictures_in(tmp_path, said.append)
    assert said == []
