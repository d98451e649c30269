"""Our clustering: what must hold of votes, maxima and pixels, on perfect and on noisy maps."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from perfect_maps import perfect, picture
from torch import Tensor

from bridgeseg.data.scenes import Scenes
from bridgeseg.grouping import voting
from bridgeseg.grouping.voting import (
    Maxima,
    Voting,
    choose,
    find_maxima,
    gather_votes,
    nearest_maxima,
    swallow,
    vote_and_assign,
)
from bridgeseg.measures.average_precision import average_precision
from bridgeseg.measures.mask_iou import overlaps
from bridgeseg.structures.boxes import iou
from bridgeseg.structures.cells import enlarge, interpolate_at


def noisy(seed: int, stride: int = 2, sharpness: float = 5.0) -> tuple[Tensor, Tensor, int, tuple[int, int]]:
    """Maps of a scene as an imperfect pair of networks would give them."""
    scenes = Scenes("val", count=seed + 1)
    scores, boxes, _, size = perfect(scenes[seed], stride, len(scenes.categories))
    generator = torch.Generator().manual_seed(seed)
    scores = (scores * sharpness + torch.randn(scores.shape, generator=generator)).softmax(0)
    return scores, boxes + 2 * torch.randn(boxes.shape, generator=generator) * (boxes[2] > 0), stride, size


@pytest.mark.parametrize("stride, at_half, volume", [(1, 1.0, 1.0), (2, 0.98, 0.9), (4, 0.97, 0.83)])
def test_perfect_maps_of_scenes_give_all_instances(stride: int, at_half: float, volume: float) -> None:
    scenes = Scenes("val", count=12)
    classes = len(scenes.categories)
    looks = [overlaps(vote_and_assign(*perfect(scenes[i], stride, classes)), scenes[i]) for i in range(12)]
    figures = average_precision(looks, classes)
    assert figures.ap_r[0.5] >= at_half
    assert figures.ap_r_vol >= volume


@pytest.mark.parametrize("seed", range(4))
def test_no_pixel_is_in_two_instances_and_none_outside_the_foreground(seed: int) -> None:
    scores, boxes, stride, size = noisy(seed)
    found = vote_and_assign(scores, boxes, stride, size)
    assert len(found) >= 2
    assert found.masks.size == size
    assert found.masks[:].sum(0).max() == 1
    background = enlarge(scores[None, :1], stride, size)[0, 0]
    assert not (found.masks[:].any(0) & (background >= 0.5)).any()


@pytest.mark.parametrize("seed", range(4))
def test_instances_come_best_first_with_scores_between_zero_and_one(seed: int) -> None:
    settings = Voting(pixels=5)
    found = vote_and_assign(*noisy(seed), settings)
    scores = found.scores.tolist()
    assert scores == sorted(scores, reverse=True)
    assert 0 <= scores[-1] <= scores[0] <= 1
    assert found.masks.areas().min() >= 5
    assert found.categories.min() >= 1
    assert found.boxes.shape == (len(found), 4)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (9, 1)])
@pytest.mark.parametrize("stride", [1, 8])
def test_addresses_of_one_line(size: tuple[int, int], stride: int) -> None:
    line = picture(np.ones(size, int), [1])
    found = vote_and_assign(*perfect(line, stride), Voting(pixels=1))
    assert found.masks[:].tolist() == [np.ones(size, bool).tolist()]
    assert found.boxes.tolist() == [[0, 0, size[1], size[0]]]


def test_nothing_but_noise_is_survived() -> None:
    generator = torch.Generator().manual_seed(0)
    for spread in (0.0, 1.0, 30.0):
        scores = (torch.randn(4, 12, 10, generator=generator) * spread).softmax(0)
        boxes = torch.randn(4, 12, 10, generator=generator) * 200
        boxes[2:] = boxes[:2] + boxes[2:].abs()
        found = vote_and_assign(scores, boxes, 4, (45, 39))
        assert found.scores.isfinite().all()
        assert len(found) == 0 or found.masks[:].sum(0).max() == 1


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("axis", [1, 2])
def test_a_mirrored_picture_has_mirrored_instances(seed: int, axis: int) -> None:
    scores, boxes, _, size = noisy(seed, stride=1)
    found = vote_and_assign(scores, boxes, 1, size)
    low, high = (1, 3) if axis == 1 else (0, 2)
    mirrored = boxes.clone()
    mirrored[low], mirrored[high] = size[axis - 1] - boxes[high], size[axis - 1] - boxes[low]
    other = vote_and_assign(scores.flip(axis), mirrored.flip(axis), 1, size)
    # Rounding and the order of equal votes may move a pixel here and there, not an instance.
    assert abs(len(found) - len(other)) <= 1
    agree = 0
    for mask, category in zip(found.masks, found.categories, strict=True):
        back = other.masks[other.categories == category].flip(axis)
        inside = (back & mask).flatten(1).sum(1)
        agree += int((inside / (back | mask).flatten(1).sum(1)).max() > 0.9) if len(back) else 0
    assert agree >= len(found) - 1


def test_the_answer_moves_with_the_picture_by_the_stride() -> None:
    stride, size = 4, (48, 64)
    instances = np.zeros(size, int)
    instances[8:20, 8:28], instances[20:36, 12:24], instances[16:36, 32:44] = 1, 2, 3
    scores, boxes, *_ = perfect(picture(instances, [1, 1, 2]), stride)
    generator = torch.Generator().manual_seed(0)
    scores = (scores * 6 + torch.randn(scores.shape, generator=generator)).softmax(0)
    boxes = boxes + torch.randn(boxes.shape, generator=generator) * (boxes[2] > 0)
    scores[0, :, [0, -1]], scores[1:, :, [0, -1]] = 1, 0
    before = vote_and_assign(scores, boxes, stride, size)
    shift = torch.tensor([stride, 0, stride, 0]).view(4, 1, 1)
    after = vote_and_assign(scores.roll(1, 2), (boxes + shift).roll(1, 2), stride, size)
    assert len(before) == 3
    assert torch.equal(after.categories, before.categories)
    torch.testing.assert_close(after.scores, before.scores, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(after.boxes, before.boxes + shift[:, 0, 0], rtol=1e-4, atol=1e-3)
    different = (after.masks[:][..., stride:] != before.masks[:][..., :-stride]).sum()
    assert different <= 3  # rounding at a tie


def test_votes_gather_at_the_centre_one_for_each_object_that_fills_its_box() -> None:
    instances = np.zeros((40, 60), int)
    instances[4:20, 4:12], instances[10:38, 24:56] = 1, 2
    scores, boxes, stride, size = perfect(picture(instances, [1, 2]))
    votes, mean = gather_votes(scores, boxes, stride, size, Voting())
    assert votes.shape == (2, 40, 60)
    for category, (x, y), box in ((0, (8, 12), [4, 4, 12, 20]), (1, (40, 24), [24, 10, 56, 38])):
        assert float(votes[category, y, x]) == pytest.approx(1.0, rel=1e-4)
        torch.testing.assert_close(mean[category, :, y, x], torch.tensor(box).float(), rtol=0, atol=1e-2)
        assert float(votes[category].sum()) == pytest.approx(9.0, rel=1e-4)  # each is seen from 3 × 3 places


@pytest.mark.parametrize("cell", [0, 3, 8])
def test_votes_sum_to_the_weights_whatever_the_cell(cell: int) -> None:
    scores, boxes, stride, size = noisy(1)
    settings = Voting(cell=cell, top=1, score=0.0)
    # Boxes well inside, so that no 3 × 3 window is cut off by the edge.
    boxes = boxes.clone()
    centre = torch.rand(2, *boxes.shape[1:], generator=torch.Generator().manual_seed(0)) * 40 + 28
    half = torch.full((1, *boxes.shape[1:]), 6.0)
    boxes = torch.cat([centre - half, centre + half])
    votes, mean = gather_votes(scores, boxes, stride, size, settings)
    best, category = scores.max(0)
    for number in range(1, len(scores)):
        expected = best[category == number].sum() * stride * stride / 144
        assert float(votes[number - 1].sum()) == pytest.approx(float(9 * expected), rel=1e-4)
    inside = votes > 1e-6
    size_of_mean = (mean[:, 2] - mean[:, 0])[inside]
    torch.testing.assert_close(size_of_mean, torch.full_like(size_of_mean, 12.0), rtol=1e-3, atol=1e-3)


def test_maxima_are_the_peaks_and_the_lesser_ones_are_swallowed() -> None:
    votes = torch.zeros(2, 9, 9)
    boxes = torch.zeros(2, 4, 9, 9)
    for category, row, column, value, box in (
        (0, 2, 2, 1.0, [0, 0, 10, 10]),
        (0, 5, 5, 0.8, [1, 0, 11, 10]),  # the same box and category: swallowed
        (0, 7, 2, 0.7, [0, 20, 10, 30]),
        (1, 2, 6, 0.6, [2, 0, 12, 10]),  # another category: stays below `crossing`
        (1, 6, 6, 0.5, [0, 0, 10, 10.5]),  # another category, nearly the same box: swallowed
        (1, 4, 1, 0.01, [50, 50, 60, 60]),  # too few votes
    ):
        votes[category, row, column] = value
        boxes[category, :, row, column] = torch.tensor([float(side) for side in box])
    found = find_maxima(votes, boxes, Voting(votes=0.05, overlap=0.5, crossing=0.75))
    assert found.categories.tolist() == [1, 1, 2]
    assert found.votes.tolist() == pytest.approx([1.0, 0.7, 0.6])


@pytest.mark.parametrize("seed", range(3))
def test_no_two_maxima_that_stay_share_a_box(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(60, 2, generator=generator) * 40
    boxes = torch.cat([corner, corner + 10 + torch.rand(60, 2, generator=generator) * 20], 1)
    maxima = Maxima(
        torch.randint(1, 4, (60,), generator=generator), torch.rand(60, generator=generator), boxes
    )
    settings = Voting()
    found = swallow(maxima, settings)
    same = found.categories[:, None] == found.categories[None]
    limit = torch.where(same, settings.overlap, settings.crossing)
    over = iou(found.boxes[:, None], found.boxes[None]) > limit + 1e-4
    assert not (over & ~torch.eye(len(over), dtype=torch.bool)).any()
    assert found.votes.tolist() == sorted(found.votes.tolist(), reverse=True)
    assert float(found.votes[0]) == float(maxima.votes.max())


@pytest.mark.parametrize("seed", range(3))
def test_with_all_maxima_in_reach_every_pixel_goes_to_the_best_of_all(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(2, 300, generator=generator) * 60
    boxes = torch.cat([corner, corner + 4 + torch.rand(2, 300, generator=generator) * 30])
    scores = torch.randn(4, 300, generator=generator).softmax(0)
    picked = boxes.T[:9]
    maxima = Maxima(torch.randint(1, 4, (9,), generator=generator), torch.ones(9), picked)
    settings = Voting(neighbours=9, agreement=0.2)
    number, overlap, certain = choose(boxes.T, scores.T, maxima, (96, 96), settings, 2)
    for pixel in range(300):
        each = iou(boxes[:, pixel], picked)
        best = int((each * scores[maxima.categories, pixel].sqrt()).argmax())
        assert float(overlap[pixel]) == pytest.approx(float(each[best]), abs=1e-6)
        assert int(number[pixel]) == (best if each[best] >= 0.2 else -1)
        assert each[best] == 0 or certain[pixel] == scores[maxima.categories[best], pixel]


@pytest.mark.parametrize("compared", [1, 40, 1 << 22])
def test_neighbours_are_the_nearest_by_brute_force(compared: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voting, "COMPARED", compared)
    generator = torch.Generator().manual_seed(0)
    corner = torch.rand(15, 2, generator=generator) * 60
    boxes = torch.cat([corner, corner + 10], 1)
    maxima = Maxima(torch.ones(15, dtype=torch.int64), torch.ones(15), boxes)
    places = torch.tensor([0, 7, 23, 95])  # of a space of 8 × 12 places, 8 pixels apart
    table = nearest_maxima(places, 12, maxima, 8, 4)
    for place, found in zip(places.tolist(), table.T.tolist(), strict=True):
        y, x = (place // 12 + 0.5) * 8, (place % 12 + 0.5) * 8
        away = (corner[:, 0] + 5 - x) ** 2 + (corner[:, 1] + 5 - y) ** 2
        assert found == away.argsort()[:4].tolist()
    assert nearest_maxima(places, 12, maxima, 8, 100).shape == (15, 4)
    assert nearest_maxima(places[:0], 12, maxima, 8, 4).shape == (4, 0)


def test_pixels_that_choose_in_parts_choose_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    given = noisy(1)
    whole = vote_and_assign(*given)
    monkeypatch.setattr(voting, "CHOOSING", 100)
    monkeypatch.setattr(voting, "COMPARED", 10)
    rows: list[int] = []

    def watched(maps: Tensor, *others: object) -> Tensor:
        rows.append(maps.shape[1])
        return interpolate_at(maps, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(voting, "interpolate_at", watched)
    parts = vote_and_assign(*given)
    assert max(rows) < given[0].shape[1] / 2  # of all maps only what the pixels of a part lie on
    assert torch.equal(parts.masks[:], whole.masks[:])
    torch.testing.assert_close(parts.scores, whole.scores)


def test_few_neighbours_suffice_where_objects_are_apart() -> None:
    given = noisy(2)
    few, all_of_them = (
        vote_and_assign(*given, dataclasses.replace(Voting(), neighbours=count)) for count in (6, 1000)
    )
    assert len(few) == len(all_of_them)
    assert float((few.masks[:].any(0) == all_of_them.masks[:].any(0)).float().mean()) > 0.99


def test_no_votes_have_no_maxima() -> None:
    found = find_maxima(torch.zeros(3, 5, 6), torch.zeros(3, 4, 5, 6), Voting())
    assert (len(found.votes), found.boxes.shape) == (0, (0, 4))
