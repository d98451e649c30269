"""The paper's instance table in small: `python tests/benchmarks/instance_table.py --store`.

One network after the other is trained, each with one thing more than the one before, and scored on pictures that it
never saw:

- plain and shallow: 18 layers; every pixel teaches, and every pixel of an object alike
- deeper: the same with 34 layers
- + bootstrapping: 34 layers; hard pixels teach, of the categories those below a probability of 0.6, of the boxes those
  below an IoU of 0.7, of both at least 512 of a mini-batch
- + weighting: the same, the pixels of an object weighing less the larger it is

Of the last one's answers more rows are made, without any training: the truth in the place of the scores, of the boxes,
and of both; at the cells of the network's answer, and at every pixel. True scores are as sure as the network was of the
truth, and once more all 1: then nothing says which box is to be trusted.

Each row is grouped by our voting and by the paper's suppression (at every pixel by voting alone), and scored by the
three rules of AP^r. Where something is missing or false, `bridgeseg.measures.failures` says why; for the last network
that is counted.

Both answers come from one trunk, as in the recipes of the laptop: with two networks apart, as the paper has them, each
would get half of the steps. `--apart` trains them so. Steps are counted, so all rows learn from as many mini-batches;
deeper ones take longer, which is stored as well.

A training that was interrupted goes on where it was, and one that is finished is not repeated: both stand in
`--scratch`. `--only` trains and scores some rows, or seeds, by their part of the name, and stores nothing, so that two
processes can share the work; the command without it then gathers what they made. An hour of two cores:

    python tests/benchmarks/instance_table.py --only scenes & python tests/benchmarks/instance_table.py --only nuclei
    wait; python tests/benchmarks/instance_table.py --store

`--tier full` does the same with 34 and 101 layers, 64 channels and the recipes for a GPU.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from stored_result import arguments, note_place, origin, place_of, publish, spread

from bridgeseg.data.open_dataset import open_dataset, open_pictures
from bridgeseg.grouping.suppression import Suppression
from bridgeseg.grouping.voting import Voting
from bridgeseg.losses.loss_recipe import BoxLossRecipe, CategoryLossRecipe, LossRecipe
from bridgeseg.machine.environment import cache_folder, device
from bridgeseg.machine.files import write_text
from bridgeseg.measures.average_precision import RULES, average_precision
from bridgeseg.measures.failures import failures, tally
from bridgeseg.measures.mask_iou import Overlaps, overlaps
from bridgeseg.measures.mean_iou import confusion, mean_iou
from bridgeseg.structures.cells import resized
from bridgeseg.structures.labels import BadInput, Labelled
from bridgeseg.system.batched_prediction import maps_of_all, read_ahead
from bridgeseg.system.checkpoint import Run
from bridgeseg.system.evaluation import check_unseen
from bridgeseg.system.oracles import at_every_pixel, with_truth
from bridgeseg.system.prediction import Maps, at_size, category_map, group
from bridgeseg.system.presets import NUCLEI_FAST, NUCLEI_FULL, SCENES_FAST, SCENES_FULL
from bridgeseg.system.recipe import Recipe
from bridgeseg.training.train_run import train_run

NAME = "instance-table"
TRAINED = ("plain and shallow", "deeper", "+ bootstrapping", "+ weighting")
ORACLES = {
    "true categories": {"scores": True},
    "true categories, all certain": {"scores": True, "certain": True},
    "true boxes": {"boxes": True},
    "both true": {"scores": True, "boxes": True},
}
EVERY_PIXEL = ", at every pixel"
HARD, HARD_BOXES, FLOOR = 0.6, 0.7, 512  # later code; our choice; paper

# For each tier: the recipes to begin with, the two trunks, and the steps.
TIERS = {
    "fast": ({"scenes": SCENES_FAST, "nuclei": NUCLEI_FAST}, ("resnet18", "resnet34")),
    "full": ({"scenes": SCENES_FULL, "nuclei": NUCLEI_FULL}, ("resnet34", "resnet101")),
}
STEPS = {
    ("scenes", "fast"): 1800,
    ("nuclei", "fast"): 1800,
    ("scenes", "full"): 4000,
    ("nuclei", "full"): 4000,
}
PICTURES = {"scenes": 200, "nuclei": None}  # that are scored; None is all of them


def recipes(data: str, tier: str, steps: int, apart: bool = False) -> dict[str, Recipe]:
    """Return the recipe of each row that is trained.

    data: "scenes" or "nuclei"
    tier: "fast" or "full"
    steps: of mini-batches; of both networks together where they are apart
    apart: whether each answer has a network of its own
    """
    of_tier, (shallow, deep) = TIERS[tier]
    base = of_tier[data]
    stride = base.losses.categories.label_stride

    def row(trunk: str, hard: bool, power: float) -> Recipe:
        learner = base.semantic
        network = dataclasses.replace(learner.network, trunk=trunk)
        # In float32: bfloat16 gains nothing on a processor that does not compute in it.
        optimiser = dataclasses.replace(learner.optimiser, bfloat16=False)
        learner = dataclasses.replace(learner, network=network, optimiser=optimiser)
        categories = CategoryLossRecipe(HARD if hard else 2.0, FLOOR, label_stride=stride)
        boxes = BoxLossRecipe(
            scale=base.losses.boxes.scale,
            size_power=power,
            threshold=HARD_BOXES if hard else 2.0,
            floor=FLOOR,
        )
        return dataclasses.replace(
            base,
            name=f"{base.name}-{trunk}",
            semantic=learner,
            localization=learner if apart else None,
            losses=LossRecipe(categories, boxes),
            steps=steps,
        )

    rows = ((shallow, False, 0.0), (deep, False, 0.0), (deep, True, 0.0), (deep, True, 0.5))
    return {name: row(*each) for name, each in zip(TRAINED, rows, strict=True)}


def opened(data: str, split: str, count: int | None, recipe: Recipe) -> Labelled:
    """Return the training part, or the first pictures of the part that is scored.

    raises: BadInput where the pictures are not at hand
    """
    if data == "scenes":
        return open_dataset(
            "scenes", None, split, count=recipe.pictures.scenes if split == "train" else count
        )
    found = open_pictures(data, split)
    if found is None:
        raise BadInput(f"{data}: not at hand, expected their folder in BRIDGESEG_DATA")
    return (
        found
        if split == "train" or count is None
        else open_dataset(found.kind, found.root, split, count=count)
    )


def groupings(recipe: Recipe, maps: Maps) -> dict[str, Voting | Suppression]:
    """Return both groupings, for maps at the network's cells or at every pixel."""
    voting = recipe.grouping
    assert isinstance(voting, Voting)
    if maps.stride == 1:
        return {"voting": voting}  # suppression compares every pair of pixels
    return {"voting": voting, "suppression": Suppression()}


