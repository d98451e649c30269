"""The networks of a recipe: the trunk, the head and the answers that it names."""

from __future__ import annotations

import dataclasses

import pytest
import torch
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
    networks = build_networks(dataclasses.replace(recipe, head=head), 3).eval()
    found = answers(networks, torch.zeros(1, 3, 64, 64))
    cells = (64 // stride, 64 // stride)
    assert {name: tuple(value.shape) for name, value in found.items()} == {
        "categories": (1, 4, *cells),
        "boxes": (1, 4, *cells),
    }
    assert type(answering(networks, "boxes").head) is kind


def test_what_does_not_exist_is_named() -> None:
    with pytest.raises(BadInput, match="head 'huge', expected large, two-layer or refine"):
        build_networks(dataclasses.replace(SMALL, head="huge"), 3)
    with pytest.raises(BadInput, match="trunk 'vgg16', expected resnet18"):
        build_networks(dataclasses.replace(SMALL, trunk="vgg16"), 3)
