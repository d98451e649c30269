"""Batch normalisation with the statistics that a trunk was pretrained with, folded into the convolution before it.

With a pretrained trunk and the few crops that fit in memory, the statistics of a batch are worse than those of
ImageNet. Whether the paper keeps ImageNet's is not known; it is our choice where a trunk is pretrained. Mean m and
variance v are then constants, and the normalisation is a line, which a convolution W takes in:

    y = γ · (W ∗ x − m) / √(v + ε) + β  =  (s · W) ∗ x + (β − m · s) ,   s = γ / √(v + ε)

γ and β still learn, through s. The map W ∗ x is never made, let alone kept for the gradient: that is half of what a
trunk keeps.

Built in chapter 6.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class FixedStatistics(nn.BatchNorm2d):
    """A batch normalisation that always uses its stored mean and variance, also while training: a `norm_layer`.

    channels: of the maps that it normalises

    Example:
        >>> layer = FixedStatistics(2).train()
        >>> bool((layer(torch.ones(1, 2, 3, 3)) - 1).abs().max() < 1e-4)  # mean 0 and variance 1 are stored
        True

    Scales and shifts learn. Parameters and buffers have the names of BatchNorm2d's, so weights that were saved with one
    load into the other. Built in chapter 6.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.eval()

    def train(self, mode: bool = True) -> FixedStatistics:
        """Stay in evaluation mode."""
        return super().train(False)


def convolve(x: Tensor, convolution: nn.Conv2d, norm: nn.Module) -> Tensor:
    """Return norm(convolution(x)); where the statistics are fixed and a gradient is wanted, from one convolution.

    x: (n, c, h, w) float
    convolution: without bias
    norm: what normalises its result
    returns: (n, channels, h', w') float

    Without a gradient nothing is kept, and folding the weights at every call would cost more than it saves. Built in
    chapter 6.
    """
    if not isinstance(norm, FixedStatistics) or not torch.is_grad_enabled():
        return norm(convolution(x))
    scale = norm.weight * (norm.running_var + norm.eps).rsqrt()  # (channels,)
    shift = norm.bias - norm.running_mean * scale
    weight = convolution.weight * scale[:, None, None, None]  # (channels, c / groups, k, k)
    stride, padding, dilation = convolution.stride, convolution.padding, convolution.dilation
    return F.conv2d(x, weight, shift, stride, padding, dilation, convolution.groups)
