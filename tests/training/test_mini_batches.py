"""Mini-batches by number: the same from any maker, cut among processes, from stored pictures and from unread ones."""

from __future__ import annotations

import dataclasses
import itertools
import threading

import numpy as np
import pytest
import torch
from torch import Tensor

from bridgeseg.data.scenes import CATEGORIES, Scenes
from bridgeseg.structures.boxes import box_targets
from bridgeseg.structures.labels import Sample, verify
from bridgeseg.system.recipe import CropRecipe
from bridgeseg.training.augmentation import STEPS
from bridgeseg.training.mini_batches import Batches, turns
from bridgeseg.training.store import Store, Unread, load
from bridgeseg.training.windows import Batch

CROPS = CropRecipe(32, (0.75, 1.5), jitter=0.2)
HOW = {"crops": CROPS, "batch": 6}
SCENES = Scenes("train", 48, 10)


@pytest.fixture(scope="module")
def store() -> Store:
    return load(SCENES, range(10))


def equal(first: Batch, second: Batch) -> bool:
    return first.most == second.most and all(
        torch.equal(a, b) for a, b in zip(first[:3], second[:3], strict=True)
    )


def test_a_batch_keeps_the_conventions_of_labels(store: Store) -> None:
    batch = Batches(store, seed=0, **HOW)(3)
    assert batch.pictures.shape == (6, 32, 32, 3)
    assert batch.categories.shape == batch.instances.shape == (6, 32, 32)
    assert [values.dtype for values in batch[:3]] == [torch.uint8, torch.uint8, torch.int16]
    for picture, categories, instances in zip(*(values.numpy() for values in batch[:3]), strict=True):
        sample = Sample("of a batch", picture, categories, instances.astype(np.int32))
        verify(sample, "batch", len(CATEGORIES) - 1)
    assert batch.most == int(batch.instances.max()) <= store.most


def test_a_batch_is_a_function_of_seed_and_step(store: Store) -> None:
    batches = Batches(store, seed=5, **HOW)
    steps = [0, 1, 2, STEPS - 1, STEPS, 7 * STEPS + 3, 1_000_000]
    made = {step: batches(step) for step in steps}
    # Asked for again, in another order, of another object: nothing remembers what came before.
    again = Batches(store, seed=5, **HOW)
    for step in reversed(steps):
        assert equal(made[step], again(step))
        assert equal(made[step], batches(step))
    assert not any(equal(made[a], made[b]) for a, b in itertools.combinations(steps, 2))
    assert not equal(made[0], Batches(store, seed=6, **HOW)(0))


@pytest.mark.parametrize("processes", [2, 3, 6])
def test_processes_cut_one_global_batch_among_them(store: Store, processes: int) -> None:
    for step in (0, 4):
        whole = Batches(store, seed=1, **HOW)(step)
        for rank in range(processes):
            part = Batches(store, seed=1, rank=rank, processes=processes, **HOW)(step)
            for values, expected in zip(part[:3], whole[:3], strict=True):
                assert torch.equal(values, expected[rank::processes])


def test_a_batch_that_cannot_be_shared_is_refused(store: Store) -> None:
    for batch, processes in ((6, 4), (0, 1)):
        with pytest.raises(ValueError, match=f"batch is {batch}"):
            Batches(store, CropRecipe(8), batch=batch, seed=0, processes=processes)


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more workers than cores
@pytest.mark.parametrize("workers", [None, 0, 1, 4])
def test_batches_made_ahead_are_the_same(store: Store, workers: int | None) -> None:
    for kept in (store, Unread(SCENES, range(10))):
        batches = Batches(kept, seed=3, **HOW)
        before = set(threading.enumerate())  # another test's may still be about to end
        source = batches.ahead(995, workers)  # over the border of two thousands
        assert all(equal(next(source), batches(step)) for step in range(995, 1007))
        makers = set(threading.enumerate()) - before
        source.close()
        for maker in makers:
            maker.join(500)
            assert not maker.is_alive()


