"""A measured result: where it comes from, printed and, with `--store`, kept as `book/results/NAME.json`."""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import os
import platform
import shlex
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision

from bridgeseg.machine.files import write_text

RESULTS = Path(__file__).parents[2] / "book" / "results"


def arguments(doc: str) -> argparse.ArgumentParser:
    """Return a parser with the flag that every benchmark has."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", action="store_true", help="keep the result in book/results")
    return parser


def origin(command: str | None = None, seed: int = 0) -> dict[str, Any]:
    """Return what stands at the head of every result: command, hardware, versions, date, seed.

    command: what was measured; the command line of the benchmark by default
    """
    if command is None:
        given = [word for word in sys.argv[1:] if word != "--store"]
        command = shlex.join(["python", f"tests/benchmarks/{Path(sys.argv[0]).name}", *given])
    found: dict[str, Any] = {
        "command": command,
        "hardware": hardware(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
            "numpy": np.__version__,
        },
        "date": datetime.date.today().isoformat(),
        "seed": seed,
        "threads": torch.get_num_threads(),
    }
    if hasattr(os, "getloadavg"):
        found["load when it began"] = round(os.getloadavg()[0], 2)  # above 1: something else ran beside
    return found


PLACE = ("hardware", "versions", "date", "threads", "load when it began")


def note_place(folder: Path) -> None:
    """Keep where a training is done, in the folder of what comes out of it: it may be gathered somewhere else.

    To be called before the result is written, so that no result is without its place.
    """
    told = origin()
    distinct = json.dumps([told["hardware"], told["versions"], told["date"]])
    name = f"{hashlib.sha256(distinct.encode()).hexdigest()[:8]}.json"
    kept = {key: told[key] for key in PLACE if key in told} | {"seconds": time.time()}
    write_text(folder / "places" / name, json.dumps(kept))


def place_of(folder: Path) -> dict[str, Any]:
    """Return where the trainings of a folder were done, for the head of a result; nothing where none says so.

    Of several places all are named, and the versions and the date are those of the last.
    """
    told = [json.loads(path.read_text("utf8")) for path in (folder / "places").glob("*.json")]
    told.sort(key=lambda each: float(each.pop("seconds", 0)))
    every = dict.fromkeys(each["hardware"] for each in told)
    return told[-1] | {"hardware": "; ".join(every)} if told else {}


def hardware() -> str:
    """Say what this machine computes with, in words."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    described = Path("/proc/cpuinfo")
    lines = described.read_text().splitlines() if described.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{os.cpu_count()} cores, {names[0] if names else platform.processor() or platform.machine()}"


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Return values with their mean and the standard error of it."""
    error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return {
        "each": [round(value, 4) for value in values],
        "mean": round(statistics.mean(values), 4),
        "standard error": round(error, 4),
    }


def publish(name: str, result: dict[str, Any], store: bool) -> None:
    """Print a result as JSON, and keep it where that was asked for."""
    text = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
    print(text, end="")
    if store:
        write_text(RESULTS / f"{name}.json", text)
