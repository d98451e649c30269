"""What is drawn: a function of seed and step, every picture once an epoch, every window and position equally likely."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bridgeseg.data.transforms import GREY
from bridgeseg.system.recipe import CropRecipe
from bridgeseg.training.augmentation import STEPS, Draws, colour_change, draw, of_process, of_step, orders

PLAIN = CropRecipe(32, (0.5, 2.0), upright=False, jitter=0.2)


def equal(first: Draws, second: Draws) -> bool:
    return all(map(torch.equal, first, second))


def test_draws_are_a_function_of_seed_and_step() -> None:
    first, again = (draw(5, 2, 4, 7, PLAIN) for _ in range(2))
    assert equal(first, again)
    for other in (draw(6, 2, 4, 7, PLAIN), draw(5, 3, 4, 7, PLAIN)):
        assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))
    assert not equal(of_step(first, 2000), of_step(first, 2001))
    assert equal(of_step(first, 2007), Draws(*(values[7] for values in first)))


def test_the_tensors_are_as_they_are_said_to_be() -> None:
    drawn = of_step(draw(0, 0, 6, 10, PLAIN), 3)
    shapes = [(6,), (6,), (6, 2), (6,), (6, 2), (6, 3, 3), (6, 3)]
    assert [tuple(values.shape) for values in drawn] == shapes
    kinds = [torch.int64] * 3 + [torch.bool] * 2 + [torch.float32] * 2
    assert [values.dtype for values in drawn] == kinds


@pytest.mark.parametrize("count, batch", [(12, 6), (10, 4), (7, 5), (3, 8), (1, 4), (5000, 3)])
def test_every_picture_comes_once_an_epoch(count: int, batch: int) -> None:
    chunks = [draw(2, chunk, batch, count, PLAIN).picture.flatten() for chunk in range(2)]
    seen = torch.cat(chunks)[: 4 * STEPS * batch // count * count]  # over the border of two chunks
    epochs = seen[: len(seen) // count * count].view(-1, count)
    assert len(epochs) > 0 or count == 5000
    assert (epochs.sort(1).values == torch.arange(count)).all()
    if count > 6 and len(epochs) > 1:
        assert len(epochs.unique(dim=0)) > 1  # each in an order of its own


def test_orders_do_not_depend_on_where_one_begins_to_ask() -> None:
    whole = orders(3, 0, 20_000, 6)
    for first, last in ((0, 1), (4095, 4099), (5000, 12_000), (19_999, 20_000)):
        np.testing.assert_array_equal(orders(3, first, last, 6), whole[first:last])


def test_sides_are_even_on_a_logarithmic_axis() -> None:
    sides = draw(0, 0, 32, 5, CropRecipe(100, (0.5, 2.0))).side.flatten()
    assert (int(sides.min()), int(sides.max())) == (50, 200)
    assert float((sides < 100).double().mean()) == pytest.approx(0.5, abs=0.02)
    assert float((sides < 100 / 2**0.5).double().mean()) == pytest.approx(0.25, abs=0.02)
    assert set(draw(0, 0, 4, 5, CropRecipe(30, (3.0, 3.0))).side.flatten().tolist()) == {10}
    assert set(draw(0, 0, 4, 5, CropRecipe(1, (9.0, 9.0))).side.flatten().tolist()) == {1}


def test_where_windows_lie_is_even() -> None:
    start = draw(0, 0, 32, 5, PLAIN).start.double() / 2**31
    assert 0 <= float(start.min()) < 0.001
    assert 0.999 < float(start.max()) < 1
    counts = torch.histc(start[..., 0].flatten(), 10, 0, 1)
    assert (counts / counts.sum() - 0.1).abs().max() < 0.01
    down, across = start.flatten(0, 1).T
    assert abs(float(np.corrcoef(down, across)[0, 1])) < 0.02


def test_positions_are_equally_likely() -> None:
    drawn = draw(0, 0, 32, 5, PLAIN)
    bits = torch.stack([drawn.transposed, *drawn.flipped.unbind(-1)], -1).flatten(0, 1)
    positions, counts = bits.unique(dim=0, return_counts=True)
    assert len(positions) == 8
    assert (counts / counts.sum() - 1 / 8).abs().max() < 0.01
    upright = draw(0, 0, 32, 5, CropRecipe(32))
    assert not upright.transposed.any()
    assert not upright.flipped[..., 0].any()
    assert float(upright.flipped[..., 1].double().mean()) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("upright, positions", [(True, 2), (False, 8)])
def test_alternating_shows_every_position_in_as_many_epochs(upright: bool, positions: int) -> None:
    count = 5
    drawn = draw(1, 0, count, count, CropRecipe(8, upright=upright, alternate=True))  # a step is an epoch
    position = 4 * drawn.transposed + 2 * drawn.flipped[..., 0] + 1 * drawn.flipped[..., 1]
    of_picture = position.gather(1, drawn.picture.argsort(1))  # (epochs, pictures)
    for start in (0, 3, 100):
        turns = of_picture[start : start + positions].sort(0).values
        assert (turns == torch.arange(positions)[:, None]).all()
    assert len(of_picture[0].unique()) > 1  # not all pictures begin alike
    again = draw(1, 1, count, count, CropRecipe(8, upright=upright, alternate=True))
    assert torch.equal(
        again.flipped.gather(1, again.picture.argsort(1)[..., None].expand(-1, -1, 2))[0],
        drawn.flipped.gather(1, drawn.picture.argsort(1)[..., None].expand(-1, -1, 2))[0],
    )  # the second thousand goes on: a thousand is a multiple of eight


def test_colours_are_those_of_brightness_contrast_and_saturation() -> None:
    drawn = draw(4, 0, 16, 5, CropRecipe(8, jitter=0.3))
    matrix, shift = drawn.matrix.flatten(0, 1).double(), drawn.shift.flatten(0, 1).double()
    grey = torch.from_numpy(GREY).double()
    # A grey pixel stays grey, times brightness and contrast; the mean grey is moved by brightness alone.
    white = matrix.sum(1)
    assert torch.allclose(white, white[:, :1].expand(-1, 3), atol=1e-5)
    bright = white[:, 0] + shift.sum(1)
    assert 0.7 <= float(bright.min()) < 0.71
    assert 1.29 < float(bright.max()) <= 1.3 + 1e-6
    stretch = white[:, 0] / bright
    assert 0.7 - 1e-6 <= float(stretch.min())
    assert float(stretch.max()) <= 1.3 + 1e-6
    assert torch.allclose(shift, shift.sum(1)[:, None] * grey, atol=1e-6)
    # Saturation: what a colour differs from its grey by is multiplied.
    colour = (matrix[:, 0, 0] - matrix[:, 0, 1]) / white[:, 0]
    assert 0.7 - 1e-5 <= float(colour.min()) < 0.71
    assert 1.29 < float(colour.max()) <= 1.3 + 1e-5
    still = draw(4, 0, 4, 5, CropRecipe(8))
    assert torch.equal(still.matrix, torch.eye(3).expand_as(still.matrix))
    assert not still.shift.any()


@pytest.mark.parametrize("processes", [1, 2, 3, 6])
def test_processes_share_the_places_of_a_mini_batch(processes: int) -> None:
    whole = draw(0, 0, 6, 10, PLAIN)
    for rank in range(processes):
        part = of_process(whole, rank, processes)
        assert equal(part, Draws(*(values[:, rank::processes] for values in whole)))
        assert all(values.is_contiguous() for values in part)


@pytest.mark.parametrize(
    "wrong, named",
    [
        ({"side": 0}, "side is 0"),
        ({"scales": (0.0, 1.0)}, "scales are"),
        ({"scales": (2.0, 1.0)}, "scales are"),
        ({"scales": (1.0, float("nan"))}, "scales are"),
        ({"jitter": 1.5}, "jitter is 1.5"),
    ],
)
def test_what_is_out_of_range_is_refused(wrong: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        CropRecipe(**({"side": 8} | wrong))


def test_one_matrix_does_what_brightness_contrast_and_saturation_do_in_turn() -> None:
    rng = np.random.default_rng(0)
    for bright, contrast, colour in rng.uniform(0.3, 1.7, (5, 3)):
        old = rng.uniform(0, 255, (40, 3))
        new = bright * old
        new = contrast * new + (1 - contrast) * (new.mean(0) @ GREY)
        new = colour * new + (1 - colour) * (new @ GREY)[:, None]
        matrix, shift = colour_change(*(np.array(amount) for amount in (bright, contrast, colour)))
        np.testing.assert_allclose(old @ matrix + old.mean(0) @ shift, new)
