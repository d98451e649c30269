"""The networks of a recipe: the trunk, the head and the answers that it names."""

from __future__ import annotations

import pytest
import torch
from changed import changed
from small_recipe import APART, SMALL

from bridgeseg.networks.heads import LargeFieldOfViewHead, RefinementHead, TwoLayerHead
from bridgeseg.structures.labels import BadInput
from bridgeseg.system.build import answering, answers, build_networks


@pytest.mark.parametrize(
    ("head", "kind", "stride"),
    [("large", LargeFieldOfViewHead, 16), ("two-layer", TwoLayerHead, 16), ("refine", RefinementHead, 4)],
)
@pytest.mark.parametrize("recipe", [SMALL, APART], ids=["shared", "apart"])
def test_the_recipe_names_the_head_and_every_answer_has_its_channels(recipe, head, kind, stride) -> None:
    names = ["semantic"] + ["localization"] * (recipe is APART)
    networks = build_networks(changed(recipe, {f"{name}.network.head": head for name in names}), 3).eval()
    found = answers(networks, torch.zeros(1, 3, 64, 64))
    cells = (64 // stride, 64 // stride)
    assert {name: tuple(value.shape) for name, value in found.items()} == {
        "categories": (1, 4, *cells),
        "boxes": (1, 4, *cells),
    }
    assert type(answering(networks, "boxes").head) is kind


def test_what_does_not_exist_is_named() -> None:
    with pytest.raises(BadInput, match="head 'huge', expected large, two-layer or refine"):
        build_networks(changed(SMALL, {"semantic.network.head": "huge"}), 3)
    with pytest.raises(BadInput, match="trunk 'vgg16', expected resnet18"):
        build_networks(changed(SMALL, {"semantic.network.trunk": "vgg16"}), 3)
    with pytest.raises(BadInput, match="encoding is 'corners', expected one of centre, sides"):
        build_networks(changed(SMALL, {"losses.boxes.encoding": "corners"}), 3)


def test_networks_that_answer_at_different_strides_are_refused() -> None:
    with pytest.raises(BadInput, match="localization: answers at stride 2, the semantic network at 4"):
        build_networks(changed(APART, {"localization.network.stride": 2}), 3)
