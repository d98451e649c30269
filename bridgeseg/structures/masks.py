"""The masks of a picture, kept by what is there: a mask is the list of its runs along the rows.

As (n, h, w) bool every mask costs as much as the picture, the smallest too: 6 GB for 1,440 nuclei in 2048 × 2048
pixels. A run (`bridgeseg.structures.runs`) takes 24 bytes however long it is, so that a mask costs what its outline is
long, and areas, boxes, other sizes and what masks share are found for all runs of all masks at once, without a loop.
Two other ways were weighed. A list of pixels takes 8 bytes for each: where hundreds of masks fill half a photograph, as
the paper's suppression finds them, that is more than bool. Tight crops of bool are never more than the whole, but one
stray pixel makes a crop as large as the picture, and crops of many sizes have to be looped over. Where runs lose is
noise: a chessboard takes 12 bytes a pixel.

Built in chapter 2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bridgeseg.structures.boxes import tight_boxes
from bridgeseg.structures.cells import resized_places
from bridgeseg.structures.preconditions import expect_tensors
from bridgeseg.structures.runs import label_runs, meet, places_of, ranges

# Pixels that are listed one by one at a time, 8 bytes and more for each.
LISTED = 1 << 22


@dataclass(frozen=True, eq=False)
class Masks:
    """The n masks of one picture; they may overlap.

    number: (r,) int64, rising: which mask each run is of, 0…n − 1
    start, stop: (r,) int64: places, row · width + column, half open; no run goes beyond the end of its row, and the
        runs of one mask rise and never touch
    count: n, masks without a pixel included
    size: height and width of the picture, pixels

    `masks[i]` is one of them in full, (h, w) bool; `masks[[2, 5]]` and `masks[:]` are some and all, (m, h, w) bool, at
    a byte a pixel of the picture for each, three while they are made.

    Example:
        >>> masks = Masks.from_full(torch.tensor([[[0, 1, 1], [0, 0, 1]]]) > 0)
        >>> masks.start.tolist(), masks.stop.tolist()
        ([1, 5], [3, 6])
        >>> masks[0].int().tolist()
        [[0, 1, 1], [0, 0, 1]]

    Built in chapter 2.
    """

    number: Tensor
    start: Tensor
    stop: Tensor
    count: int
    size: tuple[int, int]

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, which: Any) -> Tensor:
        """Return a mask in full, (h, w) bool, or those that an index, a slice or bools pick, (m, h, w) bool."""
        picked = torch.arange(self.count, device=self.number.device)[which]
        full = self.select(picked.reshape(-1))._full()
        return full if picked.ndim else full[0]

    def __iter__(self) -> Iterator[Tensor]:
        return (self[number] for number in range(self.count))

    def _full(self) -> Tensor:
        """All masks, (n, h, w) bool: each run begins with a one and ends with a minus one, and these add up."""
        height, width = self.size
        edges = torch.zeros(self.count, height, width + 1, dtype=torch.int8, device=self.number.device)
        # A row has a place more here, for a run that ends with it.
        shift = self.number * height * (width + 1) + self.start // width  # (r,)
        edges.view(-1).index_fill_(0, self.start + shift, 1)
        edges.view(-1).index_fill_(0, self.stop + shift, -1)
        return edges.cumsum(2, dtype=torch.int8)[..., :-1] > 0

    @staticmethod
    def from_full(full: Tensor) -> Masks:
        """Return the masks that are given in full.

        full: (n, h, w) bool
        raises: ValueError for another type or number of dimensions

        Built in chapter 2.
        """
        expect_tensors(masks=(full, "(n, h, w) bool"))
        held, pixels = places_of(full), full.shape[1] * full.shape[2]  # (k,)
        return Masks.from_pixels(held // pixels, held % pixels, len(full), (full.shape[1], full.shape[2]))

    @staticmethod
    def from_pixels(number: Tensor, place: Tensor, count: int, size: tuple[int, int]) -> Masks:
        """Return the masks whose pixels are listed.

        number: (k,) int64, rising, 0…count − 1: the mask that has this pixel
        place: (k,) int64, row · width + column of the pixel, rising within each mask
        count: of masks
        size: height and width of the picture, pixels

        Example:
            >>> masks = Masks.from_pixels(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), 2, (1, 3))
            >>> masks[:].int().tolist()
            [[[1, 1, 0]], [[0, 1, 0]]]

        Built in chapter 9.
        """
        expect_tensors(number=(number, "(k,) int64"), place=(place, "(k,) int64"))
        begins = torch.ones_like(number, dtype=torch.bool)
        begins[1:] = (number[1:] != number[:-1]) | (place[1:] != place[:-1] + 1) | (place[1:] % size[1] == 0)
        first = places_of(begins)  # (r,)
        last = torch.cat([first[1:], first.new_full((min(len(first), 1),), len(number))]) - 1
        return Masks(number[first], place[first], place[last] + 1, count, size)

    @staticmethod
    def from_labels(labels: Tensor, numbers: Tensor) -> Masks:
        """Return the masks of some labels of a map: none overlaps another.

        labels: (h, w) integer
        numbers: (n,) integer, the labels wanted, in the order wanted, each once; one that does not occur gives a mask
            without pixels

        Example:
            >>> masks = Masks.from_labels(torch.tensor([[7, 0, 3, 3]]), torch.tensor([3, 7]))
            >>> masks[:].int().tolist()
            [[[0, 0, 1, 1]], [[1, 0, 0, 0]]]

        Built in chapter 2.
        """
        expect_tensors(labels=(labels, "(h, w) integer or bool"), numbers=(numbers, "(n,) integer"))
        size = (labels.shape[0], labels.shape[1])
        if not len(numbers):
            return Masks.none(*size, device=labels.device)
        start, stop = label_runs(labels)  # (r,) each
        label = labels.flatten()[start].long()
        rising, order = numbers.long().sort()
        place = torch.searchsorted(rising, label).clamp(max=len(numbers) - 1)
        held = places_of(rising[place] == label)
        number, by_mask = order[place[held]].sort(stable=True)
        held = held[by_mask]
        return Masks(number, start[held], stop[held], len(numbers), size)

    @staticmethod
    def none(height: int, width: int, device: torch.device | None = None) -> Masks:
        """Return no masks, for a picture of that size.

        height, width: pixels
        device: where they lie
        """
        nothing = torch.zeros(0, dtype=torch.int64, device=device)
        return Masks(nothing, nothing, nothing, 0, (height, width))

    @staticmethod
    def joined(several: Sequence[Masks]) -> Masks:
        """Return the masks of one picture that stand in several lists as one list, in their order."""
        before, numbers = 0, []
        for masks in several:
            numbers.append(masks.number + before)
            before += masks.count
        start, stop = (torch.cat([getattr(masks, end) for masks in several]) for end in ("start", "stop"))
        return Masks(torch.cat(numbers), start, stop, before, several[0].size)

    def to(self, device: torch.device | str) -> Masks:
        """Return the same masks on another device."""
        if self.number.device == torch.device(device):
            return self
        return Masks(
            self.number.to(device), self.start.to(device), self.stop.to(device), self.count, self.size
        )

    def select(self, which: Tensor) -> Masks:
        """Return some of the masks.

        which: (m,) int64, which, in the order wanted; or (n,) bool
        raises: ValueError for another type, and for bools that are not as many as the masks
        """
        expect_tensors(which=(which, "(m,) int64 or bool"))
        if which.dtype == torch.bool and len(which) != self.count:
            raise ValueError(f"which: bool ({len(which)},), expected one for each of {self.count} masks")
        picked = torch.arange(self.count, device=self.number.device)[which]
        counts = torch.bincount(self.number, minlength=self.count)  # (n,) runs of each
        first = counts.cumsum(0) - counts
        run, number = ranges(first[picked], counts[picked])
        return Masks(number, self.start[run], self.stop[run], len(picked), self.size)

    def areas(self) -> Tensor:
        """Return how many pixels each mask has, (n,) int64.

        Example:
            >>> Masks.from_full(torch.ones(2, 3, 4) > 0).areas().tolist()
            [12, 12]
        """
        return self.number.new_zeros(self.count).index_add_(0, self.number, self.stop - self.start)

    def boxes(self) -> Tensor:
        """Return the tight box of each mask, (n, 4) float32, half open; zero for a mask without pixels."""
        return tight_boxes(self.number, self.start, self.stop, self.count, self.size[1])

    def crop(self, number: int) -> tuple[Tensor, int, int]:
        """Return one mask within its tight box, (h', w') bool, and the box's first row and column.

        number: of the mask, 0…n − 1

        Example:
            >>> Masks.from_full(torch.tensor([[[0, 0, 0], [0, 1, 1]]]) > 0).crop(0)
            (tensor([[True, True]]), 1, 1)
        """
        one = self.select(torch.tensor([number], device=self.number.device))
        left, top, right, bottom = map(int, one.boxes()[0].tolist())
        row = one.start // self.size[1]
        shift = top * (right - left) + left + row * (self.size[1] - (right - left))
        window = Masks(one.number, one.start - shift, one.stop - shift, 1, (bottom - top, right - left))
        return window._full()[0], top, left

    def matching(self, maps: Tensor, values: Tensor) -> Masks:
        """Return what of each mask lies where one of some maps has the mask's own value.

        maps: (m, h, w), any type
        values: (n,) of the same type: for each mask the value that it asks for
        raises: ValueError for no map, maps of another size, and values that are not as many as the masks

        Example:
            >>> masks = Masks.from_full(torch.ones(2, 1, 4) > 0)
            >>> masks.matching(torch.tensor([[[5, 0, 5, 8]]]), torch.tensor([5, 8]))[:].int().tolist()
            [[[1, 0, 1, 0]], [[0, 0, 0, 1]]]
        """
        expect_tensors(maps=(maps, "(m, h, w) any type"), values=(values, "(n,) any type"))
        if not len(maps) or tuple(maps.shape[1:]) != self.size or len(values) != self.count:
            raise ValueError(
                f"maps: {tuple(maps.shape)}, values: {tuple(values.shape)}, expected maps of {self.size} and a value"
                f" for each of {self.count} masks"
            )
        start, stop = label_runs(*maps)
        there = maps.flatten(1)[:, start]  # (m, t)
        mine, other, start, stop = meet(self.start, self.stop, start, stop)
        number = self.number[mine]
        held = places_of((there[:, other] == values[number]).any(0))  # (k,)
        return self._merged(number[held], start[held], stop[held], self.size)

    def _merged(self, number: Tensor, start: Tensor, stop: Tensor, size: tuple[int, int]) -> Masks:
        """As many masks from such runs, rising, of which those that touch in a row become one."""
        apart = (number[1:] != number[:-1]) | (start[1:] != stop[:-1]) | (start[1:] % size[1] == 0)
        edge = apart.new_ones(min(len(number), 1))
        begins, ends = torch.cat([edge, apart]), torch.cat([apart, edge])
        return Masks(number[begins], start[begins], stop[ends], self.count, size)

    def taken(self, rows: Tensor, columns: Tensor) -> Masks:
        """Return masks of another size: each of their pixels copies one of these.

        rows: (H,) int64, rising: the row here that each row there copies
        columns: (W,) int64, rising, likewise
        returns: masks of H × W pixels, `masks[:][:, rows[:, None], columns]` without making them in full

        Example:
            >>> masks = Masks.from_full(torch.tensor([[[0, 1], [0, 0]]]) > 0)
            >>> masks.taken(torch.tensor([0, 0, 1]), torch.tensor([0, 0, 1, 1]))[0].int().tolist()
            [[0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 0, 0]]
        """
        expect_tensors(rows=(rows, "(H,) int64"), columns=(columns, "(W,) int64"))
        height, width = len(rows), len(columns)
        row, rows, columns = self.start // self.size[1], rows.contiguous(), columns.contiguous()
        top, bottom = torch.searchsorted(rows, row), torch.searchsorted(rows, row, right=True)
        left = torch.searchsorted(columns, self.start - row * self.size[1])
        right = torch.searchsorted(columns, self.stop - row * self.size[1])
        # A run for every new row that copies its row, unless no column copies any of its pixels.
        new_row, run = ranges(top, (bottom - top) * (right > left))  # (k,) each
        number, start, stop = self.number[run], new_row * width + left[run], new_row * width + right[run]
        order = (number * (height * width) + start).argsort()
        # Where a gap is not copied, two runs touch.
        return self._merged(number[order], start[order], stop[order], (height, width))

    def resized(self, size: tuple[int, int]) -> Masks:
        """Return the masks at another size; every pixel takes the nearest one's, as `structures.cells.resized` does."""
        if size == self.size:
            return self
        device = self.number.device
        return self.taken(
            *(resized_places(old, new, device) for old, new in zip(self.size, size, strict=True))
        )

    def labels(self) -> Tensor:
        """Return one map of all masks, (h, w) int64: 0 none, 1…n; a pixel in several masks has the first of them.

        Example:
            >>> Masks.from_full(torch.tensor([[[0, 1, 1, 0]], [[1, 1, 0, 0]]]) > 0).labels().tolist()
            [[2, 1, 1, 0]]
        """
        length = self.stop - self.start  # (r,)
        labels = self.number.new_full((self.size[0] * self.size[1],), self.count)  # (h · w,)
        reach = length.cumsum(0)
        total = int(reach[-1]) if len(reach) else 0
        parts = torch.searchsorted(reach, torch.arange(LISTED, max(total, LISTED), LISTED).to(reach)).tolist()
        for number, first, counts in zip(
            *(part.tensor_split(parts) for part in (self.number, self.start, length))
        ):
            place, run = ranges(first, counts)  # (k,), pixels one by one
            labels.scatter_reduce_(0, place, number[run], "amin")
        labels.add_(1)  # in place: of a large micrograph every copy takes half a gigabyte
        return labels.masked_fill_(labels > self.count, 0).view(self.size)
