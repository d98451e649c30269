"""The field of view: the formula against the gradient, layer sums against single-pixel changes."""

from __future__ import annotations

import pytest
import torch
from shuffled import shuffled
from torch import nn

from bridgeseg.networks.fcn import FCN
from bridgeseg.networks.field_of_view import (
    Step,
    effective_field_of_view,
    field_of_view,
    finer_layers,
    gradient_map,
    measured_field_of_view,
    nominal_field_of_view,
    steps,
)
from bridgeseg.networks.heads import LargeFieldOfViewHead, RefinementHead, TwoLayerHead
from bridgeseg.networks.mobilenet import MobileNet, mobilenet
from bridgeseg.networks.resnet import ResNet, resnet


def with_head(trunk: ResNet | MobileNet, head: type = LargeFieldOfViewHead, **options: int) -> FCN:
    return FCN(trunk, head(trunk.channels, trunk.strides, 2, **options), {"categories": 2})


def test_the_papers_number() -> None:
    assert nominal_field_of_view(5, 12, 8) == 392


def test_two_layers_of_the_later_code_stack_to_the_same_392() -> None:
    cells = field_of_view(steps(TwoLayerHead([1], [8], 2, hidden=1)))
    assert cells == field_of_view(steps(LargeFieldOfViewHead([1], [8], 2)))
    assert cells * 8 == 392


def test_by_hand() -> None:
    """7 at stride 2, then 3 at stride 2, then 3 dilated by 2: 1 + 6 + 2 · 2 + 2 · 2 · 4."""
    assert field_of_view([Step(7, 2, 1), Step(3, 2, 1), Step(3, 1, 2)]) == 27
    assert field_of_view([]) == 1


@pytest.mark.parametrize(
    ("depth", "output_stride"),
    [(18, 32), (18, 8), (18, 2), (34, 16), (50, 32), (50, 8), (50, 4), (101, 8), (152, 8)],
)
@pytest.mark.parametrize("head", [LargeFieldOfViewHead, TwoLayerHead])
def test_formula_equals_measurement_on_residual_networks(depth: int, output_stride: int, head: type) -> None:
    network = with_head(resnet(depth, output_stride, width=1), head)
    left, right = measured_field_of_view(network)
    assert left == right
    assert left + right + 1 == field_of_view(steps(network))


@pytest.mark.parametrize("output_stride", [32, 8])
def test_formula_equals_measurement_on_mobilenet(output_stride: int) -> None:
    network = with_head(mobilenet(output_stride, expand=False))
    left, right = measured_field_of_view(network)
    assert left == right
    assert left + right + 1 == field_of_view(steps(network))


@pytest.mark.parametrize("depth", [18, 50])
def test_dilation_keeps_the_trunks_field_of_view(depth: int) -> None:
    """The whole point of dilating: at any output stride a cell sees what it saw at stride 32."""
    views = [field_of_view(steps(resnet(depth, stride, width=1))) for stride in (32, 16, 8, 4, 2)]
    assert len(set(views)) == 1
    # Known of ResNet-18 and ResNet-50.
    assert views[0] == {18: 435, 50: 427}[depth]


