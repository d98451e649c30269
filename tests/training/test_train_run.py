"""What a run says of its pictures before it trains on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from changed import changed
from small_recipe import SMALL

from bridgeseg.data.scenes import Scenes
from bridgeseg.data.splits import held_out
from bridgeseg.machine.files import UNFINISHED
from bridgeseg.structures.labels import BadInput, Sample
from bridgeseg.system.presets import NUCLEI_FAST, VOC
from bridgeseg.training.store import Unread, load
from bridgeseg.training.train_run import missing, missing_held_out, once_each, train_run


def picture(category: int, instance: int) -> Sample:
    """A picture of one category and one instance all over."""
    return Sample(
        "plain",
        np.zeros((8, 8, 3), np.uint8),
        np.full((8, 8), category, np.uint8),
        np.full((8, 8), instance, np.int32),
    )


CATEGORIES = ("background", "disc", "ring")


def test_a_category_that_never_occurs_is_named() -> None:
    both = load([picture(1, 1), picture(2, 1)], range(2))
    assert missing(both, CATEGORIES) == []
    (line,) = missing(load([picture(1, 1), picture(0, 0)], range(2)), CATEGORIES)
    assert line.startswith("in no picture to train on: ring;")


def test_addresses_without_any_instance_are_refused() -> None:
    with pytest.raises(BadInput, match="pictures: none of those to train on has an instance"):
        missing(load([picture(0, 0)], range(1)), CATEGORIES)


def test_held_out_pictures_without_objects_are_named() -> None:
    assert missing_held_out([]) == missing_held_out([picture(0, 0), picture(1, 1)]) == []
    (line,) = missing_held_out([picture(0, 0)])
    assert line.startswith("no object in the 1 pictures held out;")


def test_addresses_that_cannot_come_by_area_are_said_to_come_once() -> None:
    samples = [picture(1, 1)]
    assert once_each(load(samples, range(1)), NUCLEI_FAST) == []
    assert once_each(Unread(samples, range(1)), VOC) == []
    assert missing(Unread(samples, range(1)), CATEGORIES) == []
    (line,) = once_each(Unread(samples, range(1)), NUCLEI_FAST)
    assert "each comes once an epoch" in line
    (line,) = once_each(Unread(samples, range(1)), changed(VOC, {"localization.crops.by_area": True}))
    assert "each comes once an epoch" in line


def test_what_a_killed_process_left_half_written_is_gone_when_the_run_goes_on(tmp_path: Path) -> None:
    recipe, pictures = changed(SMALL, {"steps": 2}), Scenes("train", size=48, count=4)
    out = tmp_path / "run"
    out.mkdir()
    (out / f"{UNFINISHED}state").write_bytes(b"half")
    train_run(pictures, out, recipe, resume=True)
    assert [path.name for path in out.iterdir() if path.name.startswith(".")] == []
    assert (out / "weights.pt").exists()


def test_held_out_pictures_that_are_shown_smaller_are_said(tmp_path: Path) -> None:
    scenes = Scenes("train", size=48, count=4)
    held = held_out(scenes.names, 0.25)
    for long_side, lines in ((40, 1), (48, 0)):
        recipe = changed(SMALL, {"steps": 2, "pictures.held_out": 0.25, "pictures.long_side": long_side})
        said: list[str] = []
        train_run(scenes, tmp_path / str(long_side), recipe, warn=said.append)
        smaller = [line for line in said if "made smaller, to 40 pixels at most" in line]
        assert len(smaller) == lines
        assert all(f"1 picture ({held[0]}) made smaller" in line for line in smaller)
