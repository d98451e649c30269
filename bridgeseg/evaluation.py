"""How good trained networks are on pictures that they were not trained on: every measure in one loop.

Built in chapter 10.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from bridgeseg.average_precision import RULES, average_precision
from bridgeseg.components import component_instances
from bridgeseg.heads import enlarge
from bridgeseg.instances import Instances
from bridgeseg.labels import BadInput, Labelled, Sample
from bridgeseg.mean_iou import confusion, mean_iou
from bridgeseg.oracles import true_scores
from bridgeseg.overlaps import Overlaps, overlaps
from bridgeseg.prediction import Maps, category_map, group, predict_maps, resized
from bridgeseg.progress import Bar
from bridgeseg.runs import Run
from bridgeseg.splits import check_scoring
from bridgeseg.voting import Voting, weighed

Progress = Callable[[float, str], None]
Grouping = Callable[[Maps, Sample], Instances]
MATCH = 0.5  # IoU from which an instance counts as found when the score threshold is chosen


def held_out(names: Sequence[str], share: float, most: int = 40) -> list[str]:
    """Pick the training pictures that are kept back, to choose the score threshold on.

    names: of all pictures of the training part
    share: of them to keep back, 0…1
    most: not more than so many; a threshold needs no more
    returns: names in their order; at least one where there are two pictures and the share is above 0

    Chosen by a hash of the name, so that the order does not matter. Our choice; the paper says nothing of a threshold.
    Built in chapter 10.
    """
    count = min(most, round(share * len(names)), len(names) - 1)
    if share > 0 and len(names) > 1:
        count = max(count, 1)
    ranked = sorted(names, key=lambda name: hashlib.sha256(f"held out {name}".encode()).digest())
    chosen = set(ranked[: max(count, 0)])
    return [name for name in names if name in chosen]


def found_in(run: Run, sample: Sample) -> Instances:
    """Return the instances of a picture as the run finds them, masks of the picture's own size."""
    return at_size(group(_maps(run, sample), run.recipe.grouping), sample.instances.shape[:2])


def at_size(instances: Instances, size: tuple[int, int]) -> Instances:
    """Return instances with masks and boxes brought from the working size to the picture's own.

    size: height and width of the picture
    """
    height, width = instances.masks.shape[1:]
    if (height, width) == size:
        return instances
    scale = instances.boxes.new_tensor([size[1] / width, size[0] / height] * 2)
    masks = resized(instances.masks, size)
    return Instances(masks, instances.categories, instances.scores, instances.boxes * scale)


def choose_threshold(run: Run, samples: Sequence[Sample], otherwise: float = 0.5) -> float:
    """Return the score threshold with the best F1 over all categories together, at IoU 0.5.

    run: networks and recipe; its own threshold is not looked at
    samples: pictures that the networks were not trained on
    otherwise: returned where nothing is found or nothing is there
    returns: a score half-way between the last that is worth keeping and the next

    Our choice. Built in chapter 10.
    """
    found = [overlaps(found_in(run, sample), sample) for sample in samples]
    return best_threshold(found, len(run.categories), otherwise)


def best_threshold(found: Sequence[Overlaps], classes: int, otherwise: float = 0.5) -> float:
    """Return the score threshold with the best F1, as `choose_threshold`, from overlaps with the truth.

    classes: number of categories with the background
    """
    result = average_precision(found, classes, "sds", (MATCH,))
    scores = np.concatenate(result.scores)
    order = np.argsort(-scores, kind="stable")
    scores, hits = scores[order], np.concatenate(result.hits)[order, 0]
    truths = int(result.truths.sum())
    if not truths or not hits.any():
        return otherwise
    f1 = 2 * hits.cumsum() / (np.arange(1, len(hits) + 1) + truths)
    # A threshold cannot part equal scores: only the last of them is a place to cut.
    f1[:-1][scores[:-1] == scores[1:]] = -1
    best = int(f1.argmax())
    following = scores[best + 1] if best + 1 < len(scores) else 0.0
    return float((scores[best] + following) / 2)


