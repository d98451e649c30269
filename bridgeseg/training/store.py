"""The pictures of a training: read once and kept as bytes, on the device or in host memory, or read anew every time.

Built in chapter 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from bridgeseg.data.transforms import FILL, compact
from bridgeseg.machine.workers import in_workers
from bridgeseg.networks.preprocessing import stretch_contrast
from bridgeseg.structures.labels import VOID, BadInput, Labelled, Sample
from bridgeseg.training.windows import Flat

# Our choice. Most of a device's memory is for the network; while they are joined, pictures take up half as much again.
MOST_OF_DEVICE = 0.25
MOST_OF_HOST = 2 * 2**30  # bytes: with what else a training needs it stays within 4 GB
BYTES = 6  # of a pixel: three of its colour, one of its category, two of its instance
LOOKED_AT = 16  # pictures, by whose sizes that of a whole set is told
TOGETHER = 2**20  # bytes of the pictures that a worker hands over at once


Parts = tuple[Tensor, Tensor, Tensor, Tensor]  # pixels, categories, instances and sizes of some pictures


@dataclass(frozen=True)
class Store:
    """Pictures in memory, as bytes.

    flat: their pixels and labels, one picture after the other
    most: K, the largest number of instances in one of them

    Built in chapter 6.
    """

    flat: Flat
    most: int

    @property
    def device(self) -> torch.device:
        """Where they are kept."""
        return self.flat.pixels.device

    def __len__(self) -> int:
        return len(self.flat.offsets)


class Unread:
    """Pictures that are read, or drawn, when a mini-batch wants them, since all together they would not fit.

    dataset: where they come from
    indices: which of them
    stretch: stretch their contrast

    Built in chapter 6.
    """

    device = torch.device("cpu")

    def __init__(
        self, dataset: Labelled | Sequence[Sample], indices: Sequence[int], stretch: bool = False
    ) -> None:
        self.dataset, self.stretch = dataset, stretch
        self.indices = np.array(indices, np.int32)  # in one piece, which every worker shares

    def __len__(self) -> int:
        return len(self.indices)

    def read(self, pictures: Sequence[int]) -> Flat:
        """Read some of the pictures, as a store would keep them.

        pictures: which, 0…len − 1
        returns: their pixels and labels, in that order
        raises: BadInput as the data set does
        """
        parts = _in_a_row([self.dataset[index] for index in self.indices[pictures].tolist()], self.stretch)
        return _flat(tuple([values] for values in parts))


def open_store(
    dataset: Labelled | Sequence[Sample],
    indices: Sequence[int],
    *,
    stretch: bool = False,
    device: torch.device | str = "cpu",
    workers: int = 0,
) -> Store | Unread:
    """Keep pictures where they fit: on the device, else in host memory, else leave them where they are.

    dataset, indices, stretch, workers: as in `load`
    device: where the network computes
    returns: the store on the device if it takes up at most a quarter of its memory, in host memory if at most 2 GiB
    raises: BadInput as `load`

    Built in chapter 6.
    """
    device = torch.device(device)
    seen = np.linspace(0, len(indices) - 1, min(LOOKED_AT, len(indices))).astype(int)
    size = len(indices) * _bytes_of(dataset, [indices[place] for place in seen])
    if device.type == "cuda":
        if size <= MOST_OF_DEVICE * torch.cuda.get_device_properties(device).total_memory:
            return load(dataset, indices, stretch=stretch, device=device, workers=workers)
    if size <= MOST_OF_HOST:
        return load(dataset, indices, stretch=stretch, workers=workers)
    return Unread(dataset, indices, stretch)


def load(
    dataset: Labelled | Sequence[Sample],
    indices: Sequence[int],
    *,
    stretch: bool = False,
    device: torch.device | str = "cpu",
    workers: int = 0,
) -> Store:
    """Read pictures once and keep them as bytes.

    dataset: where they come from
    indices: which of them, at least one
    stretch: stretch their contrast, for micrographs
    device: where they are kept
    workers: processes that read, or draw
    returns: the store, in the order of the indices, the same for any number of workers
    raises: BadInput as the data set does, and when there is no picture

    Example:
        >>> from bridgeseg.data.scenes import Scenes
        >>> store = load(Scenes(size=48, count=3), range(3))
        >>> len(store), store.flat.sizes.tolist()[0]
        (3, [48, 48])

    Built in chapter 6.
    """
    together = max(1, min(64, TOGETHER // _bytes_of(dataset, indices[:1])))

    def part(begin: int) -> Parts:
        return _in_a_row([dataset[index] for index in indices[begin : begin + together]], stretch)

    columns: tuple[list[Tensor], ...] = ([], [], [], [])
    for parts in in_workers(part, range(0, len(indices), together), workers):
        for column, values in zip(columns, parts):
            # A copy, since what a worker hands over keeps a file open each.
            column.append(values.to(device, copy=True))
    most = max(int(values.max()) for values in columns[2])
    return Store(_flat(columns), most)


def _in_a_row(samples: Sequence[Sample], stretch: bool) -> Parts:
    """Return samples one after the other, instances numbered 1…n, contrast stretched if it is to be.

    returns: pixels (T, 3) uint8, categories (T,) uint8, instances (T,) int16 or, where that is too small, int32, and
        sizes (P, 2) int64
    """
    if stretch:
        samples = [replace(sample, picture=stretch_contrast(sample.picture)) for sample in samples]
    samples = [compact(sample) for sample in samples]
    pixels = np.concatenate([sample.picture.reshape(-1, 3) for sample in samples])
    categories = np.concatenate([sample.categories.ravel() for sample in samples])
    instances = np.concatenate([sample.instances.ravel() for sample in samples])
    if instances.max(initial=0) <= np.iinfo(np.int16).max:
        instances = instances.astype(np.int16)
    sizes = np.array([sample.categories.shape for sample in samples], np.int64)
    return (
        torch.from_numpy(pixels),
        torch.from_numpy(categories),
        torch.from_numpy(instances),
        torch.from_numpy(sizes),
    )


def _flat(columns: tuple[list[Tensor], ...]) -> Flat:
    """Join pixels, categories, instances and sizes, of some pictures each, which are let go of."""
    pixels, categories, instances, sizes = columns
    size = torch.cat(sizes)  # (P, 2)
    areas = size.prod(1)
    return Flat(
        _joined(pixels, torch.tensor([FILL])),
        _joined(categories, torch.tensor([VOID])),
        _joined(instances, torch.tensor([0])),
        areas.cumsum(0) - areas,
        size,
        torch.stack([size[:, 1], torch.ones_like(areas)], 1),  # (P, 2)
    )


def _bytes_of(dataset: Labelled | Sequence[Sample], indices: Sequence[int]) -> int:
    """How many bytes a picture takes up, on average over some, at least 1."""
    if not len(indices):
        raise BadInput("pictures: none, expected at least one to train on")
    return max(1, BYTES * sum(dataset[index].categories.size for index in indices) // len(indices))


def _joined(parts: list[Tensor], last: Tensor) -> Tensor:
    """Return tensors and a last row as one; the parts are let go of, so that the next are joined in their room."""
    wide = max((values.dtype for values in parts), key=lambda kind: kind.itemsize)
    joined = torch.cat([*parts, last.to(parts[0].device, wide)])
    parts.clear()
    return joined
