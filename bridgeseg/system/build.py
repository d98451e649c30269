"""The networks that a recipe asks for: two apart, as in the paper, or one trunk that gives both answers.

Built in chapters 5 and 8.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from bridgeseg.networks.fcn import FCN
from bridgeseg.networks.fixed_statistics import FixedStatistics
from bridgeseg.networks.heads import Head, LargeFieldOfViewHead, RefinementHead, TwoLayerHead
from bridgeseg.networks.mobilenet import MobileNet, mobilenet
from bridgeseg.networks.pretrained import load_trunk, pretrained_state
from bridgeseg.networks.resnet import ResNet, resnet
from bridgeseg.structures.labels import BadInput
from bridgeseg.system.recipe import NetworkRecipe, Recipe


def build_fcn(recipe: NetworkRecipe, outputs: dict[str, int], pretrained: bool = True) -> FCN:
    """Return one network.

    recipe: of the network
    outputs: name and channels of each answer
    pretrained: load ImageNet weights where the recipe asks for them; False where trained ones follow anyway
    returns: trunk and head, what is frozen needs no gradient
    raises: BadInput for a trunk or a head that does not exist, and when no pretrained weights are to be had

    Example:
        >>> import torch
        >>> network = build_fcn(NetworkRecipe(width=8, hidden=8, output_stride=16, stride=4), {"categories": 6})
        >>> tuple(network(torch.zeros(1, 3, 40, 60))["categories"].shape)
        (1, 6, 10, 15)

    Built in chapter 5.
    """
    trunk: ResNet | MobileNet
    norm = FixedStatistics if recipe.frozen_statistics else nn.BatchNorm2d
    match recipe.trunk:
        case "mobilenet_v2":
            trunk = mobilenet(recipe.output_stride, expand=recipe.expand, norm_layer=norm)
        case "resnet18" | "resnet34" | "resnet50" | "resnet101" | "resnet152" as name:
            depth = int(name.removeprefix("resnet"))
            trunk = resnet(
                depth, recipe.output_stride, width=recipe.width, dropout=recipe.dropout, norm_layer=norm
            )
        case _:
            raise BadInput(f"trunk {recipe.trunk!r}, expected resnet18, 34, 50, 101, 152 or mobilenet_v2")
    if recipe.pretrained and pretrained:
        load_trunk(trunk, pretrained_state(recipe.trunk))
    network = FCN(trunk, build_head(recipe, trunk, sum(outputs.values())), outputs)
    if recipe.frozen_layers:
        if not isinstance(trunk, MobileNet):
            raise BadInput(f"frozen_layers: {recipe.frozen_layers} of {recipe.trunk}, expected mobilenet_v2")
        trunk.features[: recipe.frozen_layers].requires_grad_(False)
    return network


def build_head(recipe: NetworkRecipe, trunk: ResNet | MobileNet, outputs: int) -> Head:
    """Return the head of a network for its trunk.

    recipe: of the network
    trunk: whose maps it takes
    outputs: channels that come out
    raises: BadInput for a head that does not exist

    Built in chapter 5.
    """
    match recipe.head:
        case "large":
            return LargeFieldOfViewHead(
                trunk.channels, trunk.strides, outputs, kernel=recipe.kernel, dilation=recipe.dilation
            )
        case "two-layer":
            return TwoLayerHead(
                trunk.channels, trunk.strides, outputs, hidden=recipe.hidden, dilation=recipe.dilation
            )
        case "refine":
            return RefinementHead(
                trunk.channels, trunk.strides, outputs, hidden=recipe.hidden, stride=recipe.stride
            )
    raise BadInput(f"head {recipe.head!r}, expected large, two-layer or refine")


def build_networks(recipe: Recipe, categories: int, pretrained: bool = True) -> nn.ModuleDict:
    """Return all networks of a recipe, untrained but for ImageNet's weights.

    recipe: of both networks
    categories: C, without background
    pretrained: as in `build_fcn`
    returns: {"both": …} where the recipe shares one trunk (our choice), else {"semantic": …, "localization": …} as in
        the paper
    raises: BadInput as `build_fcn`, and when the two networks would
        answer on different cells

    Built in chapter 8.
    """
    semantic, boxes = {"categories": categories + 1}, {"boxes": 4}
    outputs = {"both": semantic | boxes, "semantic": semantic, "localization": boxes}
    networks = {
        name: build_fcn(learner.network, outputs[name], pretrained)
        for name, learner in recipe.learners.items()
    }
    first, last = (list(networks.values())[place].output_stride for place in (0, -1))
    if first != last:
        raise BadInput(
            f"localization: answers at stride {last}, the semantic network at {first}; expected the same cells"
        )
    return nn.ModuleDict(networks)


def answers(networks: nn.ModuleDict, pictures: Tensor) -> dict[str, Tensor]:
    """Return the answers of all networks to a batch of pictures: "categories" (logits) and "boxes" (encoded).

    networks: what `build_networks` returns
    pictures: (N, 3, H, W) float, normalised
    returns: "categories" (N, C + 1, h, w) float, "boxes" (N, 4, h, w) float; h and w are H and W over the stride of the
        answers, rounded up

    Example:
        >>> from bridgeseg.system.checkpoint import load_run
        >>> import torch
        >>> said = answers(load_run("scenes").networks, torch.zeros(1, 3, 40, 60))
        >>> {name: tuple(answer.shape) for name, answer in said.items()}
        {'categories': (1, 6, 10, 15), 'boxes': (1, 4, 10, 15)}

    Built in chapter 8.
    """
    merged: dict[str, Tensor] = {}
    for network in networks.values():
        merged |= network(pictures)
    return merged


def answering(networks: nn.ModuleDict, name: str) -> FCN:
    """Return the network that gives an answer.

    networks: what `build_networks` returns
    name: "categories" or "boxes"
    raises: ValueError when none of them does

    Built in chapter 8.
    """
    for network in networks.values():
        if name in cast(FCN, network).outputs:
            return cast(FCN, network)
    raise ValueError(f"networks: none answers with {name!r}; there are {', '.join(networks)}")


def output_stride(networks: nn.ModuleDict) -> int:
    """Return the pixels from cell to cell of the answers; both networks of a recipe have the same.

    networks: what `build_networks` returns

    Example:
        >>> from bridgeseg.system.checkpoint import load_run
        >>> output_stride(load_run("scenes").networks)
        4

    Built in chapter 8.
    """
    return cast(FCN, next(iter(networks.values()))).output_stride
