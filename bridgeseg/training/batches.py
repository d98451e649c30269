"""Mini-batches that are a function of the seed and the step, and of nothing else.

That one property pays three times: a run that was killed goes on where it was without knowing what its loader did; a
batch can be made ahead in a thread; and several processes cut one global batch among them. Built in chapter 6.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from bridgeseg.data.transforms import compact, jitter, random_crop, random_flip, resize
from bridgeseg.networks.preprocessing import stretch_contrast
from bridgeseg.structures.labels import Labelled, Sample
from bridgeseg.system.recipe import CropRecipe


class Batch(NamedTuple):
    """A mini-batch: pictures (N, side, side, 3) uint8, categories (N, side, side) uint8, instances likewise int32."""

    pictures: Tensor
    categories: Tensor
    instances: Tensor


def load_samples(
    dataset: Labelled, indices: Sequence[int], stretch: bool = False, threads: int = 2
) -> list[Sample]:
    """Read samples into memory, once.

    dataset: where they come from
    indices: which of them
    stretch: stretch the contrast of every picture
    threads: readers at a time; decoding a PNG does not hold Python's lock
    returns: the samples in that order

    Built in chapter 6.
    """

    def load(index: int) -> Sample:
        sample = dataset[index]
        return replace(sample, picture=stretch_contrast(sample.picture)) if stretch else sample

    # Drawing holds Python's lock throughout, and two threads that fight for it take longer than one.
    with ThreadPoolExecutor(1 if dataset.root is None else threads) as pool:
        return list(pool.map(load, indices))


def augment(sample: Sample, recipe: CropRecipe, generator: np.random.Generator) -> Sample:
    """Cut a random window out of a sample, scale it, mirror and colour it.

    sample: picture and maps
    recipe: side, scales, positions and jitter
    generator: is moved on
    returns: a sample of side × side pixels, instances numbered 1…n; where the picture is smaller than the window it
        is padded with void

    Built in chapter 6.
    """
    low, high = recipe.scales
    factor = float(np.exp(generator.uniform(np.log(low), np.log(high)))) if low < high else low
    # The window is cut first and scaled afterwards: the same picture, at a fraction of the work.
    side = max(1, round(recipe.side / factor))
    window = resize(random_crop(sample, side, side, generator), recipe.side, recipe.side)
    window = random_flip(window, generator, recipe.upright)
    if recipe.jitter:
        window = jitter(window, generator, recipe.jitter, recipe.jitter, recipe.jitter)
    return compact(window)


class Batches:
    """All mini-batches of a run, by number.

    samples: the training pictures, in memory
    recipe: of the windows
    size: pictures in a mini-batch, of all processes together
    seed: of the run
    rank, processes: this process takes every so manieth sample of a global batch

    Every picture comes once an epoch, in an order of that epoch's own. Built in chapter 6.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        recipe: CropRecipe,
        size: int,
        seed: int,
        rank: int = 0,
        processes: int = 1,
    ) -> None:
        self.samples, self.recipe, self.size, self.seed = samples, recipe, size, seed
        self.rank, self.processes = rank, processes
        self._orders: OrderedDict[int, np.ndarray] = OrderedDict()

    def _order(self, epoch: int) -> np.ndarray:
        # Several threads come here, and one may drop what another has just found: each returns what it holds.
        order = self._orders.get(epoch)
        if order is None:
            order = np.random.default_rng([self.seed, 1, epoch]).permutation(len(self.samples))
            self._orders[epoch] = order
            if len(self._orders) > 4:
                self._orders.popitem(last=False)
        return order

    def __call__(self, step: int) -> Batch:
        """Return this process's part of the mini-batch of a step."""
        parts = []
        for place in range(self.rank, self.size, self.processes):
            epoch, position = divmod(step * self.size + place, len(self.samples))
            generator = np.random.default_rng([self.seed, 2, step, place])
            parts.append(augment(self.samples[self._order(epoch)[position]], self.recipe, generator))
        return Batch(
            torch.from_numpy(np.stack([part.picture for part in parts])),
            torch.from_numpy(np.stack([part.categories for part in parts])),
            torch.from_numpy(np.stack([part.instances for part in parts])),
        )

    def ahead(self, start: int, threads: int, depth: int) -> Generator[Batch, None, None]:
        """Yield the batches from a step on, without end, made in threads while the network computes.

        threads: makers at a time
        depth: batches that may wait
        """
        with ThreadPoolExecutor(threads) as pool:
            waiting: list[Future[Batch]] = []
            try:
                while True:
                    while len(waiting) < depth:
                        waiting.append(pool.submit(self, start))
                        start += 1
                    yield waiting.pop(0).result()
            finally:
                for future in waiting:
                    future.cancel()
