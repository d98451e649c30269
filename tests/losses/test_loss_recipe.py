"""The numbers of the losses are looked at where they are written down, not in the first step of a training."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from bridgeseg.losses.loss_recipe import BoxLossRecipe, CategoryLossRecipe, LossRecipe
from bridgeseg.structures.labels import BadInput


@pytest.mark.parametrize(
    ("kind", "wrong", "names"),
    [
        (
            CategoryLossRecipe,
            {"floor": 512, "ceiling": 511},
            "ceiling is 511, expected at least the floor, 512",
        ),
        (CategoryLossRecipe, {"floor": 0, "ceiling": 0}, "ceiling is 0, expected at least the floor, 1"),
        (CategoryLossRecipe, {"floor": -1}, "floor is -1"),
        (CategoryLossRecipe, {"exactly": 0}, "exactly is 0"),
        (BoxLossRecipe, {"floor": -1}, "floor is -1"),
        (BoxLossRecipe, {"scale": 0.0}, "scale is 0.0"),
        (BoxLossRecipe, {"scale": float("nan")}, "scale is nan"),
        (BoxLossRecipe, {"encoding": "corners"}, "encoding is 'corners', expected one of centre, sides"),
        (BoxLossRecipe, {"loss": "l1"}, "loss is 'l1', expected one of smooth-l1, giou"),
    ],
)
def test_what_is_out_of_range_is_named(kind: type, wrong: dict[str, Any], names: str) -> None:
    with pytest.raises(BadInput, match=names):
        kind(**wrong)


def test_a_ceiling_at_the_floor_and_one_that_is_not_looked_at() -> None:
    assert CategoryLossRecipe(floor=512, ceiling=512).ceiling == 512
    assert (
        CategoryLossRecipe(floor=512, exactly=9, ceiling=3).exactly == 9
    )  # floor and ceiling count for nothing then


@pytest.mark.parametrize("parts", [1, 2, 3, 7, 1000])
def test_a_part_of_any_number_can_be_written_down(parts: int) -> None:
    whole = LossRecipe(CategoryLossRecipe(floor=512, ceiling=700), BoxLossRecipe(floor=100))
    part = whole.of_a_part(parts)
    assert (part.categories.ceiling or 0) >= part.categories.floor >= 512 / parts
    assert dataclasses.replace(part.boxes, floor=100) == whole.boxes
