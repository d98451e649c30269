"""Which pixels should teach? `python tests/benchmarks/hard_pixels.py --store`.

The residual stack of ten layers (`bridgeseg.networks.stack`) learns drawn scenes, each time with another loss and
everything else alike: first weights, mini-batches of 16 scenes (9,216 cells at stride 4), steps, rates. It is scored on
400 scenes that it never saw, with labels without mistakes.

Losses:

- plain: cross-entropy over all known cells
- floor 128, 512, 2048: p < 0.6, the later code's threshold, with so many cells kept at least
- exactly 512, and exactly 1, 13, 25, 50, 75 % of the mini-batch's cells: the other reading. 512 are 13 % of
  the 63 × 63 cells of one large picture at stride 8, and 1 % of those of sixteen; warm: the same after a quarter of the
  steps with plain
- each picture, 25 %: the hardest quarter of every picture by itself, as online hard example mining takes its regions
- t = 0.3, 0.8: another threshold, with at least 512; at most 2048: t = 0.6 with at least 512, lowered where more than
  2,048 cells lie below it
- focal: every cell counts by (1 − p)²
- hard over all, all over kept: two controls. The sum over the hard cells (p < 0.6, floor 512) divided by all, and the
  sum over all divided by the number of hard ones; plain, rate x 3: a third, plain with three times the rate

Scenes: *rare* has few squares and rings, *longer* too, with three times the steps; *turned* has few discs and stars,
*even* has as many of each; *noise* is even, and one object in ten, or three in ten, of the training scenes carries a
wrong name.

Prints JSON: for each kind of scene and each loss the figures of all seeds with means and standard errors, and what the
loss changes against plain, seed by seed, in the mean IoU and separately for rare categories and the others; and against
"all over kept", in which all cells speak as loudly as the hard ones do in "floor 512". Whatever is finished stands in
`--scratch`, so a study that was interrupted goes on where it was.

`--tier full` asks the same of 34 layers that learn ten times as long, for a GPU.
"""

from __future__ import annotations

import hashlib
import json
import statistics
import sys
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

from bridgeseg.data.label_noise import mislabelled
from bridgeseg.data.scenes import CATEGORIES, Scenes
from bridgeseg.losses.focal_loss import focal_cross_entropy
from bridgeseg.losses.hard_pixels import hard_pixels, hardest_of_each, mean_over
from bridgeseg.machine.environment import cache_folder, device
from bridgeseg.machine.files import write_text
from bridgeseg.measures.mean_iou import confusion, mean_iou
from bridgeseg.networks.preprocessing import normalise
from bridgeseg.networks.stack import STACK_STRIDE, stack
from bridgeseg.structures.cells import at_borders, enlarge, sample_labels
from bridgeseg.structures.labels import VOID

THRESHOLD = 0.6
WARM = 0.25  # share of the steps with plain cross-entropy first
RARE = {"rare": ("square", "ring"), "longer": ("square", "ring"), "turned": ("disc", "star")}
LONGER = 3  # times the steps
NOISE = {"noise 10 %": 0.1, "noise 30 %": 0.3}
SHARES = (1, 13, 25, 50, 75)

MATTER = ("plain", "floor 512", "all over kept")  # two comparisons that are made with more seeds
OTHERS = (
    *("floor 128", "floor 2048", "exactly 512", "exactly 512, warm"),
    *(f"exactly {share} %" for share in SHARES),
    *("exactly 13 %, warm", "each picture, 25 %", "focal", "hard over all", "plain, rate x 3"),
)
LOWERED = ("t = 0.3", "t = 0.8", "at most 2048")  # stored apart, beside `plain` and `floor 512`
FEW = (*MATTER, "focal")
LOSSES = {
    "rare": MATTER + OTHERS,
    "longer": MATTER,
    "turned": MATTER[:2],
    "even": FEW,
    **dict.fromkeys(NOISE, FEW),
}


