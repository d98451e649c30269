"""Stacks of layers at one stride: the first network of chapter 4, and deeper ones with shortcuts and without.

Three layers bring a picture to stride 4, blocks of two layers follow, all of one width, and a classifier ends it. Since
nothing changes its size on the way, a shortcut is the input itself: a stack with shortcuts has the same weights as one
without, and what shortcuts do can be seen without anything else that differs. All of it is our choice.

Built in chapter 4.
"""

from __future__ import annotations

from torch import Tensor, nn

from bridgeseg.networks.fixed_statistics import convolve
from bridgeseg.networks.resnet import BasicBlock, Norm, convolution

STEM = 3  # layers before the blocks
STACK_STRIDE = 4


class PlainBlock(BasicBlock):
    """The two 3×3 convolutions of a basic block with nothing beside them, as deep networks were built before.

    Arguments as in `BasicBlock`. Both layers end with a ReLU, and there is neither a sum nor a projection.

    Example:
        >>> import torch
        >>> block = PlainBlock(4, 4, stride=1, dilations=(1, 1), norm=nn.BatchNorm2d)
        >>> _ = nn.init.zeros_(block.bn2.weight)
        >>> bool((block(torch.ones(2, 4, 6, 6)) == 0).all())  # a residual block would give its input
        True

    Built in chapter 4.
    """

    def __init__(
        self, inputs: int, width: int, stride: int, dilations: tuple[int, int], norm: Norm, dropout: float = 0
    ) -> None:
        super().__init__(inputs, width, stride, dilations, norm, dropout)
        self.downsample = None

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(convolve(x, self.conv1, self.bn1))
        return self.relu(convolve(self.dropout(x), self.conv2, self.bn2))


def layer(inputs: int, outputs: int, stride: int = 1, norm: Norm = nn.BatchNorm2d) -> nn.Sequential:
    """Return a 3×3 convolution, its normalisation and a ReLU.

    inputs, outputs: channels that come in and go out
    stride: inputs from output to output
    norm: makes a normalisation layer for a number of channels

    Example:
        >>> import torch
        >>> tuple(layer(3, 8, stride=2)(torch.zeros(1, 3, 5, 6)).shape)
        (1, 8, 3, 3)

    Built in chapter 4.
    """
    return nn.Sequential(convolution(inputs, outputs, 3, stride), norm(outputs), nn.ReLU(inplace=True))


def stack(
    layers: int, width: int, categories: int, *, shortcuts: bool = True, norm: Norm = nn.BatchNorm2d
) -> nn.Sequential:
    """Return a network of so many layers with weights, which answers at stride 4.

    layers: 3 before the blocks, 2 in each block, and the classifier: an even number from 4 on
    width: channels of the blocks, an even number
    categories: with the background
    shortcuts: blocks are residual, or else plain
    norm: makes a normalisation layer for a number of channels
    raises: ValueError for a number of layers or a width that is odd or too small

    Example:
        >>> import torch
        >>> network = stack(10, width=8, categories=6)
        >>> tuple(network(torch.zeros(1, 3, 30, 40)).shape)  # ⌈30 / 4⌉ by ⌈40 / 4⌉ cells
        (1, 6, 8, 10)

    Weights begin as PyTorch draws them. Built in chapter 4.
    """
    if layers < STEM + 1 or layers % 2:
        raise ValueError(f"layers is {layers}, expected an even number from {STEM + 1} on")
    if width < 2 or width % 2:
        raise ValueError(f"width is {width}, expected an even number from 2 on")
    block = BasicBlock if shortcuts else PlainBlock
    stem = [layer(3, width // 2, 2, norm), layer(width // 2, width, 2, norm), layer(width, width, 1, norm)]
    blocks = [block(width, width, 1, (1, 1), norm) for _ in range((layers - STEM - 1) // 2)]
    return nn.Sequential(*stem, *blocks, nn.Conv2d(width, categories, 1))
