"""Channels, wherever a file has them: beside one another, called transparency, or in pages of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from bridgeseg.data import pictures
from bridgeseg.data.pictures import read_picture
from bridgeseg.structures.labels import BadInput
from tests.png_bytes import png


def measured(count: int, kind: type = np.uint16, seed: int = 0) -> np.ndarray:
    """Channels of a microscope, (count, 20, 30), none of which is 0 or full anywhere."""
    return np.random.default_rng(seed).integers(20, 240, (count, 20, 30)).astype(kind)


def alone(folder: Path, values: np.ndarray) -> np.ndarray:
    tifffile.imwrite(folder / "alone.tif", values, photometric="minisblack")
    return read_picture(folder / "alone.tif")


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("count", [2, 4])
def test_a_fourth_channel_that_is_called_transparency_is_a_channel(
    tmp_path: Path, kind: type, count: int
) -> None:
    values, path = measured(count, kind), tmp_path / "a.tif"
    values = values / kind(255) if kind is np.float32 else values
    colour = "rgb" if count == 4 else "minisblack"
    stored = np.moveaxis(values, 0, 2)
    tifffile.imwrite(path, stored, photometric=colour, extrasamples=["unassalpha"])
    with pytest.raises(BadInput, match=f"a.tif: {count} channels, the last called transparency.*--channel 0"):
        read_picture(path)
    for channel in range(count):
        assert np.array_equal(read_picture(path, channel=channel), alone(tmp_path, values[channel]))


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_cut_out_with_a_soft_border_lies_over_white(tmp_path: Path, kind: type) -> None:
    most = np.iinfo(kind).max
    values = np.full((20, 30, 4), most // 5, kind)
    values[:, :10, 3], values[:, 10, 3], values[:, 11:, 3] = 0, most // 2, most
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", extrasamples=["unassalpha"])
    shown = read_picture(tmp_path / "a.tif")
    assert (shown[:, :10] == 255).all()
    assert (shown[:, 11:] == 51).all()
    assert abs(int(shown[0, 10, 0]) - 153) <= 1


def test_a_picture_that_is_transparent_all_over_has_its_colours(tmp_path: Path) -> None:
    clear = np.dstack([np.full((2, 3, 3), 60, np.uint8), np.zeros((2, 3), np.uint8)])
    Image.fromarray(clear).save(tmp_path / "a.png")
    png(tmp_path / "b.png", [(row.astype(">u2") * 257).tobytes() for row in clear], 16, 6)
    for name in ("a.png", "b.png"):
        said: list[str] = []
        assert (read_picture(tmp_path / name, note=said.append) == 60).all()
        assert said == [
            f"{tmp_path / name}: all of it is transparent; its colours are read as if it were not"
        ]


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    "axes, options",
    [("CYX", {"imagej": True}), ("ZCYX", {"imagej": True}), ("CZYX", {"ome": True}), ("QYX", {})],
)
def test_channels_in_pages_of_their_own_can_be_chosen(
    tmp_path: Path, axes: str, options: dict[str, bool], kind: type
) -> None:
    channels, path = measured(3, kind), tmp_path / "a.tif"
    stack = {  # the planes below the first are brighter
        "ZCYX": np.stack([channels, channels + 9]),
        "CZYX": np.stack([channels, channels + 9], 1),
    }.get(axes, channels)
    metadata = None if axes == "QYX" else {"axes": axes}
    tifffile.imwrite(path, stack, photometric="minisblack", metadata=metadata, **options)
    said: list[str] = []
    assert np.array_equal(read_picture(path, note=said.append), alone(tmp_path, channels[0]))
    assert len(said) == 1
    assert said[0].endswith("; segment --channel 1 to 2 reads another")
    for channel in range(3):
        assert np.array_equal(read_picture(path, channel=channel), alone(tmp_path, channels[channel]))
    with pytest.raises(BadInput, match="channel 3, expected 0…2"):
        read_picture(path, channel=3)


def test_times_and_layers_are_no_channels(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    for axes in ("TYX", "ZYX"):
        said: list[str] = []
        tifffile.imwrite(path, measured(3), imagej=True, metadata={"axes": axes})
        read_picture(path, note=said.append)
        assert said == [f"{path}: 3 pages, the first was read; 2 left out"]
        with pytest.raises(BadInput, match="channel 2, expected 0…0"):
            read_picture(path, channel=2)


def test_a_channel_in_a_page_is_whole_upright_and_unpacked_or_refused(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    channels, path = measured(2), tmp_path / "a.tif"
    turn = [(274, "H", 1, 6, True)]
    tifffile.imwrite(path, channels, photometric="miniswhite", metadata=None, extratags=turn)
    expected = np.rot90(255 - alone(tmp_path, channels[1]), -1)
    assert np.array_equal(read_picture(path, channel=1), expected)
    whole = path.read_bytes()
    path.write_bytes(whole[:-50])
    with pytest.raises(BadInput, match="a.tif"):
        read_picture(path, channel=1)
    path.write_bytes(whole)
    monkeypatch.setattr(pictures, "read_numbers", lambda path, number: None)
    with pytest.raises(BadInput, match="imagecodecs"):
        read_picture(path, channel=1)
