"""The recipes: each is found by its name, says where its numbers come from, and is the paper's where that is known."""

from __future__ import annotations

import ast
import inspect
import re

import pytest

import bridgeseg.system.presets
from bridgeseg.grouping.suppression import Suppression
from bridgeseg.networks.field_of_view import nominal_field_of_view
from bridgeseg.structures.labels import BadInput
from bridgeseg.system.presets import RECIPES, VOC, default_recipe, recipe_named
from bridgeseg.system.recipe import Recipe

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


def test_beside_every_number_of_the_papers_recipe_stands_its_origin() -> None:
    source = inspect.getsource(bridgeseg.system.presets)
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
