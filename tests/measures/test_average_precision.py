"""AP^r against pycocotools, against a plain second version of the MNC rule, and at its edges."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_masks
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from bridgeseg.measures.average_precision import (
    RULES,
    VOLUME,
    AveragePrecision,
    average_precision,
    precision_recall,
)
from bridgeseg.measures.mask_iou import Overlaps, overlaps, true_instances
from bridgeseg.structures.instances import Instances
from bridgeseg.structures.labels import VOID, Sample

CLASSES = 4  # with the background


def sample(instances: np.ndarray, categories: np.ndarray, void: np.ndarray | None = None) -> Sample:
    """A sample from an instance map and the category of every instance, categories[0] being the background."""
    map_of_categories = categories[instances].astype(np.uint8)
    if void is not None:
        map_of_categories[void] = VOID
        instances = np.where(void, 0, instances)
    picture = np.zeros((*instances.shape, 3), np.uint8)
    return Sample("made-up", picture, map_of_categories, instances.astype(np.int32))


def found(masks: np.ndarray, categories: list[int], scores: list[float]) -> Instances:
    return Instances.from_masks(
        torch.from_numpy(masks.astype(bool)),
        torch.tensor(categories, dtype=torch.int64),
        torch.tensor(scores, dtype=torch.float32),
        torch.zeros(len(masks), 4),
    )


def random_set(seed: int, pictures: int, most: int = 8, size: int = 12) -> list[tuple[Instances, Sample]]:
    """Small random masks: IoUs of exactly 0.4, 0.5 and 0.8, and equal scores, are common on them."""
    random = np.random.default_rng(seed)
    pairs = []
    for _ in range(pictures):
        instances = np.zeros((size, size), np.int64)
        for number in range(1, random.integers(0, most + 1) + 1):
            y, x = random.integers(0, size, 2)
            instances[y : y + random.integers(1, 6), x : x + random.integers(1, 6)] = number
        categories = np.concatenate([[0], random.integers(1, CLASSES - 1, most)])  # the last one never occurs
        void = np.zeros((size, size), bool)
        if random.random() < 0.5:
            void[: random.integers(0, 5), : random.integers(0, 8)] = True
        truth = sample(instances, categories, void)
        masks, kinds = [], []
        for _ in range(random.integers(0, 2 * most)):
            number = random.integers(0, most + 1)
            mask = (
                instances == number
                if number and (instances == number).any()
                else np.zeros((size, size), bool)
            )
            y, x = random.integers(0, size, 2)
            mask = mask.copy()
            mask[y : y + random.integers(0, 4), x : x + random.integers(0, 4)] ^= True
            masks.append(mask)
            kinds.append(
                int(categories[number]) if number and random.random() < 0.8 else random.integers(1, CLASSES)
            )
        scores = np.round(random.random(len(masks)), 1).astype(np.float32)
        pairs.append((found(np.array(masks).reshape(-1, size, size), kinds, scores.tolist()), truth))
    return pairs


def by_pycocotools(
    pairs: list[tuple[Instances, Sample]],
    category: int,
    thresholds: Sequence[float] | np.ndarray,
    most: int,
) -> np.ndarray | None:
    """(thresholds,) AP of one category, or None without true instances; void is taken out of the masks first."""
    truths, results = [], []
    for number, (instances, truth) in enumerate(pairs, 1):
        for label in np.unique(truth.instances[truth.instances > 0]):
            mask = truth.instances == label
            if np.bincount(truth.categories[mask]).argmax() == category:
                code = coco_masks.encode(np.asfortranarray(mask.astype(np.uint8)))
                entry = {"image_id": number, "category_id": category, "segmentation": code}
                truths.append(entry | {"id": len(truths) + 1, "iscrowd": 0, "ignore": 0, "area": 1})
        for mask, kind, score in zip(
            instances.masks[:].numpy(), instances.categories, instances.scores, strict=True
        ):
            left = mask & (truth.categories != VOID)
            if kind == category and (left.any() or not mask.any()):
                code = coco_masks.encode(np.asfortranarray(left.astype(np.uint8)))
                entry = {"image_id": number, "category_id": category, "segmentation": code}
                results.append(entry | {"id": len(results) + 1, "score": float(score), "area": 1})
    if not truths:
        return None
    with contextlib.redirect_stdout(io.StringIO()):
        of_truth, of_results = COCO(), COCO()
        size = dict(zip(("height", "width"), pairs[0][1].instances.shape, strict=True))
        images = [{"id": number} | size for number in range(1, len(pairs) + 1)]
        for index, entries in ((of_truth, truths), (of_results, results)):
            index.dataset = {"images": images, "categories": [{"id": category}], "annotations": entries}
            index.createIndex()
        judge = COCOeval(of_truth, of_results, "segm")
        judge.params.maxDets = [most]
        judge.params.areaRng, judge.params.areaRngLbl = [[0, 1e10]], ["all"]
        judge.params.iouThrs = np.asarray(thresholds)
        if most > 100:
            judge.params.recThrs = np.arange(1, len(truths) + 1) / len(truths)
        judge.evaluate()
        judge.accumulate()
    return judge.eval["precision"][:, :, 0, 0, 0].mean(1)


def judged(
    pairs: list[tuple[Instances, Sample]], rule: str, thresholds: Sequence[float] = VOLUME
) -> AveragePrecision:
    return average_precision([overlaps(*pair) for pair in pairs], CLASSES, rule, thresholds)


def assert_equal(result: AveragePrecision, expected: list[np.ndarray | None]) -> None:
    for row, of_category in zip(result.ap, expected, strict=True):
        if of_category is None:
            assert np.isnan(row).all()
        else:
            np.testing.assert_allclose(row, of_category, rtol=0, atol=1e-9)


@pytest.mark.parametrize("seed", range(25))
def test_sds_rule_equals_pycocotools(seed: int) -> None:
    pairs = random_set(seed, pictures=1 + seed)
    thresholds = np.array(VOLUME) + 1e-7  # turns ≥ into >
    expected = [by_pycocotools(pairs, category, thresholds, most=10**6) for category in range(1, CLASSES)]
    assert_equal(judged(pairs, "sds"), expected)


@pytest.mark.parametrize("seed", range(25))
def test_coco_rule_equals_plain_pycocotools(seed: int) -> None:
    pairs = random_set(seed, pictures=1 + seed)
    for thresholds in (VOLUME, np.linspace(0.5, 0.95, 10)):
        expected = [by_pycocotools(pairs, category, thresholds, most=100) for category in range(1, CLASSES)]
        assert_equal(judged(pairs, "coco", thresholds), expected)


def test_coco_rule_stops_at_a_hundred_and_the_others_do_not() -> None:
    """Over a hundred detections a picture and category, with the good ones at the end of the ranking."""
    pairs = []
    for instances, truth in random_set(7, pictures=3, most=9):
        bad = np.zeros((130, 12, 12), bool)
        bad[:, 11, 11] = True
        masks = np.concatenate([bad, instances.masks[:].numpy()])
        categories = [1] * 130 + instances.categories.tolist()
        scores = np.linspace(1, 0.3, 130).tolist() + instances.scores.tolist()
        pairs.append((found(masks, categories, scores), truth))
    expected = [by_pycocotools(pairs, category, VOLUME, most=100) for category in range(1, CLASSES)]
    limited = judged(pairs, "coco")
    assert_equal(limited, expected)
    assert len(limited.scores[0]) == 300
    expected = [by_pycocotools(pairs, c, np.array(VOLUME) + 1e-7, most=10**6) for c in range(1, CLASSES)]
    unlimited = judged(pairs, "sds")
    assert_equal(unlimited, expected)
    assert len(unlimited.scores[0]) > 390
    assert unlimited.hits[0].sum() > limited.hits[0].sum()


def by_the_mnc_rule(pairs: list[tuple[Instances, Sample]], category: int, tenths: int) -> float | None:
    """The rule of the MNC and FCIS releases, written as plainly as possible, in whole numbers."""
    detections, total = [], 0
    for number, (instances, truth) in enumerate(pairs):
        labels = [label for label in np.unique(truth.instances) if label > 0]
        own = [n for n in labels if np.bincount(truth.categories[truth.instances == n]).argmax() == category]
        total += len(own)
        for mask, kind, score in zip(instances.masks[:].numpy(), instances.categories, instances.scores):
            left = mask & (truth.categories != VOID)
            if kind == category and (left.any() or not mask.any()):
                detections.append((-float(score), number, left, own, truth.instances))
    if not total:
        return None
    detections.sort(key=lambda detection: detection[0])
    taken, hits, points = set(), 0, [(0, 1)]
    for rank, (_, number, left, own, labels) in enumerate(detections, 1):
        best, best_label = Fraction(-1), None
        for label in own:
            true = labels == label
            iou = Fraction(int((left & true).sum()), int((left | true).sum()))
            if iou > best:
                best, best_label = iou, label
        if best >= Fraction(tenths, 10) and (number, best_label) not in taken:
            taken.add((number, best_label))
            hits += 1
        points.append((hits, rank))
    eleven = [max([Fraction(h, r) for h, r in points if 10 * h >= k * total], default=0) for k in range(11)]
    return float(sum(eleven) / 11)


@pytest.mark.parametrize("seed", range(12))
def test_mnc_rule_equals_a_plain_version_in_whole_numbers(seed: int) -> None:
    pairs = random_set(seed, pictures=1 + seed)
    expected: list[np.ndarray | None] = []
    for category in range(1, CLASSES):
        figures = [by_the_mnc_rule(pairs, category, tenths) for tenths in range(1, 10)]
        expected.append(None if figures[0] is None else np.array(figures))
    assert_equal(judged(pairs, "mnc"), expected)


def test_the_random_sets_hold_what_they_are_meant_to_hold() -> None:
    """Ties at the thresholds, equal scores, void, empty pictures: without these the tests above say little."""
    pairs = [pair for seed in range(25) for pair in random_set(seed, pictures=1 + seed)]
    looks = [overlaps(*pair) for pair in pairs]
    iou = np.concatenate([look.iou.ravel() for look in looks])
    for tie in (0.2, 0.4, 0.5, 0.6, 0.8):
        assert (iou == tie).sum() > 20
    assert sum(len(look.kept) < len(instances) for look, (instances, _) in zip(looks, pairs)) > 5
    assert sum(not len(look.true_numbers) and len(look.scores) for look in looks) > 5
    assert sum(len(look.true_numbers) > 0 and not len(look.scores) for look in looks) > 5
    assert sum(len(set(look.scores)) < len(look.scores) for look in looks) > 100
    assert len({rule: judged(pairs, rule).ap_r_vol for rule in RULES}) == 3
    assert judged(pairs, "sds").ap_r_vol != judged(pairs, "mnc").ap_r_vol


def test_ious_are_the_ratios_of_counts_rounded_once() -> None:
    for instances, truth in random_set(3, pictures=30):
        look = overlaps(instances, truth)
        assert (np.diff(look.scores) <= 0).all()
        for row, index in zip(look.iou, look.kept, strict=True):
            mask = instances.masks[index].numpy() & (truth.categories != VOID)
            for value, number in zip(row, look.true_numbers, strict=True):
                true = truth.instances == number
                assert value == float(Fraction(int((mask & true).sum()), int((mask | true).sum())))


def test_every_tie_of_a_ratio_with_a_threshold_is_seen() -> None:
    """Comparing doubles is comparing whole numbers: every ratio of small counts, and large ones next to a tie."""
    shared, union = np.meshgrid(np.arange(0, 301), np.arange(1, 301))
    close = [
        (k * n + d, 10 * n + e)
        for n in (1, 7, 10**4, 10**9 + 7)
        for k in range(1, 10)
        for d in (-1, 0, 1)
        for e in (-1, 0, 1)
    ]
    for top, bottom in [(shared.ravel(), union.ravel()), tuple(np.array(close, np.int64).T)]:
        for k, threshold in enumerate(VOLUME, 1):
            np.testing.assert_array_equal(top / bottom > threshold, 10 * top > k * bottom)
            np.testing.assert_array_equal(top / bottom >= threshold, 10 * top >= k * bottom)


def strip(*lengths: int) -> np.ndarray:
    """One row of pixels, the instances 1, 2 … beside each other with these lengths, and two free pixels."""
    return np.repeat([*range(1, len(lengths) + 1), 0], [*lengths, 2])[None]


@pytest.mark.parametrize("tenths", [4, 5, 8])
def test_an_iou_on_the_threshold_is_a_hit_unless_the_rule_is_sds(tenths: int) -> None:
    truth = sample(strip(10), np.array([0, 1]))
    mask = np.arange(12)[None, None] < tenths
    pairs = [(found(mask, [1], [0.9]), truth)]
    assert overlaps(*pairs[0]).iou.tolist() == [[tenths / 10]]
    for rule in RULES:
        ap_r = judged(pairs, rule).ap_r
        assert ap_r[tenths / 10] == (0 if rule == "sds" else 1)
        assert ap_r[(tenths - 1) / 10] == 1
        assert ap_r[(tenths + 1) / 10] == 0


def test_a_second_detection_takes_the_next_best_unless_the_rule_is_mnc() -> None:
    """Both want instance 1 most; the second also covers two fifths of the whole with instance 2."""
    truth = sample(strip(5, 5), np.array([0, 1, 1]))
    masks = np.zeros((2, 1, 12), bool)
    masks[0, 0, :5] = True
    masks[1, 0, :9] = True  # 5/9 with instance 1, 4/10 with instance 2
    pairs = [(found(masks, [1, 1], [0.9, 0.8]), truth)]
    assert judged(pairs, "sds").ap_r[0.3] == judged(pairs, "coco").ap_r[0.3] == 1
    assert judged(pairs, "sds").counts(1, 0.3) == (2, 0, 0)
    assert judged(pairs, "mnc").counts(1, 0.3) == (1, 1, 1)
    assert judged(pairs, "mnc").ap_r[0.3] == pytest.approx(6 / 11)
    assert judged(pairs, "sds").counts(1, 0.4) == (1, 1, 1)  # 0.4 is not more than 0.4
    assert judged(pairs, "coco").counts(1, 0.4) == (2, 0, 0)


@pytest.mark.parametrize("wanted", [1, 2])
def test_of_two_equal_ious_each_rule_takes_the_one_it_says(wanted: int) -> None:
    """The first detection has 0.5 with both instances; the second, one of the two exactly, needs that one free."""
    truth = sample(strip(4, 4), np.array([0, 1, 1]))
    masks = np.zeros((2, 1, 10), bool)
    masks[0, 0, :8] = True
    masks[1] = truth.instances == wanted
    pairs = [(found(masks, [1, 1], [0.9, 0.8]), truth)]
    assert judged(pairs, "sds").counts(1, 0.4)[0] == judged(pairs, "coco").counts(1, 0.4)[0] == wanted % 2 + 1
    assert judged(pairs, "mnc").counts(1, 0.4)[0] == wanted
    assert_equal(judged(pairs, "coco"), [by_pycocotools(pairs, 1, VOLUME, most=100), None, None])


def test_integration_by_hand() -> None:
    """Right, wrong, right of four: precision 1 up to a recall of 1/4, 2/3 up to 1/2, then nothing."""
    truth = sample(strip(2, 2, 2, 2), np.array([0, 1, 1, 1, 1]))
    masks = np.zeros((3, 1, 10), bool)
    masks[0, 0, 0:2] = masks[1, 0, 8:10] = masks[2, 0, 2:4] = True
    pairs = [(found(masks, [1, 1, 1], [0.9, 0.8, 0.7]), truth)]
    for rule, expected in (
        ("sds", 1 / 4 + 2 / 3 / 4),
        ("mnc", (3 + 3 * 2 / 3) / 11),  # recalls 0, 0.1, 0.2, then 0.3, 0.4, 0.5
        ("coco", (26 + 25 * 2 / 3) / 101),
    ):
        result = judged(pairs, rule)
        assert result.ap_r_vol == pytest.approx(expected, abs=1e-12)
        recall, precision = result.curve(1, 0.5)
        np.testing.assert_allclose(recall, [1 / 4, 1 / 4, 2 / 4])
        np.testing.assert_allclose(precision, [1, 1 / 2, 2 / 3])
        assert result.counts(1, 0.5) == (2, 1, 2)
        assert result.counts(1, 0.5, score=0.75) == (1, 1, 3)
        assert result.counts(1, 0.5, score=0.95) == (0, 0, 4)


def test_void_counts_neither_for_nor_against() -> None:
    void = np.zeros((1, 12), bool)
    void[0, 6:] = True
    truth = sample(np.array([[1, 1, 1, 1, 0, 0, 2, 2, 2, 2, 0, 0]]), np.array([0, 1, 1]), void)
    spill, lost, empty = np.zeros((3, 1, 12), bool)
    spill[0, :4] = spill[0, 6:9] = True  # instance 1 and much void: a perfect mask
    lost[0, 6:10] = True  # wholly on void
    look = overlaps(found(np.stack([lost, spill]), [1, 1], [0.9, 0.8]), truth)
    assert look.kept.tolist() == [1]
    assert look.iou.tolist() == [[1.0]]
    assert average_precision([look], 2).ap_r_vol == 1
    look = overlaps(found(np.stack([empty, spill]), [1, 1], [0.9, 0.8]), truth)
    assert look.kept.tolist() == [0, 1]
    assert average_precision([look], 2).ap_r_vol == 0.5


@pytest.mark.parametrize("rule", RULES)
def test_nothing_true_and_nothing_found(rule: str) -> None:
    blank = sample(np.zeros((4, 5), np.int64), np.zeros(1, int))
    full = sample(np.ones((4, 5), np.int64), np.array([0, 1]))
    nothing, whole = Instances.none(4, 5), found(np.ones((1, 4, 5)), [1], [0.5])
    assert overlaps(nothing, blank).iou.shape == (0, 0)
    assert overlaps(nothing, full).iou.shape == (0, 1)
    assert overlaps(whole, blank).iou.shape == (1, 0)
    for pairs in ([], [(nothing, blank)], [(whole, blank)]):
        assert np.isnan(judged(pairs, rule).ap).all()
        assert np.isnan(judged(pairs, rule).ap_r_vol)
    assert np.isnan(judged([(whole, blank)], rule).curve(1, 0.5)[0]).all()
    result = judged([(nothing, full)], rule)
    assert result.ap_r_vol == 0
    assert result.counts(1, 0.5) == (0, 0, 1)
    np.testing.assert_array_equal(np.isnan(result.ap[:, 0]), [False, True, True])
    assert judged([(nothing, blank), (whole, full)], rule).ap_r_vol == pytest.approx(1, abs=1e-15)
    assert judged([(whole, blank), (whole, full)], rule).ap_r_vol == pytest.approx(0.5, abs=1e-15)


@pytest.mark.parametrize("rule", RULES)
def test_the_order_of_what_has_distinct_scores_does_not_matter(rule: str) -> None:
    random = np.random.default_rng(0)
    pairs, shuffled = [], []
    for instances, truth in random_set(11, pictures=12):
        scores = torch.from_numpy(random.random(len(instances)))
        instances = Instances(instances.masks, instances.categories, scores, instances.boxes)
        pairs.append((instances, truth))
        shuffled.append((instances.select(torch.from_numpy(random.permutation(len(instances)))), truth))
    random.shuffle(shuffled)
    np.testing.assert_array_equal(judged(pairs, rule).ap, judged(shuffled, rule).ap)


@pytest.mark.parametrize("rule", RULES)
def test_mirrored_pictures_and_numbers_with_gaps_give_the_same(rule: str) -> None:
    pairs, mirrored = random_set(12, pictures=12), []
    for instances, truth in pairs:
        other = Sample("m", truth.picture, truth.categories[:, ::-1], truth.instances[:, ::-1] * 1000)
        mirrored.append(
            (
                Instances.from_masks(
                    instances.masks[:].flip(2), instances.categories, instances.scores, instances.boxes
                ),
                other,
            )
        )
    np.testing.assert_array_equal(judged(pairs, rule).ap, judged(mirrored, rule).ap)


def test_one_threshold_or_many_give_the_same() -> None:
    pairs = random_set(13, pictures=12)
    for rule in RULES:
        together = judged(pairs, rule)
        for threshold in VOLUME:
            assert judged(pairs, rule, [threshold]).ap_r[threshold] == together.ap_r[threshold]


def test_the_category_of_an_instance_is_that_of_most_of_its_pixels() -> None:
    truth = sample(strip(5), np.array([0, 1]))
    truth.categories[0, 1:4] = 3
    assert overlaps(Instances.none(1, 7), truth).true_categories.tolist() == [3]


def test_a_category_without_an_instance_is_no_true_instance() -> None:
    truth = sample(strip(3, 4), np.array([0, 1, 2]))
    truth.instances[truth.instances == 1] = 0  # its pixels keep their category
    numbers, kinds = true_instances(truth)
    assert (numbers.tolist(), kinds.tolist()) == ([2], [2])
    look = overlaps(found(np.stack([truth.categories == 1, truth.categories > 0]), [1, 2], [0.9, 0.8]), truth)
    assert look.iou.tolist() == [[0], [4 / 7]]


def test_panoptic_numbers_cost_what_is_there() -> None:
    """With a table up to the largest number these two instances would take 32 GiB."""
    small = sample(strip(5, 4), np.array([0, 1, 2]))
    large = Sample(
        "large", small.picture, small.categories, np.array([0, 26_000_001, 2**31 - 1])[small.instances]
    )
    numbers, kinds = true_instances(large)
    assert (numbers.tolist(), kinds.tolist()) == ([26_000_001, 2**31 - 1], [1, 2])
    masks = found(np.stack([small.instances == 1, small.instances > 0]), [1, 2], [0.9, 0.8])
    look = overlaps(masks, large)
    np.testing.assert_array_equal(look.iou, overlaps(masks, small).iou)
    assert look.true_numbers.tolist() == numbers.tolist()


def test_what_is_wrong_is_named() -> None:
    pairs = random_set(14, pictures=5)
    with pytest.raises(ValueError, match="rule: found 'voc', expected one of sds, mnc, coco"):
        judged(pairs, "voc")
    with pytest.raises(ValueError, match="categories hold 3, expected 1…2"):
        average_precision([overlaps(*pair) for pair in pairs], 3)
    with pytest.raises(ValueError, match=r"made-up: masks are \(3, 4\), expected \(12, 12\)"):
        overlaps(Instances.none(3, 4), pairs[0][1])
    result = judged(pairs, "sds", [0.5, 0.7])
    with pytest.raises(ValueError, match="0.1 not found"):
        _ = result.ap_r_vol
    with pytest.raises(ValueError, match="threshold: found 0.6"):
        result.curve(1, 0.6)


@pytest.mark.parametrize("limit", [50, -0.1, float("nan")])
def test_a_threshold_that_no_iou_can_reach_is_refused(limit: float) -> None:
    """Half meant as 50 would give an AP of 0 for every network."""
    with pytest.raises(ValueError, match="thresholds: found .*, expected IoUs in 0…1"):
        average_precision([], 2, thresholds=[0.5, limit])


def test_scores_that_are_nan_and_truths_that_are_none_are_refused() -> None:
    one = np.array([1])
    look = Overlaps(np.array([[0.9]]), one, np.array([np.nan]), one, np.array([0]), one)
    with pytest.raises(ValueError, match="scores hold nan, expected numbers"):
        average_precision([look], 2)
    with pytest.raises(ValueError, match="truths: found 0, expected 1 or more"):
        precision_recall(np.array([True]), 0)
