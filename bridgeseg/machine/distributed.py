"""What several processes must agree on: sums, the answers of all, batch statistics. Alone, all of it is a no-op.

Built in chapter 15.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


def processes() -> int:
    """Return how many processes train together, 1 without `torchrun`."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Return the number of this process, 0 without `torchrun`."""
    return dist.get_rank() if processes() > 1 else 0


class _Sum(torch.autograd.Function):
    """A sum over the processes whose gradient is a sum over the processes."""

    @staticmethod
    def forward(context: object, value: Tensor) -> Tensor:
        value = value.clone()
        dist.all_reduce(value)
        return value

    @staticmethod
    def backward(context: object, *gradients: Tensor) -> Tensor:
        gradient = gradients[0].contiguous().clone()
        dist.all_reduce(gradient)
        return gradient


def total(value: Tensor) -> Tensor:
    """Return the sum of a tensor over all processes; gradients are summed likewise.

    value: float tensor of any shape, the same shape in every process
    returns: float of the same shape; alone, the tensor itself
    """
    return _Sum.apply(value) if processes() > 1 else value


class _Gather(torch.autograd.Function):
    """The tensors of all processes; each process keeps the gradient of its own."""

    @staticmethod
    def forward(context: Any, value: Tensor) -> Tensor:
        parts = [torch.empty_like(value) for _ in range(processes())]
        dist.all_gather(parts, value.contiguous())
        return torch.cat(parts)  # (n · processes, …)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        # Gradients of parameters are averaged over the processes afterwards; they are to be the sum of all parts.
        return gradients[0].chunk(processes())[rank()] * processes()  # (n, …)


def gathered(value: Tensor) -> Tensor:
    """Return the tensors of all processes, one after the other, so that each can compute the same loss of all of them.

    value: (n, …) float, of one shape in every process
    returns: (n · processes, …) float; backwards, a process gets the gradient of its own part, times the number of
        processes, which the average that `DistributedDataParallel` takes makes good

    Built in chapter 15.
    """
    return _Gather.apply(value) if processes() > 1 else value


class SharedBatchNorm2d(nn.BatchNorm2d):
    """A BatchNorm2d whose statistics are those of the pictures of all processes, on a CPU too.

    PyTorch's SyncBatchNorm needs a GPU; with this one two processes train as one with the same global batch.

    Built in chapter 15.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (N, C, h, w) by the mean and the variance over all processes, float32 ones in bfloat16 too."""
        if not self.training or processes() == 1:
            return super().forward(input)
        kind, input = input.dtype, input.float()
        count = total(input.new_tensor(float(input.numel() // input.shape[1])))
        mean = total(input.sum((0, 2, 3))) / count  # (C,)
        centred = input - mean[None, :, None, None]  # (N, C, h, w)
        variance = total(centred.square().sum((0, 2, 3))) / count
        momentum = 0.1 if self.momentum is None else self.momentum
        with torch.no_grad():
            if self.running_mean is not None and self.running_var is not None:
                self.running_mean.lerp_(mean.detach(), momentum)
                self.running_var.lerp_(variance.detach() * count / (count - 1), momentum)
            if self.num_batches_tracked is not None:
                self.num_batches_tracked += 1
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centred * scale[None, :, None, None] + self.bias[None, :, None, None]).to(kind)


def share_batch_statistics(module: nn.Module) -> nn.Module:
    """Return the module with every BatchNorm2d turned into a `SharedBatchNorm2d` with the same tensors."""
    for name, child in module.named_children():
        if type(child) is nn.BatchNorm2d:
            shared = SharedBatchNorm2d(child.num_features, child.eps, child.momentum)
            shared.load_state_dict(child.state_dict())
            setattr(module, name, shared.train(child.training))
        else:
            share_batch_statistics(child)
    return module
