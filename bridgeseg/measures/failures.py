"""Why an instance was missed, and why a mask is a false alarm: the first of some rules that applies decides.

Each true instance that no mask finds has one reason, and each mask that finds none has one, so that reasons can be
counted over a set. A mask *fits* an instance when their IoU is above `FIT`.

| an instance was missed, for | rule, the first that applies |
|---|---|
| `category` | a mask of another category fits it |
| `merged` | a mask covers more than half of it, and more than half of another instance |
| `split` | two masks or more lie by more than half in it, and cover together more than half of it |
| `unsure` | a candidate of its category fits it, and its score is below the threshold |
| `loose` | a mask overlaps with it by an IoU above `NEAR` |
| `small` | it has fewer pixels than asked for |
| `unseen` | the category map calls half of it, or more, background |
| `lost` | none of these: the category network saw it, and no mask came of it |

| a mask is a false alarm, for | rule, the first that applies |
|---|---|
| `twice` | it fits an instance of its category, which a better mask has taken |
| `category` | it fits an instance of another category |
| `merged` | it covers more than half of two instances or more |
| `part` | it lies by more than half in an instance of which it covers half or less |
| `loose` | it overlaps with an instance by an IoU above `NEAR` |
| `invented` | none of these: nothing is there |

Our choice, in the manner of TIDE, which counts reasons for detections; the paper counts none that we know of.
Built in chapter 10.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from bridgeseg.measures.mask_iou import SharedPixels, shared_pixels
from bridgeseg.structures.instances import Instances
from bridgeseg.structures.labels import BACKGROUND, Sample
from bridgeseg.structures.preconditions import expect_arrays
from bridgeseg.structures.runs import label_runs_of

MISSED = ("category", "merged", "split", "unsure", "loose", "small", "unseen", "lost")
FALSE = ("twice", "category", "merged", "part", "loose", "invented")
FIT, NEAR, HALF = 0.5, 0.1, 0.5


@dataclass(frozen=True)
class Failures:
    """What went wrong in one picture.

    missed: for each true instance one of `MISSED`, or "" where it was found
    false: for each mask of the answer one of `FALSE`, or "" where it found one
    true_numbers: (g,) int64, the numbers of the true instances in the instance map
    kept: (n,) int64, which of the instances given are the masks of the answer, best score first

    Example:
        >>> one = Failures(("", "merged"), ("", "loose", "loose"), np.array([1, 2]), np.arange(3))
        >>> one.hits, round(one.f1, 2)
        (1, 0.4)

    Built in chapter 10.
    """

    missed: tuple[str, ...]
    false: tuple[str, ...]
    true_numbers: np.ndarray
    kept: np.ndarray

    @property
    def hits(self) -> int:
        """How many true instances were found."""
        return self.missed.count("")

    @property
    def f1(self) -> float:
        """Twice the hits, divided by masks and true instances together, 0…1; 1 where there is neither."""
        both = len(self.missed) + len(self.false)
        return 2 * self.hits / both if both else 1.0


def failures(
    instances: Instances, sample: Sample, threshold: float, categories: np.ndarray, small: int
) -> Failures:
    """Say of each true instance why it was missed, and of each mask of the answer why it is a false alarm.

    instances: all candidates of the picture; the answer are those with a score of `threshold` or more
    sample: the picture with its maps, (h, w)
    threshold: of the score, 0…1
    categories: (h, w) integer, the category network's own map
    small: pixels; an instance with fewer, of which no mask came, is called small
    returns: a reason for each, matched as the rule of SDS does, by falling score; masks that lie wholly on void are
        left out
    raises: ValueError when a map has another size than the picture

    Example:
        >>> import torch
        >>> kinds = np.array([[1, 1, 0, 1, 1, 0]], np.uint8)
        >>> numbers = np.array([[1, 1, 0, 2, 2, 0]], np.int32)
        >>> sample = Sample("", np.zeros((1, 6, 3), np.uint8), kinds, numbers)
        >>> mask = torch.tensor([[[1, 1, 1, 1, 1, 0]]]) > 0  # both objects as one
        >>> found = Instances.from_masks(mask, torch.tensor([1]), torch.tensor([0.9]), torch.zeros(1, 4))
        >>> why = failures(found, sample, 0.5, kinds, small=1)
        >>> why.missed, why.false
        (('merged', 'merged'), ('merged',))

    Built in chapter 10.
    """
    expect_arrays(instances=(sample.instances, "(h, w) integer"))
    expect_arrays(categories=(categories, "(h, w) integer"))
    if categories.shape != sample.instances.shape:
        raise ValueError(
            f"categories: {categories.shape}, expected the size of {sample.name}, {sample.instances.shape}"
        )
    every = instances.sorted().to("cpu")
    order = instances.scores.argsort(descending=True, stable=True).cpu().numpy()
    pixels = shared_pixels(every.masks, sample)
    kinds, scores = every.categories.numpy(), every.scores.numpy().astype(np.float64)
    on_picture = (pixels.areas > 0) | (pixels.on_void == 0)
    answer = np.flatnonzero(on_picture & (scores >= threshold))
    below = np.flatnonzero(on_picture & (scores < threshold))
    iou = iou_of(pixels)
    same = kinds[:, None] == pixels.true_categories
    unsure = ((iou > FIT) & same)[below].any(0)  # (g,)
    seen = seen_share(sample, pixels.true_numbers, categories)
    missed, false = reasons(pixels, kinds, answer, unsure, seen, small)
    return Failures(missed, false, pixels.true_numbers, order[answer])


def iou_of(pixels: SharedPixels) -> np.ndarray:
    """Return the IoU of each mask with each true instance, (n, g) float64; 0 for a mask without pixels.

    pixels: what masks and instances share

    Example:
        >>> one = np.ones(1, np.int64)
        >>> iou_of(SharedPixels(4 * one[:, None], 5 * one, 0 * one, 4 * one, one, one)).tolist()
        [[0.8]]

    Built in chapter 10.
    """
    union = pixels.areas[:, None] + pixels.true_areas - pixels.shared
    return pixels.shared / np.maximum(union, 1)


def seen_share(sample: Sample, numbers: np.ndarray, categories: np.ndarray) -> np.ndarray:
    """Return which share of each true instance a category map calls anything but background, (g,) float64.

    sample: the picture with its maps, (h, w)
    numbers: (g,) integer, of the instances
    categories: (h, w) integer
    raises: ValueError for a number that does not occur, and a map of another size

    Example:
        >>> numbers = np.array([[1, 1, 2, 2]], np.int32)
        >>> sample = Sample("", np.zeros((1, 4, 3), np.uint8), (numbers > 0).astype(np.uint8), numbers)
        >>> seen_share(sample, np.array([1, 2]), np.array([[0, 1, 1, 3]])).tolist()
        [0.5, 1.0]

    Built in chapter 10.
    """
    expect_arrays(
        numbers=(numbers, "(g,) integer"),
        instances=(sample.instances, "(h, w) integer"),
        categories=(categories, "(h, w) integer"),
    )
    start, stop = label_runs_of(sample.instances, categories)
    # Of the numbers that occur, since a panoptic one may be in the millions.
    there, place = np.unique(sample.instances.reshape(-1)[start], return_inverse=True)  # (m,) and (r,)
    if not np.isin(numbers, there).all():
        raise ValueError(f"numbers: {np.setdiff1d(numbers, there)[0]}, expected instances of {sample.name}")
    pixels = np.bincount(place, stop - start, len(there))  # (m,), as `seen`
    seen = np.bincount(place, (stop - start) * (categories.reshape(-1)[start] != BACKGROUND), len(there))
    return (seen / pixels)[np.searchsorted(there, numbers)]


def reasons(
    pixels: SharedPixels,
    categories: np.ndarray,
    answer: np.ndarray,
    unsure: np.ndarray,
    seen: np.ndarray,
    small: int,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return why each true instance was missed and why each mask of the answer is false, "" where all is well.

    pixels: what all masks share with the true instances
    categories: (n,) int64 of the masks
    answer: (m,) int64, which masks are the answer, best score first
    unsure: (g,) bool, whether a candidate that is not in the answer fits the instance
    seen: (g,) float, share of the instance that the category map calls anything but background
    small: pixels; an instance with fewer is small

    returns: for each instance one of `MISSED`, for each mask of the answer one of `FALSE`

    Example:
        >>> one = np.ones(1, np.int64)
        >>> pixels = SharedPixels(4 * one[:, None], 5 * one, 0 * one, 4 * one, one, one)  # an IoU of 0.8
        >>> reasons(pixels, 2 * one, np.array([0]), np.array([False]), one, small=0)  # and another category
        (('category',), ('category',))

    Built in chapter 10.
    """
    expect_arrays(
        categories=(categories, "(n,) integer"),
        answer=(answer, "(m,) integer"),
        unsure=(unsure, "(g,) bool"),
        seen=(seen, "(g,) float or integer"),
    )
    shared, areas = pixels.shared[answer], pixels.areas[answer]  # (m, g) and (m,)
    fits = iou_of(pixels)[answer] > FIT
    near = iou_of(pixels)[answer] > NEAR
    same = categories[answer][:, None] == pixels.true_categories
    cover = shared / np.maximum(pixels.true_areas, 1)  # of the instance
    inside = shared / np.maximum(areas, 1)[:, None]  # of the mask
    taken = np.full(len(answer), -1)
    free = np.ones(len(pixels.true_areas), bool)
    for mask, row in enumerate(fits & same):  # an IoU above a half: it fits one instance at most
        for instance in np.flatnonzero(row & free):
            taken[mask], free[instance] = instance, False
    merges = (cover > HALF).sum(1) > 1  # (m,)
    pieces = inside > HALF  # (m, g)
    missed = {
        "category": (fits & ~same).any(0),
        "merged": ((cover > HALF) & merges[:, None]).any(0),
        "split": (pieces.sum(0) > 1) & ((cover * pieces).sum(0) > HALF),
        "unsure": unsure,
        "loose": near.any(0),
        "small": pixels.true_areas < small,
        "unseen": seen <= HALF,
        "lost": free,
    }
    false = {
        "twice": (fits & same).any(1),
        "category": (fits & ~same).any(1),
        "merged": merges,
        "part": (pieces & (cover <= HALF)).any(1),
        "loose": near.any(1),
        "invented": taken < 0,
    }
    return _first(missed, free), _first(false, taken < 0)


def _first(rules: dict[str, np.ndarray], wrong: np.ndarray) -> tuple[str, ...]:
    """The first rule that applies to each of those that are wrong, "" for the others."""
    return tuple(
        next(name for name, applies in rules.items() if applies[place]) if is_wrong else ""
        for place, is_wrong in enumerate(wrong)
    )


def tally(several: Iterable[Failures]) -> tuple[dict[str, int], dict[str, int]]:
    """Count the reasons of several pictures: of what was missed, and of what is false.

    several: one for each picture
    returns: every reason with its number, 0 among them, in the order of `MISSED` and of `FALSE`

    Example:
        >>> one = Failures(("", "merged"), ("loose", "loose"), np.array([1, 2]), np.arange(2))
        >>> missed, false = tally([one, one])
        >>> missed["merged"], false["loose"], false["twice"]
        (2, 4, 0)

    Built in chapter 10.
    """
    missed: Counter[str] = Counter()
    false: Counter[str] = Counter()
    for one in several:
        missed.update(one.missed)
        false.update(one.false)
    return {name: missed[name] for name in MISSED}, {name: false[name] for name in FALSE}
