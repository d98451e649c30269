"""The trunks against torchvision's, and dilated trunks against strided ones."""

from __future__ import annotations

import pytest
import torch
import torchvision
from shuffled import shuffled
from torch import nn

from bridgeseg.networks.resnet import BasicBlock, ResNet, resnet


def reference_maps(network: torchvision.models.ResNet, x: torch.Tensor) -> list[torch.Tensor]:
    """Return torchvision's feature maps, in the order of ours."""
    maps = [network.relu(network.bn1(network.conv1(x)))]
    x = network.maxpool(maps[0])
    for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
        x = stage(x)
        maps.append(x)
    return maps


@pytest.mark.parametrize(
    ("depth", "output_stride", "dilate"),
    [
        (18, 32, None),
        (34, 32, None),
        (50, 32, None),
        (50, 16, [False, False, True]),
        (50, 8, [False, True, True]),
        (50, 4, [True, True, True]),
        (101, 8, [False, True, True]),
        (152, 8, [False, True, True]),
    ],
)
def test_equals_torchvision(depth: int, output_stride: int, dilate: list[bool] | None) -> None:
    make = getattr(torchvision.models, f"resnet{depth}")
    reference = shuffled(make(weights=None, replace_stride_with_dilation=dilate))
    state = {k: v for k, v in reference.state_dict().items() if not k.startswith("fc.")}
    ours = resnet(depth, output_stride).eval()
    ours.load_state_dict(state, strict=True)
    x = torch.randn(1, 3, 45, 62, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        for ours_map, expected in zip(ours(x), reference_maps(reference, x), strict=True):
            assert expected.abs().max() > 0.1
            torch.testing.assert_close(ours_map, expected, rtol=1e-5, atol=1e-5)


def double(trunk: nn.Module) -> nn.Module:
    return trunk.double()


@pytest.mark.parametrize("depth", [18, 34, 50])
@pytest.mark.parametrize("fine_stride", [16, 8, 4, 2])
@pytest.mark.parametrize("size", [(33, 50), (64, 31)])
def test_dilated_read_at_every_nth_cell_is_the_strided_one(
    depth: int, fine_stride: int, size: tuple[int, int]
) -> None:
    coarse = double(shuffled(resnet(depth, 32, width=4)))
    fine = double(resnet(depth, fine_stride, width=4).eval())
    fine.load_state_dict(coarse.state_dict())
    x = torch.randn(1, 3, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        for a, b, s, t in zip(coarse(x), fine(x), coarse.strides, fine.strides, strict=True):
            # Borders too: what lies beyond them is zero in both.
            torch.testing.assert_close(b[..., :: s // t, :: s // t], a)


def test_the_usual_basic_block_rule_would_not_pass() -> None:
    """One dilation for both convolutions of a stage's first block misses the positions that were learned."""
    coarse = double(shuffled(resnet(18, 32, width=4)))
    fine = double(resnet(18, 16, width=4).eval())
    fine.load_state_dict(coarse.state_dict())
    first = fine.layer4[0]
    assert first.conv1.dilation == (1, 1)
    assert first.conv2.dilation == (2, 2)
    assert fine.layer4[1].conv1.dilation == (2, 2)
    first.conv2.dilation = first.conv2.padding = (1, 1)
    x = torch.randn(1, 3, 64, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        assert not torch.allclose(fine(x)[-1][..., ::2, ::2], coarse(x)[-1])


@pytest.mark.parametrize("output_stride", [32, 16, 8, 4, 2])
@pytest.mark.parametrize("depth", [18, 50])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (37, 50), (64, 96)])
def test_shapes_are_what_channels_and_strides_say(
    depth: int, output_stride: int, size: tuple[int, int]
) -> None:
    trunk = resnet(depth, output_stride, width=8, layers=(1, 1, 1, 1), stem=3).eval()
    with torch.no_grad():
        maps = trunk(torch.zeros(2, 3, *size))
    for values, channels, stride in zip(maps, trunk.channels, trunk.strides, strict=True):
        assert values.shape == (2, channels, -(-size[0] // stride), -(-size[1] // stride))
    assert trunk.strides[-1] == trunk.output_stride == output_stride
    assert trunk.strides == [min(s, output_stride) for s in (2, 4, 8, 16, 32)]


def test_a_picture_moved_by_the_stride_moves_the_answer_by_one_cell() -> None:
    trunk = double(shuffled(resnet(18, 8, width=4, layers=(1, 1, 1))))
    x = torch.zeros(1, 3, 320, 320, dtype=torch.float64)
    x[..., 150:170, 150:170] = torch.randn(3, 20, 20, dtype=torch.float64)
    with torch.no_grad():
        here, there = trunk(x)[-1], trunk(x.roll((8, 16), (2, 3)))[-1]
    # 12 cells in from the borders every cell sees what it saw, eight pixels earlier.
    torch.testing.assert_close(there[..., 13:28, 14:28], here[..., 12:27, 12:26])


def test_a_batch_is_its_pictures_one_by_one() -> None:
    trunk = double(shuffled(resnet(50, 8, width=4)))
    x = torch.randn(3, 3, 40, 40, dtype=torch.float64)
    with torch.no_grad():
        together = trunk(x)[-1]
        torch.testing.assert_close(together, torch.cat([trunk(one[None])[-1] for one in x]))


def test_dropout_stands_in_the_last_two_blocks_before_the_last_convolution() -> None:
    trunk = resnet(50, 8, width=4, dropout=(0.3, 0.5))
    chances = {name: part.p for name, part in trunk.named_modules() if isinstance(part, nn.Dropout)}
    assert chances == {"layer4.1.dropout": 0.3, "layer4.2.dropout": 0.5}
    across = resnet(18, 8, width=4, layers=(1, 1, 1, 1), dropout=(0.3, 0.5))
    chances = {name: part.p for name, part in across.named_modules() if isinstance(part, nn.Dropout)}
    assert chances == {"layer3.0.dropout": 0.3, "layer4.0.dropout": 0.5}
    # Names must not move: the same state fits with and without.
    trunk.load_state_dict(resnet(50, 8, width=4).state_dict(), strict=True)


@pytest.mark.parametrize("depth", [18, 50])
def test_dropout_acts_in_training_on_the_input_of_the_last_convolution(depth: int) -> None:
    trunk = resnet(depth, 32, width=16, dropout=(0.0, 0.5)).train()
    block = trunk.layer4[-1]
    seen = []
    last = block.conv2 if isinstance(block, BasicBlock) else block.conv3
    last.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    trunk(torch.randn(2, 3, 64, 64))
    trunk.eval()(torch.randn(2, 3, 64, 64))
    dropped, kept = ((values == 0).float().mean().item() for values in seen)
    assert dropped > kept + 0.15


def test_every_block_begins_as_the_identity_when_asked() -> None:
    torch.manual_seed(0)
    trunk = resnet(50, 32, width=4).eval()
    block = trunk.layer2[1]
    x = torch.rand(1, trunk.channels[2], 5, 5)
    torch.testing.assert_close(block(x), x)
    other = resnet(50, 32, width=4, zero_init_residual=False).eval()
    assert not torch.allclose(other.layer2[1](x), x)


def test_gradients_reach_every_weight() -> None:
    trunk = resnet(18, 8, width=4, zero_init_residual=False)
    sum(values.square().mean() for values in trunk(torch.randn(2, 3, 48, 48))).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in trunk.parameters())


def test_other_normalisations_and_fewer_stages() -> None:
    trunk = resnet(18, 16, width=8, layers=(2, 2, 2), norm_layer=lambda c: nn.GroupNorm(4, c))
    assert isinstance(trunk, ResNet)
    assert trunk.channels == [8, 8, 16, 32]
    assert trunk.strides == [2, 4, 8, 16]
    assert not any(isinstance(part, nn.BatchNorm2d) for part in trunk.modules())
    assert trunk(torch.randn(1, 3, 20, 20))[-1].shape == (1, 32, 2, 2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"depth": 20}, "depth is 20"),
        ({"depth": 18, "output_stride": 3}, "output_stride is 3"),
        ({"depth": 18, "stem": 4}, "stem is 4"),
        ({"depth": 18, "dropout": (0.1, 1.0)}, "dropout"),
        ({"depth": 18, "layers": (2, 0)}, "layers"),
        ({"depth": 18, "layers": (2, 2), "output_stride": 16}, "expected at most 8 with 2 stages"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("(", r"\(")):
        resnet(**arguments)
