"""How good a category map is: one confusion matrix over a whole set, and what follows from it.

The matrices of the pictures are added up before anything is divided, so that a large picture counts for more
than a small one and a category is judged on all its pixels together.

Built in chapter 3.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from bridgeseg.structures.labels import VOID, as_array
from bridgeseg.structures.preconditions import expect_arrays


def confusion(truth: np.ndarray | Tensor, prediction: np.ndarray | Tensor, classes: int) -> np.ndarray:
    """Return how many pixels of each true category were given each category; matrices add up.

    truth: (h, w) uint8, 0…classes − 1, or 255 where the truth is void; those pixels are not counted
    prediction: (h, w), integers 0…classes − 1
    classes: number of categories with the background, at most 255
    returns: (classes, classes) int64, a row for each true category and a column for each predicted one
    raises: ValueError when the sizes differ, when a category is out of range or no whole number, and for other classes

    Example:
        >>> truth = np.array([[0, 1, 1, 255]], np.uint8)
        >>> confusion(truth, np.array([[0, 0, 1, 1]]), classes=2).tolist()  # the last pixel is void
        [[1, 0], [1, 1]]

    The paper reports mean IoU; that void is dropped and the background is a class is the usual way on VOC.
    Built in chapter 3.
    """
    truth, prediction = as_array(truth), as_array(prediction)
    for name, labels in (("truth", truth), ("prediction", prediction)):
        if labels.dtype.kind not in "iub":
            raise ValueError(f"{name} is {labels.dtype}, expected integers")
    if not 1 <= classes <= VOID:
        raise ValueError(f"classes is {classes}, expected 1…{VOID}")
    if truth.shape != prediction.shape:
        raise ValueError(f"prediction is {prediction.shape}, expected the size of truth, {truth.shape}")
    if prediction.size and not 0 <= prediction.min() <= prediction.max() < classes:
        found = prediction.min() if prediction.min() < 0 else prediction.max()
        raise ValueError(f"prediction holds category {found}, expected 0…{classes - 1}")
    if truth.size and not 0 <= truth.min() <= truth.max() <= VOID:
        raise ValueError(f"truth holds {truth.min()}…{truth.max()}, expected 0…{classes - 1} or {VOID}")
    # Void and numbers out of range get rows of their own: cheaper than picking the pixels that count.
    pairs = truth.astype(np.intp).ravel() * classes + prediction.ravel().astype(np.intp)  # (h · w,)
    counts = np.bincount(pairs, minlength=(VOID + 1) * classes)  # ((VOID + 1) · classes,)
    counts = counts.reshape(VOID + 1, classes)
    strange = np.flatnonzero(counts[classes:VOID].sum(1))
    if len(strange):
        raise ValueError(f"truth holds category {classes + strange[0]}, expected 0…{classes - 1} or {VOID}")
    return counts[:classes].astype(np.int64)


def mean_iou(matrix: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the intersection over union of every category, and its mean.

    matrix: (k, k) int64, counts as `confusion` gives them, added up over the set
    returns: the mean over the categories that occur in the truth or in the prediction, 0…1 (nan when none
        does), and (k,) float64, 0…1, nan for a category that occurs in neither

    Example:
        >>> mean, of_each = mean_iou(np.array([[1, 0], [1, 1]]))  # of 2 pixels in either 1 is in both, twice
        >>> mean, of_each.tolist()
        (0.5, [0.5, 0.5])

    The paper's measure on VOC, Cityscapes and PASCAL-Context. Built in chapter 3.
    """
    expect_arrays(matrix=(matrix, "(k, k) integer"))
    inside = matrix.diagonal().astype(np.float64)  # (k,)
    return _ratios(inside, matrix.sum(0) + matrix.sum(1) - matrix.diagonal())


def class_accuracy(matrix: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the share of every true category's pixels that were given that category, and its mean.

    matrix: (k, k) int64, counts as `confusion` gives them, added up over the set
    returns: the mean over the categories that occur in the truth, 0…1 (nan when none does), and (k,) float64,
        0…1, nan for a category that does not occur in the truth

    Example:
        >>> mean, of_each = class_accuracy(np.array([[1, 0], [1, 1]]))
        >>> mean, of_each.tolist()
        (0.75, [1.0, 0.5])

    The paper gives this figure for PASCAL-Context. Built in chapter 3.
    """
    expect_arrays(matrix=(matrix, "(k, k) integer"))
    return _ratios(matrix.diagonal().astype(np.float64), matrix.sum(1))


def pixel_accuracy(matrix: np.ndarray) -> float:
    """Return the share of pixels that were given their true category.

    matrix: (k, k) int64, counts as `confusion` gives them, added up over the set
    returns: 0…1, nan when there is no pixel

    Example:
        >>> round(pixel_accuracy(np.array([[1, 0], [1, 1]])), 3)  # 2 pixels of 3
        0.667

    The paper gives this figure for PASCAL-Context. Built in chapter 3.
    """
    expect_arrays(matrix=(matrix, "(k, k) integer"))
    total = matrix.sum()
    return float(matrix.trace() / total) if total else float("nan")


def _ratios(part: np.ndarray, whole: np.ndarray) -> tuple[float, np.ndarray]:
    occurs = whole > 0
    ratios = np.full(len(part), np.nan)
    ratios[occurs] = part[occurs] / whole[occurs]
    return float(ratios[occurs].mean()) if occurs.any() else float("nan"), ratios
