"""The MobileNet trunk against torchvision's, and dilated against strided."""

from __future__ import annotations

import pytest
import torch
from shuffled import shuffled
from torchvision.models import mobilenet_v2

from bridgeseg.networks.mobilenet import mobilenet

READ = (1, 3, 6, 13, 18)


def test_equals_torchvision() -> None:
    reference = shuffled(mobilenet_v2(weights=None).features)
    trunk = mobilenet(32).eval()
    trunk.features.load_state_dict(reference.state_dict(), strict=True)
    x = torch.randn(1, 3, 77, 64)
    expected = []
    with torch.no_grad():
        maps, y = trunk(x), x
        for number, layer in enumerate(reference):
            y = layer(y)
            if number in READ:
                expected.append(y)
        for ours, theirs in zip(maps, expected, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    assert trunk.strides == [2, 4, 8, 16, 32]


@pytest.mark.parametrize("fine_stride", [16, 8, 4, 2])
def test_dilated_read_at_every_nth_cell_is_the_strided_one(fine_stride: int) -> None:
    coarse = shuffled(mobilenet(32)).double()
    fine = mobilenet(fine_stride).double().eval()
    fine.load_state_dict(coarse.state_dict())
    x = torch.randn(1, 3, 45, 66, dtype=torch.float64)
    with torch.no_grad():
        for a, b, s, t in zip(coarse(x), fine(x), coarse.strides, fine.strides, strict=True):
            torch.testing.assert_close(b[..., :: s // t, :: s // t], a)


@pytest.mark.parametrize("expand", [True, False])
@pytest.mark.parametrize("output_stride", [32, 8])
@pytest.mark.parametrize("size", [(1, 1), (37, 50)])
def test_shapes_are_what_channels_and_strides_say(
    expand: bool, output_stride: int, size: tuple[int, int]
) -> None:
    trunk = mobilenet(output_stride, expand=expand).eval()
    with torch.no_grad():
        maps = trunk(torch.zeros(1, 3, *size))
    for values, channels, stride in zip(maps, trunk.channels, trunk.strides, strict=True):
        assert values.shape == (1, channels, -(-size[0] // stride), -(-size[1] // stride))


def test_wrong_stride_is_named() -> None:
    with pytest.raises(ValueError, match="output_stride is 12"):
        mobilenet(12)
