"""The confusion matrix and what follows from it, against counting pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bridgeseg.measures.mean_iou import class_accuracy, confusion, mean_iou, pixel_accuracy
from bridgeseg.structures.labels import VOID


def maps(seed: int, classes: int, size: tuple[int, int] = (7, 9)) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, size).astype(np.uint8)
    truth[random.random(size) < 0.2] = VOID
    return truth, random.integers(0, classes, size).astype(np.uint8)


@pytest.mark.parametrize("classes", [1, 2, 5, 21, 255])
def test_counts_equal_those_of_a_loop(classes: int) -> None:
    truth, prediction = maps(classes, classes)
    expected = np.zeros((classes, classes), np.int64)
    for true, guess in zip(truth.ravel(), prediction.ravel(), strict=True):
        if true != VOID:
            expected[true, guess] += 1
    matrix = confusion(truth, prediction, classes)
    assert matrix.dtype == np.int64
    np.testing.assert_array_equal(matrix, expected)


def test_a_set_is_judged_on_all_its_pixels_together() -> None:
    classes, total = 4, np.zeros((4, 4), np.int64)
    inside, around = np.zeros(classes), np.zeros(classes)
    for seed in range(5):
        truth, prediction = maps(seed, classes, (seed + 1, 6))
        total += confusion(truth, prediction, classes)
        for category in range(classes):
            is_so, said_so = truth == category, (prediction == category) & (truth != VOID)
            inside[category] += (is_so & said_so).sum()
            around[category] += (is_so | said_so).sum()
    mean, vector = mean_iou(total)
    np.testing.assert_allclose(vector, inside / around, rtol=1e-15)
    assert mean == pytest.approx((inside / around).mean(), abs=1e-15)


def test_figures_of_a_matrix_by_hand() -> None:
    matrix = np.array([[6, 2, 0, 0], [1, 3, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    matrix[0, 3] = 1  # category 3 is predicted and never true; category 2 occurs in neither
    mean, vector = mean_iou(matrix)
    np.testing.assert_allclose(vector, [6 / 10, 3 / 6, np.nan, 0])
    assert mean == pytest.approx((0.6 + 0.5 + 0) / 3)
    mean, vector = class_accuracy(matrix)
    np.testing.assert_allclose(vector, [6 / 9, 3 / 4, np.nan, np.nan])
    assert mean == pytest.approx((6 / 9 + 3 / 4) / 2)
    assert pixel_accuracy(matrix) == pytest.approx(9 / 13)


def test_perfect_prediction_is_one_and_background_counts() -> None:
    truth, _ = maps(0, 3)
    matrix = confusion(truth, np.where(truth == VOID, 0, truth), 3)
    assert mean_iou(matrix)[0] == class_accuracy(matrix)[0] == pixel_accuracy(matrix) == 1
    np.testing.assert_array_equal(mean_iou(matrix)[1], [1, 1, 1])


def test_what_is_said_on_void_pixels_changes_nothing() -> None:
    truth, prediction = maps(1, 4)
    other = np.where(truth == VOID, 3 - prediction, prediction)
    assert (other != prediction).any()
    np.testing.assert_array_equal(confusion(truth, prediction, 4), confusion(truth, other, 4))


@pytest.mark.parametrize("size", [(0, 0), (0, 5), (3, 3)])
def test_nothing_but_void_gives_zeros_and_no_figure(size: tuple[int, int]) -> None:
    matrix = confusion(np.full(size, VOID, np.uint8), np.zeros(size, np.uint8), 3)
    assert not matrix.any()
    assert np.isnan(mean_iou(matrix)[0])
    assert np.isnan(mean_iou(matrix)[1]).all()
    assert np.isnan(class_accuracy(matrix)[0])
    assert np.isnan(pixel_accuracy(matrix))


@pytest.mark.parametrize("kind", [torch.uint8, torch.int32, torch.int64])
def test_tensors_give_the_same_counts(kind: torch.dtype) -> None:
    truth, prediction = maps(2, 6)
    counts = confusion(torch.from_numpy(truth).to(kind), torch.from_numpy(prediction).to(kind), 6)
    np.testing.assert_array_equal(counts, confusion(truth, prediction, 6))


def test_flipping_both_maps_changes_nothing() -> None:
    truth, prediction = maps(3, 5)
    np.testing.assert_array_equal(
        confusion(truth, prediction, 5), confusion(truth[:, ::-1], prediction[:, ::-1], 5)
    )


def test_labels_that_are_no_whole_numbers_are_refused() -> None:
    """0.9 would become 0, and a wrong answer pass for the background."""
    truth, prediction = maps(4, 5)
    with pytest.raises(ValueError, match="prediction is float64, expected integers"):
        confusion(truth, prediction * 0.9, 5)
    with pytest.raises(ValueError, match="truth is float32, expected integers"):
        confusion(torch.from_numpy(truth).float(), prediction, 5)


@pytest.mark.parametrize("classes", [0, 256])
def test_as_many_classes_as_void_leaves_are_counted(classes: int) -> None:
    with pytest.raises(ValueError, match=f"classes is {classes}, expected 1…255"):
        confusion(*maps(4, 5), classes)


def test_what_is_out_of_range_is_named() -> None:
    truth, prediction = maps(4, 5)
    with pytest.raises(ValueError, match=r"prediction is \(7, 8\), expected the size of truth, \(7, 9\)"):
        confusion(truth, prediction[:, 1:], 5)
    with pytest.raises(ValueError, match="prediction holds category 4, expected 0…3"):
        confusion(truth, prediction, 4)
    with pytest.raises(ValueError, match="prediction holds category -1, expected 0…4"):
        confusion(truth, prediction.astype(int) - 1, 5)
    with pytest.raises(ValueError, match="truth holds category 4, expected 0…3 or 255"):
        confusion(truth, prediction % 4, 4)
    with pytest.raises(ValueError, match="truth holds -1…"):
        confusion(truth.astype(int) - 1, prediction, 5)
