"""The fully convolutional network: a trunk and a head, a picture in, a score or a value at every cell out.

The same class serves both networks of the system: the semantic one gives `{"categories": C + 1}`, the
localization one `{"boxes": 4}`, and a recipe that shares one trunk (our choice, for laptops) gives both at
once.

Built in chapter 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from bridgeseg.networks.heads import LargeFieldOfViewHead, RefinementHead, TwoLayerHead
from bridgeseg.networks.mobilenet import MobileNet
from bridgeseg.networks.resnet import ResNet

HEADS: dict[str, type[LargeFieldOfViewHead] | type[TwoLayerHead] | type[RefinementHead]] = {
    "large": LargeFieldOfViewHead,
    "two-layer": TwoLayerHead,
    "refine": RefinementHead,
}


class FCN(nn.Module):
    """A trunk with one head, whose channels are dealt out to named outputs.

    trunk: a ResNet or a MobileNet
    outputs: channels of each output, for example {"categories": 21} or {"categories": 5, "boxes": 4}. All of
        them share the head's hidden layers; networks that are to share nothing are two FCNs, as in the paper
        (S)
    head: "large" (the paper's), "two-layer" (the later code's) or "refine" (our choice)
    options: passed on to the head
    raises: ValueError when the head is none of these, or an output has no channels

    output_stride: pixels of the picture per cell of the outputs; cell (i, j) is centred on pixel (i, j) ·
        output_stride

    Built in chapter 5.
    """

    def __init__(
        self, trunk: ResNet | MobileNet, outputs: Mapping[str, int], head: str = "large", **options: Any
    ) -> None:
        super().__init__()
        if head not in HEADS:
            raise ValueError(f"head is {head!r}, expected one of {', '.join(HEADS)}")
        if not outputs or min(outputs.values()) < 1:
            raise ValueError(
                f"outputs is {dict(outputs)}, expected at least one name with at least one channel"
            )
        self.outputs = dict(outputs)
        self.trunk = trunk
        self.head = HEADS[head](trunk.channels, trunk.strides, sum(self.outputs.values()), **options)
        self.output_stride = self.head.output_stride

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """Return every output for a batch of pictures.

        pictures: (n, 3, h, w) float, normalised; any h and w from 1
        returns: for each name a (n, channels, ceil(h / output_stride), ceil(w / output_stride)) tensor,
            unbounded: logits, not probabilities
        """
        values = self.head(self.trunk(pictures))
        return dict(zip(self.outputs, torch.split(values, list(self.outputs.values()), dim=1), strict=True))
