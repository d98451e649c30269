"""What learns how fast: groups of parameters, the optimiser, and the rate over the run.

Built in chapter 6.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from bridgeseg.structures.labels import BadInput
from bridgeseg.system.recipe import Recipe


def parameter_groups(network: nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    """Return the parameters of a network in groups that learn alike.

    Convolution weights decay; biases and the scales and shifts of normalisations do not (our choice, as most do);
    the head of a pretrained trunk learns at `head_rate` times the rate; what is frozen is in no group.
    """
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        fresh = recipe.pretrained and not name.startswith("trunk.")
        if parameter.requires_grad:
            groups.setdefault((parameter.ndim > 1, fresh), []).append(parameter)
    return [
        {
            "params": members,
            "weight_decay": recipe.decay * decays,
            "factor": recipe.head_rate if fresh else 1.0,
        }
        for (decays, fresh), members in groups.items()
    ]


def make_optimiser(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the optimiser of a recipe over a network's groups.

    raises: BadInput for an optimiser other than "sgd" and "adamw"
    """
    groups = parameter_groups(network, recipe)
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=recipe.rate, momentum=recipe.momentum)
    if recipe.optimiser == "adamw":
        return torch.optim.AdamW(groups, lr=recipe.rate)
    raise BadInput(f"optimiser {recipe.optimiser!r}, expected 'sgd' or 'adamw'")


def rate_at(progress: float, recipe: Recipe) -> float:
    """Return the learning rate over its base at a point of the run, 0…1: a linear rise, then polynomial decay.

    Built in chapter 6.
    """
    if progress < recipe.warm_up:
        return (progress + 1e-3) / (recipe.warm_up + 1e-3)
    return max(1.0 - progress, 0.0) ** recipe.power
