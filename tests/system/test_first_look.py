"""A first look counts what is there: against scenes counted by hand and pictures made for one fault each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bridgeseg.data.scenes import Scenes
from bridgeseg.structures.labels import VOID, BadInput, Sample
from bridgeseg.system.first_look import FirstLook, look_at, look_at_one, on_cells, touching
from bridgeseg.system.look_table import advice, look_table
from bridgeseg.system.presets import NUCLEI_FAST, PHOTOS_LIGHT, RECIPES, VOC
from bridgeseg.system.suited_recipe import suited_recipe
from bridgeseg.system.suspicions import suspicions

COLOUR = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)


class Few:
    """Some samples as a data set; one that is an error cannot be read."""

    def __init__(self, samples: list[Sample | BadInput], kind: str = "voc", categories: int = 1) -> None:
        self.kind, self.root, self.samples = kind, Path("few"), samples
        self.categories = ("background", *(f"kind {k + 1}" for k in range(categories)))
        self.names = [one.name if isinstance(one, Sample) else "broken" for one in samples]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        one = self.samples[index]
        if isinstance(one, BadInput):
            raise one
        return one


def sample(name: str, instances: np.ndarray, picture: np.ndarray = COLOUR, kind: int = 1) -> Sample:
    """A sample of one category."""
    categories = np.where(instances > 0, kind, 0).astype(np.uint8)
    return Sample(name, picture, categories, instances.astype(np.int32))


def squares(side: int, count: int) -> np.ndarray:
    """An instance map of 64 × 64 with so many squares, a gap of two pixels between them."""
    found = np.zeros((64, 64), np.int32)
    across = 64 // (side + 2)
    for number in range(count):
        y, x = number // across * (side + 2), number % across * (side + 2)
        found[y : y + side, x : x + side] = number + 1
    return found


def looked(*samples: Sample | BadInput, kind: str = "voc", categories: int = 1) -> FirstLook:
    return look_at(Few(list(samples), kind, categories), (NUCLEI_FAST, PHOTOS_LIGHT, VOC))


def test_what_is_counted_is_what_a_second_count_finds() -> None:
    scenes = Scenes("val", count=30)
    look = look_at(scenes, (VOC,))  # by worker processes, where there are any
    assert [one.name for one in look.pictures] == scenes.names
    for one, other in zip(look.pictures, scenes, strict=False):
        numbers = [n for n in np.unique(other.instances) if n]
        assert one.areas.tolist() == [int((other.instances == n).sum()) for n in numbers]
        assert one.kinds.tolist() == [int(other.categories[other.instances == n][0]) for n in numbers]
        assert one.pixels[VOID] == (other.categories == VOID).sum()
        there = set(np.unique(other.instances[::8, ::8])) - {0}
        assert one.cells["voc"].lost == len(numbers) - len(there)
    assert len(look.areas) == sum(len(np.unique(one.instances)) - 1 for one in scenes)
    shown = [one.shown for one in look.pictures if one.shown is not None]
    assert len(shown) == 12
    assert np.array_equal(shown[-1].picture, scenes[29].picture), "from the first to the last"


def test_instances_touch_where_they_share_a_side_and_a_category() -> None:
    numbers = np.array([[1, 2, 0, 3], [0, 0, 4, 0], [5, 5, 0, 0]])
    kinds = np.array([[1, 1, 0, 1], [0, 0, 1, 0], [1, 1, 0, 0]], np.uint8)
    one = Sample("", np.zeros((3, 4, 3), np.uint8), kinds, numbers.astype(np.int32))
    assert touching(one).tolist() == [1, 2], "3 and 4 meet at a corner, 5 meets nothing"
    other = Sample("", one.picture, np.where(numbers == 2, 2, kinds).astype(np.uint8), one.instances)
    assert touching(other).tolist() == []


def test_objects_between_the_cells_are_those_that_no_cell_stands_for() -> None:
    small = np.zeros((64, 64), np.int32)
    # At stride 4 one lies between the cells, two on one.
    small[1:3, 1:3], small[8:10, 8:10], small[12:14, 12:14] = 1, 2, 3
    found = on_cells(small, np.array([4, 4, 4]), PHOTOS_LIGHT)
    assert (found.small, found.lost) == (3, 1)
    found = on_cells(small, np.array([4, 4, 4]), NUCLEI_FAST)
    assert (found.small, found.lost) == (0, 0), "a cell of 1.33 pixels"


def test_a_large_micrograph_is_looked_at_as_it_is_shown_in_tiles() -> None:
    large = np.zeros((40, 6144), np.int32)
    large[10:12, ::64], large[20, 5] = 1, 2
    areas = np.array([2 * 96, 1])
    assert on_cells(large, areas, NUCLEI_FAST) == on_cells(large[:, :64], areas, NUCLEI_FAST)
    assert NUCLEI_FAST.pictures.long_side < 6144


def test_long_names_are_shortened_where_they_are_listed() -> None:
    names = [f"{'0123456789abcdef' * 4}-{number:03}" for number in range(2)]
    (line,) = suspicions(looked(*[sample(name, squares(8, 3)) for name in names]))
    assert line.endswith("pixel for pixel: 0123456789abcde…cdef-001 = 0123456789abcde…cdef-000")


def test_a_picture_that_cannot_be_read_is_a_line_and_the_others_are_looked_at() -> None:
    look = looked(sample("a", squares(8, 3)), BadInput("b.png: is empty"), sample("c", squares(8, 2)))
    assert look.unread == ("b.png: is empty",)
    assert [len(one.areas) for one in look.pictures] == [3, 2]
    assert "3, of which 1 cannot be read" in look_table(look, (VOC,))
    nothing = looked(BadInput("b.png: is empty"))
    assert suspicions(nothing) == []
    assert look_table(nothing, (VOC,)) == "pictures      1, of which 1 cannot be read"


def test_a_look_at_good_pictures_finds_nothing_suspicious() -> None:
    other = np.roll(COLOUR, 5, 0)
    assert suspicions(looked(sample("a", squares(8, 3)), sample("b", squares(9, 2), other))) == []


def void(name: str) -> Sample:
    """What comes of a mask of 0 and 255."""
    return Sample(
        name, COLOUR, np.where(squares(8, 3) > 0, VOID, 0).astype(np.uint8), np.zeros((64, 64), np.int32)
    )


FAINT = (COLOUR // 16).astype(np.uint8)


@pytest.mark.parametrize(
    ("samples", "categories", "part"),
    [
        ([void("a")], 1, "1 picture (a): every labelled pixel is void; in masks of 0 and 255"),
        ([sample("a", squares(8, 3), FAINT)], 1, "fewer than 48 of 256 grey values"),
        ([sample("a", squares(8, 3))], 3, "in no picture: kind 2, kind 3"),
        ([sample("a", np.ones((64, 64), int))], 1, "an instance covers more than 90% of 1 picture (a)"),
        ([sample("a", squares(8, 3) > 0)], 1, "the only instance is 3 separate pieces or more"),
        ([sample("a", squares(1, 3))], 1, "3 instances of fewer than 4 pixels"),
        ([sample("a", squares(8, 0))], 1, "1 picture (a) without any instance"),
        ([sample(name, squares(8, 3)) for name in "abcdef"], 1, "5 pictures are the same as another"),
    ],
)
def test_each_fault_is_seen(samples: list[Sample], categories: int, part: str) -> None:
    lines = suspicions(looked(*samples, categories=categories))
    assert sum(part in line for line in lines) == 1, lines


def test_the_same_picture_in_the_other_part_is_seen_under_another_name() -> None:
    one, other = (Few([sample(name, squares(8, 2))]) for name in ("street", "copy"))
    look = look_at(one, (), other)
    assert any("also in the other part" in line and "street = copy" in line for line in suspicions(look))
    assert suspicions(look_at(one, (), Few([sample("street", squares(8, 2), np.roll(COLOUR, 1, 0))]))) == []


def test_names_are_listed_up_to_three() -> None:
    look = looked(*[sample(name, squares(8, 3), FAINT) for name in "abcdef"])
    assert any("6 pictures (a, b, c and 3 more)" in line for line in suspicions(look))


@pytest.mark.parametrize("name", ["_background_", "BACKGROUND", "__ignored__", "void", "ignore"])
def test_a_category_named_as_what_is_no_object_is_asked_about(name: str) -> None:
    few = Few([sample("a", squares(8, 3))])
    few.categories = ("background", name)
    assert any(f"a category called {name}:" in line for line in suspicions(look_at(few, ())))
    few.categories = ("background", f"{name} noise")
    assert suspicions(look_at(few, ())) == []


GREY = np.repeat(COLOUR[..., :1], 3, 2)


@pytest.mark.parametrize(
    ("one", "kind", "categories", "name"),
    [
        (sample("a", squares(8, 3)), "scenes", 1, "scenes-fast"),
        (sample("a", squares(8, 3)), "nuclei", 1, "nuclei-fast"),
        (sample("a", squares(8, 3), GREY), "voc", 1, "nuclei-fast"),
        (sample("a", squares(6, 30)), "voc", 1, "nuclei-fast"),
        (sample("a", squares(20, 3)), "voc", 1, "streets-light"),
        (sample("a", squares(20, 3)), "voc", 4, "photos-light"),
        (sample("a", squares(4, 3)), "voc", 1, "photos-light"),
    ],
)
def test_which_recipe_suits_follows_from_what_is_there(
    one: Sample, kind: str, categories: int, name: str
) -> None:
    suited = suited_recipe(looked(one, kind=kind, categories=categories), full=False)
    assert suited.recipe is RECIPES[name], suited.reason
    assert f"--data {kind}:x --recipe {name} --out RUN" in advice(suited, f"{kind}:x")


def test_the_table_has_every_category_and_every_recipe() -> None:
    look = looked(sample("a", squares(8, 3)), sample("b", squares(9, 0), np.roll(COLOUR, 3, 0)), categories=2)
    lines = look_table(look, (NUCLEI_FAST, VOC)).splitlines()
    assert "instances     3; 1 picture without any" in lines
    assert "in a picture  0 … 2 … 3 (fewest, median, most)" in lines
    assert next(line for line in lines if line.startswith("kind 1")).split()[2:] == ["3", "1", "2.34%"]
    assert next(line for line in lines if line.startswith("kind 2")).split()[2:] == ["0", "0", "0.00%"]
    assert next(line for line in lines if line.startswith("voc ")).split()[1:3] == ["8.0", "px"]


def test_a_picture_s_name_is_no_part_of_its_digest() -> None:
    one, two = (look_at_one(sample(name, squares(8, 2)), (), keep=False) for name in "ab")
    assert one.digest == two.digest
    turned = look_at_one(sample("a", squares(8, 2), np.rot90(COLOUR).copy()), (), keep=False)
    assert turned.digest != one.digest
