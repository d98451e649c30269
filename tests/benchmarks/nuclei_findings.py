"""What each finding of part III brings the recipe for nuclei: `python tests/benchmarks/nuclei_findings.py --store`.

The recipe nuclei-fast with the paper's four numbers and its loss, and with one thing changed at a time, or two: the
distances to the four sides in the place of the centre and the sizes; the generalised IoU in the place of smooth L1.
`--variants` asks for others. All of one seed take the same steps, a quarter of those that eight minutes of two quiet
cores allow (`--steps 9840`), and are scored on the same unseen pictures, by our voting and by the paper's suppression.

Trainings stand in `--scratch`: one that was interrupted goes on, one that is finished is not repeated. `--part` does
every second one and stores nothing, so that two processes share the work; an hour of two cores:

    python tests/benchmarks/nuclei_findings.py --part 0 & python tests/benchmarks/nuclei_findings.py --part 1
    wait; python tests/benchmarks/nuclei_findings.py --store
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
from instance_table import opened
from stored_result import arguments, note_place, origin, place_of, publish, spread

from bridgeseg.grouping.suppression import Suppression, suppress_and_trace
from bridgeseg.losses.loss_recipe import BoxLossRecipe, LossRecipe
from bridgeseg.machine.environment import cache_folder, device
from bridgeseg.machine.files import write_text
from bridgeseg.system.evaluation import check_unseen, evaluate
from bridgeseg.system.presets import NUCLEI_FAST
from bridgeseg.system.recipe import Recipe
from bridgeseg.training.train_run import train_run

NAME = "nuclei-findings"
STEPS = 2400
OURS = BoxLossRecipe()  # the paper's four numbers and its loss
SIDES = dataclasses.replace(OURS, encoding="sides")
# An IoU is a part of the object already: no weight by size on top of it.
GIOU = dataclasses.replace(OURS, loss="giou", size_power=0.0)
BOTH = dataclasses.replace(GIOU, encoding="sides")
VARIANTS: dict[str, BoxLossRecipe] = {
    "centre and sizes": OURS,
    "four sides": SIDES,
    "GIoU": GIOU,
    "four sides, GIoU": BOTH,
    "four sides, GIoU, weight 2": dataclasses.replace(BOTH, weight=2.0),
    "four sides, GIoU, weight by size": dataclasses.replace(BOTH, size_power=0.5),
    "four sides, weight 2": dataclasses.replace(SIDES, weight=2.0),
}


def recipe_of(boxes: BoxLossRecipe, steps: int) -> Recipe:
    """Return the recipe with one box loss and a number of steps."""
    return dataclasses.replace(
        NUCLEI_FAST, name="nuclei-findings", losses=LossRecipe(boxes=boxes), steps=steps
    )


def figures(result: dict[str, Any]) -> dict[str, float]:
    """Return what is compared of an evaluation."""
    ap = result["ap_r"]
    return {"0.5": ap["0.5"], "0.7": ap["0.7"], "vol": result["ap_r_vol"], "mean IoU": result["mean_iou"]}


def trained_and_scored(variant: str, seed: int, recipe: Recipe, folder: Path) -> dict[str, Any]:
    """Train and score, or go on with it, or read what came out when that was done."""
    told = json.dumps([seed, json.loads(recipe.to_json())], sort_keys=True)
    called = f"seed-{seed}-{variant}".replace(",", "").replace(" ", "_")
    place = folder / f"{called}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"
    file = place.with_suffix(".json")
    if not file.exists():
        run = train_run(
            opened("nuclei", "train", None, recipe), place, recipe, seed=seed, device=device(), resume=True
        )
        log = [json.loads(line) for line in (place / "log.jsonl").read_text("utf8").splitlines()]
        pictures = opened("nuclei", "val", None, recipe)
        check_unseen(run, pictures, "val")
        began = time.monotonic()
        found: dict[str, Any] = {
            "voting": figures(evaluate(run, pictures)),
            "suppression": figures(
                evaluate(
                    run,
                    pictures,
                    grouping=lambda m, s: suppress_and_trace(
                        m.scores, m.boxes, m.stride, m.size, Suppression()
                    ),
                )
            ),
            "minutes": max(line["seconds"] for line in log) / 60,
            "pictures": len(pictures),
        }
        note_place(folder)
        write_text(file, json.dumps(found))
        print(
            f"{called}: {found['voting']}, {found['minutes']:.1f} minutes of training, "
            f"{time.monotonic() - began:.0f} s to score",
            file=sys.stderr,
            flush=True,
        )
    return dict(json.loads(file.read_text("utf8")))


def main() -> None:
    """Train what is not there yet, score it, publish."""
    parser = arguments(__doc__)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS)[:4])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--part", type=int, choices=(0, 1), help="every second training; stores nothing")
    parser.add_argument("--scratch", type=Path, default=cache_folder() / "studies" / NAME)
    given = parser.parse_args()
    torch.set_num_threads(1)
    head: dict[str, Any] = origin() | {"steps": given.steps, "seeds": given.seeds}
    runs: dict[str, list[dict[str, Any]]] = {}
    asked = [(seed, variant) for seed in range(given.seeds) for variant in given.variants]
    for number, (seed, variant) in enumerate(asked):
        if given.part in (None, number % 2):
            recipe = recipe_of(VARIANTS[variant], given.steps)
            runs.setdefault(variant, []).append(trained_and_scored(variant, seed, recipe, given.scratch))
    if given.part is not None:
        return
    first = runs[given.variants[0]]
    found = {
        variant: {
            grouping: {
                figure: spread([one[grouping][figure] for one in all_seeds])
                | {
                    "gain": spread(
                        [
                            a[grouping][figure] - b[grouping][figure]
                            for a, b in zip(all_seeds, first, strict=True)
                        ]
                    )
                }
                for figure in all_seeds[0][grouping]
            }
            for grouping in ("voting", "suppression")
        }
        | {"minutes": spread([one["minutes"] for one in all_seeds])}
        for variant, all_seeds in runs.items()
    }
    publish(
        NAME,
        head | place_of(given.scratch) | {"pictures": first[0]["pictures"], "variants": found},
        given.store,
    )


if __name__ == "__main__":
    main()
