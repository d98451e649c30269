"""The groups of parameters, the optimiser and the schedule, against PyTorch's own schedule and by counting."""

from __future__ import annotations

import pytest
import torch
from changed import changed

from bridgeseg.structures.labels import BadInput
from bridgeseg.system.build import build_fcn
from bridgeseg.system.presets import SCENES_TINY
from bridgeseg.system.recipe import Learner
from bridgeseg.training.optimiser import make_optimiser, parameter_groups, rate_at

TINY = SCENES_TINY.semantic
PRETRAINED = changed(TINY, {"network.pretrained": True, "optimiser.head_rate": 7.0})


def network_of(learner: Learner) -> torch.nn.Module:
    return build_fcn(learner.network, {"categories": 6, "boxes": 4}, pretrained=False)


@pytest.mark.parametrize("recipe", (TINY, PRETRAINED))
def test_every_parameter_is_in_one_group(recipe: Learner) -> None:
    network = network_of(recipe)
    members = [parameter for group in parameter_groups(network, recipe) for parameter in group["params"]]
    assert len(members) == len({id(each) for each in members})
    assert {id(each) for each in members} == {id(each) for each in network.parameters()}


def test_convolutions_decay_and_biases_and_normalisations_do_not() -> None:
    network = network_of(TINY)
    decays = {id(p): g["weight_decay"] for g in parameter_groups(network, TINY) for p in g["params"]}
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            assert decays[id(module.weight)] == TINY.optimiser.decay
            assert module.bias is None or decays[id(module.bias)] == 0
        if isinstance(module, torch.nn.BatchNorm2d):
            assert decays[id(module.weight)] == decays[id(module.bias)] == 0


def test_only_what_was_not_pretrained_learns_at_the_heads_rate() -> None:
    for recipe, fresh in ((PRETRAINED, 7.0), (TINY, 1.0)):
        network = network_of(recipe)
        factors = {id(p): g["factor"] for g in parameter_groups(network, recipe) for p in g["params"]}
        for name, parameter in network.named_parameters():
            assert factors[id(parameter)] == (1.0 if name.startswith("trunk.") else fresh), name


def test_what_is_frozen_is_in_no_group() -> None:
    recipe = changed(PRETRAINED, {"network.trunk": "mobilenet_v2", "network.frozen_layers": 4})
    network = network_of(recipe)
    members = {id(p) for group in parameter_groups(network, recipe) for p in group["params"]}
    for name, parameter in network.named_parameters():
        frozen = name.startswith(tuple(f"trunk.features.{k}." for k in range(4)))
        assert (id(parameter) in members) != frozen, name


def test_the_optimiser_is_the_one_that_the_recipe_names() -> None:
    network = network_of(TINY)
    for name, kind in (("sgd", torch.optim.SGD), ("adamw", torch.optim.AdamW)):
        recipe = changed(TINY.optimiser, {"kind": name, "momentum": 0.8})
        made = make_optimiser(parameter_groups(network, TINY), recipe)
        assert isinstance(made, kind)
        assert {group["lr"] for group in made.param_groups} == {recipe.rate}
        assert all(group.get("momentum", 0.8) == 0.8 for group in made.param_groups)
    with pytest.raises(BadInput, match=r"'adam'.*'sgd' or 'adamw'"):
        make_optimiser([], changed(TINY.optimiser, {"kind": "adam"}))


def test_the_rate_decays_as_pytorchs_polynomial_after_a_linear_rise() -> None:
    steps = 200
    reference = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = torch.optim.lr_scheduler.PolynomialLR(reference, steps, 0.9)
    found, expected = [], []
    for step in range(steps):
        found.append(rate_at(step / steps, 0.1, 0.9))
        expected.append(schedule.get_last_lr()[0])
        reference.step()
        schedule.step()
    first = round(0.1 * steps)
    torch.testing.assert_close(found[first:], expected[first:])
    rise = torch.tensor(found[:first])
    assert 0 < rise[0] < 0.02  # the very first step learns a little
    torch.testing.assert_close(rise.diff(), rise.diff()[:1].expand(first - 1))
    assert found[first - 1] < 1.0
    assert rate_at(1.0, 0.1, 0.9) == rate_at(1.1, 0.1, 0.9) == 0.0
