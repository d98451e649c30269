"""Heads: what turns a trunk's feature maps into one map of outputs.

A head takes the list of feature maps that a trunk returns and gives (n, outputs, h, w). The first two are the
paper's and its authors' later code's, and answer at the trunk's stride. The third is ours, for small
machines: it answers at a finer stride than the trunk, because dilating a trunk down to that stride multiplies
the work of all its layers.

Built in chapter 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import torch
from torch import Tensor, nn

from bridgeseg.networks.resnet import Norm
from bridgeseg.structures.cells import enlarge


def last_convolution(inputs: int, outputs: int, kernel: int = 1, dilation: int = 1) -> nn.Conv2d:
    """Return a convolution with bias whose outputs start near zero, whatever the number of its inputs.

    The standard deviation is a tenth of 1 / sqrt(fan-in) (our choice): all categories begin about equally
    probable, so the first loss is near the logarithm of their number, and no large first gradient disturbs a
    pretrained trunk.

    inputs, outputs: channels that come in and go out
    kernel: its side, odd
    dilation: from tap to tap, in cells
    """
    padding = dilation * (kernel - 1) // 2
    layer = nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation)
    nn.init.normal_(layer.weight, std=0.1 / sqrt(inputs * kernel * kernel))
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


def as_convolution(classifier: nn.Linear, side: int = 1) -> nn.Conv2d:
    """Return a classifier of whole pictures as a convolution, which gives its answer at every place.

    classifier: takes the c · side · side values of a small feature map, channel by channel, row by row
    side: of that map, cells; 1 where a mean over all cells stood before the classifier, as in a ResNet
    returns: a convolution with a kernel of that side, without padding, and with the same numbers for weights
    raises: ValueError when the inputs are no such map

    Example:
        >>> classifier = nn.Linear(2 * 3 * 3, 4)
        >>> maps = torch.rand(1, 2, 5, 6)
        >>> everywhere = as_convolution(classifier, side=3)(maps)
        >>> tuple(everywhere.shape)  # a window of 3 × 3 cells has so many places
        (1, 4, 3, 4)
        >>> torch.allclose(everywhere[0, :, 1, 2], classifier(maps[0, :, 1:4, 2:5].flatten()), atol=1e-6)
        True

    Paper: the classifier becomes a convolution. Built in chapter 5.
    """
    inputs = classifier.in_features
    if side < 1 or inputs % (side * side):
        raise ValueError(f"side is {side}, expected one whose square divides the {inputs} inputs")
    layer = nn.Conv2d(inputs // side**2, classifier.out_features, side, bias=classifier.bias is not None)
    with torch.no_grad():
        layer.weight.copy_(classifier.weight.view_as(layer.weight))  # (classes, c, side, side)
        if layer.bias is not None:
            layer.bias.copy_(classifier.bias)
    return layer


class LargeFieldOfViewHead(nn.Module):
    """One convolution with a small kernel and a large dilation, as in the paper.

    channels, strides: those of the trunk's feature maps; the last one is used
    outputs: channels that come out
    kernel, dilation: 5 and 12 at stride 8 give the field of view of 392 pixels that the paper found best (392
        is S; that it comes from 5 and 12 is I)

    Example:
        >>> head = LargeFieldOfViewHead([4, 16], [4, 8], outputs=3, kernel=5, dilation=2)
        >>> maps = [torch.zeros(1, 4, 12, 20), torch.zeros(1, 16, 6, 10)]
        >>> tuple(head(maps).shape), head.output_stride
        ((1, 3, 6, 10), 8)

    Built in chapter 5.
    """

    def __init__(
        self,
        channels: Sequence[int],
        strides: Sequence[int],
        outputs: int,
        *,
        kernel: int = 5,
        dilation: int = 12,
    ) -> None:
        super().__init__()
        self.outputs, self.output_stride = outputs, strides[-1]
        self.classify = last_convolution(channels[-1], outputs, odd("kernel", kernel), dilation)

    def forward(self, features: list[Tensor]) -> Tensor:
        return self.classify(features[-1])


class TwoLayerHead(nn.Module):
    """Two dilated convolutions with a ReLU between them, as in the authors' later code (C).

    channels, strides: those of the trunk's feature maps; the last one is used
    outputs: channels that come out
    hidden, kernel, dilation: 512, 3 and 12 in the later code, so that the stacked field of view is 392 again.
        The paper speaks of a "multi-layer non-linear classifier" without detail

    Built in chapter 5.
    """

    def __init__(
        self,
        channels: Sequence[int],
        strides: Sequence[int],
        outputs: int,
        *,
        hidden: int = 512,
        kernel: int = 3,
        dilation: int = 12,
    ) -> None:
        super().__init__()
        self.outputs, self.output_stride = outputs, strides[-1]
        padding = dilation * (odd("kernel", kernel) - 1) // 2
        self.hidden = nn.Conv2d(channels[-1], hidden, kernel, padding=padding, dilation=dilation)
        nn.init.kaiming_normal_(self.hidden.weight, nonlinearity="relu")
        nn.init.zeros_(self.hidden.bias)  # type: ignore[arg-type]
        self.relu = nn.ReLU(inplace=True)
        self.classify = last_convolution(hidden, outputs, kernel, dilation)

    def forward(self, features: list[Tensor]) -> Tensor:
        return self.classify(self.relu(self.hidden(features[-1])))


class RefinementHead(nn.Module):
    """Deep features brought to a finer stride and joined there with early ones (our choice, not the paper's).

    At stride 4 a dilated stage costs 64 times what it costs at stride 32. This head leaves the trunk coarse:
    the last feature map passes a 3×3 convolution, is enlarged, meets earlier maps that a 1×1 convolution has
    narrowed, and one 3×3 convolution at the fine stride mixes them.

    channels, strides: those of the trunk's feature maps
    outputs: channels that come out
    hidden: channels of the mixing convolution
    lateral: channels of each earlier map; None takes half of `hidden`
    stride: of the result, 2 or 4 or whatever other stride one of the trunk's maps has
    norm_layer: makes a normalisation layer for a number of channels
    raises: ValueError when none of the trunk's maps has the stride

    Built in chapter 5.
    """

    def __init__(
        self,
        channels: Sequence[int],
        strides: Sequence[int],
        outputs: int,
        *,
        hidden: int = 64,
        lateral: int | None = None,
        stride: int = 4,
        norm_layer: Norm = nn.BatchNorm2d,
    ) -> None:
        super().__init__()
        if stride not in strides:
            raise ValueError(f"stride is {stride}, expected one of the trunk's: {sorted(set(strides))}")
        self.outputs, self.output_stride = outputs, stride
        self.strides = list(strides)
        # Of several maps with one stride the last has seen most; those that are as coarse as the deepest add
        # little.
        finest_to_coarsest = sorted({s for s in strides if stride <= s < strides[-1]})
        self.used = [max(i for i, s in enumerate(strides) if s == wanted) for wanted in finest_to_coarsest]
        narrow = hidden // 2 if lateral is None else lateral
        self.deep = block(channels[-1], hidden, 3, norm_layer)
        self.lateral = nn.ModuleList(block(channels[i], narrow, 1, norm_layer) for i in self.used)
        self.mix = block(hidden + narrow * len(self.used), hidden, 3, norm_layer)
        self.classify = last_convolution(hidden, outputs)

    def forward(self, features: list[Tensor]) -> Tensor:
        # The map at the wanted stride sets the size: ceil(h / stride) differs from the coarse size times the
        # factor.
        target = features[self.used[0]] if self.used else features[-1]
        size = (target.shape[-2], target.shape[-1])
        parts = [enlarge(self.deep(features[-1]), self.strides[-1] // self.output_stride, size)]
        for i, narrow in zip(self.used, self.lateral, strict=True):
            parts.append(enlarge(narrow(features[i]), self.strides[i] // self.output_stride, size))
        # From (n, hidden, *size) and, for each earlier map, (n, lateral, *size) to (n, hidden, *size).
        joined = torch.cat(parts, dim=1)
        del parts  # the largest maps of the network, and two of each would set the size of picture that fits
        return self.classify(self.mix(joined))


Head = LargeFieldOfViewHead | TwoLayerHead | RefinementHead


def block(inputs: int, outputs: int, kernel: int, norm_layer: Norm) -> nn.Sequential:
    """Return a convolution, its normalisation and a ReLU.

    inputs, outputs: channels that come in and go out
    kernel: its side, odd
    norm_layer: makes a normalisation layer for a number of channels
    """
    layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(layer, norm_layer(outputs), nn.ReLU(inplace=True))


def odd(name: str, kernel: int) -> int:
    """Return the kernel if it is odd; an even one has no centre.

    name: what the argument is called, for the message
    kernel: the side of a kernel
    raises: ValueError when it is even, or below 1
    """
    if kernel < 1 or kernel % 2 == 0:
        raise ValueError(f"{name} is {kernel}, expected an odd number")
    return kernel
