"""A measured result: where it comes from, printed and, with `--store`, kept as `book/results/NAME.json`."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import shlex
import statistics
import sys
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
