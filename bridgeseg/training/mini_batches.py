"""Mini-batches that are a function of the seed and the step, made where the pictures are.

Built in chapter 6.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

from bridgeseg.machine.workers import FORKS, in_workers, worthwhile
from bridgeseg.system.recipe import CropRecipe
from bridgeseg.training.augmentation import STEPS, Draws, draw, of_process, of_step
from bridgeseg.training.store import BYTES, Store, Unread
from bridgeseg.training.windows import Batch, cut_on_device, cut_on_host


class Batches:
    """All mini-batches of a run, by number.

    store: the pictures; on a GPU that is where mini-batches are made
    crops: how windows are cut out of them
    batch: windows of a mini-batch, those of all processes together
    seed: of the run, 0 or more
    rank, processes: this process takes every so manieth window of a global mini-batch
    raises: ValueError for a batch that the processes cannot share evenly

    Example:
        >>> from bridgeseg.data.scenes import Scenes
        >>> from bridgeseg.training.store import load
        >>> batches = Batches(load(Scenes(size=48, count=3), range(3)), CropRecipe(side=32), batch=2, seed=0)
        >>> tuple(batches(7).pictures.shape), torch.equal(batches(7).pictures, batches(7).pictures)
        ((2, 32, 32, 3), True)

    Every picture comes once an epoch, or as often as `turns` says, in an order of that epoch's own. Built in chapter 6.
    """

    def __init__(
        self,
        store: Store | Unread,
        crops: CropRecipe,
        *,
        batch: int,
        seed: int,
        rank: int = 0,
        processes: int = 1,
    ) -> None:
        if batch < 1 or batch % processes:
            raise ValueError(f"batch is {batch}, expected a multiple of the {processes} processes, above 0")
        self.store, self.crops, self.batch, self.seed = store, crops, batch, seed
        self.rank, self.processes = rank, processes
        self.turns = turns(store, crops)
        self._chunk: tuple[int, Draws] | None = None

    def draws(self, step: int) -> Draws:
        """Return what was drawn for this process's part of a step, on the device of the store; nothing waits for it."""
        number, held = step // STEPS, self._chunk
        if held is None or held[0] != number:
            drawn = draw(self.seed, number, self.batch, len(self.turns), self.crops)
            drawn = drawn._replace(picture=self.turns[drawn.picture])
            drawn = of_process(drawn, self.rank, self.processes)
            if self.store.device.type == "cuda":  # from pinned memory, or the copy would wait for the device
                drawn = Draws(
                    *(values.pin_memory().to(self.store.device, non_blocking=True) for values in drawn)
                )
            # Set as a pair, since threads may ask at the same time.
            self._chunk = held = (number, drawn)
        return of_step(held[1], step)

    def cut(self, draws: Draws) -> Batch:
        """Return the mini-batch of draws; on a GPU, something that a CUDA graph can hold."""
        if isinstance(self.store, Unread):
            flat = self.store.read(draws.picture.tolist())
            return cut_on_host(flat, draws._replace(picture=torch.arange(len(flat.offsets))), self.crops)
        if self.store.device.type == "cpu":
            return cut_on_host(self.store.flat, draws, self.crops)
        return cut_on_device(self.store.flat, draws, self.crops, self.store.most)

    def __call__(self, step: int) -> Batch:
        """Return this process's part of the mini-batch of a step."""
        return self.cut(self.draws(step))

    def ahead(
        self, start: int, workers: int | None = None, pinned: bool = False
    ) -> Generator[Batch, None, None]:
        """Yield the mini-batches from a step on, without end, made while the network computes where that saves time.

        start: number of the first step
        workers: processes that make them; None takes as many as are `worthwhile`, and none for stored pictures and a
            network on the same processor, or where pictures are on a GPU. Without any they are made between the steps,
            pinned ones in a thread
        pinned: in memory that a GPU reads without waiting
        returns: the mini-batches, each as calling this with its step would make it

        Built in chapter 6.
        """
        steps = itertools.count(start)
        if self.store.device.type != "cpu":
            yield from map(self, steps)
            return
        if workers is None:
            size = BYTES * self.crops.side**2 * self.batch // self.processes
            many = pinned or isinstance(self.store, Unread)
            workers = worthwhile(size, self.processes) if many else 0
        if workers and FORKS:
            yield from in_workers(self, steps, workers, pinned=pinned)
        elif pinned:
            yield from self._in_thread(steps)
        else:
            # A thread beside a network takes more than it gives: with more threads than cores OpenMP's go to sleep
            # where they would wait a moment. On two cores a step of nuclei-fast took 79 ms with it, and 53 without.
            yield from map(self, steps)

    def _in_thread(self, steps: itertools.count[int]) -> Generator[Batch, None, None]:
        def make(step: int) -> Batch:
            pictures, categories, instances, most = self(step)
            return Batch(pictures.pin_memory(), categories.pin_memory(), instances.pin_memory(), most)

        with ThreadPoolExecutor(1) as pool:
            waiting: deque[Future[Batch]] = deque(pool.submit(make, next(steps)) for _ in range(2))
            try:
                while True:
                    ready = waiting.popleft().result()
                    waiting.append(pool.submit(make, next(steps)))
                    yield ready
            finally:
                for future in waiting:
                    future.cancel()


def turns(store: Store | Unread, crops: CropRecipe) -> Tensor:
    """Return which pictures an epoch shows: each once, or, by area, √n times where n windows of middle size cover it.

    store: the pictures
    crops: the size of windows, and whether pictures come by their area
    returns: (t,) int64, numbers of pictures, rising. Those of an `Unread` come once, since their sizes are not known

    A micrograph of 520 × 696 holds five times the nuclei of one of 256 × 256, and AP^r counts nuclei. Where each
    picture comes once, a small one's nuclei are seen five times as often; where it comes n times, a few large ones
    fill most of the epoch. Our choice, between the two. Built in chapter 6.
    """
    every = torch.arange(len(store))
    if not crops.by_area or isinstance(store, Unread):
        return every
    area = store.flat.sizes.cpu().prod(1)  # (pictures,)
    usual = crops.side**2 / (
        crops.scales[0] * crops.scales[1]
    )  # pixels of a picture that a window of middle size has
    return every.repeat_interleave((area / usual).sqrt().round().long().clamp(min=1))
