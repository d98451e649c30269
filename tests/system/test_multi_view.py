"""Several views of a picture: places against what they must show, and views of a network that sees only colour."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bridgeseg.system.multi_view import at_cells, mean_scores, positions

STRIDE = 4


def colour_at_cells(pictures: Tensor) -> Tensor:
    """A network that looks at one pixel: the colour in the middle of each cell."""
    return pictures[..., ::STRIDE, ::STRIDE]


def ramp(height: int, width: int) -> Tensor:
    """A picture whose colours are the coordinates of its pixels, 0 to 1 in both: linear, so that views agree."""
    y, x = (torch.arange(height) + 0.5) / height, (torch.arange(width) + 0.5) / width
    return torch.stack(
        [y[:, None].expand(height, width), x.expand(height, width), torch.ones(height, width)]
    )[None]


def test_one_view_is_the_network_itself() -> None:
    pictures = torch.rand(2, 3, 21, 30)
    torch.testing.assert_close(
        mean_scores(colour_at_cells, pictures, (1.0,), False, STRIDE), colour_at_cells(pictures)
    )


@pytest.mark.parametrize("size", [(37, 50), (1, 1), (1, 9), (64, 5)])
def test_a_mirrored_view_is_turned_back(size: tuple[int, int]) -> None:
    # Where (width − 1) is a multiple of the stride the cells of both meet; elsewhere a linear picture is exact.
    pictures = ramp(*size)
    columns = positions(-(-size[1] // STRIDE), STRIDE, size[1], size[1], True)
    rows = positions(-(-size[0] // STRIDE), STRIDE, size[0], size[0], False)
    turned = at_cells(colour_at_cells(pictures.flip(-1)), rows, columns)
    inner = (columns >= 0) & (
        columns <= -(-size[1] // STRIDE) - 1
    )  # beyond the last cell there is nothing to see
    torch.testing.assert_close(turned[..., inner], colour_at_cells(pictures)[..., inner])


@pytest.mark.parametrize("zoom", [0.5, 0.75, 1.5, 2.0])
def test_a_view_of_another_size_says_the_same_of_the_same_places(zoom: float) -> None:
    pictures = ramp(48, 64)
    found = mean_scores(colour_at_cells, pictures, (zoom,), True, STRIDE)
    expected = colour_at_cells(pictures)
    assert found.shape == expected.shape
    inner = (slice(None), slice(None), slice(2, -2), slice(2, -2))  # resizing repeats the pixels of the edge
    torch.testing.assert_close(found[inner], expected[inner], atol=2e-3, rtol=0)


def test_probabilities_stay_probabilities() -> None:
    pictures = torch.rand(1, 3, 33, 45)
    found = mean_scores(lambda p: colour_at_cells(p).softmax(1), pictures, (0.75, 1.0, 1.33), True, STRIDE)
    torch.testing.assert_close(found.sum(1), torch.ones(1, 9, 12))


def test_the_views_of_a_mirrored_picture_are_those_of_the_picture_mirrored() -> None:
    torch.manual_seed(0)
    network = torch.nn.Conv2d(3, 2, 5, stride=STRIDE, padding=2)
    pictures = torch.rand(1, 3, 33, 45)  # (33 − 1) and (45 − 1) are multiples of the stride
    there = mean_scores(network, pictures, (1.0,), True, STRIDE)
    back = mean_scores(network, pictures.flip(-1), (1.0,), True, STRIDE).flip(-1)
    torch.testing.assert_close(there, back)


@pytest.mark.parametrize("zooms", [(), (1.0, 0.0), (-1.0,)])
def test_zooms_that_show_nothing_are_refused(zooms: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="zooms is .*, expected at least one, all above 0"):
        mean_scores(colour_at_cells, torch.rand(1, 3, 8, 8), zooms, False, STRIDE)
