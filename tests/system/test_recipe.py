"""A recipe: it survives being written, refuses what is none, and gives each network its own numbers."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re

import pytest

from bridgeseg.grouping.suppression import Suppression
from bridgeseg.grouping.voting import Voting
from bridgeseg.structures.labels import BadInput
from bridgeseg.system.presets import VOC
from bridgeseg.system.recipe import Recipe


@pytest.mark.parametrize("grouping", [Voting(neighbours=3), Suppression(top=4, overlap=0.3)])
def test_both_ways_of_grouping_survive_being_written(grouping: Voting | Suppression) -> None:
    recipe = Recipe(name="test", grouping=grouping)
    assert Recipe.from_json(recipe.to_json()).grouping == grouping


def broken(**changes: object) -> str:
    values = json.loads(VOC.to_json()) | changes
    return json.dumps({name: value for name, value in values.items() if value != "absent"})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "3",
        '"voc"',
        "{}",
        broken(grouping="absent"),
        broken(grouping={}),
        broken(grouping={"method": "Guessing"}),
        broken(grouping={"method": "Voting", "unheard_of": 1}),
        broken(grouping=3),
        broken(unheard_of=1),
        broken(name="absent"),
        broken(scales="absent"),
        broken(scales=1.0),
    ],
)
def test_what_is_no_recipe_is_one_line_that_names_the_place(text: str) -> None:
    with pytest.raises(BadInput, match=r"^run/recipe\.json: not a recipe") as caught:
        Recipe.from_json(text, "run/recipe.json")
    assert "\n" not in str(caught.value)


def test_a_recipe_written_before_there_were_views_has_one() -> None:
    assert Recipe.from_json(broken(views="absent", localization="absent")) == VOC


def test_only_the_localization_network_has_numbers_of_its_own() -> None:
    recipe = dataclasses.replace(VOC, localization=(("rate", 0.5), ("scales", (1.0, 2.0))))
    assert recipe.of("semantic") is recipe.of("both") is recipe
    own = recipe.of("localization")
    assert (own.rate, own.scales) == (0.5, (1.0, 2.0))
    assert dataclasses.replace(own, rate=recipe.rate, scales=recipe.scales) == recipe
    assert VOC.of("localization") is VOC
    for name in ("stride", "scale", "trunk", "grouping", "unheard_of"):
        wrong = dataclasses.replace(VOC, localization=((name, 1),))
        with pytest.raises(BadInput, match=f"localization: {name}, expected only hidden, "):
            wrong.of("localization")


def test_a_recipe_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        VOC.rate = 1.0  # type: ignore[misc]


def test_beside_every_field_stands_what_it_is() -> None:
    lines = inspect.getsource(Recipe).splitlines()
    for field in dataclasses.fields(Recipe):
        if field.name in ("name", "grouping", "batch", "momentum", "decay", "rate", "optimiser", "box_floor"):
            continue  # their names say it all
        line = next(line for line in lines if re.match(rf"\s+{field.name}:", line))
        assert "#" in line, line