def scored(run: Run, dataset: Labelled, oracles: bool) -> dict[str, Any]:
    """Return the figures of a run: of its own answer, and of those with the truth in some place.

    returns: for each row and grouping AP^r at 0.5, 0.7 and vol by each rule; and what a count of the reasons says
    """
    found: dict[tuple[str, str], list[Overlaps]] = {}
    why, matrix, classes = [], 0, len(run.categories)
    for samples in read_ahead(dataset, run.device):
        for sample, own in zip(samples, maps_of_all(run, samples), strict=True):
            size = (sample.instances.shape[0], sample.instances.shape[1])
            answers = {"": own}
            if oracles:
                fine = at_every_pixel(own)
                for name, which in ORACLES.items():
                    answers[name] = with_truth(own, sample, **which)
                    answers[name + EVERY_PIXEL] = with_truth(fine, sample, **which)
            for name, maps in answers.items():
                for grouping, settings in groupings(run.recipe, maps).items():
                    if maps.stride == 1 and own.stride > 1 and isinstance(settings, Voting):
                        settings = dataclasses.replace(settings, cell=own.stride)
                    instances = at_size(group(maps, settings), size)
                    found.setdefault((name, grouping), []).append(overlaps(instances, sample))
                    if (name, grouping) == ("", "voting"):
                        seen = resized(category_map(own), size).cpu().numpy()
                        small = round(4 * own.stride**2 * size[0] / own.size[0] * size[1] / own.size[1])
                        why.append(failures(instances, sample, run.threshold, seen, small))
                        matrix = matrix + confusion(sample.categories, seen, classes)
    figures: dict[str, Any] = {}
    for (name, grouping), looks in found.items():
        for rule in RULES:
            result = average_precision(looks, classes, rule)
            three = {"0.5": result.ap_r[0.5], "0.7": result.ap_r[0.7], "vol": result.ap_r_vol}
            figures.setdefault(name, {}).setdefault(grouping, {})[rule] = three
    missed, false = tally(why)
    counts = {"true": sum(len(one.missed) for one in why), "missed": missed, "false": false}
    return {"rows": figures, "mean IoU": float(mean_iou(matrix)[0]), "failures": counts}


def trained_and_scored(
    data: str, row: str, seed: int, recipe: Recipe, count: int | None, folder: Path
) -> dict[str, Any]:
    """Train a network and score it, or go on with it, or read what came out when that was done."""
    told = json.dumps([row, seed, count, json.loads(recipe.to_json())], sort_keys=True)
    name = f"{data}-seed-{seed}-{row}".replace(" ", "_").replace("+_", "with_")
    place = folder / f"{name}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"
    file = place.with_suffix(".json")
    if not file.exists():
        began = time.monotonic()
        run = train_run(
            opened(data, "train", None, recipe), place, recipe, seed=seed, device=device(), resume=True
        )
        log = [json.loads(line) for line in (place / "log.jsonl").read_text("utf8").splitlines()]
        pictures = opened(data, "val", count, recipe)
        check_unseen(run, pictures, "val")
        ready = time.monotonic()
        found = scored(run, pictures, oracles=row == TRAINED[-1])
        found["minutes"] = max(line["seconds"] for line in log) / 60
        found["parameters"] = sum(weight.numel() for weight in run.networks.parameters())
        found["pictures"] = len(pictures)
        note_place(folder)
        write_text(file, json.dumps(found))
        print(
            f"{name}: {found['rows']['']['voting']['sds']}, {found['minutes']:.1f} minutes of training, "
            f"{ready - began:.0f} s with its threshold, {time.monotonic() - ready:.0f} s to score",
            file=sys.stderr,
            flush=True,
        )
    return dict(json.loads(file.read_text("utf8")))


