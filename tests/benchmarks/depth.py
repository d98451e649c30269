"""Plain and residual networks of growing depth: `python tests/benchmarks/depth.py --time`, then without `--time`.

Networks of 10, 18 and 34 layers, with shortcuts and without: three layers, blocks of two layers at stride 4, all of one
width, and a classifier (`bridgeseg.networks.stack`). All learn the same scenes, of 96 pixels, with the same recipe, and
are scored by the share of pixels that are wrong, on scenes that they learned and on 200 that they did not, and by the
mean IoU on the latter.

Each network learns at its own rate, the best of three: the one with the lowest loss at the end of a trial of `--steps`
steps, with a seed that is not used again. At one rate for all, a network that would want another is wronged.

- equal steps: each network takes `--steps`
- equal minutes: each takes as many as fit into the time in which the slowest takes `--steps`

Minutes are steps, too: `--time` measures, on a quiet machine, how long a step of each network takes, and keeps that. A
training then counts steps, and no other work on the machine can change what comes out. Whatever is finished stands in
`--scratch`, so a study that was interrupted goes on where it was.

Prints JSON: for each network the figures of all seeds, their mean and its standard error; and what shortcuts change,
seed by seed.
"""

from __future__ import annotations

import hashlib
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from stored_result import arguments, note_place, origin, place_of, publish, spread
from torch import Tensor, nn

from bridgeseg.data.scenes import CATEGORIES, Scenes
from bridgeseg.machine.environment import cache_folder, device
from bridgeseg.machine.files import write_text
from bridgeseg.measures.mean_iou import confusion, mean_iou, pixel_accuracy
from bridgeseg.networks.preprocessing import normalise
from bridgeseg.networks.stack import STACK_STRIDE, stack
from bridgeseg.structures.cells import enlarge, sample_labels
from bridgeseg.structures.labels import VOID

COMMAND = "python tests/benchmarks/depth.py"
KINDS = ("plain", "residual")
SCORED = 200  # scenes of each set
FIGURES = ("training error", "validation error", "mean IoU")
RATES = (0.01, 0.03, 0.1)
TRIAL = 1000  # the seed of the trials
Runs = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Setting:
    """What all networks have in common.

    width: channels of the blocks
    scenes: that are learned
    batch: scenes of a step

    The rate rises over the first 20 steps, then falls on a straight line to 0.
    """

    width: int = 24
    scenes: int = 1000
    batch: int = 16
    momentum: float = 0.9
    decay: float = 1e-4


def network_of(name: str, width: int) -> nn.Sequential:
    """Return the network of a name, "plain 10" or "residual 34"."""
    kind, layers = name.split()
    return stack(int(layers), width, len(CATEGORIES), shortcuts=kind == "residual")


@cache
def drawn(split: str, count: int) -> tuple[Tensor, Tensor]:
    """Draw scenes: pictures (n, 96, 96, 3) and categories (n, 96, 96), both uint8, on the device."""
    scenes = Scenes(split, 96, count)
    samples = [scenes[index] for index in range(count)]
    pictures, labels = (np.stack(each) for each in zip(*((s.picture, s.categories) for s in samples)))
    return torch.from_numpy(pictures).to(device()), torch.from_numpy(labels).to(device())


