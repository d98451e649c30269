"""The reasons of failures, against rules written out pixel by pixel, by hand, and turned about."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from test_average_precision import CLASSES, random_set

from bridgeseg.measures.average_precision import average_precision
from bridgeseg.measures.failures import FALSE, FIT, HALF, MISSED, NEAR, failures, seen_share, tally
from bridgeseg.measures.mask_iou import overlaps
from bridgeseg.structures.instances import Instances
from bridgeseg.structures.labels import VOID, Sample
from bridgeseg.system.oracles import masks_from_truth

THRESHOLD, SMALL = 0.35, 4


def seen_by_chance(truth: Sample, seed: int) -> np.ndarray:
    """A category map that gets some of the pixels right."""
    chance = np.random.default_rng(seed).random(truth.categories.shape) < 0.5
    return np.where(chance & (truth.categories != VOID), truth.categories, 0)


def written_out(instances: Instances, truth: Sample, threshold: float, seen: np.ndarray, small: int):
    """The rules once more, with full masks and loops: two lists of reasons, the masks by falling score."""
    known = truth.categories != VOID
    objects, kinds = [], []
    for number in np.unique(truth.instances[truth.instances > 0]):
        objects.append(truth.instances == number)
        kinds.append(int(np.bincount(truth.categories[objects[-1]]).argmax()))
    masks = []
    for k in np.argsort(-instances.scores.numpy(), kind="stable"):
        full = instances.masks[int(k)].numpy()
        if (full & known).any() or not full.any():
            masks.append((full & known, int(instances.categories[k]), float(instances.scores[k])))

    def iou(a, b):
        return (a & b).sum() / max((a | b).sum(), 1)

    answer = [each for each in masks if each[2] >= threshold]
    free, taken = set(range(len(objects))), {}
    for i, (mask, kind, _) in enumerate(answer):
        for j in sorted(free):
            if kinds[j] == kind and iou(mask, objects[j]) > FIT:
                taken[i] = j
                free.discard(j)
                break

    def covers(mask, thing):
        return (mask & thing).sum() > HALF * thing.sum()

    def lies_in(mask, thing):
        return (mask & thing).sum() > HALF * mask.sum()

    missed, false = [], []
    for j, thing in enumerate(objects):
        over = [mask for mask, _, _ in answer if covers(mask, thing)]
        pieces = [mask for mask, _, _ in answer if lies_in(mask, thing)]
        if j not in free:
            missed.append("")
        elif any(kind != kinds[j] and iou(mask, thing) > FIT for mask, kind, _ in answer):
            missed.append("category")
        elif any(sum(covers(mask, other) for other in objects) > 1 for mask in over):
            missed.append("merged")
        elif len(pieces) > 1 and sum((mask & thing).sum() for mask in pieces) > HALF * thing.sum():
            missed.append("split")
        elif any(s < threshold and k == kinds[j] and iou(m, thing) > FIT for m, k, s in masks):
            missed.append("unsure")
        elif any(iou(mask, thing) > NEAR for mask, _, _ in answer):
            missed.append("loose")
        elif thing.sum() < small:
            missed.append("small")
        else:
            missed.append("unseen" if (seen[thing] > 0).mean() <= HALF else "lost")
    for i, (mask, kind, _) in enumerate(answer):
        fitting = [j for j, thing in enumerate(objects) if iou(mask, thing) > FIT]
        if i in taken:
            false.append("")
        elif any(kinds[j] == kind for j in fitting):
            false.append("twice")
        elif fitting:
            false.append("category")
        elif sum(covers(mask, thing) for thing in objects) > 1:
            false.append("merged")
        elif any(lies_in(mask, thing) and not covers(mask, thing) for thing in objects):
            false.append("part")
        else:
            false.append("loose" if any(iou(mask, thing) > NEAR for thing in objects) else "invented")
    return tuple(missed), tuple(false)


@pytest.mark.parametrize("seed", range(6))
def test_reasons_equal_the_rules_written_out(seed: int) -> None:
    occurred = set()
    for number, (found, truth) in enumerate(random_set(seed, 30)):
        seen = seen_by_chance(truth, number)
        why = failures(found, truth, THRESHOLD, seen, SMALL)
        assert (why.missed, why.false) == written_out(found, truth, THRESHOLD, seen, SMALL)
        occurred |= set(why.missed) | set(why.false)
    assert len(occurred) > 8


def test_hits_are_those_that_average_precision_counts() -> None:
    pairs = random_set(0, 40)
    why = [failures(found, truth, THRESHOLD, truth.categories, SMALL) for found, truth in pairs]
    result = average_precision([overlaps(*pair) for pair in pairs], CLASSES, "sds", [FIT])
    counts = np.sum([result.counts(category, FIT, THRESHOLD) for category in range(1, CLASSES)], 0)
    missed, false = tally(why)
    assert sum(one.hits for one in why) == counts[0]
    assert sum(false.values()) == counts[1]
    assert sum(missed.values()) == counts[2]
    assert tuple(missed) == MISSED
    assert tuple(false) == FALSE


def test_a_perfect_answer_fails_nowhere_and_none_misses_all() -> None:
    for _, truth in random_set(1, 10):
        perfect = failures(masks_from_truth(truth), truth, 0.5, truth.categories, SMALL)
        assert perfect.f1 == 1
        assert not any(perfect.missed + perfect.false)
        nothing = failures(Instances.none(*truth.instances.shape), truth, 0.5, truth.categories, SMALL)
        assert set(nothing.missed) <= {"small", "lost"}
        assert nothing.false == ()


@pytest.mark.parametrize("turn", [np.fliplr, np.flipud, lambda each: np.rot90(each)])
def test_a_turned_picture_fails_for_the_same_reasons(turn) -> None:
    for number, (found, truth) in enumerate(random_set(2, 20)):
        seen = seen_by_chance(truth, number)
        turned = Sample(
            "turned", *(turn(each).copy() for each in (truth.picture, truth.categories, truth.instances))
        )
        masks = [turn(mask.numpy()).copy() for mask in found.masks]
        there = torch.from_numpy(np.array(masks, bool).reshape(-1, *turned.instances.shape))
        also = Instances.from_masks(there, found.categories, found.scores, found.boxes)
        first = failures(found, truth, THRESHOLD, seen, SMALL)
        second = failures(also, turned, THRESHOLD, turn(seen).copy(), SMALL)
        assert (first.missed, first.false) == (second.missed, second.false)


def test_other_numbers_of_the_instances_change_no_reason() -> None:
    for found, truth in random_set(3, 20):
        first = failures(found, truth, THRESHOLD, truth.categories, SMALL)
        other = dataclasses.replace(
            truth, instances=np.where(truth.instances > 0, 50 - truth.instances, 0).astype(np.int32)
        )
        second = failures(found, other, THRESHOLD, other.categories, SMALL)
        assert first.missed == second.missed[::-1]
        assert first.false == second.false


def test_what_is_kept_points_to_the_masks_given_in_whatever_order() -> None:
    for found, truth in random_set(4, 20):
        why = failures(found, truth, THRESHOLD, truth.categories, SMALL)
        scores = found.scores[torch.from_numpy(why.kept)]
        assert bool((scores[:-1] >= scores[1:]).all())
        assert bool((scores >= THRESHOLD).all())
        assert len(why.kept) == len(why.false)


def test_a_map_of_another_size_is_refused() -> None:
    found, truth = random_set(5, 1)[0]
    with pytest.raises(ValueError, match="expected the size of made-up"):
        failures(found, truth, 0.5, truth.categories[1:], SMALL)


def test_an_empty_picture_is_all_right() -> None:
    empty = np.zeros((4, 5), np.int32)
    truth = Sample("empty", np.zeros((4, 5, 3), np.uint8), empty.astype(np.uint8), empty)
    why = failures(Instances.none(4, 5), truth, 0.5, empty, 1)
    assert (why.missed, why.false, why.f1) == ((), (), 1.0)
    assert not len(seen_share(truth, np.zeros(0, np.int64), empty))


def test_panoptic_numbers_cost_what_is_there() -> None:
    """With a table up to the largest number this instance would take 32 GiB."""
    instances = np.array([[0, 2**31 - 1, 2**31 - 1, 5]], np.int32)
    drawn = Sample("large", np.zeros((1, 4, 3), np.uint8), (instances > 0).astype(np.uint8), instances)
    said = np.array([[1, 1, 0, 0]])
    assert seen_share(drawn, np.array([2**31 - 1, 5]), said).tolist() == [0.5, 0.0]
    with pytest.raises(ValueError, match="numbers: 4, expected instances of large"):
        seen_share(drawn, np.array([4]), said)
