"""Pictures kept as bytes: the same as were read, in the order asked for, by any number of workers, where they fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from stored_samples import stored

from bridgeseg.data.scenes import Scenes, draw_scene
from bridgeseg.data.transforms import FILL, compact
from bridgeseg.networks.preprocessing import stretch_contrast
from bridgeseg.structures.labels import VOID, BadInput, Sample
from bridgeseg.training import store as module
from bridgeseg.training.store import Store, Unread, load, open_store


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    """Scenes of several sizes, the instances of one numbered with gaps."""
    found = [draw_scene(3, number, size) for number, size in enumerate([(40, 50), (24, 24), (61, 30)])]
    return [found[0], replace(found[1], instances=found[1].instances * 40_000), found[2]]


def same(first: Store, second: Store) -> bool:
    flats = zip(first.flat, second.flat, strict=True)
    return first.most == second.most and all(torch.equal(a, b) for a, b in flats)


def test_what_is_kept_is_what_was_read(samples: list[Sample]) -> None:
    store = load(samples, [2, 0, 1, 0])
    assert len(store) == 4
    for number, index in enumerate([2, 0, 1, 0]):
        found = stored(store.flat, number)
        np.testing.assert_array_equal(found.picture, samples[index].picture)
        np.testing.assert_array_equal(found.categories, samples[index].categories)
        np.testing.assert_array_equal(found.instances, compact(samples[index]).instances)
    assert store.most == max(len(np.unique(sample.instances)) - 1 for sample in samples)
    assert store.flat.instances.dtype == torch.int16
    places = store.flat.offsets[:, None] + torch.zeros(1, dtype=torch.int64)
    assert store.flat.pixels[places[1, 0]].tolist() == samples[0].picture[0, 0].tolist()
    assert store.flat.steps.tolist() == [[30, 1], [50, 1], [24, 1], [50, 1]]


def test_the_last_place_is_that_of_nothing(samples: list[Sample]) -> None:
    flat = load(samples, range(3)).flat
    assert flat.pixels[-1].tolist() == list(FILL)
    assert (int(flat.categories[-1]), int(flat.instances[-1])) == (VOID, 0)
    areas = sum(sample.categories.size for sample in samples)
    assert [len(values) for values in flat[:3]] == [areas + 1] * 3


def test_contrast_is_stretched_where_that_is_asked_for(samples: list[Sample]) -> None:
    found = stored(load(samples, [0], stretch=True).flat, 0)
    np.testing.assert_array_equal(found.picture, stretch_contrast(samples[0].picture))
    np.testing.assert_array_equal(
        stored(Unread(samples, [0], stretch=True).read([0]), 0).picture, found.picture
    )


def test_more_instances_than_two_bytes_can_number_are_kept() -> None:
    many = np.arange(1, 40_001, dtype=np.int32).reshape(200, 200)
    blank = np.zeros((200, 200, 3), np.uint8)
    few = Sample("few", blank, np.ones((200, 200), np.uint8), many % 3)
    crowd = Sample("many", blank, np.ones((200, 200), np.uint8), many)
    store = load([few, crowd, few], range(3))
    assert store.most == 40_000
    np.testing.assert_array_equal(stored(store.flat, 1).instances, many)
    np.testing.assert_array_equal(stored(store.flat, 2).instances, many % 3)
    np.testing.assert_array_equal(stored(Unread([few, crowd], [1]).read([0]), 0).instances, many)


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more workers than cores
@pytest.mark.parametrize("workers", [1, 4])
def test_workers_draw_the_same_scenes(workers: int) -> None:
    scenes = Scenes("train", 24, 300)
    indices = [index for index in range(300) if index % 7]
    here = load(scenes, indices)
    assert same(load(scenes, indices, workers=workers), here)
    np.testing.assert_array_equal(stored(here.flat, 200).picture, scenes[indices[200]].picture)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_broken_picture_is_named(workers: int) -> None:
    class Broken(Scenes):
        def __getitem__(self, index: int) -> Sample:
            if index == 150:
                raise BadInput("scene-150: broken, expected a whole one")
            return super().__getitem__(index)

    with pytest.raises(BadInput) as caught:
        load(Broken("train", 96, 200), range(200), workers=workers)
    assert str(caught.value) == "scene-150: broken, expected a whole one"


def test_no_picture_is_refused(samples: list[Sample]) -> None:
    for call in (load, open_store):
        with pytest.raises(BadInput, match="pictures: none"):
            call(samples, [])


def test_a_set_is_kept_where_it_fits(samples: list[Sample], monkeypatch: pytest.MonkeyPatch) -> None:
    areas = sum(sample.categories.size for sample in samples)
    for room, kind in ((6 * areas + 6, Store), (6 * areas - 6, Unread)):
        monkeypatch.setattr(module, "MOST_OF_HOST", room)
        found = open_store(samples, range(3))
        assert isinstance(found, kind)
        assert len(found) == 3
        flat = found.flat if isinstance(found, Store) else found.read(range(3))
        assert all(map(torch.equal, flat, load(samples, range(3)).flat))

    class Card:
        total_memory = 4 * 6 * areas

    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: Card)
    monkeypatch.setattr(module, "load", lambda *_, device="cpu", **__: torch.device(device).type)
    monkeypatch.setattr(module, "MOST_OF_HOST", 10**9)
    assert open_store(samples, range(3), device="cuda") == "cuda"
    Card.total_memory -= 100
    assert open_store(samples, range(3), device="cuda") == "cpu"
    monkeypatch.setattr(module, "MOST_OF_HOST", 0)
    assert isinstance(open_store(samples, range(3), device="cuda"), Unread)


def test_a_large_set_is_judged_by_a_few_of_its_pictures() -> None:
    class Counted(Scenes):
        asked = 0

        def __getitem__(self, index: int) -> Sample:
            Counted.asked += 1
            return super().__getitem__(index)

    assert isinstance(open_store(Counted("train", 96, 10**6), range(10**6)), Unread)
    assert Counted.asked == module.LOOKED_AT
