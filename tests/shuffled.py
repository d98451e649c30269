"""Networks with random weights and statistics, as none is made and none is trained."""

from __future__ import annotations

import torch
from torch import nn


def shuffled(network: nn.Module, seed: int = 0) -> nn.Module:
    """Give a network random weights and statistics, so that no layer is the identity and no value explodes."""
    generator = torch.Generator().manual_seed(seed)
    for part in network.modules():
        if isinstance(part, nn.Conv2d):
            fan = part.weight[0].numel()
            nn.init.normal_(part.weight, std=fan**-0.5, generator=generator)
        if isinstance(part, nn.BatchNorm2d):
            for values in (part.weight, part.running_var):
                nn.init.uniform_(values, 0.5, 1.5, generator=generator)
            for values in (part.bias, part.running_mean):
                nn.init.normal_(values, std=0.3, generator=generator)
    return network.eval()
