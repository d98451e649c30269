"""The worst pictures are those with most wrong in them, by the count of the measure itself."""

from __future__ import annotations

import csv

import numpy as np
import torch

from bridgeseg.measures.average_precision import average_precision
from bridgeseg.measures.mask_iou import Overlaps, overlaps
from bridgeseg.structures.instances import Instances
from bridgeseg.structures.labels import Sample
from bridgeseg.system.worst_pictures import SIDE, Judged, WorstPictures, matches


def drawn(name: str, size: int = 40) -> Sample:
    """Four squares in a row of tens."""
    numbers = np.zeros((size, size), np.int32)
    for k in range(4):
        numbers[: size // 5, k * size // 4 : k * size // 4 + size // 5] = k + 1
    return Sample(name, np.full((size, size, 3), 99, np.uint8), (numbers > 0).astype(np.uint8), numbers)


def answer(sample: Sample, right: int, false: int) -> Instances:
    """So many of its objects, the last first, and so many masks of nothing, all above 0.5; one more below."""
    masks = [sample.instances == 4 - k for k in range(right)]
    low = np.zeros_like(sample.instances, bool)
    low[-5:] = True
    masks += [low] * (false + 1)
    scores = torch.tensor([0.9] * right + [0.6] * false + [0.1])
    return Instances.from_masks(
        torch.from_numpy(np.stack(masks)),
        torch.ones(len(masks), dtype=torch.int64),
        scores,
        torch.zeros(len(masks), 4),
    )


def shown(worst: WorstPictures, sample: Sample, right: int, false: int) -> None:
    found = answer(sample, right, false)
    worst(sample, found, overlaps(found, sample))


def test_the_worst_are_kept_and_all_are_listed() -> None:
    worst = WorstPictures(0.5, most=2)
    for name, right, false in (
        ("good", 4, 0),
        ("half", 2, 0),
        ("bad", 1, 1),
        ("worse", 0, 3),
        ("fair", 3, 1),
    ):
        shown(worst, drawn(name), right, false)
    assert [one.judged for one in worst.worst] == [Judged("worse", 4, 3, 0), Judged("bad", 4, 2, 1)]
    rows = list(csv.DictReader(worst.csv().splitlines()))
    assert [row["picture"] for row in rows] == ["worse", "bad", "half", "fair", "good"]
    assert list(rows[1].values()) == ["bad", "4", "2", "1", "3", "1", "0.333"]
    assert list(rows[1])[1:6] == ["true_instances", "answered", "hits", "missed", "false"]


def test_what_is_right_is_known_by_its_numbers_in_both_maps() -> None:
    worst = WorstPictures(0.5)
    shown(worst, drawn("a"), right=2, false=1)
    (one,) = worst.worst
    assert one.found == {3, 4}
    for number, true in ((1, 4), (2, 3)):
        assert number in one.right
        assert np.array_equal(one.answer == number, one.sample.instances == true)
    assert one.right == {1, 2}
    assert one.answer.max() == 3, "what is below the threshold is no part of the answer"


def test_a_perfect_answer_is_never_among_the_worst() -> None:
    worst = WorstPictures(0.5)
    shown(worst, drawn("a"), right=4, false=0)
    assert worst.worst == []
    assert worst.judged[0].f1 == 1
    assert Judged("empty", 0, 0, 0).f1 == 1


def test_what_is_kept_is_small_whatever_the_pictures_are() -> None:
    worst = WorstPictures(0.5, most=1)
    for name in "abc":
        shown(worst, drawn(name, 1000), right=1, false=0)
    (one,) = worst.worst
    assert one.judged.name == "a", "equal ones by their names"
    assert one.sample.picture.shape == (SIDE, SIDE, 3)
    assert one.answer.shape == one.sample.instances.shape == (SIDE, SIDE)


def test_hits_are_those_of_average_precision() -> None:
    random = np.random.default_rng(3)
    for _ in range(50):
        n, g = random.integers(1, 9, 2)
        iou = random.random((n, g))
        iou /= np.maximum(iou.sum(1, keepdims=True), 1)  # the parts of a mask that lie in several objects
        scores = np.sort(random.random(n).round(1))[::-1]
        found = Overlaps(
            iou, random.integers(1, 3, n), scores, random.integers(1, 3, g), np.arange(n), np.arange(g) + 1
        )
        result = average_precision([found], 3, "sds", (0.5,))
        hits = sum(result.counts(category, 0.5, 0.4)[0] for category in (1, 2))
        taken = matches(found, 0.4)
        assert (taken >= 0).sum() == hits
        assert len(set(taken[taken >= 0])) == hits