def test_a_thread_makes_pinned_ones_ahead(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    pinned: list[int] = []

    def pin(values: Tensor) -> Tensor:
        pinned.append(threading.get_ident())
        return values

    monkeypatch.setattr(Tensor, "pin_memory", pin)
    batches = Batches(store, seed=3, **HOW)
    source = batches.ahead(995, workers=0, pinned=True)
    assert all(equal(next(source), batches(step)) for step in range(995, 1007))
    source.close()
    assert len(pinned) >= 3 * 12
    assert threading.get_ident() not in pinned


def test_beside_a_network_on_the_same_processor_nothing_else_runs(store: Store) -> None:
    batches, before = Batches(store, seed=3, **HOW), threading.active_count()
    source = batches.ahead(0)
    for _ in range(3):
        next(source)
        assert threading.active_count() == before
    source.close()


def test_unread_pictures_give_what_stored_ones_give(store: Store) -> None:
    turned = dataclasses.replace(CROPS, upright=False)
    stored, unread = (Batches(kept, turned, seed=2, batch=6) for kept in (store, Unread(SCENES, range(10))))
    assert all(equal(stored(step), unread(step)) for step in range(5))


def test_many_threads_may_ask_at_once(store: Store) -> None:
    batches = Batches(store, CropRecipe(8), seed=0, batch=2)
    steps = [number * STEPS for number in range(8)] * 5
    expected = {step: batches(step) for step in set(steps)}
    wrong: list[int] = []

    def ask(mine: list[int]) -> None:
        wrong.extend(step for step in mine if not equal(batches(step), expected[step]))

    threads = [threading.Thread(target=ask, args=(steps[part::4],)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_labels_stay_with_their_pixels() -> None:
    """The category is painted into the picture: after cutting and turning it is still there."""
    painted = [SCENES[index] for index in range(4)]
    painted = [
        Sample(
            sample.name, np.repeat(sample.categories[..., None], 3, 2), sample.categories, sample.instances
        )
        for sample in painted
    ]
    for upright in (True, False):
        batches = Batches(load(painted, range(4)), CropRecipe(32, upright=upright), seed=0, batch=8)
        for step in range(4):
            batch = batches(step)
            assert torch.equal(batch.pictures[..., 0], batch.categories)


def test_numbers_with_gaps_give_the_boxes_of_numbers_without(store: Store) -> None:
    """Instances keep the numbers of the whole picture: for what the network learns that makes no difference."""
    instances = Batches(store, seed=4, **HOW)(0).instances
    compacted = torch.stack(
        [values.unique(return_inverse=True)[1] + (values.min() > 0) for values in instances]
    )
    assert int(compacted.max()) < int(instances.max())  # there are gaps
    for found, expected in zip(box_targets(instances, 4), box_targets(compacted, 4), strict=True):
        assert torch.equal(found, expected)


def of_sizes(*sizes: tuple[int, int]) -> list[Sample]:
    """Blank pictures, each of one grey: its number."""
    return [
        Sample(
            str(number),
            np.full((*size, 3), number, np.uint8),
            np.ones(size, np.uint8),
            np.ones(size, np.int32),
        )
        for number, size in enumerate(sizes)
    ]


def test_by_area_a_picture_comes_as_often_as_the_root_of_the_windows_that_cover_it() -> None:
    """Windows of middle size have 16² pixels of a picture: √(1 · 4) = 2 times smaller than 32²."""
    samples = of_sizes((64, 64), (16, 16), (8, 8), (48, 48))
    crops = CropRecipe(32, (1.0, 4.0), by_area=True)
    store = load(samples, range(4))
    shown = turns(store, crops)
    # The smallest is covered by less than one window, and comes once.
    assert shown.bincount().tolist() == [4, 1, 1, 3]
    assert turns(store, CropRecipe(32, (1.0, 4.0))).tolist() == [0, 1, 2, 3]
    assert turns(Unread(samples, range(4)), crops).tolist() == [0, 1, 2, 3]

    batches = Batches(store, crops, batch=9, seed=0)
    for epoch in (0, 1, STEPS):  # a step is an epoch here
        assert batches.draws(epoch).picture.bincount().tolist() == [4, 1, 1, 3]
    # What is shown is what was drawn: the grey of the middle of a window is the number of its picture.
    made, drawn = batches(5), batches.draws(5)
    inside = made.categories[:, 16, 16] == 1
    assert inside.sum() >= 7
    assert torch.equal(made.pictures[inside, 16, 16, 0].long(), drawn.picture[inside])
