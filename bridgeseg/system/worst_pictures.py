"""The pictures on which a run is worst: all of them listed, a few kept to be looked at.

Built in chapter 12.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

import numpy as np
import torch

from bridgeseg.data.transforms import resize
from bridgeseg.measures.mask_iou import Overlaps
from bridgeseg.structures.cells import resized
from bridgeseg.structures.instances import Instances
from bridgeseg.structures.labels import Sample
from bridgeseg.system.prediction import without_overlap, working_size

MATCH = 0.5  # IoU above which an instance counts as found
KEPT = 8  # pictures kept to be looked at
SIDE = 640  # pixels; a picture that is kept is no longer


@dataclass(frozen=True)
class Judged:
    """How a picture was answered, at the run's score threshold.

    name: the picture's
    truth: its true instances
    answered: the instances of the answer; those that lie wholly on void are not among them
    hits: how many of both fit one another

    Example:
        >>> one = Judged("street", truth=3, answered=1, hits=1)
        >>> one.missed, one.false, one.f1
        (2, 0, 0.5)

    Built in chapter 12.
    """

    name: str
    truth: int
    answered: int
    hits: int

    @property
    def missed(self) -> int:
        """True instances that nothing of the answer fits."""
        return self.truth - self.hits

    @property
    def false(self) -> int:
        """Instances of the answer that fit nothing."""
        return self.answered - self.hits

    @property
    def f1(self) -> float:
        """Twice the hits, divided by both together, 0…1; 1 where there is neither."""
        both = self.truth + self.answered
        return 2 * self.hits / both if both else 1.0

    @property
    def rank(self) -> tuple[float, int, str]:
        """What they are sorted by, the worst first: a low F1, then many that are missed or false, then the name."""
        return self.f1, -(self.missed + self.false), self.name


@dataclass(frozen=True)
class Kept:
    """A picture that is to be looked at, at no more than `SIDE` pixels.

    judged: how it was answered
    sample: the picture with its truth
    answer: (h, w) int32, the answer as one instance map, no pixel in two
    found: the numbers of the true instances that were found
    right: the numbers of those of the answer that found one

    Built in chapter 12.
    """

    judged: Judged
    sample: Sample
    answer: np.ndarray
    found: frozenset[int]
    right: frozenset[int]


class WorstPictures:
    """What looks at every answer of an evaluation, and keeps the worst few.

    threshold: score from which on an instance is part of the answer
    most: pictures to keep; of the others only numbers are, so that memory does not grow with their size

    judged: every picture, in the order of the data set
    overlaps: of every picture, which the evaluation has anyway

    Built in chapter 12.
    """

    def __init__(self, threshold: float, most: int = KEPT) -> None:
        self.threshold, self.most = threshold, most
        self.judged: list[Judged] = []
        self.overlaps: list[Overlaps] = []
        self.worst: list[Kept] = []

    def __call__(self, sample: Sample, instances: Instances, found: Overlaps) -> None:
        """Take an answer.

        sample: the picture with its truth
        instances: every candidate, masks of the picture's size
        found: how they overlap with the truth
        """
        taken = matches(found, self.threshold)
        right = np.flatnonzero(taken >= 0)
        answered = int((found.scores >= self.threshold).sum())
        judged = Judged(sample.name, len(found.true_numbers), answered, len(right))
        self.judged.append(judged)
        self.overlaps.append(found)
        if judged.f1 == 1 or (len(self.worst) == self.most and judged.rank > self.worst[-1].judged.rank):
            return
        height, width = sample.instances.shape
        size = working_size(height, width, 1.0, SIDE)
        chosen = instances.to("cpu")
        answer = resized(without_overlap(chosen, self.threshold).to(torch.int32), size).numpy()
        # In the answer's map the instances are numbered as they stay, in the order in which they were given.
        numbers = np.cumsum((chosen.scores >= self.threshold).numpy())
        self.worst.append(
            Kept(
                judged,
                resize(sample, *size),
                answer,
                frozenset(found.true_numbers[taken[right]].tolist()),
                frozenset(numbers[found.kept[right]].tolist()),
            )
        )
        self.worst = sorted(self.worst, key=lambda one: one.judged.rank)[: self.most]

    def csv(self) -> str:
        """Return every picture as a line of a table for a spreadsheet, the worst first."""
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(["picture", "true_instances", "answered", "hits", "missed", "false", "f1"])
        for one in sorted(self.judged, key=lambda one: one.rank):
            rows.writerow(
                [one.name, one.truth, one.answered, one.hits, one.missed, one.false, f"{one.f1:.3f}"]
            )
        return text.getvalue()


def matches(found: Overlaps, threshold: float) -> np.ndarray:
    """Return which true instance each instance of the answer finds, by falling score, each once.

    found: how the candidates of a picture overlap with its truth
    threshold: of the score; candidates below it are no part of the answer
    returns: (n,) int64, a column of `found.iou` for each candidate, −1 for none

    Example:
        >>> one, two = np.array([1]), np.array([1, 1])
        >>> found = Overlaps(np.array([[0.6], [0.9]]), two, np.array([0.8, 0.7]), one, np.arange(2), one)
        >>> matches(found, 0.5).tolist()  # the instance is taken when the second comes
        [0, -1]

    Masks of one truth do not overlap, so that an IoU above a half leaves no choice. Built in chapter 12.
    """
    taken = np.full(len(found.scores), -1, np.int64)
    fits = (found.iou > MATCH) & (found.categories[:, None] == found.true_categories)  # (n, g)
    free = np.ones(len(found.true_categories), bool)
    for place in np.flatnonzero(fits.any(1) & (found.scores >= threshold)):
        instance = int(fits[place].argmax())
        if free[instance]:
            taken[place], free[instance] = instance, False
    return taken
