"""The FCN: sizes, named outputs, compilation and memory layout."""

from __future__ import annotations

from copy import deepcopy
from functools import partial

import pytest
import torch
from shuffled import shuffled
from torch import nn

from bridgeseg.networks.fcn import FCN
from bridgeseg.networks.fixed_statistics import FixedStatistics
from bridgeseg.networks.heads import LargeFieldOfViewHead, RefinementHead, TwoLayerHead
from bridgeseg.networks.mobilenet import mobilenet
from bridgeseg.networks.resnet import resnet

HEADS = {
    "large": LargeFieldOfViewHead,
    "two-layer": partial(TwoLayerHead, hidden=8),
    "refine": partial(RefinementHead, hidden=8, stride=2),
}
heads = pytest.mark.parametrize("head", HEADS)


def small(head: str = "large") -> FCN:
    trunk = resnet(18, 8, width=4, layers=(1, 1, 1, 1))
    return FCN(trunk, HEADS[head](trunk.channels, trunk.strides, 9), {"categories": 5, "boxes": 4})


@heads
@pytest.mark.parametrize("size", [(1, 1), (3, 2), (37, 50), (64, 64)])
def test_any_size_gives_the_cells_that_the_stride_says(head: str, size: tuple[int, int]) -> None:
    network = small(head).eval()
    stride = network.output_stride
    assert stride == {"refine": 2}.get(head, 8)
    answers = network(torch.randn(2, 3, *size))
    cells = (-(-size[0] // stride), -(-size[1] // stride))
    assert {name: tuple(v.shape) for name, v in answers.items()} == {
        "categories": (2, 5, *cells),
        "boxes": (2, 4, *cells),
    }


@heads
def test_outputs_are_what_networks_of_their_own_would_give(head: str) -> None:
    both = shuffled(small(head)).double()
    x = torch.randn(1, 3, 40, 40, dtype=torch.float64)
    for name, first, last in (("categories", 0, 5), ("boxes", 5, 9)):
        own = HEADS[head](both.trunk.channels, both.trunk.strides, last - first)
        alone = FCN(deepcopy(both.trunk), own, {name: last - first}).double().eval()
        state = both.head.state_dict()
        for key in ("classify.weight", "classify.bias"):
            state[key] = state[key][first:last]
        alone.head.load_state_dict(state)
        torch.testing.assert_close(alone(x)[name], both(x)[name])


@heads
def test_channels_last_changes_nothing_but_the_layout(head: str) -> None:
    network = shuffled(small(head)).double()
    x = torch.randn(2, 3, 37, 50, dtype=torch.float64)
    plain = network(x)["categories"]
    other = network.to(memory_format=torch.channels_last)(x.to(memory_format=torch.channels_last))[
        "categories"
    ]
    torch.testing.assert_close(other, plain)


@pytest.mark.parametrize("trunk", ["resnet", "mobilenet"])
def test_one_graph(trunk: str) -> None:
    """The tracer finds nothing that would break the graph; the code that it generates is torch's own matter."""
    torch.compiler.reset()
    if trunk == "resnet":
        made = resnet(18, 8, width=4, layers=(1, 1, 1, 1), norm_layer=FixedStatistics)
    else:
        made = mobilenet(8, expand=False, norm_layer=FixedStatistics)
    head = RefinementHead(made.channels, made.strides, 9, hidden=8)
    network = shuffled(FCN(made, head, {"categories": 5, "boxes": 4}))
    x = torch.randn(1, 3, 37, 50)
    compiled = torch.compile(network, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(x)["boxes"], network(x)["boxes"])


def test_learns_one_picture_by_heart() -> None:
    torch.manual_seed(0)
    trunk = resnet(18, 8, width=8, layers=(1, 1, 1, 1))
    head = RefinementHead(trunk.channels, trunk.strides, 2, hidden=16, stride=2)
    network = FCN(trunk, head, {"categories": 2})
    x = torch.randn(1, 3, 32, 32)
    x[..., 8:20, 4:16] += 3
    target = torch.zeros(1, 16, 16, dtype=torch.long)
    target[:, 4:10, 2:8] = 1
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    losses = []
    for _ in range(100):
        loss = nn.functional.cross_entropy(network(x)["categories"], target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert 0.4 < losses[0] < 1.0
    assert losses[-1] < 0.05


def test_wrong_arguments_are_named() -> None:
    trunk = resnet(18, width=4)
    head = LargeFieldOfViewHead(trunk.channels, trunk.strides, 9)
    for wrong in ({}, {"categories": 9, "boxes": 0}):
        with pytest.raises(ValueError, match="expected at least one name with at least one channel"):
            FCN(trunk, head, wrong)
    with pytest.raises(ValueError, match="expected the 9 channels of the head"):
        FCN(trunk, head, {"categories": 5})
