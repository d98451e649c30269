"""The networks that a recipe asks for: two apart, as in the paper, or one trunk that gives both answers.

Built in chapters 5 and 8.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from bridgeseg.networks.fcn import FCN
from bridgeseg.networks.heads import Head, LargeFieldOfViewHead, RefinementHead, TwoLayerHead
from bridgeseg.networks.mobilenet import MobileNet, mobilenet
from bridgeseg.networks.pretrained import freeze_batch_statistics, load_trunk, pretrained_state
from bridgeseg.networks.resnet import ResNet, resnet
from bridgeseg.structures.labels import BadInput
from bridgeseg.system.recipe import Recipe


def build_fcn(recipe: Recipe, outputs: dict[str, int], pretrained: bool) -> FCN:
    """Return one network of a recipe.

    outputs: name and channels of each answer
    pretrained: load ImageNet weights where the recipe asks for them; False where trained ones follow anyway
    raises: BadInput for a trunk that does not exist, and when no pretrained weights are to be had
    """
    trunk: ResNet | MobileNet
    if recipe.trunk == "mobilenet_v2":
        trunk = mobilenet(recipe.output_stride, expand=recipe.expand)
    elif recipe.trunk.startswith("resnet") and recipe.trunk[6:].isdigit():
        trunk = resnet(
            int(recipe.trunk[6:]), recipe.output_stride, width=recipe.width, dropout=recipe.dropout
        )
    else:
        raise BadInput(f"trunk {recipe.trunk!r}, expected resnet18, 34, 50, 101, 152 or mobilenet_v2")
    if recipe.pretrained and pretrained:
        load_trunk(trunk, pretrained_state(recipe.trunk))
    network = FCN(trunk, build_head(recipe, trunk, sum(outputs.values())), outputs)
    if recipe.frozen_statistics:
        freeze_batch_statistics(network.trunk)
    if recipe.frozen_layers:
        if not isinstance(trunk, MobileNet):
            raise BadInput(f"frozen_layers: {recipe.frozen_layers} of {recipe.trunk}, expected mobilenet_v2")
        trunk.features[: recipe.frozen_layers].requires_grad_(False)
    return network


def build_head(recipe: Recipe, trunk: ResNet | MobileNet, outputs: int) -> Head:
    """Return the head of a recipe for a trunk.

    outputs: channels that come out
    raises: BadInput for a head that does not exist
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

    categories: C, without background
    returns: {"both": …} where the recipe shares one trunk (our choice), else {"semantic": …, "localization": …} as in
        the paper

    Built in chapter 8.
    """
    semantic, boxes = {"categories": categories + 1}, {"boxes": 4}
    if recipe.shared:
        return nn.ModuleDict({"both": build_fcn(recipe, semantic | boxes, pretrained)})
    return nn.ModuleDict(
        {
            "semantic": build_fcn(recipe.of("semantic"), semantic, pretrained),
            "localization": build_fcn(recipe.of("localization"), boxes, pretrained),
        }
    )


def answers(networks: nn.ModuleDict, pictures: Tensor) -> dict[str, Tensor]:
    """Return the answers of all networks to a batch of pictures: "categories" (logits) and "boxes" (encoded).

    pictures: (N, 3, H, W) float, normalised
    """
    merged: dict[str, Tensor] = {}
    for network in networks.values():
        merged |= network(pictures)
    return merged


def answering(networks: nn.ModuleDict, name: str) -> FCN:
    """Return the network that gives an answer: "categories" or "boxes".

    raises: ValueError when none of them does
    """
    for network in networks.values():
        if name in cast(FCN, network).outputs:
            return cast(FCN, network)
    raise ValueError(f"networks: none answers with {name!r}; there are {', '.join(networks)}")


def output_stride(networks: nn.ModuleDict) -> int:
    """Return the pixels from cell to cell of the answers; both networks of a recipe have the same."""
    return cast(FCN, next(iter(networks.values()))).output_stride
