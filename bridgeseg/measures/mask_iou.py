"""How the instances found in a picture overlap with the true ones: all that AP^r needs of the masks.

Built in chapter 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bridgeseg.structures.instances import Instances
from bridgeseg.structures.labels import BACKGROUND, VOID, Sample
from bridgeseg.structures.masks import Masks
from bridgeseg.structures.preconditions import expect_arrays
from bridgeseg.structures.runs import label_runs_of, pieces_of


@dataclass(frozen=True)
class Overlaps:
    """How the n instances found in one picture overlap with its g true ones.

    iou: (n, g) float64, 0…1
    categories: (n,) int64, 1…C, of the instances found, best score first
    scores: (n,) float64
    true_categories: (g,) int64, 1…C
    kept: (n,) int64, which of the instances given these are; those that lay wholly on void are not among them
    true_numbers: (g,) int64, the numbers of the true instances in the instance map

    Example:
        >>> one = np.array([1])
        >>> look = Overlaps(np.array([[0.6]]), one, np.array([0.9]), one, kept=np.array([0]), true_numbers=one)
        >>> look.iou > 0.5  # the only mask finds the only instance
        array([[ True]])

    Built in chapter 3.
    """

    iou: np.ndarray
    categories: np.ndarray
    scores: np.ndarray
    true_categories: np.ndarray
    kept: np.ndarray
    true_numbers: np.ndarray

    def __post_init__(self) -> None:
        # Not the last two, which chapter 3 leaves out: no figure depends on them.
        expect_arrays(
            categories=(self.categories, "(n,) integer"),
            true_categories=(self.true_categories, "(g,) integer"),
            iou=(self.iou, "(n, g) float or integer"),
            scores=(self.scores, "(n,) float or integer"),
        )


def true_instances(sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the instances in a picture's instance map, and the category of each.

    sample: the picture with its maps
    returns: (g,) int64 rising, without numbers that have no pixel, and (g,) int64, 1…C: the category that
        most of the instance's pixels have, the lowest where several have as many

    Example:
        >>> kinds = np.array([[0, 3, 3, 2]], np.uint8)
        >>> numbers = np.array([[0, 9, 9, 4]], np.int32)
        >>> true_instances(Sample("", np.zeros((1, 4, 3), np.uint8), kinds, numbers))
        (array([4, 9]), array([2, 3]))

    Built in chapter 3.
    """
    numbers, kinds, _ = _true_runs(sample)
    return numbers, kinds


class _Runs(NamedTuple):
    """The runs of a picture's truth, start and stop (r,) int64, and the part of the picture that each is, (r,) int64.

    The parts are 0 no instance, 1…g an instance, g + 1 void.
    """

    start: np.ndarray
    stop: np.ndarray
    part: np.ndarray


def _true_runs(sample: Sample) -> tuple[np.ndarray, np.ndarray, _Runs]:
    """The numbers (g,) and categories (g,) of a picture's instances, counted over the runs of its two maps."""
    maps = (sample.instances, sample.categories)
    expect_arrays(instances=(maps[0], "(h, w) integer"), categories=(maps[1], "(h, w) uint8"))
    start, stop = label_runs_of(*maps)
    number, kind = (part.reshape(-1)[start] for part in maps)  # (r,)
    numbers, place = np.unique(number, return_inverse=True)
    counts = np.bincount(place * (VOID + 1) + kind, stop - start, len(numbers) * (VOID + 1))
    counts = counts.reshape(-1, VOID + 1)[:, BACKGROUND + 1 : VOID]  # (numbers, C)
    held = np.flatnonzero((numbers > 0) & counts.any(1))
    parts = np.zeros(len(numbers), np.int64)
    parts[held] = np.arange(1, len(held) + 1)
    part = np.where(kind == VOID, len(held) + 1, parts[place])
    kinds = counts[held].argmax(1) + BACKGROUND + 1
    return numbers[held].astype(np.int64), kinds, _Runs(start, stop, part)


