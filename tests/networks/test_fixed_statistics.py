"""Fixed statistics against a BatchNorm2d in evaluation mode: answers, gradients, names, and what is kept in memory."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import pytest
import torch
from shuffled import shuffled
from torch import Tensor, nn

from bridgeseg.networks.fixed_statistics import FixedStatistics, convolve
from bridgeseg.networks.mobilenet import mobilenet
from bridgeseg.networks.resnet import resnet

TRUNKS: dict[str, Callable[..., nn.Module]] = {
    "basic": lambda **options: resnet(18, 8, width=4, **options),
    "bottleneck": lambda **options: resnet(50, 8, width=4, dropout=(0.0, 0.0), **options),
    "mobilenet": lambda **options: mobilenet(8, **options),
}


def pair(trunk: str, dtype: torch.dtype) -> tuple[nn.Module, nn.Module]:
    """A trunk in training with fixed statistics, and the same in evaluation mode with PyTorch's normalisation."""
    usual = shuffled(TRUNKS[trunk]()).to(dtype)
    fixed = TRUNKS[trunk](norm_layer=FixedStatistics).to(dtype)
    fixed.load_state_dict(usual.state_dict(), strict=True)
    usual.load_state_dict(fixed.state_dict(), strict=True)
    return fixed.train(), usual.eval()


def gradients(trunk: nn.Module, x: Tensor) -> list[Tensor]:
    """The feature maps, and the gradients of one number made of all of them: to the picture and to every parameter."""
    x = x.clone().requires_grad_()
    maps = trunk(x)
    names = list(trunk.parameters())
    total = sum((values * torch.linspace(-1, 1, values.shape[-1]).to(x)).mean() for values in maps)
    return [values.detach() for values in maps] + list(torch.autograd.grad(total, [x, *names]))


@pytest.mark.parametrize("trunk", TRUNKS)
@pytest.mark.parametrize(("dtype", "error"), [(torch.float64, 1e-12), (torch.float32, 1e-4)])
def test_answers_and_gradients_are_those_of_batch_norm_in_evaluation(
    trunk: str, dtype: torch.dtype, error: float
) -> None:
    fixed, usual = pair(trunk, dtype)
    x = torch.randn(2, 3, 40, 33, generator=torch.Generator().manual_seed(0)).to(dtype)
    for ours, expected in zip(gradients(fixed, x), gradients(usual, x), strict=True):
        # Relative to the largest of each tensor: single entries may be sums that cancel.
        assert float((ours - expected).abs().max()) <= error * max(float(expected.abs().max()), 1e-3)


def test_one_convolution_with_all_its_options() -> None:
    convolution = nn.Conv2d(6, 8, 3, 2, padding=2, dilation=2, groups=2, bias=False)
    norm, x = FixedStatistics(8), torch.randn(2, 6, 9, 12, dtype=torch.float64)
    shuffled(nn.Sequential(convolution, norm)).double()
    with torch.no_grad():
        plain = convolve(x, convolution, norm)
        assert torch.equal(plain, norm(convolution(x)))
    torch.testing.assert_close(convolve(x, convolution, norm), plain, rtol=1e-12, atol=1e-12)


def test_other_normalisations_are_called_as_ever() -> None:
    convolution, x = nn.Conv2d(3, 4, 3, bias=False), torch.randn(2, 3, 8, 8)
    norm = nn.BatchNorm2d(4).train()
    expected = deepcopy(norm)(convolution(x))
    assert torch.equal(convolve(x, convolution, norm), expected)
    assert norm.running_mean is not None
    assert norm.running_mean.any()  # it has counted the batch


@pytest.mark.parametrize("trunk", TRUNKS)
def test_a_step_changes_every_parameter_and_no_statistic(trunk: str) -> None:
    network = shuffled(TRUNKS[trunk](norm_layer=FixedStatistics)).train()
    assert network.training
    before = deepcopy(network.state_dict())
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    sum(values.square().mean() for values in network(torch.randn(2, 3, 32, 32))).backward()
    optimiser.step()
    learned = {name for name, _ in network.named_parameters()}
    for name, value in network.state_dict().items():
        assert torch.equal(before[name], value) == (name not in learned), name


@pytest.mark.parametrize("trunk", TRUNKS)
def test_it_answers_in_training_as_in_evaluation_also_when_copied(trunk: str) -> None:
    network = deepcopy(shuffled(TRUNKS[trunk](norm_layer=FixedStatistics)))
    x = torch.randn(2, 3, 32, 32)
    training = network.train()(x)[-1]
    with torch.no_grad():
        torch.testing.assert_close(training, network.eval()(x)[-1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("trunk", TRUNKS)
def test_the_maps_before_the_normalisation_are_not_kept(trunk: str) -> None:
    """Counted: the bytes of maps that the gradient needs, each storage once; weights are left out by their shape."""

    def kept(network: nn.Module) -> int:
        storages: dict[int, int] = {}

        def keep(value: Tensor) -> Tensor:
            if value.ndim == 4 and value.shape[0] == 2 and value.shape[2] > 7:
                storages[value.data_ptr()] = value.numel()
            return value

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
            maps = network(torch.randn(2, 3, 72, 72))
        assert maps[-1].requires_grad
        return sum(storages.values())

    fixed, usual = pair(trunk, torch.float32)
    assert kept(fixed) < 0.7 * kept(usual)


def test_channels_last_stays_channels_last() -> None:
    convolution = nn.Conv2d(8, 16, 3, bias=False).to(memory_format=torch.channels_last)
    x = torch.randn(2, 8, 9, 9).to(memory_format=torch.channels_last)
    answer = convolve(x, convolution, FixedStatistics(16))
    assert answer.is_contiguous(memory_format=torch.channels_last)


def test_in_bfloat16_the_answer_is_in_bfloat16() -> None:
    convolution, x = nn.Conv2d(3, 4, 3, bias=False), torch.randn(2, 3, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        assert convolve(x, convolution, FixedStatistics(4)).dtype == torch.bfloat16
