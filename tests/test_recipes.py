"""Recipes: they survive being written, say where each number comes from, and match the paper where it is known."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
import re

import pytest

import bridgeseg.recipes
from bridgeseg.field_of_view import nominal_field_of_view
from bridgeseg.grouping import Suppression
from bridgeseg.labels import BadInput
from bridgeseg.recipes import RECIPES, VOC, Recipe, default_recipe, recipe_named
from bridgeseg.voting import Voting

NAMES = [
    "scenes-tiny",
    "scenes-fast",
    "scenes-full",
    "nuclei-fast",
    "nuclei-full",
    "streets-light",
    "photos-light",
    "voc",
]


def test_all_recipes_are_there_under_their_own_names() -> None:
    assert set(NAMES) <= set(RECIPES)
    assert all(recipe.name == name for name, recipe in RECIPES.items())
    assert all(recipe_named(name) is RECIPES[name] for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_survives_being_written(name: str) -> None:
    recipe = RECIPES[name]
    again = Recipe.from_json(recipe.to_json())
    assert again == recipe
    assert again.to_json() == recipe.to_json()
    assert hash(again) == hash(recipe)  # tuples came back as tuples


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


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(BadInput, match="scenes-fast") as caught:
        recipe_named("scenes-slow")
    assert "scenes-slow" in str(caught.value)


@pytest.mark.parametrize(
    "spec, full, expected",
    [
        ("scenes", False, "scenes-fast"),
        ("scenes", True, "scenes-full"),
        ("nuclei:/somewhere", False, "nuclei-fast"),
        ("nuclei:/somewhere", True, "nuclei-full"),
        ("voc:/somewhere", False, "photos-light"),
    ],
)
def test_the_recipe_where_none_was_named(spec: str, full: bool, expected: str) -> None:
    assert default_recipe(spec, full).name == expected


def test_voc_is_the_papers_where_the_paper_is_known() -> None:
    """ResNet-101 with ImageNet's weights, stride 8, a field of view of 392, floor 512, trained apart."""
    assert (VOC.trunk, VOC.width, VOC.pretrained, VOC.output_stride) == ("resnet101", 64, True, 8)
    assert (VOC.head, VOC.kernel, VOC.dilation) == ("large", 5, 12)
    assert nominal_field_of_view(VOC.kernel, VOC.dilation, VOC.output_stride) == 392
    assert (VOC.floor, VOC.exactly, VOC.threshold) == (512, None, 0.6)
    assert VOC.label_stride in (0, 8)
    assert not VOC.shared
    assert isinstance(VOC.grouping, Suppression)


def test_the_tiny_recipe_is_a_fixed_number_of_steps() -> None:
    assert RECIPES["scenes-tiny"].steps is not None
    assert all(RECIPES[name].steps is None for name in NAMES if name.endswith(("-fast", "-light")))


@pytest.mark.parametrize("name", NAMES)
def test_numbers_lie_in_their_ranges(name: str) -> None:
    recipe = RECIPES[name]
    assert recipe.minutes > 0 or recipe.steps
    assert 0 < recipe.scales[0] <= recipe.scales[1]
    assert 0 < recipe.held_out < 0.5
    assert 0 <= recipe.warm_up < 0.5
    assert recipe.batch >= 1
    assert recipe.optimiser in ("sgd", "adamw")
    assert recipe.head in ("large", "two-layer", "refine")
    if recipe.label_stride:
        answer = recipe.stride if recipe.head == "refine" else recipe.output_stride
        assert answer % recipe.label_stride == 0


def test_beside_every_field_stands_what_it_is() -> None:
    lines = inspect.getsource(Recipe).splitlines()
    for field in dataclasses.fields(Recipe):
        if field.name in ("name", "grouping", "batch", "momentum", "decay", "rate", "optimiser", "box_floor"):
            continue  # their names say it all
        line = next(line for line in lines if re.match(rf"\s+{field.name}:", line))
        assert "#" in line, line


def test_beside_every_number_of_the_papers_recipe_stands_its_origin() -> None:
    source = inspect.getsource(bridgeseg.recipes)
    call = next(
        node.value
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "VOC"
    )
    assert isinstance(call, ast.Call)
    lines = source.splitlines()
    for keyword in call.keywords:
        line = lines[keyword.lineno - 1]
        if keyword.arg in ("name", "minutes"):
            continue
        assert re.search(r"#.*(paper|later code|our choice)", line), line
