"""Two bodies for one set of draws: held to chapter 2's functions, and to one another, picture by picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from stored_samples import stored
from torch.utils._python_dispatch import TorchDispatchMode

from bridgeseg.data.scenes import draw_scene
from bridgeseg.data.transforms import FILL, crop, flip, pad, resize
from bridgeseg.structures.labels import VOID, Sample
from bridgeseg.system.recipe import CropRecipe
from bridgeseg.training.augmentation import Draws, draw, of_step
from bridgeseg.training.store import Store, load
from bridgeseg.training.windows import Flat, cut_on_device, cut_on_host

# Larger and smaller than the windows, wide and high, one of a single pixel.
SIZES = [(64, 64), (40, 90), (90, 40), (33, 20), (120, 131), (1, 1)]
KINDS = {
    "as it is": CropRecipe(48),
    "as it is, all positions": CropRecipe(48, upright=False),
    "grows": CropRecipe(48, (1.1, 2.2), upright=False),
    "shrinks": CropRecipe(32, (0.3, 0.9), upright=False),
    "shrinks much": CropRecipe(7, (0.06, 0.06)),
    "both": CropRecipe(41, (0.7, 1.4)),
    "coloured": CropRecipe(48, jitter=0.1),
    "coloured and scaled": CropRecipe(40, (0.6, 1.5), upright=False, jitter=0.3),
}


@pytest.fixture(scope="module")
def store() -> Store:
    """Scenes of several sizes, with noise in them: resampling shows in every pixel."""
    generator = np.random.default_rng(0)
    samples = []
    for number, size in enumerate(SIZES):
        scene = draw_scene(0, number, size)
        noise = generator.integers(-60, 60, scene.picture.shape)
        picture = np.clip(scene.picture + noise, 0, 255).astype(np.uint8)
        samples.append(Sample(scene.name, picture, scene.categories, scene.instances))
    return load(samples, range(len(samples)))


def by_chapter_2(sample: Sample, drawn: Draws, place: int, size: int) -> Sample:
    """The window as chapter 2's functions make it, one after the other; colours in float64."""
    side = int(drawn.side[place])
    sample = pad(sample, side, side)
    free = np.array(sample.categories.shape) - side + 1
    top, left = (drawn.start[place].numpy() * free) >> 31
    window = resize(crop(sample, int(top), int(left), side, side), size, size)
    if drawn.transposed[place]:
        maps = (window.picture, window.categories, window.instances)
        window = Sample(window.name, *(values.swapaxes(0, 1) for values in maps))
    upside_down, mirrored = drawn.flipped[place].tolist()
    window = flip(window, vertical=True) if upside_down else window
    window = flip(window) if mirrored else window
    mean = window.picture.mean((0, 1))
    picture = (
        window.picture @ drawn.matrix[place].double().numpy() + mean @ drawn.shift[place].double().numpy()
    )
    picture = np.clip(picture + 0.5, 0, 255).astype(np.uint8)
    return Sample(window.name, picture, window.categories, window.instances)


@pytest.mark.parametrize("kind", KINDS)
def test_the_host_cuts_what_chapter_2_s_functions_cut(store: Store, kind: str) -> None:
    crops = KINDS[kind]
    drawn = draw(1, 0, 8, len(store), crops)
    for step in range(20):
        now = of_step(drawn, step)
        batch = cut_on_host(store.flat, now, crops)
        for place, number in enumerate(now.picture.tolist()):
            expected = by_chapter_2(stored(store.flat, number), now, place, crops.side)
            np.testing.assert_array_equal(batch.categories[place], expected.categories)
            np.testing.assert_array_equal(batch.instances[place], expected.instances)
            apart = np.abs(batch.pictures[place].numpy().astype(int) - expected.picture)
            assert apart.max() <= (1 if crops.jitter else 0)
            assert apart.mean() < 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_the_device_cuts_what_the_host_cuts(store: Store, kind: str) -> None:
    crops = KINDS[kind]
    drawn = draw(2, 0, 8, len(store), crops)
    apart = []
    for step in range(60):
        now = of_step(drawn, step)
        first = cut_on_host(store.flat, now, crops)
        second = cut_on_device(store.flat, now, crops, store.most)
        assert [values.dtype for values in first[:3]] == [values.dtype for values in second[:3]]
        assert torch.equal(first.categories, second.categories)
        assert torch.equal(first.instances, second.instances)
        assert first.most <= second.most == store.most
        apart.append((first.pictures.int() - second.pictures.int()).abs())
    # Pillow's arithmetic is kept to the bit; new colours are rounded after sums in another order.
    assert int(torch.stack(apart).max()) <= (1 if crops.jitter else 0)
    assert float(torch.stack(apart).float().mean()) < 1e-3


