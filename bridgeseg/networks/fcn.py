"""The fully convolutional network: a trunk and a head, a picture in, a score or a value at every cell out.

The same class serves both networks of the system: the semantic one gives `{"categories": C + 1}`, the
localization one `{"boxes": 4}`, and a recipe that shares one trunk (our choice, for laptops) gives both at
once.

Built in chapter 5.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from bridgeseg.networks.heads import Head
from bridgeseg.networks.mobilenet import MobileNet
from bridgeseg.networks.resnet import ResNet
from bridgeseg.structures.preconditions import expect_tensors


class FCN(nn.Module):
    """A trunk with one head, whose channels are dealt out to named outputs.

    trunk: a ResNet or a MobileNet
    head: built for this trunk's channels and strides, with as many outputs as all names together
    outputs: channels of each output, for example {"categories": 21} or {"categories": 5, "boxes": 4}. All of
        them share the head's hidden layers; networks that are to share nothing are two FCNs, as in the paper
        (S)
    raises: ValueError when an output has no channels, or the head gives another number of them

    output_stride: pixels of the picture per cell of the outputs; cell (i, j) is centred on pixel (i, j) ·
        output_stride

    Example:
        >>> from bridgeseg.networks.heads import LargeFieldOfViewHead
        >>> from bridgeseg.networks.resnet import resnet
        >>> trunk = resnet(18, output_stride=8, width=4)
        >>> head = LargeFieldOfViewHead(trunk.channels, trunk.strides, outputs=9)
        >>> found = FCN(trunk, head, {"categories": 5, "boxes": 4})(torch.zeros(2, 3, 40, 50))
        >>> {name: tuple(values.shape) for name, values in found.items()}  # ⌈40 / 8⌉ by ⌈50 / 8⌉ cells
        {'categories': (2, 5, 5, 7), 'boxes': (2, 4, 5, 7)}

    Built in chapter 5.
    """

    def __init__(self, trunk: ResNet | MobileNet, head: Head, outputs: Mapping[str, int]) -> None:
        super().__init__()
        if not outputs or min(outputs.values()) < 1:
            raise ValueError(
                f"outputs is {dict(outputs)}, expected at least one name with at least one channel"
            )
        if sum(outputs.values()) != head.outputs:
            raise ValueError(f"outputs is {dict(outputs)}, expected the {head.outputs} channels of the head")
        self.outputs = dict(outputs)
        self.trunk = trunk
        self.head = head
        self.output_stride = head.output_stride

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """Return every output for a batch of pictures.

        pictures: (n, 3, h, w) float, normalised; any h and w from 1
        returns: for each name a (n, channels, ceil(h / output_stride), ceil(w / output_stride)) tensor,
            unbounded: logits, not probabilities
        raises: ValueError for pictures of another type than the weights, unless autocast changes it
        """
        expect_tensors(pictures=(pictures, "(n, 3, h, w) float, not empty"))
        own = next(self.parameters()).dtype
        if pictures.dtype != own and not torch.is_autocast_enabled(pictures.device.type):
            found, wanted = (str(kind).removeprefix("torch.") for kind in (pictures.dtype, own))
            raise ValueError(f"pictures: {found}, expected {wanted}, as the weights are")
        values = self.head(self.trunk(pictures))  # (n, channels of all outputs, cells down, cells across)
        return dict(zip(self.outputs, torch.split(values, list(self.outputs.values()), dim=1), strict=True))
