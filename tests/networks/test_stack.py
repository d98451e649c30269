"""Stacks with shortcuts and without: as many layers as are asked for, the same weights, and a sum or none."""

from __future__ import annotations

import pytest
import torch
from shuffled import shuffled
from torch import nn

from bridgeseg.networks.resnet import BasicBlock
from bridgeseg.networks.stack import STACK_STRIDE, PlainBlock, layer, stack


def weighted(network: nn.Module) -> list[nn.Conv2d]:
    return [part for part in network.modules() if isinstance(part, nn.Conv2d)]


@pytest.mark.parametrize("layers", [4, 6, 8, 10, 18, 34])
@pytest.mark.parametrize("shortcuts", [True, False])
def test_there_are_as_many_layers_as_are_asked_for(layers: int, shortcuts: bool) -> None:
    assert len(weighted(stack(layers, 4, 6, shortcuts=shortcuts))) == layers


@pytest.mark.parametrize("size", [(1, 1), (37, 50), (64, 96)])
def test_every_fourth_pixel_has_a_cell(size: tuple[int, int]) -> None:
    answer = stack(10, 4, 6).eval()(torch.zeros(2, 3, *size))
    assert answer.shape == (2, 6, -(-size[0] // STACK_STRIDE), -(-size[1] // STACK_STRIDE))


def test_with_the_same_weights_only_the_sums_differ() -> None:
    """Where each block's last scale and shift are 0, a residual block is the identity and a plain one gives 0."""
    plain, residual = shuffled(stack(12, 4, 6, shortcuts=False)), shuffled(stack(12, 4, 6))
    plain.load_state_dict(residual.state_dict(), strict=True)
    x = torch.rand(2, 4, 5, 6)
    for one, other in zip(plain, residual):
        if isinstance(other, BasicBlock):
            branch = other.bn2(other.conv2(other.relu(other.bn1(other.conv1(x)))))
            torch.testing.assert_close(one(x), branch.relu())
            torch.testing.assert_close(other(x), (branch + x).relu())
    assert sum(isinstance(part, PlainBlock) for part in plain) == 4
    assert not any(isinstance(part, PlainBlock) for part in residual)


def test_a_plain_stack_is_nothing_but_layers() -> None:
    stacked = shuffled(stack(8, 4, 6, shortcuts=False))
    flat = nn.Sequential(
        layer(3, 2, 2), layer(2, 4, 2), *(layer(4, 4) for _ in range(5)), nn.Conv2d(4, 6, 1)
    ).eval()
    flat.load_state_dict(dict(zip(flat.state_dict(), stacked.state_dict().values())))
    x = torch.randn(1, 3, 20, 24)
    torch.testing.assert_close(flat(x), stacked(x))


def test_a_plain_block_has_no_projection_even_where_the_size_changes() -> None:
    block = PlainBlock(4, 8, 2, (1, 1), nn.BatchNorm2d)
    assert block.downsample is None
    assert block(torch.zeros(1, 4, 6, 6)).shape == (1, 8, 3, 3)


@pytest.mark.parametrize(
    ("layers", "width", "said"), [(9, 8, "layers is 9"), (2, 8, "layers"), (8, 5, "width is 5")]
)
def test_what_cannot_be_built_is_refused(layers: int, width: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        stack(layers, width, 6)
