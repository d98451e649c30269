"""Mini-batches: a function of seed and step, cut among processes, every picture once an epoch."""

from __future__ import annotations

import dataclasses
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from bridgeseg.data.scenes import CATEGORIES, Scenes
from bridgeseg.networks.preprocessing import stretch_contrast
from bridgeseg.structures.labels import VOID, Sample, verify
from bridgeseg.system.recipe import CropRecipe
from bridgeseg.training.batches import Batch, Batches, augment, load_samples

RECIPE = CropRecipe(side=32, scales=(0.75, 1.5), jitter=0.2)
PLAIN = dataclasses.replace(RECIPE, scales=(1.0, 1.0), jitter=0.0)


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    scenes = Scenes("train", 48, 10)
    return [scenes[index] for index in range(10)]


def marked(count: int, side: int = 32) -> list[Sample]:
    """Pictures of one colour each, by which a batch tells which they are."""
    return [
        Sample(
            str(number),
            np.full((side, side, 3), number, np.uint8),
            np.ones((side, side), np.uint8),
            np.ones((side, side), np.int32),
        )
        for number in range(count)
    ]


def equal(first: Batch, second: Batch) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_batch_has_the_sizes_and_types_that_it_says(samples: list[Sample]) -> None:
    batch = Batches(samples, RECIPE, 6, seed=0)(3)
    assert batch.pictures.shape == (6, 32, 32, 3)
    assert batch.categories.shape == batch.instances.shape == (6, 32, 32)
    assert [part.dtype for part in batch] == [torch.uint8, torch.uint8, torch.int32]
    for picture, categories, instances in zip(*(part.numpy() for part in batch), strict=True):
        verify(Sample("of a batch", picture, categories, instances), "batch", len(CATEGORIES) - 1)
        numbers = np.unique(instances)
        assert numbers.tolist() == list(range(len(numbers))) or numbers.tolist() == list(
            range(1, len(numbers) + 1)
        )


def test_a_batch_is_a_function_of_seed_and_step(samples: list[Sample]) -> None:
    batches = Batches(samples, RECIPE, 6, seed=5)
    steps = [batches(step) for step in range(12)]
    # Asked for again, in another order, of another object: nothing remembers what came before.
    again = Batches(samples, RECIPE, 6, seed=5)
    for step in (11, 0, 7, 3):
        assert equal(steps[step], again(step))
        assert equal(steps[step], batches(step))
    assert not any(equal(steps[0], other) for other in steps[1:])
    assert not equal(steps[0], Batches(samples, RECIPE, 6, seed=6)(0))


def test_a_picture_is_cut_and_coloured_anew_at_every_step(samples: list[Sample]) -> None:
    batches = Batches(samples[:1], RECIPE, 6, seed=0)
    windows = torch.cat([batches(step).pictures for step in range(3)])
    assert len({window.numpy().tobytes() for window in windows}) == len(windows)


@pytest.mark.parametrize("processes", [2, 3, 6])
def test_processes_cut_one_global_batch_among_them(samples: list[Sample], processes: int) -> None:
    for step in (0, 4):
        whole = Batches(samples, RECIPE, 6, seed=1)(step)
        parts = [Batches(samples, RECIPE, 6, 1, rank, processes)(step) for rank in range(processes)]
        for rank, part in enumerate(parts):
            assert equal(part, Batch(*(values[rank::processes] for values in whole)))


@pytest.mark.parametrize("count, batch", [(12, 6), (10, 4), (7, 5), (3, 8), (1, 4)])
def test_every_picture_comes_once_an_epoch(count: int, batch: int) -> None:
    batches = Batches(marked(count), PLAIN, batch, seed=2)
    seen = torch.cat([batches(step).pictures[:, 0, 0, 0] for step in range(4 * count)]).tolist()
    epochs = [seen[start : start + count] for start in range(0, len(seen) - count + 1, count)]
    assert all(sorted(epoch) == list(range(count)) for epoch in epochs)
    if count > 6:
        assert len({tuple(epoch) for epoch in epochs}) > 1  # each in an order of its own


