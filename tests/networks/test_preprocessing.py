"""From bytes to what a network takes, against torchvision and percentiles counted one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from bridgeseg.networks.preprocessing import normalise, stretch_contrast


def pictures(seed: int = 0) -> torch.Tensor:
    return torch.randint(
        0, 256, (3, 17, 13, 3), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8
    )


def test_addresses_are_normalised_as_torchvisions_weights_expect() -> None:
    theirs = v2.Compose(
        [
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    found = normalise(pictures())
    assert found.shape == (3, 3, 17, 13)
    torch.testing.assert_close(found, theirs(pictures().permute(0, 3, 1, 2)), rtol=1e-5, atol=1e-5)


def test_the_memory_stays_in_the_order_of_the_picture() -> None:
    assert normalise(pictures()).is_contiguous(memory_format=torch.channels_last)


def test_constants_are_copied_to_a_device_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy waits for the device; on a GPU it would do so at every step."""
    first = normalise(pictures())

    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("a copy")

    monkeypatch.setattr(torch, "tensor", refuse)
    assert torch.equal(normalise(pictures()), first)


@pytest.mark.parametrize("seed", range(5))
def test_the_percentiles_become_black_and_white(seed: int) -> None:
    random = np.random.default_rng(seed)
    picture = random.normal(60, 6, (40, 50, 3)).clip(0, 255).astype(np.uint8)
    picture[0, :3] = 255  # a few hot pixels do not count
    found = stretch_contrast(picture)
    ranked = np.sort(picture.ravel())
    # The smallest value with more than 0.5 % at or below it, the smallest with at least 99.8 %.
    bottom = int(ranked[int(np.floor(0.005 * len(ranked)))])
    top = int(ranked[int(np.ceil(0.998 * len(ranked))) - 1])
    assert bottom < top < 255
    assert (found[picture <= bottom] == 0).all()
    assert (found[picture >= top] == 255).all()
    inside = (picture > bottom) & (picture < top)
    expected = (picture[inside].astype(float) - bottom) * 255 / (top - bottom)
    assert np.abs(found[inside] - expected).max() <= 0.5


def test_dark_and_bright_versions_of_a_picture_become_one() -> None:
    base = np.random.default_rng(0).integers(0, 50, (30, 30, 1)).repeat(3, 2)
    dark, bright = (base + 10).astype(np.uint8), (base * 4 + 30).astype(np.uint8)
    assert np.abs(stretch_contrast(dark).astype(int) - stretch_contrast(bright)).max() <= 1


def test_stretching_keeps_the_order_of_values_and_does_not_touch_its_input() -> None:
    ramp = np.arange(256, dtype=np.uint8).repeat(12).reshape(32, 32, 3)
    before = ramp.copy()
    found = stretch_contrast(ramp)
    np.testing.assert_array_equal(ramp, before)
    assert (np.diff(found.ravel().astype(int)) >= 0).all()
    assert found.dtype == np.uint8


@pytest.mark.parametrize("value", [0, 77, 255])
@pytest.mark.parametrize("size", [(5, 4), (1, 1)])
def test_a_picture_of_one_value_comes_back_as_it_is(value: int, size: tuple[int, int]) -> None:
    flat = np.full((*size, 3), value, np.uint8)
    np.testing.assert_array_equal(stretch_contrast(flat), flat)


def test_a_picture_that_uses_the_range_hardly_changes() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (60, 60, 3)).astype(np.uint8)
    assert np.abs(stretch_contrast(picture).astype(int) - picture).max() <= 3
