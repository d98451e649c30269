"""How fast AP^r is beside pycocotools, on the same masks: `python tests/benchmarks/average_precision_speed.py`.

Ours goes from masks and label maps to the figures. Theirs is measured twice: with the encoding of the masks, which it
cannot do without, and from masks that are encoded already. Each takes the best of several runs, and both must give the
same figures to 1e-9. Prints JSON; `ratio` is their seconds over ours, so more than 1 says that ours is faster.
"""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from pycocotools import mask as coco_masks
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from stored_result import arguments, origin, publish

from bridgeseg.measures.average_precision import VOLUME, average_precision
from bridgeseg.measures.mask_iou import overlaps
from bridgeseg.structures.instances import Instances
from bridgeseg.structures.labels import Sample

Pairs = list[tuple[Instances, Sample]]
SETS: dict[str, dict[str, Any]] = {
    "scenes": {"pictures": 200, "size": (96, 96), "objects": 6, "radius": 14, "categories": 4, "extra": 4},
    "photographs": {
        "pictures": 100,
        "size": (375, 500),
        "objects": 4,
        "radius": 80,
        "categories": 20,
        "extra": 8,
    },
    "nuclei": {"pictures": 60, "size": (256, 256), "objects": 60, "radius": 12, "categories": 1, "extra": 15},
}


def make_set(
    pictures: int, size: tuple[int, int], objects: int, radius: int, categories: int, extra: int
) -> Pairs:
    """Discs over each other as the truth; the same discs shifted a little, and some anywhere, as what was found."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[: size[0], : size[1]]

    def disc(y: float, x: float, r: float) -> np.ndarray:
        return (rows - y) ** 2 + (columns - x) ** 2 < r * r

    pairs = []
    for number in range(pictures):
        instances = np.zeros(size, np.int32)
        kinds = np.concatenate([[0], random.integers(1, categories + 1, objects)])
        masks, guesses = [], []
        for index in range(1, objects + 1):
            y, x, r = *random.uniform((0, 0), size), random.uniform(0.4, 1) * radius
            instances[disc(y, x, r)] = index
            masks.append(disc(*random.normal((y, x, r), 0.15 * r)))
            guesses.append(kinds[index] if random.random() < 0.9 else random.integers(1, categories + 1))
        for _ in range(extra):
            masks.append(disc(*random.uniform((0, 0), size), random.uniform(0.4, 1) * radius))
            guesses.append(random.integers(1, categories + 1))
        scores = torch.from_numpy(random.random(len(masks)).astype(np.float32))
        found = Instances.from_masks(
            torch.from_numpy(np.array(masks)), torch.tensor(guesses), scores, torch.zeros(len(masks), 4)
        )
        truth = Sample(
            str(number), np.zeros((*size, 3), np.uint8), kinds[instances].astype(np.uint8), instances
        )
        pairs.append((found, truth))
    return pairs


def encoded(pairs: Pairs) -> tuple[list[dict], list[dict]]:
    """The same masks as pycocotools takes them: annotations of the truth, and results."""

    def code(mask: np.ndarray) -> dict:
        return coco_masks.encode(np.asfortranarray(mask.view(np.uint8)))

    truths: list[dict] = []
    results: list[dict] = []
    for number, (found, truth) in enumerate(pairs, 1):
        for label in np.unique(truth.instances)[1:]:
            mask = truth.instances == label
            kind = int(truth.categories[mask][0])
            entry = {"image_id": number, "category_id": kind, "segmentation": code(mask), "iscrowd": 0}
            truths.append(entry | {"id": len(truths) + 1, "area": 1})
        for mask, kind, score in zip(
            found.masks[:].numpy(), found.categories.tolist(), found.scores.tolist(), strict=True
        ):
            entry = {"image_id": number, "category_id": kind, "segmentation": code(mask), "score": score}
            results.append(entry | {"id": len(results) + 1, "area": 1})
    return truths, results


def theirs(
    truths: list[dict], results: list[dict], categories: int, size: tuple[int, int], rule: str
) -> np.ndarray:
    """(categories, thresholds) AP by pycocotools: in one run by COCO's rule, a category at a time by that of SDS."""
    images = [{"id": i, "height": size[0], "width": size[1]} for i in sorted({t["image_id"] for t in truths})]
    ap = np.full((categories, len(VOLUME)), np.nan)
    with contextlib.redirect_stdout(io.StringIO()):
        indices = []
        for entries in (truths, results):
            index = COCO()
            index.dataset = {"images": images, "annotations": [dict(entry) for entry in entries]}
            index.dataset["categories"] = [{"id": c} for c in range(1, categories + 1)]
            index.createIndex()
            indices.append(index)
        number = np.bincount([t["category_id"] for t in truths], minlength=categories + 1)
        runs = (
            [[c] for c in range(1, categories + 1) if number[c]]
            if rule == "sds"
            else [list(range(1, categories + 1))]
        )
        for chosen in runs:
            judge = COCOeval(*indices, "segm")
            judge.params.catIds = chosen
            judge.params.areaRng, judge.params.areaRngLbl = [[0, 1e10]], ["all"]
            judge.params.maxDets = [100]
            judge.params.iouThrs = np.array(VOLUME)
            if rule == "sds":
                judge.params.maxDets = [10**6]
                judge.params.iouThrs = np.array(VOLUME) + 1e-7
                judge.params.recThrs = np.arange(1, number[chosen[0]] + 1) / number[chosen[0]]
            judge.evaluate()
            judge.accumulate()
            ap[np.array(chosen) - 1] = judge.eval["precision"][:, :, :, 0, 0].mean(1).T
    ap[number[1:] == 0] = np.nan
    return ap


def seconds(work: Callable[[], Any], runs: int) -> float:
    """The seconds that the fastest of several runs takes."""
    best = float("inf")
    for _ in range(runs):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def measure(recipe: dict[str, Any], runs: int) -> dict[str, Any]:
    """Time both on one set."""
    pairs, categories, size = make_set(**recipe), recipe["categories"], recipe["size"]
    truths, results = encoded(pairs)
    looks = [overlaps(*pair) for pair in pairs]
    encoding = seconds(lambda: encoded(pairs), runs)
    masks = seconds(lambda: [overlaps(*pair) for pair in pairs], runs)
    report: dict[str, Any] = {
        "pictures": len(pairs),
        "true instances": len(truths),
        "detections": len(results),
        "our masks, s": round(masks, 4),
        "their encoding, s": round(encoding, 4),
    }

    def compare(rule: str) -> dict[str, float]:
        def ours() -> np.ndarray:
            return average_precision(looks, categories + 1, rule).ap

        def other() -> np.ndarray:
            return theirs(truths, results, categories, size, rule)

        np.testing.assert_allclose(ours(), other(), rtol=0, atol=1e-9)
        matching, without = seconds(ours, runs), seconds(other, runs)
        return {
            "our matching, s": round(matching, 4),
            "theirs without encoding, s": round(without, 4),
            "ratio": round((encoding + without) / (masks + matching), 2),
            "ratio, our masks against their encoded ones": round(without / (masks + matching), 2),
        }

    return report | {rule: compare(rule) for rule in ("sds", "coco")}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    runs = given.runs
    report = origin() | {"runs": runs} | {name: measure(recipe, runs) for name, recipe in SETS.items()}
    publish("average-precision-speed", report, given.store)


if __name__ == "__main__":
    main()
