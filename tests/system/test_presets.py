"""The recipes: each is found by its name, says where its numbers come from, and is the paper's where that is known."""

from __future__ import annotations

import ast
import inspect
import re

import preset_docstrings
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
        ("nuclei", False, "nuclei-fast"),
        ("nuclei", True, "nuclei-full"),
        ("voc", False, "photos-light"),
        ("sbd", True, "photos-light"),
    ],
)
def test_the_recipe_where_none_was_named(spec: str, full: bool, expected: str) -> None:
    assert default_recipe(spec, full).name == expected


def test_voc_is_the_papers_where_the_paper_is_known() -> None:
    """ResNet-101 with ImageNet's weights, stride 8, a field of view of 392, floor 512, trained apart."""
    network, loss = VOC.semantic.network, VOC.losses.categories
    assert (network.trunk, network.width, network.pretrained, network.output_stride) == (
        *("resnet101", 64, True, 8),
    )
    assert (network.head, network.kernel, network.dilation) == ("large", 5, 12)
    assert nominal_field_of_view(network.kernel, network.dilation, network.output_stride) == 392
    assert (loss.floor, loss.exactly, loss.threshold) == (512, None, 0.6)
    assert loss.label_stride in (0, 8)
    assert VOC.localization is not None
    assert isinstance(VOC.grouping, Suppression)


def test_the_tiny_recipe_is_a_fixed_number_of_steps() -> None:
    assert RECIPES["scenes-tiny"].steps is not None
    assert all(RECIPES[name].steps is None for name in NAMES if name.endswith(("-fast", "-light")))


@pytest.mark.parametrize("name", NAMES)
def test_numbers_lie_in_their_ranges(name: str) -> None:
    recipe = RECIPES[name]
    assert recipe.minutes > 0 or recipe.steps
    assert 0 < recipe.pictures.held_out < 0.5
    for learner in recipe.learners.values():
        assert 0 < learner.crops.scales[0] <= learner.crops.scales[1]
        assert 0 <= learner.optimiser.warm_up < 0.5
        assert learner.optimiser.batch >= 1
        assert learner.optimiser.kind in ("sgd", "adamw")
        assert learner.network.head in ("large", "two-layer", "refine")
    network, finer = recipe.semantic.network, recipe.losses.categories.label_stride
    if finer:
        assert (network.stride if network.head == "refine" else network.output_stride) % finer == 0


def test_beside_every_number_of_the_papers_recipe_stands_its_origin() -> None:
    source = inspect.getsource(bridgeseg.system.presets)
    assigned = [
        node.value
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("VOC", "_VOC")
    ]
    calls = [node for value in assigned for node in ast.walk(value) if isinstance(node, ast.Call)]
    numbers = [
        keyword
        for call in calls
        for keyword in call.keywords
        if not isinstance(keyword.value, ast.Call) or keyword.arg == "grouping"
    ]
    assert len(numbers) > 20
    lines = source.splitlines()
    for keyword in numbers:
        line = lines[keyword.lineno - 1]
        if keyword.arg in ("name", "minutes", "semantic", "top"):
            continue
        assert re.search(r"#.*(paper|later code|our choice)", line), line


def test_every_preset_says_its_command_its_minutes_and_the_figures_to_expect() -> None:
    source = preset_docstrings.PRESETS.read_text("utf8")
    assert list(preset_docstrings.docstrings(source)) == [
        *("scenes-fast", "scenes-tiny", "scenes-full", "nuclei-fast", "nuclei-full"),
        *("streets-light", "photos-light", "voc"),
    ]
    assert preset_docstrings.written(source) == source, "run: python tests/book/preset_docstrings.py --write"


def test_another_figure_in_a_docstring_is_seen() -> None:
    source = preset_docstrings.PRESETS.read_text("utf8")
    for old, new in (("mean IoU 0.8", "mean IoU 0.9"), ("Takes: 8 minutes", "Takes: 7 minutes")):
        assert old in source
        assert preset_docstrings.written(source.replace(old, new)) == source