def evaluate(
    run: Run,
    dataset: Labelled,
    rule: str = "sds",
    progress: Progress | None = None,
    grouping: Grouping | None = None,
) -> dict[str, Any]:
    """Measure a run on a data set.

    dataset: pictures with the truth; measured at the pictures' own size
    rule: of AP^r: "sds", "mnc" or "coco"
    progress: called with the share done and a line; a bar on standard error by default
    grouping: what turns maps into instances, instead of the recipe's
    returns: ready for JSON, None where a figure is not defined: mean_iou; iou by category; ap_r by threshold, "0.1" …
        "0.9"; ap_r_vol; ap_r_by_category; rule; images and instances, the numbers of pictures and of true instances;
        seconds_per_image: of networks and grouping, reading and measuring not counted
    raises: BadInput for another rule or for other categories than the run's; what the data set raises

    Built in chapter 10.
    """
    if rule not in RULES:
        raise BadInput(f"rule: {rule!r}, expected one of {', '.join(RULES)}")
    check_categories(run.categories, dataset.categories)
    classes = len(run.categories)
    matrix, found, seconds = np.zeros((classes, classes), np.int64), [], 0.0
    bar = Bar(quiet=True)
    tell = progress or bar
    try:
        for index in range(len(dataset)):
            sample = dataset[index]
            began = time.perf_counter()
            maps = _maps(run, sample)
            size = (sample.instances.shape[0], sample.instances.shape[1])
            instances = grouping(maps, sample) if grouping else group(maps, run.recipe.grouping)
            instances = at_size(instances, size)
            categories = resized(category_map(maps), size).cpu()
            seconds += time.perf_counter() - began
            matrix += confusion(sample.categories, categories, classes)
            found.append(overlaps(instances, sample))
            tell((index + 1) / len(dataset), f"{index + 1} of {len(dataset)} pictures")
    finally:
        bar.close()
    mean, iou = mean_iou(matrix)
    result = average_precision(found, classes, rule)
    return {
        "mean_iou": _defined(mean),
        "iou": {name: _defined(value) for name, value in zip(run.categories, iou.tolist(), strict=True)},
        "ap_r": {f"{threshold:.1f}": _defined(value) for threshold, value in result.ap_r.items()},
        "ap_r_vol": _defined(result.ap_r_vol),
        "ap_r_by_category": {
            name: {f"{t:.1f}": _defined(value) for t, value in zip(result.thresholds, row)}
            for name, row in zip(run.categories[1:], result.ap.tolist(), strict=True)
        },
        "rule": rule,
        "images": len(found),
        "instances": int(result.truths.sum()),
        "seconds_per_image": seconds / max(len(found), 1),
    }


def evaluate_components(
    run: Run, dataset: Labelled, rule: str = "sds", progress: Progress | None = None
) -> dict[str, Any]:
    """Measure the baseline, components of the same masks, as `evaluate`. Built in chapter 10."""
    return evaluate(run, dataset, rule, progress, components)


def evaluate_true_categories(
    run: Run, dataset: Labelled, rule: str = "sds", progress: Progress | None = None
) -> dict[str, Any]:
    """Measure the run's boxes with true category masks on a data set, as `evaluate`.

    The mIoU is still that of the run's own masks. Paper: the experiment with true category masks. Built in chapter 10.
    """
    return evaluate(run, dataset, rule, progress, partial(with_true_categories, run))


def components(maps: Maps, sample: Sample) -> Instances:
    """Group by connected components of the category map: the baseline that boxes must beat."""
    return component_instances(maps.scores, maps.stride, maps.size)


def with_true_categories(run: Run, maps: Maps, sample: Sample) -> Instances:
    """Group the run's boxes with the true category of every pixel in the place of the scores.

    Our clustering gets them at full resolution, so that edges are fine; the paper's suppression at its own cells.
    """
    at_work = dataclasses.replace(
        sample, categories=resized(torch.from_numpy(sample.categories), maps.size).numpy()
    )
    settings = run.recipe.grouping
    if isinstance(settings, Voting):
        full = enlarge(weighed(maps.boxes, maps.scores)[None], maps.stride, maps.size)[0]
        boxes = full[:4] / full[4:]
        settings = dataclasses.replace(settings, cell=settings.cell or maps.stride)
        stride = 1
    else:
        boxes, stride = maps.boxes, maps.stride
    scores = true_scores(at_work, len(run.categories), stride).to(boxes.device)
    return group(Maps(scores, boxes, stride, maps.size), settings)


def check_categories(own: tuple[str, ...], others: tuple[str, ...]) -> None:
    """Refuse to compare answers and truth with different categories.

    Where both have a single one its name does not matter: a folder that names none calls it "object".

    raises: BadInput with both lists
    """
    if tuple(own) != tuple(others) and not len(own) == len(others) == 2:
        raise BadInput(f"data: has the categories {_listed(others)}; the run knows {_listed(own)}")


def check_unseen(run: Run, dataset: Labelled, split: str) -> str | None:
    """Refuse to score a run on pictures that it was trained on, unless it was asked for by the name of the split.

    split: where it is "train", someone wants to see how well the training pictures are learnt, and is told so
    returns: a warning, or None
    raises: BadInput with the number of such pictures

    Pictures are told by their names. Built in chapter 10.
    """
    try:
        check_scoring(run.trained_on, dataset.names, "evaluate")
    except BadInput as error:
        if split != "train":
            raise
        return f"{error}; on the split 'train' these figures say how well it was learnt, not how good it is"
    return None


def _maps(run: Run, sample: Sample) -> Maps:
    return predict_maps(run.networks, sample.picture, run.recipe)


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else value


def _listed(categories: tuple[str, ...]) -> str:
    names = categories[1:]
    return ", ".join(names[:4]) + (f" … ({len(names)})" if len(names) > 4 else "")
