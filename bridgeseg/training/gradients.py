"""How large a gradient is, layer by layer.

Built in chapter 4.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def gradient_norms(network: nn.Module, loss: Tensor, kernel: int = 3) -> Tensor:
    """Return the size of a loss's gradient for each convolution of a network, in their order.

    network: whose answer the loss was computed from
    loss: () float, with gradient; its graph is gone afterwards
    kernel: convolutions of this side are asked for, and no others
    returns: (k,) float32, the root of the sum of squares over the weights of each; nothing is added to their `grad`

    Example:
        >>> network = nn.Sequential(nn.Conv2d(1, 1, 3, bias=False), nn.Conv2d(1, 2, 1))
        >>> norms = gradient_norms(network, network(torch.ones(1, 1, 3, 3))[0, 0, 0, 0])
        >>> bool(torch.isclose(norms[0], 3 * network[1].weight[0, 0, 0, 0].abs())), len(norms)
        (True, 1)

    Built in chapter 4.
    """
    weights = [
        part.weight
        for part in network.modules()
        if isinstance(part, nn.Conv2d) and part.kernel_size == (kernel, kernel)
    ]
    found = torch.autograd.grad(loss, weights)
    return torch.stack([gradient.float().norm() for gradient in found])  # (k,)
