"""Train by a recipe, measure, and write one stored result: `book/results/NAME.json`.

    python tests/benchmarks/figures.py scenes-fast  --data scenes --minutes 8 --count 200
    python tests/benchmarks/figures.py nuclei-fast  --data nuclei:DIR --minutes 8
    python tests/benchmarks/figures.py photos-light --data voc:DIR --minutes 15 --name pedestrians

Beside the run's own instances it measures connected components of the same category masks, the paper's suppression
on the same maps, and our grouping with true category masks. `--run` takes a run that is trained and trains nothing.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import tempfile
from pathlib import Path
from typing import Any

import torch
import torchvision

from bridgeseg.commands import main as command
from bridgeseg.datasets import open_dataset
from bridgeseg.evaluation import check_unseen, evaluate, evaluate_components, evaluate_true_categories
from bridgeseg.files import write_atomically
from bridgeseg.grouping import Suppression, suppress_and_trace
from bridgeseg.runs import load_run

RESULTS = Path(__file__).parents[2] / "book" / "results"


def hardware() -> str:
    """Say what this machine computes with, in words."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{os.cpu_count()} cores, {names[0] if names else platform.processor() or platform.machine()}"


def origin(line: str, seed: int) -> dict[str, Any]:
    """Say where a figure comes from: command, hardware, versions, date, seed."""
    return {
        "command": line,
        "hardware": hardware(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
        },
        "date": datetime.date.today().isoformat(),
        "seed": seed,
    }


def main() -> None:
    """Train, measure, store."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe")
    parser.add_argument("--data", required=True)
    parser.add_argument("--minutes", type=float)
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
        arguments = [
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
        arguments += ["--minutes", str(given.minutes)] if given.minutes else []
        if command(arguments):
            raise SystemExit(1)
    run = load_run(str(folder))
    pictures = open_dataset(given.data, "val", count=given.count)
    check_unseen(run, pictures, "val")
    minutes = f" --minutes {given.minutes:g}" if given.minutes else ""
    shown = f"python -m bridgeseg train --data {data} --recipe {given.recipe}{minutes} --seed {given.seed} --out RUN"
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
    text = json.dumps(result, indent=1) + "\n"
    write_atomically(RESULTS / f"{name}.json", lambda file: file.write(text.encode()))
    for key in ("voting", "components", "suppression", "true_categories"):
        part = result[key]
        ap = part["ap_r"]
        figures = f"0.5 {ap['0.5']:.3f}  0.7 {ap['0.7']:.3f}  vol {part['ap_r_vol']:.3f}"
        print(f"{key:16} mIoU {part['mean_iou']:.3f}  AP^r {figures}")


if __name__ == "__main__":
    main()
