"""The size of a gradient by layer is that of the gradient, found by moving the weights."""

from __future__ import annotations

import torch

from bridgeseg.networks.stack import stack
from bridgeseg.training.gradients import gradient_norms


def test_it_is_how_the_loss_changes_along_the_gradient() -> None:
    torch.manual_seed(0)
    network = stack(8, 4, 3).double().eval()
    picture = torch.randn(1, 3, 24, 24, dtype=torch.float64)
    norms = gradient_norms(network, network(picture).square().mean())
    convolutions = [
        m for m in network.modules() if isinstance(m, torch.nn.Conv2d) and m.kernel_size == (3, 3)
    ]
    assert len(norms) == len(convolutions) == 7
    for norm, layer in zip(norms.tolist(), convolutions):
        (gradient,) = torch.autograd.grad(network(picture).square().mean(), [layer.weight])
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                moved = sign * 1e-6 * gradient / gradient.norm()
                layer.weight += moved
                values.append(float(network(picture).square().mean()))
                layer.weight -= moved
        slope = (values[0] - values[1]) / 2e-6
        assert abs(norm - slope) < 1e-6 + 1e-4 * slope


def test_nothing_is_left_behind_and_other_kernels_are_passed_over() -> None:
    network = stack(6, 4, 3)
    assert len(gradient_norms(network, network(torch.randn(2, 3, 16, 16)).sum(), kernel=1)) == 1
    assert all(weights.grad is None for weights in network.parameters())
