"""The paper's grouping against a plain greedy suppression, brute force, perfect maps and simple pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from perfect_maps import perfect, picture
from torch import Tensor

from bridgeseg.data.scenes import Scenes
from bridgeseg.grouping import suppression
from bridgeseg.grouping.hough import best_categories, candidates, vote_map
from bridgeseg.grouping.suppression import (
    Suppression,
    mask_overlaps,
    suppress_and_trace,
    suppress_masks,
    trace_back,
    who_stays,
)
from bridgeseg.measures.average_precision import average_precision
from bridgeseg.measures.mask_iou import overlaps
from bridgeseg.structures.cells import enlarge, interpolate_at, spread


def random_scores(seed: int, classes: int, height: int, width: int, sharpness: float = 2.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(classes, height, width, generator=generator) * sharpness).softmax(0)


def random_boxes(seed: int, height: int, width: int, kinds: int = 12) -> Tensor:
    """(4, h, w) boxes that come in crowds, so that many suppress one another."""
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(2, kinds, generator=generator) * max(height, width)
    size = torch.rand(2, kinds, generator=generator) * 20 + 4
    crowd = torch.cat([corner, corner + size])
    chosen = torch.randint(0, kinds, (height, width), generator=generator)
    return crowd[:, chosen] + torch.randn(4, height, width, generator=generator)


def box_iou(a: list[float], b: list[float]) -> float:
    inside = max(min(a[2], b[2]) - max(a[0], b[0]), 0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    return inside / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inside)


def plain_grouping(scores: Tensor, boxes: Tensor, settings: Suppression) -> list[tuple[float, int, set[int]]]:
    """Greedy suppression, trace-back and mask suppression with sets of pixels, at stride 1: score, category, mask."""
    classes, height, width = scores.shape
    flat = scores.flatten(1).T.tolist()
    corners = boxes.flatten(1).T.tolist()
    among = {
        (category, cell)
        for cell, row in enumerate(flat)
        for category in sorted(range(classes), key=lambda c: -row[c])[: settings.top]
        if category > 0 and row[category] >= settings.score
    }
    found = []
    for category in range(1, classes):
        mine = sorted((cell for c, cell in among if c == category), key=lambda cell: -flat[cell][category])
        left = mine
        while left:
            best = left[0]
            # Traced back: all that this maximum suppresses, whether or not a better one has done so before.
            mask = {cell for cell in mine if box_iou(corners[best], corners[cell]) > settings.overlap}
            found.append((sum(flat[cell][category] for cell in mask) / len(mask), category, mask))
            left = [cell for cell in left if cell not in mask]
    found.sort(key=lambda instance: -instance[0])
    kept: list[tuple[float, int, set[int]]] = []
    for score, category, mask in found:
        rivals = (other for _, kind, other in kept if kind == category)
        if all(len(mask & other) / len(mask | other) <= settings.mask_overlap for other in rivals):
            kept.append((score, category, mask))
    return [instance for instance in kept if len(instance[2]) >= settings.pixels]


@pytest.mark.parametrize("top", [1, 2, 3])
@pytest.mark.parametrize("overlap", [0.3, 0.5, 0.7])
@pytest.mark.parametrize("seed", range(3))
def test_grouping_equals_a_plain_greedy_one(seed: int, overlap: float, top: int) -> None:
    settings = Suppression(top=top, score=0.15, overlap=overlap, mask_overlap=0.4, pixels=3)
    scores, boxes = random_scores(seed, 4, 14, 17), random_boxes(seed, 14, 17)
    expected = plain_grouping(scores, boxes, settings)
    found = suppress_and_trace(scores, boxes, 1, (14, 17), settings)
    assert len(found) == len(expected) > 5
    assert found.categories.tolist() == [category for _, category, _ in expected]
    torch.testing.assert_close(found.scores, torch.tensor([score for score, _, _ in expected]))
    for mask, (_, _, cells) in zip(found.masks, expected, strict=True):
        assert set(mask.flatten().nonzero()[:, 0].tolist()) == cells


def test_what_is_compared_in_parts_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, boxes = random_scores(3, 4, 14, 17), random_boxes(3, 14, 17)
    settings = Suppression(top=2, score=0.15, mask_overlap=0.4, pixels=3)
    whole = suppress_and_trace(scores, boxes, 1, (14, 17), settings)
    monkeypatch.setattr(suppression, "COMPARED", 60)
    parts = suppress_and_trace(scores, boxes, 1, (14, 17), settings)
    assert len(whole) > 5
    assert torch.equal(parts.masks[:], whole.masks[:])
    assert torch.equal(parts.scores, whole.scores)


@pytest.mark.parametrize("top", [1, 2, 3, 9])
@pytest.mark.parametrize("least", [0.0, 0.2, 0.5])
def test_candidates_are_the_best_few_of_each_cell(top: int, least: float) -> None:
    scores = random_scores(0, 5, 6, 7)
    categories, cells = candidates(scores, top, least)
    expected = []
    for cell, column in enumerate(scores.flatten(1).T.tolist()):
        ranked = sorted(range(5), key=lambda c: -column[c])[:top]
        expected += [(c, cell) for c in ranked if c > 0 and column[c] >= least]
    assert sorted(zip(categories.tolist(), cells.tolist(), strict=True)) == sorted(expected)


def test_the_background_takes_a_place_among_the_best_and_is_no_candidate() -> None:
    scores = torch.tensor([0.6, 0.3, 0.1]).view(3, 1, 1)
    assert candidates(scores, 1, 0.0)[0].tolist() == []
    assert candidates(scores, 2, 0.0)[0].tolist() == [1]
    assert candidates(scores, 3, 0.0)[0].tolist() == [1, 2]


@pytest.mark.parametrize("cell", [1, 2, 5, 8])
def test_the_vote_map_keeps_every_vote_at_its_centre(cell: int) -> None:
    boxes = random_boxes(1, 12, 19).flatten(1)
    weights = torch.rand(boxes.shape[1], generator=torch.Generator().manual_seed(0))
    votes = vote_map(boxes, weights, (12, 19), cell)
    assert votes.shape == (-(-12 // cell), -(-19 // cell))
    torch.testing.assert_close(votes.sum(), weights.sum())
    expected = torch.zeros_like(votes)
    for box, weight in zip(boxes.T.tolist(), weights.tolist(), strict=True):
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        row = min(max(int(y // cell), 0), votes.shape[0] - 1)
        column = min(max(int(x // cell), 0), votes.shape[1] - 1)
        expected[row, column] += weight
    torch.testing.assert_close(votes, expected)


@pytest.mark.parametrize("seed", range(4))
def test_mask_suppression_equals_brute_force(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    seeds = torch.rand(5, 6, 8, generator=generator) < 0.5
    masks = seeds[torch.randint(0, 5, (20,), generator=generator)]
    masks = masks ^ (torch.rand(masks.shape, generator=generator) < 0.1)
    sets = [set(mask.flatten().nonzero()[:, 0].tolist()) for mask in masks]
    expected: list[int] = []
    for number, mask in enumerate(sets):
        if all(len(mask & sets[other]) / len(mask | sets[other]) <= 0.5 for other in expected):
            expected.append(number)
    assert suppress_masks(masks, 0.5).nonzero()[:, 0].tolist() == expected
    assert 2 <= len(expected) < 20


def test_a_mask_that_was_suppressed_suppresses_nothing() -> None:
    masks = torch.zeros(3, 1, 12, dtype=torch.bool)
    masks[0, 0, 0:6], masks[1, 0, 2:8], masks[2, 0, 4:10] = True, True, True  # IoU 0.5 with the next
    assert suppress_masks(masks, 0.4).tolist() == [True, False, True]
    assert suppress_masks(masks, 0.5).tolist() == [True, True, True]  # not over


@pytest.mark.parametrize("seed", range(3))
def test_who_stays_is_the_greedy_choice(seed: int) -> None:
    over = torch.rand(12, 12, generator=torch.Generator().manual_seed(seed)) < 0.3
    stay: list[int] = []
    for number in range(12):
        if not any(over[better, number] for better in stay):
            stay.append(number)
    assert who_stays(over).nonzero()[:, 0].tolist() == stay


def test_mask_suppression_has_something_to_do() -> None:
    """Masks of one category overlap, or the step would never find a duplicate."""
    scores, boxes = random_scores(1, 4, 14, 17), random_boxes(1, 14, 17)
    counts = [
        len(suppress_and_trace(scores, boxes, 1, (14, 17), Suppression(mask_overlap=limit)))
        for limit in (0.2, 0.5, 1.0)
    ]
    assert counts[0] < counts[1] < counts[2]


def test_overlaps_of_masks_by_hand() -> None:
    masks = torch.tensor([[1, 1, 0, 0], [0, 1, 1, 1], [0, 0, 0, 0]], dtype=torch.bool)
    torch.testing.assert_close(mask_overlaps(masks), torch.tensor([[1, 0.25, 0], [0.25, 1, 0], [0, 0, 0]]))


def test_trace_back_gives_a_maximum_all_that_it_suppresses() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [4, 0, 14, 10], [2, 0, 12, 10], [40, 40, 50, 50], [7, 7, 7, 7]])
    # The third overlaps both by more than a half, and is in the mask of both; a box without area is its own maximum.
    found = trace_back(boxes, torch.tensor([0, 1, 4]), 0.5).int().tolist()
    assert found == [[1, 0, 1, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 0, 1]]
    assert trace_back(boxes, torch.tensor([], dtype=torch.int64), 0.5).shape == (0, 5)


@pytest.mark.parametrize("stride", [1, 2, 3, 4, 8])
def test_spread_gives_every_pixel_the_nearest_cell(stride: int) -> None:
    size = (13, 21)
    cells = torch.arange(-(-size[0] // stride) * -(-size[1] // stride)).view(-(-size[0] // stride), -1)
    full = spread(cells, stride, size)
    assert full.shape == size
    for y in range(size[0]):
        for x in range(size[1]):
            row, column = divmod(int(full[y, x]), cells.shape[1])
            away = max(abs(row * stride - y), abs(column * stride - x))
            last = y > (cells.shape[0] - 1) * stride or x > (cells.shape[1] - 1) * stride
            assert away <= stride / 2 or last
    assert torch.equal(full[::stride, ::stride], cells)


@pytest.mark.parametrize("stride, at_half, volume", [(1, 1.0, 1.0), (2, 0.98, 0.9), (4, 0.95, 0.75)])
def test_perfect_maps_of_scenes_give_all_instances(stride: int, at_half: float, volume: float) -> None:
    scenes = Scenes("val", count=12)
    classes = len(scenes.categories)
    looks = [overlaps(suppress_and_trace(*perfect(scenes[i], stride, classes)), scenes[i]) for i in range(12)]
    figures = average_precision(looks, classes)
    assert figures.ap_r[0.5] >= at_half
    assert figures.ap_r_vol >= volume


def test_a_picture_of_one_pixel() -> None:
    one = picture(np.ones((1, 1), int), [1])
    assert len(suppress_and_trace(*perfect(one))) == 0  # smaller than the smallest mask
    found = suppress_and_trace(*perfect(one), Suppression(pixels=1))
    assert found.masks[:].tolist() == [[[True]]]
    assert found.boxes.tolist() == [[0, 0, 1, 1]]
    assert len(suppress_and_trace(*perfect(one, stride=8), Suppression(pixels=1))) == 1


def test_the_answer_moves_with_the_picture_by_the_stride() -> None:
    stride, size = 4, (48, 64)
    instances = np.zeros(size, int)
    instances[8:20, 8:28], instances[20:36, 12:24], instances[16:36, 32:44] = 1, 2, 3
    scores, boxes, *_ = perfect(picture(instances, [1, 1, 2]), stride)
    # Uncertain and noisy maps, so that the choice of maxima is put to the test.
    generator = torch.Generator().manual_seed(0)
    scores = (scores * 4 + torch.randn(scores.shape, generator=generator)).softmax(0)
    boxes = boxes + torch.randn(boxes.shape, generator=generator) * (boxes[2] > 0)
    scores[0, :, [0, -1]], scores[1:, :, [0, -1]] = 1, 0
    before = suppress_and_trace(scores, boxes, stride, size)
    shift = torch.tensor([stride, 0, stride, 0]).view(4, 1, 1)
    after = suppress_and_trace(scores.roll(1, 2), (boxes + shift).roll(1, 2), stride, size)
    assert len(before) >= 3
    assert torch.equal(after.categories, before.categories)
    torch.testing.assert_close(after.scores, before.scores)
    torch.testing.assert_close(after.boxes, before.boxes + shift[:, 0, 0])
    assert torch.equal(after.masks[:][..., stride:], before.masks[:][..., :-stride])


def test_masks_of_one_category_hold_only_pixels_where_it_is_among_the_best() -> None:
    scores, boxes = random_scores(5, 4, 9, 11), random_boxes(5, 9, 11)
    for top in (1, 2):
        found = suppress_and_trace(scores, boxes, 1, (9, 11), Suppression(top=top, pixels=1))
        best = scores.topk(top, dim=0).indices
        for mask, category in zip(found.masks, found.categories, strict=True):
            assert (best == category).any(0)[mask].all()


def test_no_candidate_is_lost_and_categories_do_not_suppress_one_another() -> None:
    """Before masks are suppressed every candidate is in an instance of its category, far from the origin as well."""
    classes, size = 21, (40, 40)
    scores = random_scores(8, classes, *size, sharpness=3.0)
    boxes = random_boxes(8, *size, kinds=60) + 900.1
    found = suppress_and_trace(scores, boxes, 1, size, Suppression(score=0.0, mask_overlap=1.0, pixels=1))
    category = scores.argmax(0)
    assert torch.equal(found.masks[:].any(0), category > 0)
    for number in range(1, classes):
        assert torch.equal(found.masks[found.categories == number].any(0), category == number)


@pytest.mark.parametrize("top", [1, 2, 5, 9])
def test_the_best_categories_of_each_pixel(top: int) -> None:
    scores = random_scores(2, 5, 6, 8).flatten(1).T
    found = best_categories(scores, top)
    assert torch.equal(found, scores.topk(min(top, 5), dim=1).indices.T)


@pytest.mark.parametrize("stride", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("size", [(23, 31), (1, 1), (17, 2), (24, 32)])
def test_interpolation_at_pixels_equals_enlarging(stride: int, size: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(stride)
    maps = torch.randn(5, -(-size[0] // stride), -(-size[1] // stride), generator=generator)
    expected = enlarge(maps[None], stride, size)[0].flatten(1).T
    everywhere = torch.arange(size[0] * size[1])
    torch.testing.assert_close(interpolate_at(maps, everywhere, stride, size), expected, rtol=1e-5, atol=1e-5)
    some = torch.randperm(len(everywhere), generator=generator)[: len(everywhere) // 2]
    torch.testing.assert_close(interpolate_at(maps, some, stride, size), expected[some], rtol=1e-5, atol=1e-5)
