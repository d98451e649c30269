"""Instance maps of which a person would ask what is meant, and those of which nobody would."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bridgeseg.data.doubtful_maps import doubt
from bridgeseg.data.label_png import write_label_png
from bridgeseg.data.open_dataset import open_dataset

TWO = np.zeros((9, 12), np.int32)
TWO[1:4, 1:5], TWO[5:8, 6:11] = 1, 2
ONE = (TWO == 1).astype(np.int32)
KINDS = np.where(TWO > 0, 3, 0)


def test_maps_of_objects_are_not_doubted() -> None:
    assert doubt([TWO] * 5, [KINDS] * 5) is None
    assert doubt([ONE] * 5, [ONE] * 5) is None  # one object of category 1 in each
    assert doubt([TWO, TWO, TWO > 0, np.ones((9, 12), int)], []) is None  # a post, and a cat that fills it
    assert doubt([TWO > 0] * 2, []) is None  # too few to say
    assert doubt([], []) is None


@pytest.mark.parametrize(
    "maps, kinds, words",
    [
        ((TWO > 0) * 1, None, "one number for all that is apart"),
        ((TWO > 0) * 7, None, "one number for all that is apart"),
        ((TWO == 0) * 1, None, "all four corners"),
        (TWO + 1, None, "all four corners"),
        (KINDS, KINDS, "those of SegmentationClass"),
        ((TWO > 0) * 1, KINDS, "one number for all that is apart"),
    ],
)
def test_maps_of_something_else_are_said_on_opening(
    tmp_path: Path, maps: np.ndarray, kinds: np.ndarray | None, words: str
) -> None:
    for name in "abcd":
        (tmp_path / "JPEGImages").mkdir(exist_ok=True)
        Image.new("RGB", (12, 9)).save(tmp_path / "JPEGImages" / f"{name}.png")
        write_label_png(tmp_path / "SegmentationObject" / f"{name}.png", maps)
        if kinds is not None:
            write_label_png(tmp_path / "SegmentationClass" / f"{name}.png", kinds)
    (tmp_path / "ImageSets" / "Segmentation").mkdir(parents=True)
    (tmp_path / "ImageSets" / "Segmentation" / "train.txt").write_text("a\nb\nc\nd\n")
    (tmp_path / "classes.txt").write_text("x\n" if kinds is None else "x\ny\nz\n")
    said: list[str] = []
    open_dataset("voc", tmp_path, "train", note=said.append)
    assert len(said) == 1
    assert words in said[0]
    assert said[0].startswith(f"{tmp_path / 'SegmentationObject'}: in most of its first maps ")