def test_batches_made_ahead_are_the_same(samples: list[Sample]) -> None:
    batches = Batches(samples, RECIPE, 6, seed=3)
    expected = [batches(step) for step in range(5, 17)]
    for threads, depth in ((1, 1), (2, 4), (4, 9)):
        source = batches.ahead(5, threads, depth)
        assert all(equal(next(source), batch) for batch in expected)
        before = threading.active_count()
        source.close()
        assert threading.active_count() < before  # the makers are gone


def test_many_threads_may_ask_at_once() -> None:
    """With one picture a batch spans many epochs, and their orders are dropped while others look for them."""
    batches = Batches(marked(1, 8), dataclasses.replace(PLAIN, side=8), 16, seed=0)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda number: batches._order(number % 7), range(3000)))
    finally:
        sys.setswitchinterval(interval)
    assert all(order.tolist() == [0] for order in found)


def test_a_small_picture_is_padded_with_void() -> None:
    small = marked(1, side=20)[0]
    part = augment(small, PLAIN, np.random.default_rng(0))
    assert part.categories.shape == (32, 32)
    assert Counter(part.categories.ravel().tolist()) == {1: 400, VOID: 32 * 32 - 400}
    assert (part.instances == (part.categories == 1)).all()


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_window_is_cut_and_scaled_to_the_crop(factor: float) -> None:
    side = 64
    sample = Sample(
        "halves",
        np.repeat(np.arange(side, dtype=np.uint8)[None, :, None], side, 0).repeat(3, 2),
        np.ones((side, side), np.uint8),
        np.ones((side, side), np.int32),
    )
    recipe = dataclasses.replace(PLAIN, scales=(factor, factor))
    part = augment(sample, recipe, np.random.default_rng(1))
    # The picture is a ramp from left to right: its slope is that of the scale.
    slope = np.abs(np.diff(part.picture[16, 4:-4, 0].astype(float))).mean()
    assert slope == pytest.approx(1 / factor, rel=0.1)
    assert (part.categories == 1).all()


def test_labels_stay_with_their_pixels(samples: list[Sample]) -> None:
    """The category is painted into the picture: after cutting, scaling and turning it is still there."""
    painted = [
        dataclasses.replace(sample, picture=np.repeat(sample.categories[..., None], 3, 2))
        for sample in samples
    ]
    for upright in (True, False):
        recipe = dataclasses.replace(PLAIN, upright=upright)
        for step in range(4):
            batch = Batches(painted, recipe, 6, seed=step)(step)
            assert torch.equal(batch.pictures[..., 0], batch.categories)


@pytest.mark.parametrize("upright, expected", [(True, 2), (False, 8)])
def test_the_positions_that_a_picture_takes(upright: bool, expected: int) -> None:
    corner = np.zeros((32, 32, 3), np.uint8)
    corner[:8, :4] = 200
    sample = Sample("corner", corner, np.zeros((32, 32), np.uint8), np.zeros((32, 32), np.int32))
    recipe = dataclasses.replace(PLAIN, upright=upright)
    seen = {augment(sample, recipe, np.random.default_rng(seed)).picture.tobytes() for seed in range(100)}
    assert len(seen) == expected


def test_samples_are_loaded_in_the_order_asked_for() -> None:
    scenes = Scenes("train", 32, 6)
    found = load_samples(scenes, [4, 0, 5])
    assert [sample.name for sample in found] == [scenes.names[i] for i in (4, 0, 5)]
    np.testing.assert_array_equal(found[0].picture, scenes[4].picture)
    stretched = load_samples(scenes, [4], stretch=True)[0]
    np.testing.assert_array_equal(stretched.picture, stretch_contrast(scenes[4].picture))
    assert load_samples(scenes, []) == []
