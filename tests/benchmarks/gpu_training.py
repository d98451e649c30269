"""How fast the real trainer is on a GPU once it is compiled: `python tests/benchmarks/gpu_training.py RECIPE …`.

The recipe's first network, pictures of usual size drawn beforehand and kept on the device; counted are the steps of the
second half of those that the log holds. The memory is the most that tensors took. With `--plain` nothing is compiled.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from gpu_setting import COUNTS, Setting, recipe_of, samples_of
from stored_result import arguments, origin, publish

import bridgeseg.training.trainer as trainer_module
from bridgeseg.training.store import load
from bridgeseg.training.trainer import Trainer


def measured(name: str, seconds: float, compiled: bool) -> dict[str, Any]:
    """Train for so many seconds, compiling counted, and return the steps a second at the end."""
    setting = Setting("cuda" if torch.cuda.is_available() else "cpu", not torch.cuda.is_available())
    recipe = recipe_of(name, setting).with_minutes(seconds / 60)
    # Nearly all of the time for the first network.
    recipe = dataclasses.replace(recipe, box_share=1e-3)
    drawn = samples_of(name, 96)
    store = load(drawn, range(len(drawn)), device=setting.device)
    trainer = Trainer(recipe, store, COUNTS[name], device=setting.device)
    with mock.patch.object(trainer_module, "COMPILE_FROM", 0.0 if compiled else float("inf")):
        trainer._begin_phase()
        trainer._train_phase()
    lines = trainer.log[len(trainer.log) // 2 :]
    spent = lines[-1]["seconds"] - lines[0]["seconds"]
    found: dict[str, Any] = {
        "command": f"python tests/benchmarks/gpu_training.py {name} --seconds {seconds:g}",
        "seconds": seconds,
        "steps a second": round((lines[-1]["step"] - lines[0]["step"]) / spent, 2) if spent else None,
        "steps counted": lines[-1]["step"] - lines[0]["step"],
    }
    if setting.device == "cuda":
        found["GiB"] = round(torch.cuda.max_memory_allocated() / 2**30, 2)
    return found


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("recipes", nargs="+", choices=list(COUNTS), metavar="RECIPE")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each training")
    parser.add_argument("--plain", action="store_true", help="nothing is compiled")
    given = parser.parse_args()
    report = origin()
    for name in given.recipes:
        report[name] = measured(name, given.seconds, not given.plain)
        print(f"{name}: {report[name]}", file=sys.stderr, flush=True)
    publish(Path(__file__).stem.replace("_", "-"), report, given.store)


if __name__ == "__main__":
    main()
