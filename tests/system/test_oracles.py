"""The answers of perfect networks, against the label maps that they come from."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bridgeseg.measures.average_precision import average_precision
from bridgeseg.measures.mask_iou import overlaps
from bridgeseg.structures.cells import sample_labels
from bridgeseg.structures.labels import VOID, Sample, verify
from bridgeseg.system.oracles import masks_from_truth, true_boxes, true_scores, with_truth
from bridgeseg.system.prediction import Maps

CLASSES = 4


def sample(seed: int, height: int = 21, width: int = 30) -> Sample:
    random = np.random.default_rng(seed)
    instances = np.zeros((height, width), np.int32)
    categories = np.zeros((height, width), np.uint8)
    for number in (1, 2, 3, 5, 6):  # 4 does not occur
        y, x = random.integers(0, height - 3), random.integers(0, width - 3)
        part = np.s_[y : y + random.integers(2, 9), x : x + random.integers(2, 12)]
        instances[part], categories[part] = number, random.integers(1, CLASSES)
    instances[3:6, 4:9], categories[3:6, 4:9] = 0, VOID
    picture = np.zeros((height, width, 3), np.uint8)
    return verify(Sample(f"made-up {seed}", picture, categories, instances), "test", CLASSES - 1)


@pytest.mark.parametrize("stride", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("seed", range(3))
def test_scores_are_one_at_the_true_category_and_void_is_background(seed: int, stride: int) -> None:
    truth = sample(seed)
    scores = true_scores(truth, CLASSES, stride)
    assert scores.dtype == torch.float32
    assert scores.shape == (CLASSES, -(-21 // stride), -(-30 // stride))
    labels = sample_labels(torch.from_numpy(truth.categories), stride)
    assert torch.equal(scores.sum(0), torch.ones(labels.shape))
    assert torch.equal(scores.argmax(0), torch.where(labels == VOID, 0, labels).long())


@pytest.mark.parametrize("stride", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("seed", range(3))
def test_boxes_are_the_tight_ones_of_each_cells_instance(seed: int, stride: int) -> None:
    truth = sample(seed)
    boxes = true_boxes(truth, stride)
    labels = sample_labels(torch.from_numpy(truth.instances), stride)
    assert boxes.dtype == torch.float32
    assert boxes.shape == (4, *labels.shape)
    for row in range(labels.shape[0]):
        for column in range(labels.shape[1]):
            expected = [0, 0, 0, 0]
            if labels[row, column]:
                y, x = np.nonzero(truth.instances == int(labels[row, column]))
                expected = [x.min(), y.min(), x.max() + 1, y.max() + 1]
            assert boxes[:, row, column].tolist() == expected


@pytest.mark.parametrize("rule", ["sds", "mnc", "coco"])
def test_the_true_masks_have_an_average_precision_of_one(rule: str) -> None:
    truths = [sample(seed) for seed in range(6)]
    result = average_precision([overlaps(masks_from_truth(t), t) for t in truths], CLASSES, rule)
    assert (result.truths > 0).all()
    np.testing.assert_allclose(result.ap, 1, rtol=0, atol=1e-15)
    assert result.ap_r_vol == pytest.approx(1, abs=1e-15)


def test_true_masks_are_those_of_the_map() -> None:
    truth = sample(1)
    perfect = masks_from_truth(truth)
    numbers = [n for n in range(1, 7) if (truth.instances == n).any()]
    assert len(perfect) == len(numbers)
    for number, mask, category, box in zip(
        numbers, perfect.masks, perfect.categories, perfect.boxes, strict=True
    ):
        expected = truth.instances == number
        np.testing.assert_array_equal(mask.numpy(), expected)
        assert int(category) == np.bincount(truth.categories[expected]).argmax()
        y, x = np.nonzero(expected)
        assert box.tolist() == [x.min(), y.min(), x.max() + 1, y.max() + 1]
    assert perfect.scores.tolist() == [1] * len(numbers)


def test_a_picture_without_instances() -> None:
    blank = Sample(
        "blank", np.zeros((5, 6, 3), np.uint8), np.zeros((5, 6), np.uint8), np.zeros((5, 6), np.int32)
    )
    assert masks_from_truth(blank).masks[:].shape == (0, 5, 6)
    assert not true_boxes(blank, 4).any()
    assert torch.equal(true_scores(blank, 2, 4)[0], torch.ones(2, 2))


def test_a_category_out_of_range_is_named() -> None:
    truth = sample(0)
    truth.categories[0, 0] = 4
    with pytest.raises(ValueError, match="made-up 0: category 4, expected 0…3 or 255"):
        true_scores(truth, CLASSES, 1)


def maps_of_noise(truth: Sample, stride: int) -> Maps:
    height, width = truth.instances.shape
    generator = torch.Generator().manual_seed(0)
    size = (-(-height // stride), -(-width // stride))
    scores = torch.rand(CLASSES, *size, generator=generator).softmax(0)
    return Maps(scores, 30 * torch.rand(4, *size, generator=generator), stride, (height, width))


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_the_truth_takes_the_place_of_what_was_asked_for_alone(stride: int) -> None:
    truth = sample(0)
    maps = maps_of_noise(truth, stride)
    assert torch.equal(with_truth(maps, truth).scores, maps.scores)
    other = with_truth(maps, truth, scores=True, certain=True)
    assert torch.equal(other.scores, true_scores(truth, CLASSES, stride))
    assert torch.equal(other.boxes, maps.boxes)
    other = with_truth(maps, truth, boxes=True)
    assert torch.equal(other.scores, maps.scores)
    inside = sample_labels(torch.from_numpy(truth.instances), stride) > 0
    assert torch.equal(other.boxes[:, inside], true_boxes(truth, stride)[:, inside])
    assert torch.equal(other.boxes[:, ~inside], maps.boxes[:, ~inside])


def test_true_scores_are_best_everywhere_and_as_sure_as_the_network_was() -> None:
    truth = sample(2)
    maps = maps_of_noise(truth, 2)
    true = true_scores(truth, CLASSES, 2)
    found = with_truth(maps, truth, scores=True).scores
    assert torch.equal(found.argmax(0), true.argmax(0))
    torch.testing.assert_close(found.sum(0), torch.ones(found.shape[1:]))
    objects = true[0] == 0
    before, after = ((true * each).sum(0) for each in (maps.scores, found))
    torch.testing.assert_close(after[objects], (1 + before[objects]) / 2)
    assert bool((found[0][~objects] == 1).all())
    assert bool((found[1:].max(0).values[objects] > 0.5).all())


def test_the_truth_of_a_picture_that_was_zoomed_is_zoomed_too() -> None:
    truth = sample(1)
    maps = maps_of_noise(truth, 3)
    zoomed = Maps(maps.scores.repeat_interleave(2, 1).repeat_interleave(2, 2), maps.boxes, 3, (42, 60))
    zoomed = zoomed._replace(boxes=maps.boxes.repeat_interleave(2, 1).repeat_interleave(2, 2))
    found = with_truth(zoomed, truth, scores=True, boxes=True, certain=True)
    assert found.scores.shape == (CLASSES, 14, 20)
    areas = (found.boxes[2:] - found.boxes[:2]).prod(0)
    there = found.scores[0] == 0
    assert bool((areas[there] >= 4).all())  # no object is smaller than one pixel at twice the size
    assert bool((found.boxes[:, there] % 2 == 0).all())