@dataclass(frozen=True)
class Setting:
    """What all trainings have in common.

    layers, width: of the network
    scenes: that are learned
    scored: unseen scenes that are measured on
    batch: scenes of a step
    rate: the learning rate at its highest; it rises over the first 20 steps, then falls on a straight line to 0
    """

    layers: int = 10
    width: int = 24
    scenes: int = 2000
    scored: int = 400
    batch: int = 16
    rate: float = 0.1
    momentum: float = 0.9
    decay: float = 1e-4


TIERS = {"fast": (Setting(), 800), "full": (Setting(layers=34, width=64, scenes=4000), 8000)}  # and the steps


@cache
def drawn(kind: str, split: str, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Draw scenes: pictures (n, 96, 96, 3); categories (n, 96, 96), mistakes among them; and without; all uint8.

    They lie on the device.
    """
    scenes = Scenes(split, 96, count, rare=RARE.get(kind, ()))
    right = [scenes[index] for index in range(count)]
    share = NOISE.get(kind, 0.0) if split == "train" else 0.0
    given = [mislabelled(sample, share, len(CATEGORIES)) for sample in right] if share else right
    maps = (
        [s.picture for s in right],
        [s.categories for s in given],
        [s.categories for s in right],
    )
    pictures, categories, truth = (torch.from_numpy(np.stack(each)).to(device()) for each in maps)
    return pictures, categories, truth


def weighed(loss: str, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, bool]:
    """Return a loss, how much each cell counts in it, and whether a floor raised the threshold.

    loss: its name
    logits: (n, c, h, w); labels: (n, h, w) integer
    returns: () with gradient; (n, h, w) float, without; whether
    """
    entropy = F.cross_entropy(logits, labels.long(), ignore_index=VOID, reduction="none")  # (n, h, w)
    p, known = (-entropy.detach()).exp(), labels != VOID
    kind, _, amount = loss.removesuffix(", warm").rpartition(" ")
    if loss.startswith("plain"):
        return mean_over(entropy, known), known.float(), False
    if loss == "focal":
        return focal_cross_entropy(logits, labels), (1 - p) ** 2 * known, False
    if loss == "each picture, 25 %":
        hard = hardest_of_each(p, known, 0.25)
        return mean_over(entropy, hard), hard.float(), False
    if loss.startswith("exactly"):
        number = loss.split()[1].removesuffix(",")
        count = round(labels.numel() * int(number) / 100) if "%" in loss else int(number)
        hard, _ = hard_pixels(p, known, exactly=count)
        return mean_over(entropy, hard), hard.float(), False
    floor = int(amount) if kind == "floor" else 512
    threshold = float(amount) if kind == "t =" else THRESHOLD
    ceiling = int(amount) if kind == "at most" else None
    hard, ended = hard_pixels(p, known, threshold, floor, ceiling=ceiling)
    raised = float(ended) > threshold + 1e-6  # it is single precision
    if loss == "all over kept":
        return (entropy * known).sum() / hard.sum().clamp(min=1), known.float(), raised
    if loss == "hard over all":
        return (entropy * hard).sum() / known.sum().clamp(min=1), hard.float(), raised
    if kind not in ("floor", "t =", "at most"):
        raise ValueError(f"loss is {loss!r}, expected one of {', '.join(MATTER + OTHERS + LOWERED)}")
    return mean_over(entropy, hard), hard.float(), raised


def run(kind: str, loss: str, steps: int, seed: int, setting: Setting, file: Path) -> dict[str, Any]:
    """Train and score one network, or read what came out when that was done."""
    if file.exists():
        found: dict[str, Any] = json.loads(file.read_text("utf8"))
        return found
    torch.set_num_threads(1)
    pictures, categories, truth = drawn(kind, "train", setting.scenes)
    torch.manual_seed(seed)
    network = stack(setting.layers, setting.width, len(CATEGORIES)).train()
    network.to(device(), memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(
        network.parameters(), setting.rate, momentum=setting.momentum, weight_decay=setting.decay
    )
    generator, rising = np.random.default_rng(seed), min(20, steps)
    epochs = -(-steps * setting.batch // len(pictures))
    order = torch.from_numpy(np.concatenate([generator.permutation(len(pictures)) for _ in range(epochs)]))
    raised_at: list[bool] = []
    # Sums over the last tenth of the steps: of all cells, and of how much they count.
    counts = {name: np.zeros(2) for name in ("known", "borders", "mistakes", *CATEGORIES)}
    weights = 0.0
    for step in range(steps):
        share = min((step + 1) / rising, (steps - step) / (steps - rising + 1))
        for group in optimiser.param_groups:
            group["lr"] = setting.rate * share * (3 if loss.endswith("rate x 3") else 1)
        some = order[step * setting.batch : (step + 1) * setting.batch]
        labels, right = (sample_labels(maps[some], STACK_STRIDE) for maps in (categories, truth))
        logits = network(normalise(pictures[some]))
        first = loss.endswith(", warm") and step < WARM * steps
        value, weight, raised = weighed("plain" if first else loss, logits, labels)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        raised_at.append(raised)
        if step >= 0.9 * steps:
            known = labels != VOID
            groups = {"known": known, "borders": at_borders(labels) & known, "mistakes": labels != right}
            groups |= {name: labels == number for number, name in enumerate(CATEGORIES)}
            for name, group in groups.items():
                counts[name] += [float(group.sum()), float(weight[group].sum())]
            weights += float(weight.sum())
    network.eval()
    mean, each = scored(network, drawn(kind, "val", setting.scored))
    cells, total = counts["known"][0], max(weights, 1e-9)
    result = {
        "mean IoU": round(mean, 5),
        "IoU": {name: round(float(value), 5) for name, value in zip(CATEGORIES, each)},
        "kept at the end": round(weights / cells, 5),
        "floor raised the threshold": round(statistics.mean(raised_at), 4),
        "share of the cells": {name: round(pair[0] / cells, 5) for name, pair in counts.items()},
        "share of what counts": {name: round(pair[1] / total, 5) for name, pair in counts.items()},
    }
    note_place(file.parent)
    write_text(file, json.dumps(result))
    return result


@torch.inference_mode()
def scored(network: nn.Module, data: tuple[Tensor, Tensor, Tensor]) -> tuple[float, np.ndarray]:
    """Return the mean IoU and that of each category."""
    pictures, _, truth = data
    matrix = np.zeros((len(CATEGORIES), len(CATEGORIES)), np.int64)
    for start in range(0, len(pictures), 20):
        logits = network(normalise(pictures[start : start + 20]))
        answers = enlarge(logits, STACK_STRIDE, (96, 96)).argmax(1)
        for right, answer in zip(truth[start : start + 20].cpu(), answers.cpu()):
            matrix += confusion(right, answer, len(CATEGORIES))
    return mean_iou(matrix)


def summary(kind: str, runs: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return the figures of each loss on one kind of scene, and what each changes against plain."""
    rare = RARE.get(kind, ())
    groups = {"rare": rare, "others": [name for name in CATEGORIES[1:] if name not in rare]}
    report: dict[str, Any] = {}
    for loss, each in runs.items():
        pairs = list(zip(each, runs["plain"]))
        report[loss] = {
            "mean IoU": spread([run["mean IoU"] for run in each]),
            "IoU": {name: spread([run["IoU"][name] for run in each]) for name in CATEGORIES},
            **{
                name: round(statistics.mean(run[name] for run in each), 4)
                for name in ("kept at the end", "floor raised the threshold")
            },
            **{
                name: {
                    part: round(statistics.mean(run[name][part] for run in each), 4) for part in each[0][name]
                }
                for name in ("share of the cells", "share of what counts")
            },
            "over plain": {
                "mean IoU": spread([one["mean IoU"] - other["mean IoU"] for one, other in pairs]),
                **{
                    name: spread([one["IoU"][name] - other["IoU"][name] for one, other in pairs])
                    for name in CATEGORIES
                },
                **{
                    f"categories, {group}": spread(
                        [statistics.mean(a["IoU"][n] - b["IoU"][n] for n in names) for a, b in pairs]
                    )
                    for group, names in groups.items()
                    if names
                },
            },
        }
        if "all over kept" in runs:
            others = [run["mean IoU"] for run in runs["all over kept"]]
            report[loss]["over all over kept"] = spread(
                [run["mean IoU"] - other for run, other in zip(each, others)]
            )
        if rare:
            apart = [
                statistics.mean(a["IoU"][n] - b["IoU"][n] for n in groups["rare"])
                - statistics.mean(a["IoU"][n] - b["IoU"][n] for n in groups["others"])
                for a, b in pairs
            ]
            report[loss]["over plain"]["rare more than others"] = spread(apart)
    return report


def main() -> None:
    """Train, score, store."""
    parser = arguments(__doc__)
    parser.add_argument("--tier", choices=TIERS, default="fast")
    parser.add_argument("--steps", type=int, help="800, or 8,000 in the full tier")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--more", type=int, default=2, help="seeds on top for the two comparisons that matter"
    )
    parser.add_argument("--kinds", nargs="+", choices=LOSSES, default=list(LOSSES), help="of scenes")
    parser.add_argument("--losses", nargs="+", help="these alone; plain is always among them")
    parser.add_argument(
        "--threshold", action="store_true", help="on rare scenes: the threshold, other ones and a lowered one"
    )
    parser.add_argument("--workers", type=int, default=2, help="trainings at a time, one thread each")
    parser.add_argument("--scratch", type=Path, default=cache_folder() / "studies" / "hard-pixels")
    given = parser.parse_args()
    setting, usual = TIERS[given.tier]
    count = given.steps or usual
    scratch = given.scratch / hashlib.sha256(repr(setting).encode()).hexdigest()[:8]
    report = origin() | {"tier": given.tier, "steps": count, "seeds": given.seeds} | asdict(setting)
    report |= {"threads": 1, "side by side": given.workers}
    report |= {"cells of a mini-batch": setting.batch * (96 // STACK_STRIDE) ** 2, "more seeds": given.more}
    report["rare categories"] = RARE
    if given.threshold:
        given.kinds, given.losses, given.more = ["rare"], ["floor 512", *LOWERED], 0
    wanted = {
        kind: [
            name
            for name in (*LOSSES[kind], *LOWERED * given.threshold)
            if not given.losses or name in (*given.losses, "plain")
        ]
        for kind in given.kinds
    }
    waiting: dict[tuple[str, str, int], Future[dict[str, Any]]] = {}
    with ProcessPoolExecutor(given.workers, get_context("spawn")) as pool:
        for seed in range(given.seeds + given.more):
            for kind, loss in ((kind, loss) for kind, losses in wanted.items() for loss in losses):
                if seed < given.seeds or (kind == "rare" and loss in MATTER):
                    steps = count * (LONGER if kind == "longer" else 1)
                    name = f"{kind}-{loss}-{steps}-steps-seed-{seed}".replace(" ", "_").replace(
                        "%", "percent"
                    )
                    file = scratch / f"{name}.json"
                    waiting[kind, loss, seed] = pool.submit(run, kind, loss, steps, seed, setting, file)
        for (kind, loss, seed), future in waiting.items():
            print(f"{kind}, {loss}, seed {seed}: {future.result()['mean IoU']}", file=sys.stderr, flush=True)
    report |= place_of(scratch)
    for kind, losses in wanted.items():
        runs = {
            loss: [
                waiting[kind, loss, seed].result()
                for seed in range(given.seeds + given.more)
                if (kind, loss, seed) in waiting
            ]
            for loss in losses
        }
        report[kind] = summary(kind, runs)
    name = "hard-pixels-threshold" if given.threshold else "hard-pixels"
    publish(name if given.tier == "fast" else f"{name}-full", report, given.store)


if __name__ == "__main__":
    main()