def test_beyond_a_picture_lies_void_of_the_mean_colour(store: Store) -> None:
    crops = CropRecipe(150)  # larger than every picture
    drawn = of_step(draw(0, 0, 30, len(store), crops), 0)
    for batch in (
        cut_on_host(store.flat, drawn, crops),
        cut_on_device(store.flat, drawn, crops, 0),
    ):
        for place, number in enumerate(drawn.picture.tolist()):
            height, width = store.flat.sizes[number].tolist()
            beyond = torch.ones(150, 150, dtype=torch.bool)
            beyond[:height, :width] = False
            beyond = beyond.flip(1) if drawn.flipped[place, 1] else beyond
            assert (batch.categories[place][beyond] == VOID).all()
            assert (batch.instances[place][beyond] == 0).all()
            assert (batch.pictures[place][beyond] == torch.tensor(FILL)).all()
            assert int((batch.categories[place] != VOID).sum()) <= height * width


def test_every_place_of_a_window_is_reached(store: Store) -> None:
    """A picture whose pixels say where they are: the first and the last place, and none beyond."""
    picture = np.zeros((12, 20, 3), np.uint8)
    picture[..., 0], picture[..., 1] = np.mgrid[:12, :20]
    blank = np.zeros((12, 20), np.uint8)
    small = load([Sample("places", picture, blank, blank.astype(np.int32))], [0])
    crops = CropRecipe(8)
    drawn = draw(0, 0, 50, 1, crops)
    pictures = torch.cat([cut_on_device(small.flat, of_step(drawn, i), crops, 0).pictures for i in range(20)])
    tops, lefts = pictures[..., 0].amin((1, 2)), pictures[..., 1].amin((1, 2))
    assert set(tops.tolist()) == set(range(5))
    assert set(lefts.tolist()) == set(range(13))
    assert int(pictures[..., 0].max()) == 11


@pytest.mark.parametrize("kind", ["coloured", "coloured and scaled"])
def test_the_device_is_never_asked_for_a_number(store: Store, kind: str) -> None:
    """On tensors without values everything that would wait for the device raises, and so do sizes that depend on it."""
    crops = KINDS[kind]
    drawn = Draws(*(values.to("meta") for values in of_step(draw(0, 0, 8, len(store), crops), 0)))
    flat = Flat(*(values.to("meta") for values in store.flat))
    batch = cut_on_device(flat, drawn, crops, store.most)
    size = crops.side
    assert batch.pictures.shape == (8, size, size, 3)
    assert batch.categories.shape == batch.instances.shape == (8, size, size)
    with pytest.raises((RuntimeError, NotImplementedError)):
        batch.instances.max().item()  # the net has no hole


class Launches(TorchDispatchMode):
    """Counts the operations that launch something on a device: all but those that only look at memory otherwise."""

    VIEWS = ("view", "expand", "slice", "select", "unsqueeze", "transpose", "split", "alias", "detach")

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # noqa: ANN001
        self.count += function._schema.name.removeprefix("aten::") not in self.VIEWS
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("kind, most", [("coloured", 40), ("grows", 95)])
def test_a_mini_batch_takes_some_dozens_of_operations_whatever_its_size(
    store: Store, kind: str, most: int
) -> None:
    counts = set()
    for batch in (2, 16):
        drawn = of_step(draw(0, 0, batch, len(store), KINDS[kind]), 0)
        with Launches() as launches:
            cut_on_device(store.flat, drawn, KINDS[kind], store.most)
        counts.add(launches.count)
    assert len(counts) == 1
    assert counts.pop() <= most


@pytest.mark.parametrize("kind", KINDS)
def test_a_gpu_cuts_the_same_without_waiting_and_in_a_graph(store: Store, kind: str) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    crops = KINDS[kind]
    flat = Flat(*(values.cuda() for values in store.flat))
    drawn = draw(3, 0, 8, len(store), crops)
    steps = [Draws(*(values.cuda() for values in of_step(drawn, step))) for step in range(6)]
    held = Draws(*(values.clone() for values in steps[0]))
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        cut_on_device(flat, held, crops, store.most)
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = cut_on_device(flat, held, crops, store.most)
    found = []
    torch.cuda.set_sync_debug_mode("error")
    try:
        for now in steps:
            for values, new in zip(held, now, strict=True):
                values.copy_(new)
            graph.replay()
            found.append([values.clone() for values in captured[:3]])
            found[-1] += cut_on_device(flat, now, crops, store.most)[:3]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    for step, (pictures, categories, instances, *eager) in enumerate(found):
        expected = cut_on_host(store.flat, of_step(drawn, step), crops)
        assert all(torch.equal(a, b) for a, b in zip((pictures, categories, instances), eager, strict=True))
        assert torch.equal(categories.cpu(), expected.categories)
        assert torch.equal(instances.cpu(), expected.instances)
        apart = (pictures.cpu().int() - expected.pictures.int()).abs()
        assert int(apart.max()) <= (1 if crops.jitter else 0)
