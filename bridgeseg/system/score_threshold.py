"""From which score on an instance is part of the final answer: chosen on pictures that were held out.

Built in chapter 10.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bridgeseg.measures.average_precision import average_precision
from bridgeseg.measures.mask_iou import Overlaps, overlaps
from bridgeseg.structures.labels import Sample
from bridgeseg.system.batched_prediction import maps_of_all, read_ahead
from bridgeseg.system.checkpoint import Run
from bridgeseg.system.prediction import instances_of

MATCH = 0.5  # IoU from which an instance counts as found when the score threshold is chosen
OTHERWISE = 0.5  # the score threshold where there is nothing to choose it by


def choose_threshold(run: Run, samples: Sequence[Sample]) -> float:
    """Return the score threshold with the best F1 over all categories together, at IoU 0.5.

    run: networks and recipe; its own threshold is not looked at
    samples: pictures that the networks were not trained on
    returns: a score half-way between the last that is worth keeping and the next; `OTHERWISE` where nothing is found
        or nothing is there

    Our choice. Built in chapter 10.
    """
    found = [
        overlaps(instances_of(run, sample, maps), sample)
        for ahead in read_ahead(samples, run.device)
        for sample, maps in zip(ahead, maps_of_all(run, ahead), strict=True)
    ]
    return best_threshold(found, len(run.categories))


def best_threshold(found: Sequence[Overlaps], classes: int) -> float:
    """Return the score threshold with the best F1, as `choose_threshold`, from overlaps with the truth.

    found: of each picture
    classes: number of categories with the background
    returns: as `choose_threshold`

    Example:
        >>> from bridgeseg.data.scenes import Scenes
        >>> from bridgeseg.measures.mask_iou import overlaps
        >>> from bridgeseg.system.oracles import masks_from_truth
        >>> sample = Scenes("val", size=96, count=1)[0]
        >>> best_threshold([overlaps(masks_from_truth(sample), sample)], classes=6)  # all masks right, all certain
        0.5

    Built in chapter 10.
    """
    result = average_precision(found, classes, "sds", (MATCH,))
    scores = np.concatenate(result.scores)
    order = np.argsort(-scores, kind="stable")
    scores, hits = scores[order], np.concatenate(result.hits)[order, 0]
    truths = int(result.truths.sum())
    if not truths or not hits.any():
        return OTHERWISE
    f1 = 2 * hits.cumsum() / (np.arange(1, len(hits) + 1) + truths)
    # A threshold cannot part equal scores: only the last of them is a place to cut.
    f1[:-1][scores[:-1] == scores[1:]] = -1
    best = int(f1.argmax())
    following = scores[best + 1] if best + 1 < len(scores) else 0.0
    return float((scores[best] + following) / 2)
