"""What learns how fast: groups of parameters, the optimiser, and the rate over the run.

Built in chapter 6.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from bridgeseg.structures.labels import BadInput
from bridgeseg.system.recipe import Learner, OptimiserRecipe


def parameter_groups(network: nn.Module, learner: Learner) -> list[dict[str, Any]]:
    """Return the parameters of a network in groups that learn alike.

    network: a trunk and a head
    learner: whether the trunk is pretrained, the decay and the rate of the head
    returns: groups as `torch.optim` takes them, each with its "factor" of the rate. Convolution weights decay; biases
        and the scales and shifts of normalisations do not (our choice, as most do); the head of a pretrained trunk
        learns at `head_rate` times the rate; what is frozen is in no group

    Built in chapter 6.
    """
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        fresh = learner.network.pretrained and not name.startswith("trunk.")
        if parameter.requires_grad:
            groups.setdefault((parameter.ndim > 1, fresh), []).append(parameter)
    return [
        {
            "params": members,
            "weight_decay": learner.optimiser.decay * decays,
            "factor": learner.optimiser.head_rate if fresh else 1.0,
        }
        for (decays, fresh), members in groups.items()
    ]


def make_optimiser(
    groups: list[dict[str, Any]], recipe: OptimiserRecipe, device: torch.device | str = "cpu"
) -> torch.optim.Optimizer:
    """Return the optimiser of a recipe over groups of parameters.

    groups: what `parameter_groups` returns
    recipe: its kind, rate and momentum
    device: where the parameters are. On a GPU the rate is a number there, so that a recorded step takes the new one
    returns: SGD with momentum, or AdamW; all parameters are moved in one go ("fused"), on a processor too, where
        AdamW then takes 1.3 ms in the place of 4.9 for the 77 parameters of `nuclei-fast`
    raises: BadInput for an optimiser other than "sgd" and "adamw"

    Example:
        >>> weight = nn.Parameter(torch.tensor([1.0]))
        >>> group = {"params": [weight], "weight_decay": 0.0, "factor": 1.0}
        >>> optimiser = make_optimiser([group], OptimiserRecipe("sgd", rate=0.5))
        >>> weight.grad = torch.tensor([1.0])
        >>> optimiser.step()
        >>> weight.item()
        0.5

    Built in chapter 6.
    """
    cuda = torch.device(device).type == "cuda"
    if cuda:
        groups = [{**group, "lr": torch.tensor(recipe.rate, device=device)} for group in groups]
    if recipe.kind == "sgd":
        return torch.optim.SGD(groups, lr=recipe.rate, momentum=recipe.momentum, fused=True)
    if recipe.kind == "adamw":
        return torch.optim.AdamW(groups, lr=recipe.rate, fused=True, capturable=cuda)
    raise BadInput(f"optimiser {recipe.kind!r}, expected 'sgd' or 'adamw'")


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Let the next step learn at a rate, each group at its factor of it; a GPU is not waited for.

    optimiser: what `make_optimiser` returns
    rate: 0 or more

    Built in chapter 6.
    """
    for group in optimiser.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate * group["factor"])
        else:
            group["lr"] = rate * group["factor"]


def rate_at(progress: float, warm_up: float, power: float) -> float:
    """Return the learning rate over its base at a point of the run: a linear rise, then polynomial decay.

    progress: 0…1
    warm_up: the share of the run over which the rate rises, 0…1
    power: of the decay, 0 or more; 1 is a straight line down to 0
    returns: 0…1

    Example:
        >>> [round(rate_at(progress, warm_up=0.1, power=1.0), 2) for progress in (0.0, 0.05, 0.1, 0.5, 1.0)]
        [0.01, 0.5, 0.9, 0.5, 0.0]

    Our choice. Built in chapter 6.
    """
    if progress < warm_up:
        return (progress + 1e-3) / (warm_up + 1e-3)
    return max(1.0 - progress, 0.0) ** power
