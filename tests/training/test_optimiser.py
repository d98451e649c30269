"""The groups of parameters, the optimiser and the schedule, against PyTorch's own schedule and by counting."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from bridgeseg.structures.labels import BadInput
from bridgeseg.system.build import build_networks
from bridgeseg.system.presets import SCENES_TINY
from bridgeseg.system.recipe import Recipe
from bridgeseg.training.optimiser import make_optimiser, parameter_groups, rate_at

PRETRAINED = dataclasses.replace(SCENES_TINY, pretrained=True, head_rate=7.0)


def network_of(recipe: Recipe) -> torch.nn.Module:
    return build_networks(recipe, 5, pretrained=False)["both"]


@pytest.mark.parametrize("recipe", (SCENES_TINY, PRETRAINED))
def test_every_parameter_is_in_one_group(recipe: Recipe) -> None:
    network = network_of(recipe)
    members = [parameter for group in parameter_groups(network, recipe) for parameter in group["params"]]
    assert len(members) == len({id(each) for each in members})
    assert {id(each) for each in members} == {id(each) for each in network.parameters()}


def test_convolutions_decay_and_biases_and_normalisations_do_not() -> None:
    network = network_of(SCENES_TINY)
    decays = {id(p): g["weight_decay"] for g in parameter_groups(network, SCENES_TINY) for p in g["params"]}
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            assert decays[id(module.weight)] == SCENES_TINY.decay
            assert module.bias is None or decays[id(module.bias)] == 0
        if isinstance(module, torch.nn.BatchNorm2d):
            assert decays[id(module.weight)] == decays[id(module.bias)] == 0


def test_only_what_was_not_pretrained_learns_at_the_heads_rate() -> None:
    for recipe, fresh in ((PRETRAINED, 7.0), (SCENES_TINY, 1.0)):
        network = network_of(recipe)
        factors = {id(p): g["factor"] for g in parameter_groups(network, recipe) for p in g["params"]}
        for name, parameter in network.named_parameters():
            assert factors[id(parameter)] == (1.0 if name.startswith("trunk.") else fresh), name


def test_what_is_frozen_is_in_no_group() -> None:
    recipe = dataclasses.replace(
        PRETRAINED, trunk="mobilenet_v2", output_stride=16, stride=4, frozen_layers=4
    )
    network = network_of(recipe)
    members = {id(p) for group in parameter_groups(network, recipe) for p in group["params"]}
    for name, parameter in network.named_parameters():
        frozen = name.startswith(tuple(f"trunk.features.{k}." for k in range(4)))
        assert (id(parameter) in members) != frozen, name


def test_the_optimiser_is_the_one_that_the_recipe_names() -> None:
    network = network_of(SCENES_TINY)
    for name, kind in (("sgd", torch.optim.SGD), ("adamw", torch.optim.AdamW)):
        recipe = dataclasses.replace(SCENES_TINY, optimiser=name, momentum=0.8)
        made = make_optimiser(network, recipe)
        assert isinstance(made, kind)
        assert {group["lr"] for group in made.param_groups} == {recipe.rate}
        assert all(group.get("momentum", 0.8) == 0.8 for group in made.param_groups)
    with pytest.raises(BadInput, match=r"'adam'.*'sgd' or 'adamw'"):
        make_optimiser(network, dataclasses.replace(SCENES_TINY, optimiser="adam"))


def test_the_rate_decays_as_pytorchs_polynomial_after_a_linear_rise() -> None:
    steps, recipe = 200, dataclasses.replace(SCENES_TINY, warm_up=0.1, power=0.9)
    reference = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = torch.optim.lr_scheduler.PolynomialLR(reference, steps, 0.9)
    found, expected = [], []
    for step in range(steps):
        found.append(rate_at(step / steps, recipe))
        expected.append(schedule.get_last_lr()[0])
        reference.step()
        schedule.step()
    first = round(0.1 * steps)
    torch.testing.assert_close(found[first:], expected[first:])
    rise = torch.tensor(found[:first])
    assert 0 < rise[0] < 0.02  # the very first step learns a little
    torch.testing.assert_close(rise.diff(), rise.diff()[:1].expand(first - 1))
    assert found[first - 1] < 1.0
    assert rate_at(1.0, recipe) == rate_at(1.1, recipe) == 0.0
