"""One trunk for both networks or two, as the paper has it: `python tests/benchmarks/shared_trunk.py --minutes 4`.

A recipe as it is, and with two networks trained one after the other, each with half of the minutes: the same time, the
same scenes, the same seeds. Scored on unseen scenes. Prints JSON.
"""

from __future__ import annotations

import dataclasses
import statistics
import sys
import tempfile
from pathlib import Path

from stored_result import arguments, origin, publish

from bridgeseg.data.scenes import Scenes
from bridgeseg.system.evaluation import evaluate
from bridgeseg.system.presets import recipe_named
from bridgeseg.system.recipe import Recipe
from bridgeseg.training.train_run import train_run


def train_and_measure(recipe: Recipe, minutes: float, seed: int, pictures: int) -> dict[str, float]:
    """Train one of the two and return its figures."""
    steps: dict[str, int] = {}

    def watch(share: float, text: str) -> None:
        network, _, rest = text.partition(": step ")
        if rest:
            steps[network] = int(rest.partition(",")[0])

    with tempfile.TemporaryDirectory() as folder:
        scenes = Scenes("train", count=recipe.pictures.scenes)
        run = train_run(scenes, Path(folder), recipe.with_minutes(minutes), seed=seed, progress=watch)
    found = evaluate(run, Scenes("val", count=pictures))
    return {
        "mIoU": found["mean_iou"],
        "AP^r 0.5": found["ap_r"]["0.5"],
        "AP^r 0.7": found["ap_r"]["0.7"],
        "AP^r vol": found["ap_r_vol"],
        "ms a picture": 1000 * found["seconds_per_image"],
        "steps": sum(steps.values()),
        "parameters": sum(p.numel() for p in run.networks.parameters()),
    }


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--minutes", type=float, default=4.0, help="of training, for each of the two")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--pictures", type=int, default=200, help="unseen scenes to measure on")
    parser.add_argument("--recipe", default="scenes-fast")
    given = parser.parse_args()
    recipe = recipe_named(given.recipe)
    report = origin() | {key: value for key, value in vars(given).items() if key != "store"}
    for name, shared in (("one trunk", True), ("two networks", False)):
        found = []
        for seed in range(given.seeds):
            own = dataclasses.replace(recipe, localization=None if shared else recipe.semantic)
            found.append(train_and_measure(own, given.minutes, seed, given.pictures))
            print(f"{name}, seed {seed}: {found[-1]}", file=sys.stderr, flush=True)
        report[name] = {key: round(statistics.mean(each[key] for each in found), 4) for key in found[0]}
        report[name]["of each seed"] = found
    publish("shared-trunk", report, given.store)


if __name__ == "__main__":
    main()
