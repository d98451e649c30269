"""Masks kept as runs against the same masks in full."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from bridgeseg.structures import masks as module
from bridgeseg.structures.boxes import instance_boxes
from bridgeseg.structures.cells import resized, spread, spread_places
from bridgeseg.structures.masks import Masks

SIZES = [(1, 1), (1, 9), (9, 1), (7, 12)]
every_size = pytest.mark.parametrize("size", SIZES)


def random_masks(seed: int, size: tuple[int, int], count: int = 6) -> Tensor:
    """(n, h, w) bool: noise of every density, the empty mask and the full one among them; they overlap."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, *size, generator=generator) < torch.linspace(0, 1, count)[:, None, None]


def check(masks: Masks) -> Masks:
    """What every list of masks has to keep."""
    start, stop, number = masks.start, masks.stop, masks.number
    width = masks.size[1]
    assert (stop > start).all()
    assert (start // max(width, 1) == (stop - 1) // max(width, 1)).all()
    assert (number[1:] >= number[:-1]).all()
    same_row = (number[1:] == number[:-1]) & (start[1:] // max(width, 1) == start[:-1] // max(width, 1))
    assert (start[1:][same_row] > stop[:-1][same_row]).all()  # rising, and not touching
    assert (start[1:] > start[:-1])[number[1:] == number[:-1]].all()
    assert len(number) == 0 or (number.min() >= 0 and number.max() < masks.count)
    return masks


@every_size
@pytest.mark.parametrize("seed", range(3))
def test_masks_come_back_in_full_as_they_were(seed: int, size: tuple[int, int]) -> None:
    full = random_masks(seed, size)
    masks = check(Masks.from_full(full))
    assert (len(masks), masks.size) == (6, size)
    assert torch.equal(masks[:], full)
    assert masks[:].dtype == torch.bool
    assert torch.equal(torch.stack(list(masks)), full)
    for which in (
        torch.tensor([4, 0, 4]),
        np.array([4, 0, 4]),
        [4, 0, 4],
        slice(1, 3),
        full.flatten(1).any(1),
    ):
        assert torch.equal(masks[which], full[which])
    assert torch.equal(masks[-1], full[-1])
    with pytest.raises(IndexError):
        masks[6]


@every_size
def test_areas_and_boxes_and_crops_are_those_of_the_pixels(size: tuple[int, int]) -> None:
    full = random_masks(1, size)
    masks = Masks.from_full(full)
    assert torch.equal(masks.areas(), full.flatten(1).sum(1))
    for number, (mask, box) in enumerate(zip(full, masks.boxes(), strict=True)):
        own = instance_boxes(mask.long())
        assert torch.equal(box, own[1] if len(own) == 2 else torch.zeros(4))
        x0, y0, x1, y1 = box.long().tolist()
        crop, top, left = masks.crop(number)
        assert (top, left) == (y0, x0)
        assert torch.equal(crop, mask[y0:y1, x0:x1])


@pytest.mark.parametrize("seed", range(3))
def test_selecting_is_indexing(seed: int) -> None:
    full = random_masks(seed, (5, 8))
    masks = Masks.from_full(full)
    for which in (
        torch.tensor([5, 1, 1, 0]),
        torch.tensor([], dtype=torch.int64),
        full.flatten(1).sum(1) > 15,
    ):
        assert torch.equal(check(masks.select(which))[:], full[which])
    both = Masks.joined([masks, masks.select(torch.tensor([2]))])
    assert torch.equal(check(both)[:], torch.cat([full, full[2:3]]))


@every_size
@pytest.mark.parametrize("seed", range(3))
def test_masks_at_another_size_are_the_full_ones_at_that_size(seed: int, size: tuple[int, int]) -> None:
    full = random_masks(seed, size)
    masks = Masks.from_full(full)
    for other in ((1, 1), (4, 5), (7, 12), (20, 31), (3, 40)):
        assert torch.equal(check(masks.resized(other))[:], resized(full, other))
    assert masks.resized(size) is masks


@pytest.mark.parametrize("stride", [1, 2, 3, 8])
def test_masks_of_cells_spread_as_maps_of_cells_do(stride: int) -> None:
    size = (23, 31)
    full = random_masks(2, (-(-size[0] // stride), -(-size[1] // stride)))
    rows, columns = (spread_places(full.shape[axis + 1], stride, size[axis]) for axis in (0, 1))
    assert torch.equal(check(Masks.from_full(full).taken(rows, columns))[:], spread(full, stride, size))


@pytest.mark.parametrize("several", [1, 3])
@pytest.mark.parametrize("seed", range(3))
def test_matching_keeps_the_pixels_with_the_masks_own_value(seed: int, several: int) -> None:
    full = random_masks(seed, (6, 11))
    generator = torch.Generator().manual_seed(seed)
    maps = torch.randint(0, 3, (several, 6, 11), generator=generator)
    maps[:, :, 4:8] = 1  # wide enough for runs of more than one pixel
    values = torch.randint(0, 4, (6,), generator=generator)
    found = check(Masks.from_full(full).matching(maps, values))
    assert torch.equal(found[:], full & (maps[:, None] == values[:, None, None]).any(0))


@pytest.mark.parametrize("listed", [1, 7, 1 << 22])
@pytest.mark.parametrize("seed", range(3))
def test_a_pixel_in_several_masks_has_the_label_of_the_first(
    seed: int, listed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LISTED", listed)
    full = random_masks(seed, (7, 9)).flip(0)[1:]
    labels = Masks.from_full(full).labels()
    expected = torch.where(full.any(0), full.int().argmax(0) + 1, 0)
    assert torch.equal(labels, expected)


@pytest.mark.parametrize("kind", [torch.uint8, torch.int32, torch.int64])
def test_masks_of_labels_in_the_order_asked_for(kind: torch.dtype) -> None:
    labels = torch.randint(0, 6, (8, 9), generator=torch.Generator().manual_seed(0)).to(kind)
    numbers = torch.tensor([5, 1, 77, 3, 0])
    masks = check(Masks.from_labels(labels, numbers))
    assert torch.equal(masks[:], labels == numbers[:, None, None])
    assert check(Masks.from_labels(labels, numbers[:0]))[:].shape == (0, 8, 9)


def test_masks_of_labels_that_are_panoptic_numbers() -> None:
    labels = torch.tensor([[0, 26_000_001, 26_000_001], [2_000_000_000, 0, 26_000_001]], dtype=torch.int32)
    masks = Masks.from_labels(labels, torch.tensor([2_000_000_000, 26_000_001]))
    assert masks.areas().tolist() == [1, 3]


def test_masks_of_listed_pixels_end_with_the_row() -> None:
    masks = check(Masks.from_pixels(torch.tensor([0, 0, 0, 2]), torch.tensor([1, 2, 3, 5]), 3, (2, 3)))
    assert (masks.start.tolist(), masks.stop.tolist()) == ([1, 3, 5], [3, 4, 6])
    assert masks.areas().tolist() == [3, 0, 1]


@pytest.mark.parametrize("do", [Masks.areas, Masks.boxes, Masks.labels, lambda masks: masks[:]])
def test_no_masks_at_all(do: Callable[[Masks], Tensor]) -> None:
    nothing = check(Masks.none(4, 5))
    assert not do(nothing).any()
    assert nothing[:].shape == (0, 4, 5)
    assert check(nothing.resized((8, 9)))[:].shape == (0, 8, 9)
    assert check(nothing.matching(torch.ones(1, 4, 5), torch.ones(0))).count == 0


@pytest.mark.parametrize(
    "full", [torch.zeros(2, 3, 4), torch.zeros(2, 3, 4, dtype=torch.uint8), torch.zeros(3, 4) > 0]
)
def test_full_masks_that_are_not_bool_are_refused(full: Tensor) -> None:
    with pytest.raises(ValueError, match=r"masks: (float32|uint8|bool) \(.*\), expected bool \(n, h, w\)"):
        Masks.from_full(full)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_masks_on_a_gpu_are_those_on_a_processor() -> None:
    full = random_masks(0, (23, 31))
    here = Masks.from_full(full)
    there = Masks.from_full(full.cuda())
    maps, values = torch.randint(0, 3, (2, 23, 31)), torch.randint(0, 3, (6,))
    pairs = (
        (there, here),
        (there.resized((40, 17)), here.resized((40, 17))),
        (there.matching(maps.cuda(), values.cuda()), here.matching(maps, values)),
        (there.select(values.cuda()), here.select(values)),
        (Masks.from_labels(maps[0].cuda(), values[:1].cuda()), Masks.from_labels(maps[0], values[:1])),
    )
    for found, expected in pairs:
        assert found.number.is_cuda
        assert torch.equal(found.to("cpu")[:], expected[:])
        assert torch.equal(found[:].cpu(), expected[:])
        for ask in (Masks.areas, Masks.boxes, Masks.labels):
            assert torch.equal(ask(found).cpu(), ask(expected))


def test_masks_take_what_their_outlines_are_long() -> None:
    """Forty discs of half a photograph, and 1,440 nuclei: both far below a byte a pixel of the picture for each."""
    y, x = torch.meshgrid(torch.arange(375), torch.arange(500), indexing="ij")
    half = ((y - 187) / 187) ** 2 + ((x - 250) / 160) ** 2 < 1
    large = Masks.from_full(half.expand(40, 375, 500))
    nuclei = Masks.from_labels((y // 12 * 42 + x // 12), torch.arange(1440))
    for masks in (large, nuclei):
        taken = sum(part.numel() * part.element_size() for part in (masks.number, masks.start, masks.stop))
        assert taken < len(masks) * 375 * 500 / 15