def test_measurement_equals_changing_one_pixel_after_another() -> None:
    """The real network, with its rectifiers and maxima: outside the measured range nothing may change the cell."""
    network = with_head(resnet(18, 8, width=4, layers=(1, 1)), kernel=3, dilation=2)
    shuffled(network).double()
    left, right = measured_field_of_view(network)
    centre, length = 96, 193
    strip = torch.randn(1, 3, 1, length, dtype=torch.float64)
    with torch.no_grad():
        # Batched: in picture i, pixel i is changed by much.
        changed = strip.repeat(length, 1, 1, 1) + 50 * torch.eye(length, dtype=torch.float64)[:, None, None]
        cell = network(strip)["categories"][..., centre // 8]
        moved = (
            (network(changed)["categories"][..., centre // 8] != cell).flatten(1).any(1).nonzero().flatten()
        )
    assert int(moved.min()) >= centre - left
    assert int(moved.max()) <= centre + right
    # A maximum or a rectifier may hide a pixel at the very edge, but not many.
    assert int(moved.max() - moved.min()) + 1 >= 0.8 * (left + right + 1)


def test_the_network_itself_is_left_as_it_was() -> None:
    network = with_head(resnet(18, 8, width=2))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    measured_field_of_view(network)
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_refinement_is_measured_only() -> None:
    coarse = resnet(18, 16, width=2)
    network = with_head(coarse, RefinementHead, hidden=4, stride=2)
    with pytest.raises(ValueError, match="measured_field_of_view"):
        steps(network)
    left, right = measured_field_of_view(network)
    # At least what the deep path alone sees, and no more than one coarse cell, one fine 3×3 and the interpolation add.
    deep = field_of_view([*steps(coarse), Step(3, 1, 1)])
    assert deep <= left + right + 1 <= deep + 2 * 16 + 2 * 2


def test_a_strip_that_is_too_short_is_refused() -> None:
    network = nn.Conv2d(3, 1, 129, padding=64)
    assert measured_field_of_view(network, 256) == (64, 64)
    with pytest.raises(ValueError, match="length is 128"):
        measured_field_of_view(network, 128)


def test_the_gradient_map_is_what_small_changes_do() -> None:
    """Against finite differences, pixel by pixel and colour by colour."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.Tanh(), nn.Conv2d(4, 2, 3, padding=2, dilation=2))
    network.double().requires_grad_(False)
    pictures, cell, little = torch.randn(2, 3, 5, 6, dtype=torch.float64), (1, 2), 1e-6
    expected = torch.zeros(5, 6, dtype=torch.float64)
    for place in range(pictures[0].numel()):
        colour, row, column = place // 30, place // 6 % 5, place % 6
        changed = pictures.clone()
        changed[:, colour, row, column] += little
        moved = (network(changed) - network(pictures))[..., cell[0], cell[1]] / little  # (2, c)
        expected[row, column] += moved.abs().sum(1).mean()
    found = gradient_map(network, pictures, cell)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert not pictures.requires_grad


def test_the_gradient_ends_where_the_reach_does() -> None:
    network = shuffled(with_head(resnet(18, 8, width=2, layers=(1, 1)), kernel=3, dilation=2)).eval()
    left, right = measured_field_of_view(network)
    seen = gradient_map(network, torch.randn(4, 3, 193, 193), (12, 12))
    rows, columns = seen.sum(1).nonzero().flatten(), seen.sum(0).nonzero().flatten()
    for places in (rows, columns):
        assert 96 - left <= int(places.min()) < int(places.max()) <= 96 + right
        assert int(places.max() - places.min()) >= 0.8 * (left + right)


def test_the_effective_field_holds_its_share_and_a_smaller_one_does_not() -> None:
    generator = torch.Generator().manual_seed(1)
    for height, width in ((1, 1), (7, 20), (20, 7), (15, 15)):
        seen = torch.rand(height, width, generator=generator) ** 3
        centre = (height // 3, width // 2)

        def held(side: int, seen: torch.Tensor = seen, centre: tuple[int, int] = centre) -> float:
            """The share within a square round the centre, by cutting it out."""
            radius = side // 2
            top, left = (max(place - radius, 0) for place in centre)
            return float(seen[top : centre[0] + radius + 1, left : centre[1] + radius + 1].sum() / seen.sum())

        for share in (0.1, 0.5, 0.9, 0.99):
            side = effective_field_of_view(seen, centre, share)
            assert side % 2 == 1
            assert held(side) >= share - 1e-6
            assert side == 1 or held(side - 2) < share


def test_all_of_it_is_held_by_the_square_that_reaches_the_last_pixel_seen() -> None:
    seen = torch.zeros(9, 9)
    seen[4, 4], seen[1, 6] = 1000.0, 1e-3
    assert effective_field_of_view(seen, (4, 4), 1.0) == 7
    assert effective_field_of_view(seen, (4, 4), 0.99) == 1


@pytest.mark.parametrize("share", [0.0, 1.1])
def test_a_share_is_asked_for(share: float) -> None:
    with pytest.raises(ValueError, match="share is"):
        effective_field_of_view(torch.ones(2, 2), (0, 0), share)
    with pytest.raises(ValueError, match="its sum is 0"):
        effective_field_of_view(torch.zeros(2, 2), (0, 0))


@pytest.mark.parametrize("output_stride", [32, 16, 8, 4, 2])
@pytest.mark.parametrize("depth", [18, 34, 50])
def test_the_trunk_is_built_by_the_rule_of_finer_layers(depth: int, output_stride: int) -> None:
    """Where a kernel is 1×1 its dilation means nothing, and the trunk leaves it at 1."""
    coarse, fine = (steps(resnet(depth, stride, width=1)) for stride in (32, output_stride))
    expected = [
        layer if layer.kernel > 1 else layer._replace(dilation=1)
        for layer in finer_layers(coarse, output_stride)
    ]
    assert fine == expected


def test_finer_layers_see_as_far_and_give_the_old_answers_between_new_ones() -> None:
    torch.manual_seed(0)
    layers = [Step(3, 2, 1), Step(5, 2, 1), Step(3, 1, 2), Step(3, 3, 1), Step(3, 1, 1)]
    weights = [torch.randn(1, 1, 1, layer.kernel, dtype=torch.float64) for layer in layers]

    def through(chain: list[Step], x: torch.Tensor) -> torch.Tensor:
        for layer, weight in zip(chain, weights):
            padding = (0, layer.dilation * (layer.kernel // 2))
            x = nn.functional.conv2d(x, weight, None, (1, layer.stride), padding, (1, layer.dilation))
        return x

    x = torch.randn(1, 1, 1, 97, dtype=torch.float64)
    coarse = through(layers, x)
    for stride in (12, 4, 2, 1):
        fine = finer_layers(layers, stride)
        assert field_of_view(fine) == field_of_view(layers)
        torch.testing.assert_close(through(fine, x)[..., :: 12 // stride], coarse)
