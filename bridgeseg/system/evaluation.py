"""How good trained networks are on pictures that they were not trained on: every measure in one loop.

Built in chapter 10.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from bridgeseg.data.splits import check_scoring
from bridgeseg.grouping.components import component_instances
from bridgeseg.grouping.voting import Voting
from bridgeseg.machine.notes import Note, unsaid
from bridgeseg.machine.progress import Progress, silent
from bridgeseg.measures.average_precision import RULES, average_precision
from bridgeseg.measures.mask_iou import Overlaps, overlaps
from bridgeseg.measures.mean_iou import confusion, mean_iou
from bridgeseg.structures.cells import resized
from bridgeseg.structures.instances import Instances
from bridgeseg.structures.labels import BadInput, Labelled, Sample
from bridgeseg.system.batched_prediction import maps_of_all, read_ahead
from bridgeseg.system.checkpoint import Run
from bridgeseg.system.made_smaller import made_smaller
from bridgeseg.system.oracles import at_every_pixel, with_truth
from bridgeseg.system.prediction import Maps, at_size, category_map, group

Grouping = Callable[[Maps, Sample], Instances]
Looking = Callable[[Sample, Instances, Overlaps], None]
"""What is shown every answer of an evaluation: the picture, the candidates, and how they overlap with the truth."""


def evaluate(
    run: Run,
    dataset: Labelled,
    rule: str = "sds",
    progress: Progress = silent,
    grouping: Grouping | None = None,
    look: Looking | None = None,
    note: Note = unsaid,
) -> dict[str, Any]:
    """Measure a run on a data set.

    run: trained networks and their recipe
    dataset: pictures with the truth; measured at the pictures' own size
    rule: of AP^r: "sds", "mnc" or "coco"
    progress: called with the share done and a line
    grouping: what turns maps into instances, instead of the recipe's
    look: called with every answer, none of which is kept here
    note: called with a line where pictures are shown to the networks smaller than they are
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
    matrix, found, seconds = np.zeros((classes, classes), np.int64), [], 0.0  # rows: the truth
    sizes: dict[str, tuple[int, ...]] = {}
    for samples in read_ahead(dataset, run.device):
        began = time.perf_counter()
        every = maps_of_all(run, samples)
        seconds += time.perf_counter() - began
        for sample, maps in zip(samples, every, strict=True):
            began = time.perf_counter()
            size = (sample.instances.shape[0], sample.instances.shape[1])
            instances = grouping(maps, sample) if grouping else group(maps, run.recipe.grouping)
            instances = at_size(instances, size)
            categories = resized(category_map(maps), size).cpu()  # (H, W), those of the picture
            seconds += time.perf_counter() - began
            sizes[sample.name] = size
            matrix += confusion(sample.categories, categories, classes)
            found.append(overlaps(instances, sample))
            if look is not None:
                look(sample, instances, found[-1])
            progress(len(found) / len(dataset), f"{len(found)} of {len(dataset)} pictures")
    for line in made_smaller(sizes, run.recipe.pictures):
        note(line)
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
    run: Run, dataset: Labelled, rule: str = "sds", progress: Progress = silent
) -> dict[str, Any]:
    """Measure the baseline, components of the run's own category masks, as `evaluate`.

    run, returns: as in `evaluate`

    Built in chapter 10.
    """
    return evaluate(run, dataset, rule, progress, components)


def evaluate_true_categories(
    run: Run, dataset: Labelled, rule: str = "sds", progress: Progress = silent
) -> dict[str, Any]:
    """Measure the run's boxes with true category masks on a data set, as `evaluate`.

    run, returns: as in `evaluate`; the mIoU is still that of the run's own masks

    Paper: the experiment with true category masks. Built in chapter 10.
    """
    return evaluate(run, dataset, rule, progress, partial(with_true_categories, run))


def components(maps: Maps, sample: Sample) -> Instances:
    """Group by connected components of the category map: the baseline that boxes must beat.

    maps: what the networks say; the boxes are not looked at
    sample: the picture with the truth, not looked at; every `Grouping` is given it
    returns: the components, in pixels of `maps.size`

    Example:
        >>> import torch
        >>> scores = torch.tensor([[[0.1, 0.9, 0.2]], [[0.9, 0.1, 0.8]]])  # background, and one category
        >>> maps = Maps(scores.repeat(1, 8, 1), torch.zeros(4, 8, 3), 1, (8, 3))
        >>> found = components(maps, Sample("bars", *np.zeros((3, 8, 3), np.uint8)))
        >>> found.categories.tolist(), found.boxes.tolist()  # two bars, eight pixels high
        ([1, 1], [[0.0, 0.0, 1.0, 8.0], [2.0, 0.0, 3.0, 8.0]])

    Built in chapter 10.
    """
    return component_instances(maps.scores, maps.stride, maps.size)


def with_true_categories(run: Run, maps: Maps, sample: Sample) -> Instances:
    """Group the run's boxes with the true category of every pixel in the place of the scores.

    run: whose recipe says how to group
    maps: what its networks say
    sample: the picture with the truth
    returns: the instances, in pixels of `maps.size`

    Example:
        >>> from bridgeseg.data.scenes import Scenes
        >>> from bridgeseg.system.checkpoint import load_run
        >>> from bridgeseg.system.prediction import maps_of
        >>> run, sample = load_run("scenes"), Scenes("val", count=1)[0]
        >>> found = with_true_categories(run, maps_of(run, sample), sample)
        >>> set(found.categories.tolist()) == set(sample.categories[sample.instances > 0].tolist())
        True

    Our clustering gets them at full resolution, so that edges are fine; the paper's suppression at its own cells.
    Paper: the experiment with true category masks. Built in chapter 10.
    """
    settings = run.recipe.grouping
    if isinstance(settings, Voting):
        settings = dataclasses.replace(settings, cell=settings.cell or maps.stride)
        maps = at_every_pixel(maps)
    return group(with_truth(maps, sample, scores=True, certain=True), settings)


def check_categories(own: tuple[str, ...], others: tuple[str, ...]) -> None:
    """Refuse to compare answers and truth with different categories.

    own, others: the names of the run's categories and of the data set's, "background" first
    raises: BadInput with both lists

    Where both have a single one its name does not matter: a folder that names none calls it "object".
    """
    if tuple(own) != tuple(others) and not len(own) == len(others) == 2:
        raise BadInput(f"data: has the categories {_listed(others)}; the run knows {_listed(own)}")


def check_unseen(run: Run, dataset: Labelled, split: str) -> str | None:
    """Refuse to score a run on pictures that it was trained on, unless it was asked for by the name of the split.

    run: which knows the names of the pictures that it was trained on
    dataset: what it is to be scored on
    split: where it is "train", someone wants to see how well the training pictures are learned, and is told so
    returns: a warning, or None
    raises: BadInput with the number of such pictures

    Example:
        >>> from bridgeseg.data.scenes import Scenes
        >>> from bridgeseg.system.checkpoint import load_run
        >>> check_unseen(load_run("scenes"), Scenes("val", count=3), "val") is None
        True

    Pictures are told by their names. Built in chapter 10.
    """
    try:
        check_scoring(run.trained_on, dataset.names, "evaluate")
    except BadInput as error:
        if split != "train":
            raise
        return f"{error}; on the split 'train' these figures say how well it was learned, not how good it is"
    return None


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else value


def _listed(categories: tuple[str, ...]) -> str:
    names = categories[1:]
    return ", ".join(names[:4]) + (f" … ({len(names)})" if len(names) > 4 else "")