def steps_of(
    network: nn.Module, data: tuple[Tensor, Tensor], setting: Setting, rate: float, steps: int, seed: int
) -> Callable[[int], float]:
    """Return what takes a step of a training, given its number, and returns its loss."""
    pictures, labels = data
    count, each = len(pictures), setting.batch
    epochs = -(-steps * each // count)
    generator = np.random.default_rng(seed)
    order = torch.from_numpy(np.concatenate([generator.permutation(count) for _ in range(epochs)]))
    optimiser = torch.optim.SGD(
        network.parameters(), rate, momentum=setting.momentum, weight_decay=setting.decay
    )
    rising = min(20, steps)

    def step(number: int) -> float:
        share = min((number + 1) / rising, (steps - number) / (steps - rising + 1))
        for group in optimiser.param_groups:
            group["lr"] = rate * share
        chosen = order[number * each : (number + 1) * each]
        logits = network(normalise(pictures[chosen]))
        wanted = sample_labels(labels[chosen], STACK_STRIDE).long()
        loss = F.cross_entropy(logits, wanted, ignore_index=VOID)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return float(loss.detach())

    return step


@torch.inference_mode()
def scored(network: nn.Module, data: tuple[Tensor, Tensor]) -> tuple[float, float]:
    """Return the share of the pixels that are wrong, void left out, and the mean IoU."""
    pictures, labels = data
    matrix = np.zeros((len(CATEGORIES), len(CATEGORIES)), np.int64)
    for start in range(0, len(pictures), 20):
        logits = network(normalise(pictures[start : start + 20]))
        answers = enlarge(logits, STACK_STRIDE, (96, 96)).argmax(1)
        for truth, answer in zip(labels[start : start + 20].cpu(), answers.cpu()):
            matrix += confusion(truth, answer, len(CATEGORIES))
    return 1 - pixel_accuracy(matrix), mean_iou(matrix)[0]


def run(name: str, rate: float, steps: int, seed: int, setting: Setting, file: Path) -> dict[str, Any]:
    """Train and score one network, or read what came out when that was done."""
    if file.exists():
        found: dict[str, Any] = json.loads(file.read_text("utf8"))
        return found
    torch.set_num_threads(1)
    learned = drawn("train", setting.scenes)
    torch.manual_seed(seed)
    network = network_of(name, setting.width).train().to(device())
    step = steps_of(network, learned, setting, rate, steps, seed)
    losses = [step(number) for number in range(steps)]
    network.eval()
    wrong, _ = scored(network, (learned[0][:SCORED], learned[1][:SCORED]))
    unseen, mean = scored(network, drawn("val", SCORED))
    tenth = max(steps // 10, 1)
    result = {
        "training error": round(wrong, 5),
        "validation error": round(unseen, 5),
        "mean IoU": round(mean, 5),
        "loss by tenths": [
            round(statistics.mean(losses[k : k + tenth]), 4) for k in range(0, 10 * tenth, tenth)
        ],
    }
    note_place(file.parent)
    write_text(file, json.dumps(result))
    return result


def names_of(depths: Sequence[int]) -> list[str]:
    """Return the names of all networks."""
    return [f"{kind} {layers}" for layers in depths for kind in KINDS]


def timed(depths: Sequence[int], setting: Setting, rounds: int = 5, steps: int = 8) -> dict[str, Any]:
    """Return the milliseconds of a step of each network: the median over rounds that all take in turn."""
    torch.set_num_threads(1)
    data = drawn("train", setting.batch * 4)
    found: dict[str, list[float]] = {}
    takes = {
        name: steps_of(network_of(name, setting.width).train().to(device()), data, setting, 0.01, 10**4, 0)
        for name in names_of(depths)
    }
    for number in range(rounds):
        for name, step in takes.items():
            step(number * (steps + 1))
            began = time.perf_counter()
            for each in range(steps):
                step(number * (steps + 1) + each + 1)
            found.setdefault(name, []).append(1000 * (time.perf_counter() - began) / steps)
    milliseconds = {name: round(statistics.median(values), 1) for name, values in found.items()}
    apart = {name: round(max(values) / min(values), 2) for name, values in found.items()}
    return {
        **origin(f"{COMMAND} --time"),
        "milliseconds a step": milliseconds,
        "slowest round over fastest": apart,
    }


def summary(runs: Runs) -> dict[str, Any]:
    """Return the figures of each network and what shortcuts change, with means and standard errors."""
    report: dict[str, Any] = {}
    for name, each in runs.items():
        report[name] = {figure: spread([run[figure] for run in each]) for figure in FIGURES}
        report[name]["loss by tenths"] = np.mean([run["loss by tenths"] for run in each], 0).round(4).tolist()
    for name in [name for name in runs if name.startswith("residual")]:
        layers = name.split()[1]
        pairs = list(zip(runs[name], runs[f"plain {layers}"]))
        report[f"shortcuts change, {layers}"] = {
            figure: spread([one[figure] - other[figure] for one, other in pairs]) for figure in FIGURES
        }
    return report


def main() -> None:
    """Time, train, store."""
    parser = arguments(__doc__)
    parser.add_argument(
        "--time", action="store_true", help="measure a step of each network, and nothing else"
    )
    parser.add_argument(
        "--depths", type=int, nargs="+", default=[10, 18, 34], help="66 and 130 for long nights"
    )
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2, help="trainings at a time, one thread each")
    parser.add_argument("--scratch", type=Path, default=cache_folder() / "studies" / "depth")
    given = parser.parse_args()
    setting = Setting()
    scratch = given.scratch / hashlib.sha256(repr(setting).encode()).hexdigest()[:8]
    times = scratch / "times.json"
    if given.time:
        found = timed(given.depths, setting)
        write_text(times, json.dumps(found, indent=1))
        print(json.dumps(found, indent=1))
        return
    if not times.exists():
        raise SystemExit(f"{times.name}: not there; run this with --time first, on a quiet machine")
    clock = json.loads(times.read_text("utf8"))
    took = clock["milliseconds a step"]
    names = names_of(given.depths)
    slowest = max(took[name] for name in names)
    plans = {
        "equal steps": dict.fromkeys(names, given.steps),
        "equal minutes": {name: round(given.steps * slowest / took[name]) for name in names},
    }
    command = (
        f"{COMMAND} --depths {' '.join(map(str, given.depths))} --steps {given.steps} --seeds {given.seeds}"
    )
    report = origin(command) | {"steps": given.steps, "seeds": given.seeds, "a step": clock} | asdict(setting)
    report["minutes of equal minutes"] = round(given.steps * slowest / 60000, 2)
    with ProcessPoolExecutor(given.workers, get_context("spawn")) as pool:

        def asked(name: str, rate: float, steps: int, seed: int) -> Future[dict[str, Any]]:
            file = scratch / f"{name.replace(' ', '-')}-rate-{rate}-{steps}-steps-seed-{seed}.json"
            return pool.submit(run, name, rate, steps, seed, setting, file)

        trials = {(name, rate): asked(name, rate, given.steps, TRIAL) for name in names for rate in RATES}
        rates = {}
        for name in names:
            ends = {rate: trials[name, rate].result()["loss by tenths"][-1] for rate in RATES}
            rates[name] = min(ends, key=lambda rate: ends[rate])
            print(f"{name}: loss at the end by rate {ends}", file=sys.stderr, flush=True)
        report["rates tried"], report["rate of each"] = RATES, rates
        report["loss at the end by rate"] = {
            f"{name}, {rate}": trial.result()["loss by tenths"][-1] for (name, rate), trial in trials.items()
        }
        waiting = {
            (name, steps, seed): asked(name, rates[name], steps, seed)
            for seed in range(given.seeds)
            for name, steps in dict.fromkeys(pair for plan in plans.values() for pair in plan.items())
        }
        for (name, steps, seed), future in waiting.items():
            figures = {figure: future.result()[figure] for figure in FIGURES}
            print(f"{name}, {steps} steps, seed {seed}: {figures}", file=sys.stderr, flush=True)
    report |= place_of(scratch)
    for comparison, plan in plans.items():
        runs = {
            name: [waiting[name, steps, seed].result() for seed in range(given.seeds)]
            for name, steps in plan.items()
        }
        report[comparison] = {"steps of each": plan, **summary(runs)}
    publish("depth" if set(given.depths) <= {10, 18, 34} else "depth-deeper", report, given.store)


if __name__ == "__main__":
    main()
