"""How good the instances are: AP^r, the average precision of masks, by the three rules of that name.

| | `sds`, the original | `mnc`, of MNC's and FCIS's code | `coco` |
|---|---|---|---|
| a detection takes | the best instance still free | the best of all; wrong if taken | the best still free |
| match | IoU > t | IoU ≥ t | IoU ≥ t |
| integration | area under the envelope | 11 points | 101 points |
| at most | no limit | no limit | 100 per picture and category |

Detections are ranked by falling score over the whole set. Those of equal score keep the order of the
pictures, and within a picture the order in which they were given, as in pycocotools.

Thresholds are exact at ties. An IoU is a ratio of two whole numbers, rounded once, and so is a threshold such
as 0.3: equal ratios give equal doubles, and unequal ones differ by at least 1 / (10 · union), far more than
the rounding. Comparing the doubles is comparing the integers, as long as a threshold is written 0.3 and not
computed as 3 · 0.1.

Built in chapter 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bridgeseg.measures.mask_iou import Overlaps, overlaps
from bridgeseg.structures.preconditions import expect_arrays

__all__ = ["RULES", "VOLUME", "AveragePrecision", "Overlaps", "average_precision", "overlaps"]

RULES = ("sds", "mnc", "coco")
VOLUME = tuple(k / 10 for k in range(1, 10))  # AP^r_vol is the mean over these
COCO_LIMIT = 100
# linspace and not k / 100: pycocotools compares recalls with these very doubles, and 0.57 is not among them.
COCO_RECALLS = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class AveragePrecision:
    """AP^r of a set of pictures, by category and threshold, and what it was made from.

    rule: "sds", "mnc" or "coco"
    thresholds: the T thresholds of IoU
    ap: (C, T) float64, 0…1, row c − 1 for category c; nan for a category that never occurs in the truth
    truths: (C,) int64, true instances of each category
    scores: for each category (n,) float64, falling: the scores of what was found, over the whole set
    hits: for each category (n, T) bool, which of those are true positives

    Built in chapter 3.
    """

    rule: str
    thresholds: tuple[float, ...]
    ap: np.ndarray
    truths: np.ndarray
    scores: tuple[np.ndarray, ...]
    hits: tuple[np.ndarray, ...]

    @property
    def ap_r(self) -> dict[float, float]:
        """The mean over the categories that occur in the truth, by threshold; nan when none occurs."""
        occurs = self.truths > 0
        means = self.ap[occurs].mean(0) if occurs.any() else np.full(len(self.thresholds), np.nan)
        return dict(zip(self.thresholds, means.tolist(), strict=True))

    @property
    def ap_r_vol(self) -> float:
        """The mean of AP^r over the thresholds 0.1, 0.2 … 0.9.

        raises: ValueError when one of them was not asked for
        """
        ap_r = self.ap_r
        absent = [threshold for threshold in VOLUME if threshold not in ap_r]
        if absent:
            raise ValueError(f"thresholds: {absent[0]} not found, expected 0.1, 0.2 … 0.9 for AP^r_vol")
        return float(np.mean([ap_r[threshold] for threshold in VOLUME]))

    def counts(self, category: int, threshold: float, score: float = -np.inf) -> tuple[int, int, int]:
        """Return the true positives, false positives and misses of a category, counting from a score on.

        category: 1…C
        threshold: of IoU, one of `thresholds`
        score: detections below it are left out

        Detections are matched by falling score, so leaving out the low ones changes no match above them.

        Built in chapter 3.
        """
        chosen = self.hits[category - 1][self.scores[category - 1] >= score, self._column(threshold)]
        hits = int(chosen.sum())
        return hits, len(chosen) - hits, int(self.truths[category - 1]) - hits

    def curve(self, category: int, threshold: float) -> tuple[np.ndarray, np.ndarray]:
        """Return recall and precision after each detection of a category, best first, without the envelope.

        category: 1…C
        threshold: of IoU, one of `thresholds`
        returns: (n,) and (n,) float64, 0…1; the recall is nan for a category that never occurs in the truth

        Built in chapter 3.
        """
        hits = np.cumsum(self.hits[category - 1][:, self._column(threshold)])  # (n,)
        truths = float(self.truths[category - 1]) or np.nan
        return hits / truths, hits / np.arange(1, len(hits) + 1)

    def _column(self, threshold: float) -> int:
        if threshold not in self.thresholds:
            raise ValueError(f"threshold: found {threshold}, expected one of {self.thresholds}")
        return self.thresholds.index(threshold)


def average_precision(
    per_picture: Sequence[Overlaps], classes: int, rule: str = "sds", thresholds: Sequence[float] = VOLUME
) -> AveragePrecision:
    """Return the average precision of the instances found in a set of pictures.

    per_picture: what `overlaps` says of each picture; pictures without truth or without detections count too
    classes: number of categories with the background, as in `mean_iou`
    rule: "sds" (default), "mnc" or "coco": see the table at the head of this module
    thresholds: of IoU, each in 0…1
    returns: figures by category and threshold; a category that never occurs in the truth has nan and is left
        out of every mean, whatever was found of it (as pycocotools does)
    raises: ValueError for a rule that does not exist, a category or a threshold out of range, or a score that is nan

    Example:
        >>> found = Overlaps(  # three instances found, two there; the second found hits nothing
        ...     np.array([[0.9, 0.0], [0.1, 0.2], [0.0, 0.6]]), np.array([1, 1, 1]), np.array([0.9, 0.8, 0.7]),
        ...     np.array([1, 1]), np.array([0, 1, 2]), np.array([1, 2]),
        ... )
        >>> result = average_precision([found], classes=2, thresholds=[0.5])
        >>> round(float(result.ap[0, 0]), 3)  # (1 / 1 + 2 / 3) / 2
        0.833

    Where two true instances have the same IoU with a detection, the one with the higher number is taken by
    "sds" and "coco" (as pycocotools does), that with the lower one by "mnc". The 11 points of "mnc" are
    exact: recall ≥ k / 10 in whole numbers. Both are our choice where the rules leave it open.

    The paper reports mAP^r at 0.5 and 0.7 and mAP^r_vol. Built in chapter 3.
    """
    if rule not in RULES:
        raise ValueError(f"rule: found {rule!r}, expected one of {', '.join(RULES)}")
    limits = np.array(tuple(thresholds), np.float64)
    strange = limits[~((limits >= 0) & (limits <= 1))]
    if len(strange):
        raise ValueError(f"thresholds: found {strange[0]:g}, expected IoUs in 0…1")
    count = np.array([len(picture.scores) for picture in per_picture], np.intp)  # (pictures,)
    # From here on (n,) is over all detections of the set, (g,) over all true instances.
    categories = _joined([picture.categories for picture in per_picture], np.int64)  # (n,)
    true_categories = _joined([picture.true_categories for picture in per_picture], np.int64)  # (g,)
    for title, numbers in (("categories", categories), ("true_categories", true_categories)):
        strange = numbers[(numbers < 1) | (numbers >= classes)]
        if len(strange):
            raise ValueError(f"per_picture: {title} hold {strange[0]}, expected 1…{classes - 1}")

    scores = _joined([picture.scores for picture in per_picture], np.float64)
    if np.isnan(scores).any():
        raise ValueError("per_picture: scores hold nan, expected numbers to rank by")
    groups = np.repeat(np.arange(len(count)), count) * classes + categories  # (n,), picture and category
    rank = np.argsort(-scores, kind="stable")  # (n,), or fewer under "coco"
    if rule == "coco":
        rank = rank[_turns(groups[rank]) < COCO_LIMIT]
    hits = np.zeros((len(scores), len(limits)), bool)  # (n, T)
    detections, truths, iou = _pairs(per_picture, limits.min(initial=1.0), rule)  # (p,) each
    inside = np.isin(detections, rank)
    place = np.empty(len(scores), np.intp)
    place[rank] = np.arange(len(rank))
    _match(hits, detections[inside], truths[inside], iou[inside], groups, place, limits, rule)

    number = np.bincount(true_categories, minlength=classes)[1:]  # (C,)
    chosen = [rank[categories[rank] == category] for category in range(1, classes)]
    ap = np.full((classes - 1, len(limits)), np.nan)  # (C, T)
    for row, found, total in zip(ap, chosen, number.tolist(), strict=True):
        if total:
            row[:] = [_integral(np.flatnonzero(column) + 1, total, rule) for column in hits[found].T]
    return AveragePrecision(
        rule,
        tuple(limits.tolist()),
        ap,
        number,
        tuple(scores[c] for c in chosen),
        tuple(hits[c] for c in chosen),
    )


def _joined(parts: Sequence[np.ndarray], kind: type) -> np.ndarray:
    return np.concatenate([np.zeros(0, kind), *parts])


def _turns(groups: np.ndarray) -> np.ndarray:
    """Say for each element how many of its own group come before it."""
    order = np.argsort(groups, kind="stable")
    in_order = groups[order]
    first = np.searchsorted(in_order, in_order, side="left")
    turns = np.empty(len(groups), np.intp)
    turns[order] = np.arange(len(groups)) - first
    return turns


def _reaches(iou: np.ndarray, limits: np.ndarray | float, rule: str) -> np.ndarray:
    return iou > limits if rule == "sds" else iou >= limits


def _pairs(
    per_picture: Sequence[Overlaps], lowest: float, rule: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """List the pairs of the same category that reach the lowest threshold: detection, true instance and IoU.

    They come by detection, and for each detection in the order in which it would take the instances.
    """
    detections, truths, iou = [], [], []
    base = true_base = 0
    for picture in per_picture:
        same = picture.categories[:, None] == picture.true_categories  # (n, g) of this picture
        found, true = np.nonzero(same & _reaches(picture.iou, lowest, rule))  # (p,) and (p,)
        detections.append(found + base)
        truths.append(true + true_base)
        iou.append(picture.iou[found, true])
        base += len(picture.scores)
        true_base += len(picture.true_categories)
    detection, truth, overlap = (
        _joined(detections, np.intp),
        _joined(truths, np.intp),
        _joined(iou, np.float64),
    )
    order = np.lexsort((truth if rule == "mnc" else -truth, -overlap, detection))
    return detection[order], truth[order], overlap[order]


def _match(
    hits: np.ndarray,
    detections: np.ndarray,
    truths: np.ndarray,
    iou: np.ndarray,
    groups: np.ndarray,
    place: np.ndarray,
    limits: np.ndarray,
    rule: str,
) -> None:
    """Match greedily by falling score and mark the true positives in `hits`, all thresholds at once.

    Only detections of one picture and category compete, so the first of every group are matched together,
    then the second of every group: as many steps as the largest group has detections that reach any
    threshold.
    """
    taken = np.zeros((truths.max(initial=-1) + 1, len(limits)), bool)  # (g, T)
    choice = _turns(detections)  # 0 for the instance that a detection wants most
    found = np.unique(detections)
    found = found[np.argsort(place[found])]
    turn = np.zeros(len(hits), np.intp)
    turn[found] = _turns(groups[found])
    step = turn[detections] * (choice.max(initial=0) + 1) + choice
    order = np.argsort(step, kind="stable")
    for now in np.split(order, np.flatnonzero(np.diff(step[order])) + 1):
        wanting, wanted = detections[now], truths[now]
        if rule == "mnc" and len(now) and choice[now[0]] > 0:
            continue
        # (now, T): who takes what it wants, at each threshold
        takes = _reaches(iou[now, None], limits, rule) & ~taken[wanted] & ~hits[wanting]
        taken[wanted] |= takes
        hits[wanting] |= takes


def _integral(places: np.ndarray, truths: int, rule: str) -> float:
    """Integrate precision over recall, given the places of the true positives in the ranking, from 1."""
    hits = np.arange(1, len(places) + 1)
    envelope = np.maximum.accumulate((hits / places)[::-1])[::-1]  # best precision at so many hits or more
    if rule == "sds":
        return float(envelope.sum() / truths)
    if rule == "mnc":
        needed = np.maximum(-(-np.arange(11) * truths // 10), 1) - 1
    else:
        needed = np.searchsorted(hits / truths, COCO_RECALLS, side="left")
    return float(envelope[needed[needed < len(envelope)]].sum() / len(needed))


def precision_recall(hits: np.ndarray, truths: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return recall, precision and the envelope of precision after every detection of a ranking.

    hits: (n,) bool, best score first, which detections are right
    truths: how many true instances there are, 1 or more
    returns: three (n,) float64, 0…1; the envelope is the best precision at that recall or a higher one
    raises: ValueError for hits of another type, and without a true instance: there is no recall

    Example:
        >>> recall, precision, envelope = precision_recall(np.array([True, False, False, True]), truths=2)
        >>> recall.tolist(), precision.round(2).tolist(), envelope.tolist()
        ([0.5, 0.5, 0.5, 1.0], [1.0, 0.5, 0.33, 0.5], [1.0, 0.5, 0.5, 0.5])

    Built in chapter 3.
    """
    expect_arrays(hits=(hits, "(n,) bool"))
    if truths < 1:
        raise ValueError(f"truths: found {truths}, expected 1 or more")
    right = np.cumsum(hits)
    recall, precision = right / truths, right / np.arange(1, len(hits) + 1)
    return recall, precision, np.maximum.accumulate(precision[::-1])[::-1]
