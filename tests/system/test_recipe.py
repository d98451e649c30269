"""A recipe: it survives being written, refuses what is none, and gives each network its own numbers."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from pathlib import Path

import pytest
from changed import changed

from bridgeseg.grouping.suppression import Suppression
from bridgeseg.grouping.voting import Voting
from bridgeseg.losses.loss_recipe import BoxLossRecipe, CategoryLossRecipe
from bridgeseg.structures.labels import BadInput
from bridgeseg.system.presets import RECIPES, VOC
from bridgeseg.system.recipe import CropRecipe, NetworkRecipe, OptimiserRecipe, PictureRecipe, Recipe


@pytest.mark.parametrize("grouping", [Voting(neighbours=3), Suppression(top=4, overlap=0.3)])
def test_both_ways_of_grouping_survive_being_written(grouping: Voting | Suppression) -> None:
    recipe = Recipe(name="test", grouping=grouping)
    assert Recipe.from_json(recipe.to_json()).grouping == grouping


FLAT = Path(__file__).with_name("flat_recipes.json")


def broken(**changes: object) -> str:
    values = json.loads(VOC.to_json()) | changes
    return json.dumps({name: value for name, value in values.items() if value != "absent"})


def flat(**changes: object) -> str:
    """A recipe as the version before wrote it: VOC's, in one piece."""
    values = json.loads(FLAT.read_text("utf8"))["voc"] | changes
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
        broken(semantic="absent"),
        broken(semantic={}),
        broken(semantic=3),
        broken(localization="absent"),
        broken(pictures={"unheard_of": 1}),
        broken(losses={"categories": {}}),
        flat(unheard_of=1),
        flat(shared="absent"),
        flat(localization=[["unheard_of", 1]]),
        flat(grouping={"method": "Guessing"}),
    ],
)
def test_what_is_no_recipe_is_one_line_that_names_the_place(text: str) -> None:
    with pytest.raises(BadInput, match=r"^run/recipe\.json: not a recipe") as caught:
        Recipe.from_json(text, "run/recipe.json")
    assert "\n" not in str(caught.value)


# What presets have become since that version: what they were then, by the preset's name.
WAS = {
    "nuclei-full": {"pictures.tile": None},
    "nuclei-fast": {
        "semantic.optimiser.bfloat16": False,
        "semantic.optimiser.rate": 3e-3,
        "semantic.crops.by_area": False,
        "pictures.tile": None,
        "losses.boxes.encoding": "centre",
    },
    "scenes-tiny": {"semantic.optimiser.bfloat16": False},
}


@pytest.mark.parametrize("name", json.loads(FLAT.read_text("utf8")))
def test_a_recipe_of_the_version_before_is_read(name: str) -> None:
    """All presets as that version wrote them; it had no parts, and a few numbers of the second network's own."""
    text = json.dumps(json.loads(FLAT.read_text("utf8"))[name])
    assert Recipe.from_json(text) == changed(RECIPES[name], WAS.get(name, {}))


def test_a_recipe_written_before_there_were_views_has_one() -> None:
    assert Recipe.from_json(flat(views="absent", localization="absent")) == VOC


def test_one_network_or_two_are_trained() -> None:
    assert list(VOC.learners) == ["semantic", "localization"]
    shared = dataclasses.replace(VOC, localization=None)
    assert shared.learners == {"both": VOC.semantic}


def test_other_minutes_take_the_place_of_steps() -> None:
    assert VOC.with_minutes(None) is VOC
    longer = VOC.with_minutes(3)
    assert (longer.minutes, longer.steps) == (3, None)
    assert dataclasses.replace(longer, minutes=VOC.minutes, steps=VOC.steps) == VOC
    for minutes in (0, -1, float("nan")):
        with pytest.raises(BadInput, match="minutes: "):
            VOC.with_minutes(minutes)


def test_a_number_of_steps_takes_the_place_of_minutes() -> None:
    assert VOC.with_steps(None) is VOC
    counted = VOC.with_minutes(3).with_steps(7)
    assert (counted.minutes, counted.steps) == (3, 7)
    assert counted.with_minutes(3) == VOC.with_minutes(3)
    with pytest.raises(BadInput, match="steps: 0"):
        VOC.with_steps(0)


def test_a_recipe_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        VOC.semantic.optimiser.rate = 1.0  # type: ignore[misc]


PARTS = (NetworkRecipe, CropRecipe, OptimiserRecipe, CategoryLossRecipe, BoxLossRecipe, PictureRecipe)


@pytest.mark.parametrize("part", PARTS)
def test_beside_every_number_stands_what_it_is(part: type) -> None:
    lines = inspect.getsource(part).splitlines()
    for field in dataclasses.fields(part):
        if field.name in ("batch", "momentum", "decay", "rate") or (part, field.name) == (
            BoxLossRecipe,
            "floor",
        ):
            continue  # their names say it all
        line = next(line for line in lines if re.match(rf"\s+{field.name}:", line))
        assert "#" in line, line