@dataclass(frozen=True)
class SharedPixels:
    """How many pixels the n masks found in one picture share with its g true instances; void is counted nowhere.

    shared: (n, g) int64
    areas: (n,) int64, pixels of each mask
    on_void: (n,) int64, pixels that each mask had on void, which are not among its `areas`
    true_areas: (g,) int64, pixels of each true instance
    true_categories: (g,) int64, 1…C
    true_numbers: (g,) int64, the numbers of the true instances in the instance map

    Example:
        >>> kinds = np.array([[0, 3, 3, 255]], np.uint8)
        >>> truth = Sample("", np.zeros((1, 4, 3), np.uint8), kinds, np.array([[0, 7, 7, 0]], np.int32))
        >>> import torch
        >>> shared_pixels(Masks.from_full(torch.ones(1, 1, 4, dtype=torch.bool)), truth).true_numbers.tolist()
        [7]

    Built in chapter 10.
    """

    shared: np.ndarray
    areas: np.ndarray
    on_void: np.ndarray
    true_areas: np.ndarray
    true_categories: np.ndarray
    true_numbers: np.ndarray

    def __post_init__(self) -> None:
        expect_arrays(
            areas=(self.areas, "(n,) integer"),
            true_areas=(self.true_areas, "(g,) integer"),
            shared=(self.shared, "(n, g) integer"),
            on_void=(self.on_void, "(n,) integer"),
            true_categories=(self.true_categories, "(g,) integer"),
            true_numbers=(self.true_numbers, "(g,) integer"),
        )


def shared_pixels(masks: Masks, truth: Sample) -> SharedPixels:
    """Return how many pixels each of some masks shares with each true instance of a picture.

    masks: n, which may overlap
    truth: the picture with its maps, (h, w)
    returns: counts, the masks in the order given
    raises: ValueError when the masks have not the size of the picture, or are no `Masks`

    The cost is one pass over the runs of the masks, however many true instances there are, since those do not overlap.

    Example:
        >>> import torch
        >>> kinds = np.array([[0, 3, 3, 255]], np.uint8)
        >>> truth = Sample("", np.zeros((1, 4, 3), np.uint8), kinds, np.array([[0, 1, 1, 0]], np.int32))
        >>> found = shared_pixels(Masks.from_full(torch.tensor([[[True, True, False, True]]])), truth)
        >>> found.shared.tolist(), found.areas.tolist(), found.on_void.tolist()
        ([[1]], [2], [1])

    Built in chapter 10.
    """
    if not isinstance(masks, Masks):
        raise ValueError(
            f"masks: {type(masks).__name__}, expected Masks; Masks.from_full takes (n, h, w) bool"
        )
    masks = masks.to("cpu")
    numbers, true_categories, runs = _true_runs(truth)
    if masks.size != truth.instances.shape:
        raise ValueError(f"{truth.name}: masks are {masks.size}, expected {truth.instances.shape}")
    parts = len(numbers) + 2
    mine, other, start, stop = pieces_of(
        masks.start.numpy(), masks.stop.numpy(), runs.start, runs.stop
    )  # (k,)
    pair = masks.number.numpy()[mine] * parts + runs.part[other]
    pixels = np.bincount(pair, stop - start, len(masks) * parts).reshape(-1, parts)  # (n, g + 2)
    pixels = pixels.astype(np.int64)
    true_area = np.bincount(runs.part, runs.stop - runs.start, parts)[1:-1].astype(np.int64)
    return SharedPixels(
        pixels[:, 1:-1], pixels[:, :-1].sum(1), pixels[:, -1], true_area, true_categories, numbers
    )


def overlaps(instances: Instances, truth: Sample) -> Overlaps:
    """Return the intersection over union of every instance found in a picture with every true one.

    instances: what was found; masks may overlap and may come in any order
    truth: the picture with its maps, (h, w)
    returns: IoUs that are correctly rounded ratios of two counts of pixels; equal scores keep the order given
    raises: ValueError when the masks have not the size of the picture

    Pixels that are void in the truth are taken out of a mask first, and a mask that lay wholly on void is
    dropped: it counts neither for nor against. A mask without any pixel from the start stays, as a wrong
    detection. This is our choice: the paper's lists hold no void instances, the scenes do, and one of those
    may be found.

    Example:
        >>> kinds = np.array([[0, 3, 3, 3]], np.uint8)
        >>> truth = Sample("", np.zeros((1, 4, 3), np.uint8), kinds, (kinds > 0).astype(np.int32))
        >>> import torch
        >>> mask = torch.tensor([[[True, True, True, False]]])
        >>> found = Instances.from_masks(mask, torch.tensor([3]), torch.tensor([0.9]), torch.zeros(1, 4))
        >>> overlaps(found, truth).iou
        array([[0.5]])

    Built in chapter 3.
    """
    scores = instances.scores.cpu().numpy().astype(np.float64)
    found = shared_pixels(instances.masks, truth)
    order = np.argsort(-scores, kind="stable")
    kept = order[((found.areas > 0) | (found.on_void == 0))[order]]
    inside = found.shared[kept]
    return Overlaps(
        iou=inside / (found.areas[kept, None] + found.true_areas - inside),
        categories=instances.categories.cpu().numpy()[kept],
        scores=scores[kept],
        true_categories=found.true_categories,
        kept=kept,
        true_numbers=found.true_numbers,
    )