def summary(runs: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return the table: for each row, grouping, rule and figure all seeds with their mean and its standard error."""
    rows: dict[str, Any] = {}
    last = runs[TRAINED[-1]]
    every = [(row, "", found) for row, found in runs.items()]
    every += [(name, name, last) for name in last[0]["rows"] if name]

    def each(found: list[dict[str, Any]], name: str, grouping: str, rule: str, figure: str) -> list[float]:
        return [one["rows"][name][grouping][rule][figure] for one in found]

    for row, name, found in every:
        of_row: dict[str, Any] = {}
        for grouping, by_rule in found[0]["rows"][name].items():
            for rule, figures in by_rule.items():
                spreads: dict[str, Any] = {}
                for figure in figures:
                    values = each(found, name, grouping, rule, figure)
                    spreads[figure] = spread(values)
                    # The network's own answer is not scored at every pixel, so such rows have nothing beside them.
                    if name and not name.endswith(EVERY_PIXEL):
                        own = each(last, "", grouping, rule, figure)
                        spreads[f"{figure}, gain"] = spread([a - b for a, b in zip(values, own, strict=True)])
                of_row.setdefault(grouping, {})[rule] = spreads
        if not name:
            of_row["mean IoU"] = spread([one["mean IoU"] for one in found])
            of_row["minutes"] = spread([one["minutes"] for one in found])
            of_row["parameters"] = found[0]["parameters"]
            of_row["failures"] = {
                kind: {reason: spread([one["failures"][kind][reason] for one in found]) for reason in counts}
                for kind, counts in found[0]["failures"].items()
                if kind != "true"
            } | {"true": found[0]["failures"]["true"]}
        rows[row] = of_row
    gains = {
        grouping: {
            rule: {
                figure: spread(
                    [
                        a - b
                        for a, b in zip(
                            each(last, "true categories", grouping, rule, figure),
                            each(last, "true boxes", grouping, rule, figure),
                            strict=True,
                        )
                    ]
                )
                for figure in ("0.5", "0.7", "vol")
            }
            for rule in RULES
        }
        for grouping in last[0]["rows"]["true categories"]
    }
    return {"rows": rows, "true categories minus true boxes": gains, "pictures": last[0]["pictures"]}


def main() -> None:
    """Train what is not there yet, score it, publish."""
    parser = arguments(__doc__)
    parser.add_argument("--tier", choices=TIERS, default="fast")
    parser.add_argument("--data", nargs="+", choices=PICTURES, default=list(PICTURES))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, help="1,800 of each training, or 4,000 in the full tier")
    parser.add_argument("--minutes", type=float, help="of each training, instead of steps")
    parser.add_argument("--count", type=int, help="pictures that are scored; 200 scenes and all nuclei")
    parser.add_argument("--apart", action="store_true", help="a network for each answer, as in the paper")
    parser.add_argument("--only", default="", help="rows or seeds whose name contains this; stores nothing")
    parser.add_argument("--scratch", type=Path, default=cache_folder() / "studies" / NAME)
    given = parser.parse_args()
    torch.set_num_threads(1)
    head: dict[str, Any] = origin() | {"tier": given.tier, "seeds": given.seeds, "apart": given.apart}
    studied: dict[str, Any] = {}
    for data in given.data:
        steps = given.steps or STEPS[data, given.tier]
        rows = recipes(data, given.tier, steps, given.apart)
        if given.minutes:
            rows = {name: recipe.with_minutes(given.minutes) for name, recipe in rows.items()}
        count = given.count or PICTURES[data]
        runs: dict[str, list[dict[str, Any]]] = {}
        for seed in range(given.seeds):
            for row, recipe in rows.items():
                if given.only in f"{data}, seed {seed}, {row}":
                    runs.setdefault(row, []).append(
                        trained_and_scored(data, row, seed, recipe, count, given.scratch)
                    )
        if not given.only:
            layers = [recipe.semantic.network.trunk for recipe in rows.values()]
            about = {"steps": None if given.minutes else steps, "minutes asked for": given.minutes}
            studied[data] = about | {"trunks": dict(zip(rows, layers))} | summary(runs)
    if not given.only:
        head |= place_of(given.scratch)
        publish(NAME if given.tier == "fast" else f"{NAME}-full", head | studied, given.store)


if __name__ == "__main__":
    main()
