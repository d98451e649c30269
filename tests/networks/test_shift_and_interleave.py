"""Shift and interleave against networks that are fine by themselves."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from shuffled import shuffled
from torch import Tensor, nn

from bridgeseg.networks.fcn import FCN
from bridgeseg.networks.field_of_view import measured_field_of_view
from bridgeseg.networks.heads import LargeFieldOfViewHead
from bridgeseg.networks.resnet import resnet
from bridgeseg.networks.shift_and_interleave import interleave


@pytest.mark.parametrize("size", [(1, 1), (3, 9), (16, 16), (21, 30)])
@pytest.mark.parametrize(("stride", "n"), [(8, 1), (8, 2), (8, 4), (8, 8), (6, 3)])
def test_one_convolution_is_its_finer_self_everywhere(size: tuple[int, int], stride: int, n: int) -> None:
    coarse = nn.Conv2d(3, 2, 5, stride, padding=2).double()
    fine = deepcopy(coarse)
    fine.stride = (stride // n, stride // n)
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    answer = interleave(lambda pictures: {"y": coarse(pictures)}, x, n, stride)["y"]
    torch.testing.assert_close(answer, fine(x))


def test_every_cell_answers_for_its_own_pixel() -> None:
    """A network that only reads the pixel at the centre of each cell gives back the picture, thinned out."""

    def network(pictures: Tensor) -> dict[str, Tensor]:
        return {"y": pictures[..., ::8, ::8]}

    x = torch.arange(45 * 52.0).view(1, 1, 45, 52)
    for n in (1, 2, 4, 8):
        assert torch.equal(interleave(network, x, n, 8)["y"], x[..., :: 8 // n, :: 8 // n])


def network(depth: int, output_stride: int, dilation: int) -> FCN:
    trunk = resnet(depth, output_stride, width=2, layers=(1, 1, 1))
    head = LargeFieldOfViewHead(trunk.channels, trunk.strides, 3, kernel=3, dilation=dilation)
    return FCN(trunk, head, {"categories": 3})


@pytest.mark.parametrize(("depth", "n"), [(18, 2), (50, 2), (18, 4)])
def test_equals_the_dilated_network_away_from_top_and_left(depth: int, n: int) -> None:
    coarse, fine = network(depth, 16, dilation=1), network(depth, 16 // n, dilation=n)
    shuffled(coarse).double()
    fine.double().eval().load_state_dict(coarse.state_dict())
    x = torch.randn(1, 3, 221, 250, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        answer = interleave(coarse, x, n, coarse.output_stride)["categories"]
        expected = fine(x)["categories"]
    assert answer.shape == expected.shape
    inner = -(-(measured_field_of_view(fine)[0] + 1) // fine.output_stride)
    assert 2 * inner < min(answer.shape[-2:])
    torch.testing.assert_close(answer[..., inner:, inner:], expected[..., inner:, inner:])
    # The pass that is not moved is exact up to the border; the others are not, which is what the docstring says.
    torch.testing.assert_close(answer[..., ::n, ::n], expected[..., ::n, ::n])
    assert not torch.allclose(answer, expected)


def test_a_divisor_is_asked_for() -> None:
    with pytest.raises(ValueError, match="n is 3, expected a divisor of the stride 8"):
        interleave(lambda pictures: {"y": pictures}, torch.zeros(1, 3, 8, 8), 3, 8)
