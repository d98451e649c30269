"""Heads: their sizes, their alignment, and what they add up to."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bridgeseg.networks.heads import LargeFieldOfViewHead, RefinementHead, TwoLayerHead, as_convolution


def test_the_large_head_is_one_dilated_convolution_written_out() -> None:
    head = LargeFieldOfViewHead([3], [8], 2, kernel=3, dilation=4).double()
    x = torch.randn(1, 3, 9, 11, dtype=torch.float64)
    padded = nn.functional.pad(x, (4, 4, 4, 4))
    expected = head.classify.bias.detach().clone()[None, :, None, None].expand(1, 2, 9, 11).clone()
    for i in range(3):
        for j in range(3):
            window = padded[..., 4 * i : 4 * i + 9, 4 * j : 4 * j + 11]
            expected += torch.einsum("oc,nchw->nohw", head.classify.weight[:, :, i, j], window)
    torch.testing.assert_close(head([x]), expected)


def test_the_defaults_are_the_papers_and_the_later_codes() -> None:
    large = LargeFieldOfViewHead([2048], [8], 21).classify
    assert (large.kernel_size, large.dilation, large.padding) == ((5, 5), (12, 12), (24, 24))
    two = TwoLayerHead([64], [8], 21)
    assert two.hidden.out_channels == 512
    for layer in (two.hidden, two.classify):
        assert (layer.kernel_size, layer.dilation) == ((3, 3), (12, 12))


def test_first_logits_are_small_whatever_the_number_of_channels() -> None:
    torch.manual_seed(0)
    for channels in (32, 2048):
        head = LargeFieldOfViewHead([channels], [8], 21)
        logits = head([torch.randn(1, channels, 60, 60)])[..., 24:-24, 24:-24]
        assert 0.05 < logits.std() < 0.2


@pytest.mark.parametrize(("stride", "used"), [(8, []), (4, [1]), (2, [0, 1])])
@pytest.mark.parametrize("size", [(1, 1), (33, 50), (64, 64), (97, 7)])
def test_refinement_answers_at_its_stride(stride: int, used: list[int], size: tuple[int, int]) -> None:
    channels, strides = [4, 6, 8, 10, 12], [2, 4, 8, 8, 8]
    head = RefinementHead(channels, strides, 3, hidden=8, stride=stride).eval()
    assert head.used == used
    assert head.output_stride == stride
    maps = [
        torch.randn(2, c, -(-size[0] // s), -(-size[1] // s)) for c, s in zip(channels, strides, strict=True)
    ]
    assert head(maps).shape == (2, 3, -(-size[0] // stride), -(-size[1] // stride))


def test_refinement_uses_every_map_that_it_names_and_no_other() -> None:
    channels, strides = [4, 6, 8, 10, 12], [2, 4, 8, 8, 8]
    head = RefinementHead(channels, strides, 3, hidden=8, stride=2).eval()
    maps = [
        torch.randn(1, c, 32 // s, 32 // s, requires_grad=True)
        for c, s in zip(channels, strides, strict=True)
    ]
    head(maps).square().sum().backward()
    assert [values.grad is not None and bool(values.grad.any()) for values in maps] == [
        True,
        True,
        False,
        False,
        True,
    ]


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match=r"stride is 3, expected one of the trunk's: \[2, 8\]"):
        RefinementHead([1, 1], [2, 8], 2, stride=3)
    with pytest.raises(ValueError, match="kernel is 4"):
        LargeFieldOfViewHead([1], [8], 2, kernel=4)


@pytest.mark.parametrize("side", [1, 2, 7])
@pytest.mark.parametrize("bias", [True, False])
def test_a_classifier_of_windows_is_a_convolution(side: int, bias: bool) -> None:
    """The oracle is the classifier itself, asked about each window."""
    classifier = nn.Linear(3 * side * side, 4, bias=bias).double()
    maps = torch.randn(2, 3, side + 2, side + 4, dtype=torch.float64)
    with torch.no_grad():
        everywhere = as_convolution(classifier, side).double()(maps)
        assert everywhere.shape == (2, 4, 3, 5)
        for row in range(3):
            for column in range(5):
                window = maps[:, :, row : row + side, column : column + side].flatten(1)
                torch.testing.assert_close(
                    everywhere[:, :, row, column], classifier(window), atol=1e-6, rtol=1e-6
                )


def test_a_classifier_of_the_mean_is_the_mean_of_the_classifier() -> None:
    classifier, maps = nn.Linear(5, 3), torch.randn(2, 5, 7, 7)
    with torch.no_grad():
        torch.testing.assert_close(
            as_convolution(classifier)(maps).mean((2, 3)), classifier(maps.mean((2, 3)))
        )


@pytest.mark.parametrize("side", [0, 2])
def test_a_window_must_fit_the_classifier(side: int) -> None:
    with pytest.raises(ValueError, match=f"side is {side}"):
        as_convolution(nn.Linear(27, 2), side)
