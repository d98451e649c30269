"""Train by a recipe and measure: the stored results of the recipes.

    python tests/benchmarks/figures.py scenes-fast  --data scenes --minutes 8 --count 200 --store
    python tests/benchmarks/figures.py nuclei-fast  --data nuclei:DIR --minutes 8 --store
    python tests/benchmarks/figures.py photos-light --data voc:DIR --minutes 15 --name pedestrians --store

Beside the run's own instances it measures connected components of the same category masks, the paper's suppression
on the same maps, and our grouping with true category masks. `--run` takes a run that is trained and trains nothing.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from stored_result import arguments, origin, publish

from bridgeseg.arguments import read_spec
from bridgeseg.commands import main as command
from bridgeseg.data.open_dataset import open_dataset
from bridgeseg.grouping.suppression import Suppression, suppress_and_trace
from bridgeseg.system.checkpoint import load_run
from bridgeseg.system.evaluation import check_unseen, evaluate, evaluate_components, evaluate_true_categories


def main() -> None:
    """Train, measure, store."""
    parser = arguments(__doc__)
    parser.add_argument("recipe")
    parser.add_argument("--data", required=True)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--steps", type=int, help="instead of minutes")
    parser.add_argument("--count", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--name")
    parser.add_argument("--run", help="folder of a run that stands already")
    given = parser.parse_args()
    name = given.name or given.recipe
    folder = Path(given.run or Path(tempfile.mkdtemp()) / name)
    kind, _, place = given.data.partition(":")
    data = kind if not place else f"{kind}:{Path(place).name}"  # no paths of this machine in what is stored
    if not given.run:
        words = [
            "train",
            "--data",
            given.data,
            "--recipe",
            given.recipe,
            "--out",
            str(folder),
            "--seed",
            str(given.seed),
        ]
        words += ["--minutes", str(given.minutes)] if given.minutes else []
        words += ["--steps", str(given.steps)] if given.steps else []
        if command(words):
            raise SystemExit(1)
    run = load_run(str(folder))
    pictures = open_dataset(*read_spec(given.data), "val", count=given.count)
    check_unseen(run, pictures, "val")
    length = f" --minutes {given.minutes:g}" if given.minutes else ""
    length += f" --steps {given.steps}" if given.steps else ""
    shown = f"python -m bridgeseg train --data {data} --recipe {given.recipe}{length} --seed {given.seed} --out RUN"
    log = [json.loads(text) for text in (folder / "log.jsonl").read_text().splitlines()]
    result = {
        **origin(shown, given.seed),
        "recipe": given.recipe,
        "minutes": given.minutes,
        "train_seconds": max(line["seconds"] for line in log),
        "steps": sum(
            max((line["step"] for line in log if line["network"] == n), default=0)
            for n in {line["network"] for line in log}
        ),
        "parameters": sum(p.numel() for p in run.networks.parameters()),
        "threshold": run.threshold,
        "voting": evaluate(run, pictures),
        "components": evaluate_components(run, pictures),
        "suppression": evaluate(
            run,
            pictures,
            grouping=lambda m, s: suppress_and_trace(m.scores, m.boxes, m.stride, m.size, Suppression()),
        ),
        "true_categories": evaluate_true_categories(run, pictures),
    }
    publish(name, result, given.store)
    for key in ("voting", "components", "suppression", "true_categories"):
        part = result[key]
        ap = part["ap_r"]
        figures = f"0.5 {ap['0.5']:.3f}  0.7 {ap['0.7']:.3f}  vol {part['ap_r_vol']:.3f}"
        print(f"{key:16} mIoU {part['mean_iou']:.3f}  AP^r {figures}")


if __name__ == "__main__":
    main()
