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

from bridgeseg.data.scenes import Scenes
from bridgeseg.data.transforms import compact, jitter, random_crop, random_flip, resize
from bridgeseg.networks.preprocessing import stretch_contrast
from bridgeseg.structures.labels import Labelled, Sample
from bridgeseg.system.recipe import Recipe


class Batch(NamedTuple):
    """A mini-batch: pictures (N, crop, crop, 3) uint8, categories (N, crop, crop) uint8, instances likewise int32."""

    pictures: Tensor
    categories: Tensor
    instances: Tensor


def load_samples(dataset: Labelled, indices: Sequence[int], recipe: Recipe, threads: int = 2) -> list[Sample]:
    """Read samples into memory, once, as the recipe wants them.

    dataset: where they come from
    indices: which of them
    threads: readers at a time; decoding a PNG does not hold Python's lock
    returns: the samples in that order, contrast stretched where the recipe says so
    """

    def load(index: int) -> Sample:
        sample = dataset[index]
        return replace(sample, picture=stretch_contrast(sample.picture)) if recipe.stretch else sample

    # Drawing holds Python's lock throughout, and two threads that fight for it take longer than one.
    with ThreadPoolExecutor(1 if isinstance(dataset, Scenes) else threads) as pool:
        return list(pool.map(load, indices))


def augment(sample: Sample, recipe: Recipe, generator: np.random.Generator) -> Sample:
    """Cut a random window out of a sample, scale it to the recipe's crop, mirror and colour it.

    returns: a sample of crop × crop pixels, instances numbered 1…n; where the picture is smaller than the window it
        is padded with void

    Built in chapter 6.
    """
    low, high = recipe.scales
    factor = float(np.exp(generator.uniform(np.log(low), np.log(high)))) if low < high else low
    # The window is cut first and scaled afterwards: the same picture, at a fraction of the work.
    side = max(1, round(recipe.crop / factor))
    window = resize(random_crop(sample, side, side, generator), recipe.crop, recipe.crop)
    window = random_flip(window, generator, recipe.upright)
    if recipe.jitter:
        window = jitter(window, generator, recipe.jitter, recipe.jitter, recipe.jitter)
    return compact(window)


class Batches:
    """All mini-batches of a run, by number.

    samples: the training pictures, in memory
    recipe: crop, augmentation, batch size
    seed: of the run
    rank, processes: this process takes every so manieth sample of a global batch

    Every picture comes once an epoch, in an order of that epoch's own. Built in chapter 6.
    """

    def __init__(
        self, samples: Sequence[Sample], recipe: Recipe, seed: int, rank: int = 0, processes: int = 1
    ) -> None:
        self.samples, self.recipe, self.seed = samples, recipe, seed
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
        for place in range(self.rank, self.recipe.batch, self.processes):
            epoch, position = divmod(step * self.recipe.batch + place, len(self.samples))
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
