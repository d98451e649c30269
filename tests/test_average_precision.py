"""AP^r against pycocotools, against a plain second version of the MNC rule, and at its edges."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_masks
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from bridgeseg.average_precision import VOLUME, AveragePrecision, average_precision
from bridgeseg.instances import Instances
from bridgeseg.labels import VOID, Sample
from bridgeseg.overlaps import Overlaps, overlaps

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
    return Instances(
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
            mask = instances == number if number and (instances == number).any() else np.zeros((size, size), bool)
            y, x = random.integers(0, size, 2)
            mask = mask.copy()
            mask[y : y + random.integers(0, 4), x : x + random.integers(0, 4)] ^= True
            masks.append(mask)
            kinds.append(int(categories[number]) if number and random.random() < 0.8 else random.integers(1, CLASSES))
        scores = np.round(random.random(len(masks)), 1).astype(np.float32)
        pairs.append((found(np.array(masks).reshape(-1, size, size), kinds, scores.tolist()), truth))
    return pairs


def by_pycocotools(
    pairs: list[tuple[Instances, Sample]],
    category: int,
    thresholds: list[float] | np.ndarray,
    most: int,
    recalls: np.ndarray | None = None,
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
        for mask, kind, score in zip(instances.masks.numpy(), instances.categories, instances.scores, strict=True):
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
        if recalls is not None:
            judge.params.recThrs = recalls
        elif most > 100:
            judge.params.recThrs = np.arange(1, len(truths) + 1) / len(truths)
        judge.evaluate()
        judge.accumulate()
    return judge.eval["precision"][:, :, 0, 0, 0].mean(1)


def judged(pairs: list[tuple[Instances, Sample]], rule: str, thresholds: tuple[float, ...] = VOLUME) -> AveragePrecision:
    return average_precision([overlaps(*pair) for pair in pairs], CLASSES, rule, thresholds)


@pytest.mark.parametrize("seed", range(25))
def test_sds_rule_equals_pycocotools(seed: int) -> None:
    pairs = random_set(seed, pictures=1 + seed)
    result = judged(pairs, "sds")
    for category in range(1, CLASSES):
        expected = by_pycocotools(pairs, category, np.array(VOLUME) + 1e-7, most=10**6)
        if expected is None:
            assert np.isnan(result.ap[category - 1]).all()
        else:
            np.testing.assert_allclose(result.ap[category - 1], expected, rtol=0, atol=1e-9)
