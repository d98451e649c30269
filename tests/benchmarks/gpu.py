"""All that a GPU shows, in minutes: `python tests/benchmarks/gpu.py --minutes 5 --out DIR`.

The rate of its matrix products; training steps of the full recipes and their share of that rate, their parts and their
memory; where the time goes, kernel by kernel; whether a step waits for the device; variants (fixed statistics in three
forms, cudnn.benchmark, layout, optimiser, compiled, CUDA graphs); training with its makers of mini-batches; prediction
in float32 and bfloat16. Pictures are drawn and networks start from nothing, so no data and no weights are needed.

Every stage has a time limit; one that fails says so in its place, and the others are measured all the same. What is
known is in DIR at any time: gpu-steps.json, gpu-why.json, gpu-variants.json, gpu-use.json. Without a GPU, or with
`--small`, tiny networks try the script itself; their numbers mean nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from gpu_setting import FULL, Setting
from gpu_steps import rates, step
from gpu_use import figures, mini_batches, prediction, training
from gpu_variants import compiled, graph, variants
from gpu_why import convolutions, enlarging, head, profile, waiting
from staged import Say, Stage, run_watched, work_through


def stages(setting: Setting) -> list[Stage]:
    """Return all stages, what matters most first."""
    big = ("voc", "scenes-full", "nuclei-full")
    gpu = {"steps": "gpu-steps", "why": "gpu-why", "variants": "gpu-variants", "use": "gpu-use"}
    listed: list[tuple[str, str, float, Callable[[Say, Setting], None]]] = [
        ("rates", "steps", 30, rates),
        *((f"step {name}", "steps", 40, partial(step, name=name)) for name in FULL),
        ("profile voc", "why", 40, partial(profile, name="voc")),
        *((f"waiting {name}", "why", 20, partial(waiting, name=name)) for name in FULL),
        *((f"variants {name}", "variants", 60, partial(variants, name=name)) for name in big),
        *((f"graph {name}", "variants", 30, partial(graph, name=name)) for name in big[1:]),
        ("convolutions", "why", 40, convolutions),
        ("head voc", "why", 30, head),
        ("enlarge", "why", 20, enlarging),
        ("mini-batches", "use", 40, mini_batches),
        *((f"training {name}", "use", 45, partial(training, name=name)) for name in FULL[:3]),
        ("prediction", "use", 45, prediction),
        ("figures", "use", 60, figures),
        ("compiled voc", "variants", 110, partial(compiled, name="voc")),
        ("profile nuclei-full", "why", 30, partial(profile, name="nuclei-full")),
        ("compiled in blocks voc", "variants", 80, partial(compiled, name="voc", blocks=True)),
        *((f"training {name}", "use", 45, partial(training, name=name)) for name in FULL[3:]),
        (
            "compiled scenes-full",
            "variants",
            80,
            partial(compiled, name="scenes-full", mode="reduce-overhead"),
        ),
    ]
    return [
        Stage(name, gpu[file], limit, lambda say, work=work: work(say, setting))
        for name, file, limit, work in listed
    ]


def main() -> None:
    """Watch a process that measures, or be it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=5.0, help="that all stages together may take")
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--device", choices=("cuda", "cpu"), help="a GPU where there is one")
    parser.add_argument("--small", action="store_true", help="try the script; always so without a GPU")
    parser.add_argument("--only", help="names of stages, or beginnings of them, joined by commas")
    parser.add_argument("--until", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--stages", help=argparse.SUPPRESS)
    given = parser.parse_args()
    device = given.device or ("cuda" if torch.cuda.is_available() else "cpu")
    setting = Setting(device, given.small or device == "cpu")
    listed = stages(setting)
    if given.only:
        wanted = tuple(given.only.split(","))
        listed = [stage for stage in listed if stage.name.startswith(wanted)]
        if not listed:
            parser.error(f"--only {given.only}: no stage is called so")
    shown = shlex.join(
        ["python", "tests/benchmarks/gpu.py", "--minutes", f"{given.minutes:g}", "--out", "DIR"]
        + (["--small"] if setting.small else [])
    )
    if given.stages:  # the process that is watched
        names = given.stages.split(",")
        torch.manual_seed(0)
        work_through([stage for stage in listed if stage.name in names], given.out, given.until, shown)
        return
    until = time.time() + 60 * given.minutes
    given.out.mkdir(parents=True, exist_ok=True)
    # Makers of mini-batches are many; each has few threads, or they take the cores from one another.
    os.environ.setdefault("OMP_NUM_THREADS", "2" if (os.cpu_count() or 1) >= 8 else "1")
    with tempfile.TemporaryDirectory() as kernels:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = kernels  # new, so that compiling takes what it takes
        here = [word for word in sys.argv[1:] if not word.startswith("--until")]
        run_watched(
            listed, [sys.executable, __file__, *here, "--until", str(until), "--stages"], given.out, until
        )
    summarise(given.out)


def summarise(out: Path) -> None:
    """Print what matters most last: every stage's numbers in short, and what has failed."""
    for path in sorted(out.glob("gpu-*.json")):
        for name, found in json.loads(path.read_text("utf8"))["stages"].items():
            text = json.dumps(found, ensure_ascii=False)
            print(f"{name}: {text if len(text) < 700 else text[:700] + ' …'}")


if __name__ == "__main__":
    main()
