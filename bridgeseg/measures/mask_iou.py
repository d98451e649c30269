"""How the instances found in a picture overlap with the true ones: all that AP^r needs of the masks.

Built in chapter 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bridgeseg.structures.instances import Instances
from bridgeseg.structures.labels import BACKGROUND, VOID, Sample


@dataclass(frozen=True)
class Overlaps:
    """How the n instances found in one picture overlap with its g true ones.

    iou: (n, g) float64, 0…1
    categories: (n,) int64, 1…C, of the instances found, best score first
    scores: (n,) float64
    true_categories: (g,) int64, 1…C
    kept: (n,) int64, which of the instances given these are; those that lay wholly on void are not among them
    true_numbers: (g,) int64, the numbers of the true instances in the instance map

    Built in chapter 3.
    """

    iou: np.ndarray
    categories: np.ndarray
    scores: np.ndarray
    true_categories: np.ndarray
    kept: np.ndarray
    true_numbers: np.ndarray


def true_instances(sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the instances in a picture's instance map, and the category of each.

    sample: the picture with its maps
    returns: (g,) int64 rising, without numbers that have no pixel, and (g,) int64, 1…C: the category that
        most of the instance's pixels have, the lowest where several have as many

    Built in chapter 3.
    """
    size = int(sample.instances.max(initial=0)) + 1
    pairs = sample.instances.astype(np.intp).ravel() * (VOID + 1) + sample.categories.ravel()
    counts = np.bincount(pairs, minlength=size * (VOID + 1)).reshape(size, VOID + 1)
    counts = counts[:, BACKGROUND + 1 : VOID]
    numbers = np.flatnonzero(counts.any(1))
    numbers = numbers[numbers > 0]
    return numbers, counts[numbers].argmax(1) + BACKGROUND + 1


def overlaps(instances: Instances, truth: Sample) -> Overlaps:
    """Return the intersection over union of every instance found in a picture with every true one.

    instances: what was found; masks (n, h, w) may overlap and may come in any order
    truth: the picture with its maps, (h, w)
    returns: IoUs that are correctly rounded ratios of two counts of pixels; equal scores keep the order given
    raises: ValueError when the masks have not the size of the picture

    Pixels that are void in the truth are taken out of a mask first, and a mask that lay wholly on void is
    dropped: it counts neither for nor against. A mask without any pixel from the start stays, as a wrong
    detection. This is our choice: the paper's lists hold no void instances, the scenes do, and one of those
    may be found.

    The cost is one pass over the masks, however many true instances there are, since those do not overlap.

    Built in chapter 3.
    """
    masks, scores = instances.masks.cpu().numpy(), instances.scores.cpu().numpy().astype(np.float64)
    if masks.shape[1:] != truth.instances.shape:
        raise ValueError(f"{truth.name}: masks are {masks.shape[1:]}, expected {truth.instances.shape}")
    numbers, true_categories = true_instances(truth)
    count = len(numbers)
    places = np.zeros(int(truth.instances.max(initial=0)) + 1, np.intp)
    places[numbers] = np.arange(1, count + 1)
    parts = places[truth.instances]
    parts[truth.categories == VOID] = count + 1  # so: 0 no instance, 1…count an instance, count + 1 void
    pixels = np.zeros((len(masks), count + 2), np.int64)
    for mask, row in zip(masks, pixels, strict=True):
        row[:] = np.bincount(parts[mask], minlength=count + 2)

    on_void = pixels[:, -1]
    area = pixels[:, :-1].sum(1)
    order = np.argsort(-scores, kind="stable")
    kept = order[((area > 0) | (on_void == 0))[order]]
    shared = pixels[kept, 1:-1]
    true_area = np.bincount(parts.ravel(), minlength=count + 2)[1:-1]
    return Overlaps(
        iou=shared / (area[kept, None] + true_area - shared),
        categories=instances.categories.cpu().numpy()[kept],
        scores=scores[kept],
        true_categories=true_categories,
        kept=kept,
        true_numbers=numbers,
    )
