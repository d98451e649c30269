import struct

import numpy as np
import pytest
from PIL import Image
from png_bytes import png

from bridgeseg.data.label_png import read_label_png, write_label_png
from bridgeseg.data.palette import voc_palette
from bridgeseg.structures.labels import BadInput


def numbered(highest, shape=(20, 30), seed=0):
    """Labels of 0…highest, all of which occur when they fit, and void at some pixels."""
    random = np.random.default_rng(seed)
    labels = (
        random.permutation(np.arange(shape[0] * shape[1]) % (highest + 1)).reshape(shape).astype(np.int32)
    )
    labels[0, 0] = highest
    void = random.random(shape) < 0.2
    void[0, 0] = False
    return labels, void


@pytest.mark.parametrize("highest", [0, 1, 20, 253, 254, 255, 256, 599, 65534])
@pytest.mark.parametrize("with_void", [True, False])
def test_what_is_written_is_read(tmp_path, highest, with_void):
    labels, void = numbered(highest)
    write_label_png(tmp_path / "a.png", labels, void if with_void else None)
    read, unknown = read_label_png(tmp_path / "a.png")
    assert read.dtype == np.int32
    assert unknown.dtype == bool
    assert np.array_equal(unknown, void if with_void else np.zeros_like(void))
    assert np.array_equal(read, np.where(unknown, 0, labels))
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode.startswith("P" if highest <= 254 else "I")


def test_the_file_is_as_voc_has_it(tmp_path):
    labels, void = np.array([[0, 1, 20, 5]]), np.array([[False, False, False, True]])
    write_label_png(tmp_path / "a.png", labels, void)
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == "P"
        assert np.asarray(image).tolist() == [[0, 1, 20, 255]]
        assert np.array_equal(np.asarray(image.convert("RGB"))[0], voc_palette()[[0, 1, 20, 255]])
    write_label_png(tmp_path / "a.png", labels + 300, void)
    with Image.open(tmp_path / "a.png") as image:
        assert np.asarray(image).tolist() == [[300, 301, 320, 65535]]


def test_wide_files_with_few_labels_are_read_by_their_own_rule(tmp_path):
    values = [0, 1, 254, 255, 256, 65534, 65535]
    path = png(tmp_path / "a.png", [b"".join(struct.pack(">H", v) for v in values)], 16, 0, 7)
    labels, void = read_label_png(path)
    assert labels.tolist() == [[0, 1, 254, 255, 256, 65534, 0]]
    assert void.tolist() == [[False] * 6 + [True]]
    path = png(tmp_path / "b.png", [struct.pack(">HH", 3, 255)], 16, 0, 2)
    assert read_label_png(path)[0].tolist() == [[3, 255]]
    assert not read_label_png(path)[1].any()


@pytest.mark.parametrize("kind", [0, 3])
def test_numbers_of_any_depth_are_read_as_they_stand_in_the_file(tmp_path, kind):
    files = {
        1: (b"\xa0", [1, 0, 1, 0]),
        2: (b"\x1b", [0, 1, 2, 3]),
        4: (b"\x01\xf7", [0, 1, 15, 7]),
        8: (b"\x00\x01\xfe\x07", [0, 1, 254, 7]),
    }
    for depth, (row, expected) in files.items():
        labels, void = read_label_png(png(tmp_path / "a.png", [row], depth, kind, 4))
        assert labels.tolist() == [expected], depth
        assert not void.any()
    labels, void = read_label_png(png(tmp_path / "a.png", [b"\xff\x02"], 8, kind, 2))
    assert labels.tolist() == [[0, 2]]
    assert void.tolist() == [[True, False]]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_a_colour_png_is_refused_with_the_reason(tmp_path, mode):
    path = tmp_path / "colour.png"
    Image.new(mode, (4, 4)).save(path)
    with pytest.raises(BadInput, match="palette") as caught:
        read_label_png(path)
    assert str(path) in str(caught.value)
    assert "RGB" in str(caught.value)


def test_files_that_are_no_label_png(tmp_path):
    (tmp_path / "text.png").write_text("nothing")
    Image.new("L", (4, 4)).save(tmp_path / "jpeg.png", format="JPEG")
    labels, void = numbered(20)
    write_label_png(tmp_path / "cut.png", labels, void)
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:-60])
    for name in ("text.png", "jpeg.png", "cut.png", "absent.png"):
        with pytest.raises(BadInput, match=name):
            read_label_png(tmp_path / name)


@pytest.mark.parametrize(
    "labels",
    [
        np.full((2, 2), 65535),
        np.full((2, 2), -1),
        np.zeros((2, 2)),
        np.zeros((2, 2, 3), int),
        np.zeros((0, 2), int),
    ],
)
def test_labels_that_cannot_be_written(tmp_path, labels):
    with pytest.raises(BadInput, match="labels"):
        write_label_png(tmp_path / "a.png", labels)
    assert not (tmp_path / "a.png").exists()


def test_void_of_another_shape(tmp_path):
    with pytest.raises(BadInput, match="void"):
        write_label_png(tmp_path / "a.png", np.zeros((2, 2), int), np.zeros((2, 3), bool))


def test_the_arguments_stay_as_they_are(tmp_path):
    labels, void = numbered(3)
    before = labels.copy()
    write_label_png(tmp_path / "a.png", labels, void)
    assert np.array_equal(labels, before)


def test_real_maps_come_back_byte_for_byte_in_their_labels(tmp_path, data):
    for path in sorted((data / "photos" / "SegmentationObject").glob("*.png"))[:5]:
        labels, void = read_label_png(path)
        write_label_png(tmp_path / "a.png", labels, void)
        assert np.array_equal(np.asarray(Image.open(path)), np.asarray(Image.open(tmp_path / "a.png")))


def test_a_bit_turned_over_among_the_pixels_is_seen(tmp_path):
    """Pillow passes over the checksum of the pixels; one in three such files gave other labels."""
    labels = np.random.default_rng(0).integers(0, 900, (24, 30))
    path = write_label_png(tmp_path / "a.png", labels)
    whole = path.read_bytes()
    first = whole.index(b"IDAT") + 4
    for place in range(first, whole.index(b"IEND") - 8, 37):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(BadInput, match=r"a\.png: is damaged"):
            read_label_png(path)


def test_a_palette_whose_black_is_not_0_is_refused(tmp_path):
    image = Image.fromarray(np.array([[1, 1, 1], [1, 0, 1]], np.uint8))
    image.putpalette([255, 255, 255, 0, 0, 0])
    image.save(tmp_path / "a.png")
    with pytest.raises(BadInput, match=r"a\.png: its palette has black at number 1 and another colour at 0"):
        read_label_png(tmp_path / "a.png")
    image.convert("L").point(lambda value: value // 255).save(tmp_path / "a.png")
    assert read_label_png(tmp_path / "a.png")[0].tolist() == [[0, 0, 0], [0, 1, 0]]
