"""How far must a network see? The paper's design study in small: depth × output stride × field of view.

    python tests/benchmarks/how_far.py --runs DIR --store

Every combination learns scenes under a sky (`bridgeseg.data.scenes`): by day all objects are kites, by night lanterns,
and only a strip along the upper edge says which. So an object is named by something that may lie a whole picture away.

- depth: 8 and 14 layers, a residual trunk of three stages with one or two blocks each
- output stride: 16 and 8, as in the paper; dilation keeps the trunk's reach
- field of view of the classifier, ((k − 1) · d + 1) · stride: one tap; 3 × 3 taps close together; 5 × 5 taps wide
  apart. The dilation is doubled where the stride is halved, so that the fields are alike

The same steps, mini-batches and rate for all. A run's number of steps is fixed, so that what else the machine does
changes no figure. Two runs go side by side, with one thread each. Each finished run is kept in the folder `--runs`;
what stands there is not trained again, so the study goes on where it was interrupted.

Measured on unseen scenes: the mean IoU; and, of the objects' pixels that are called an object at all, the share with
the right name, by how far below the sky they lie. Stores mean and standard error over the seeds.

`--tier full` asks the same of 50 and 101 layers at the paper's width, on scenes of 256 pixels, for a GPU.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from stored_result import arguments, note_place, origin, place_of, publish
from torch import nn

from bridgeseg.data.scenes import SKY_CATEGORIES, Scenes
from bridgeseg.losses.loss_recipe import CategoryLossRecipe
from bridgeseg.machine.environment import device
from bridgeseg.machine.files import write_text
from bridgeseg.measures.mean_iou import confusion, mean_iou
from bridgeseg.networks.fcn import FCN
from bridgeseg.networks.field_of_view import field_of_view, nominal_field_of_view, steps
from bridgeseg.networks.heads import LargeFieldOfViewHead
from bridgeseg.networks.preprocessing import normalise
from bridgeseg.networks.resnet import resnet
from bridgeseg.structures.cells import enlarge
from bridgeseg.structures.labels import VOID, Sample
from bridgeseg.system.recipe import CropRecipe, Learner, NetworkRecipe, OptimiserRecipe
from bridgeseg.training.mini_batches import Batches
from bridgeseg.training.objective import semantic_loss
from bridgeseg.training.optimiser import make_optimiser, parameter_groups, rate_at, set_rate
from bridgeseg.training.store import Store, load

MARKS = 7  # of distance: an eighth of the picture each, as the sky is
LOSS = CategoryLossRecipe(label_stride=1)  # every pixel counts: both strides answer for the same ones
FIELDS = {"one tap": (1, 1), "close taps": (3, 1), "wide taps": (5, 2)}  # kernel, and dilation at stride 16
STRIDES = (16, 8)


class Tier(NamedTuple):
    """What differs between the laptop's study and the GPU's."""

    depths: dict[str, tuple[int, tuple[int, ...] | None]]  # depth and blocks, as `resnet` takes them
    stem: int  # kernel of the first convolution
    width: int  # channels of the stem
    side: int  # pixels of a scene
    batch: int
    rate: float
    scenes: int
    steps: int


TIERS = {
    "fast": Tier({"8 layers": (18, (1, 1, 1)), "14 layers": (18, (2, 2, 2))}, 3, 16, 96, 16, 3e-3, 1000, 500),
    "full": Tier({"50 layers": (50, None), "101 layers": (101, None)}, 7, 64, 256, 16, 1e-3, 1000, 800),
}


class Asked(NamedTuple):
    """One run: what is trained."""

    depth: str
    stride: int
    field: str
    seed: int

    @property
    def name(self) -> str:
        """What its file is called."""
        return f"{self.depth}, stride {self.stride}, {self.field}, seed {self.seed}".replace(
            " ", "-"
        ).replace(",", "")


def head_of(asked: Asked) -> tuple[int, int]:
    """The kernel and the dilation of a run's classifier."""
    kernel, dilation = FIELDS[asked.field]
    return kernel, dilation * 16 // asked.stride if kernel > 1 else 1


def build(asked: Asked, tier: Tier) -> FCN:
    """The network of a run, freshly drawn."""
    depth, blocks = tier.depths[asked.depth]
    trunk = resnet(depth, asked.stride, width=tier.width, layers=blocks, stem=tier.stem)
    kernel, dilation = head_of(asked)
    classes = len(SKY_CATEGORIES)
    head = LargeFieldOfViewHead(trunk.channels, trunk.strides, classes, kernel=kernel, dilation=dilation)
    return FCN(trunk, head, {"categories": classes})


def train(asked: Asked, tier: Tier, store: Store, count: int) -> tuple[FCN, float]:
    """Train a run's network for a number of steps; returns it, and its mean loss over the last tenth of them."""
    torch.manual_seed(asked.seed)
    place = device()
    network = build(asked, tier).to(place).to(memory_format=torch.channels_last).train()
    recipe = OptimiserRecipe(rate=tier.rate, batch=tier.batch)
    optimiser = make_optimiser(
        parameter_groups(network, Learner(NetworkRecipe(), CropRecipe(), recipe)), recipe, place
    )
    batches = Batches(store, CropRecipe(side=tier.side), batch=tier.batch, seed=asked.seed)
    losses = []
    for step in range(count):
        set_rate(optimiser, recipe.rate * rate_at(step / count, recipe.warm_up, recipe.power))
        batch = batches(step)
        with torch.autocast("cuda", torch.bfloat16, enabled=place.type == "cuda"):
            logits = network(normalise(batch.pictures))["categories"]
        loss = semantic_loss(logits.float(), batch.categories, network.output_stride, LOSS).loss
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
        optimiser.step()
        if step >= 0.9 * (count - 1):
            losses.append(float(loss.detach()))
    return network.eval(), statistics.mean(losses)


@torch.inference_mode()
def measure(network: FCN, unseen: Sequence[Sample]) -> dict[str, Any]:
    """The mean IoU, and the share of the objects' pixels that are named rightly, by their distance from the sky."""
    matrix = np.zeros((len(SKY_CATEGORIES), len(SKY_CATEGORIES)), np.int64)
    place, size = next(network.parameters()).device, unseen[0].categories.shape
    seen, right = np.zeros((2, MARKS))
    sky = size[0] // (MARKS + 1)
    marks = np.arange(size[0]) // sky - 1  # (h,), of each row; −1 in the sky
    for sample in unseen:
        logits = network(normalise(torch.from_numpy(sample.picture)[None].to(place)))["categories"]
        answer = enlarge(logits, network.output_stride, size)[0].argmax(0).cpu().numpy()  # (h, w)
        matrix += confusion(sample.categories, answer, len(SKY_CATEGORIES))
        objects = (sample.categories > 0) & (sample.categories != VOID) & (answer > 0)
        for mark in range(MARKS):
            here = objects & (marks == mark)[:, None]
            seen[mark] += here.sum()
            right[mark] += (answer == sample.categories)[here].sum()
    mean, each = mean_iou(matrix)
    return {
        "mIoU": mean,
        "IoU": dict(zip(SKY_CATEGORIES, each.tolist())),
        "objects": matrix[1:, 1:].sum() / matrix[1:].sum(),  # share of their pixels that are called an object
        "named": (right / np.maximum(seen, 1)).tolist(),
        "named anywhere": right.sum() / max(seen.sum(), 1),
    }


@cache
def learned(side: int, count: int) -> Store:
    """The scenes that are learned; each process draws them once."""
    return load(Scenes("train", side, count, sky=True), range(count), device=device())


@cache
def samples(side: int, count: int) -> list[Sample]:
    """The scenes that are measured on."""
    scenes = Scenes("val", side, count, sky=True)
    return [scenes[index] for index in range(count)]


def run(asked: Asked, tier_name: str, count: int, pictures: int, folder: Path) -> str:
    """Train and measure one run, and keep it in the folder; returns a line about it."""
    file, tier = folder / f"{asked.name}.json", TIERS[tier_name]
    if device().type == "cpu":
        torch.set_num_threads(1)
    began = time.monotonic()
    unseen = samples(tier.side, pictures)
    network, loss = train(asked, tier, learned(tier.side, tier.scenes), count)
    kept = {**settings(tier_name, count, pictures), "loss": loss, **measure(network, unseen)}
    note_place(folder)
    write_text(file, json.dumps(kept))
    seconds = time.monotonic() - began
    return f"{asked.name}: mIoU {kept['mIoU']:.3f}, named {kept['named anywhere']:.3f}, {seconds:.0f} s"


def settings(tier_name: str, count: int, pictures: int) -> dict[str, Any]:
    """What a kept run must agree in, to be taken for one of this study."""
    return {"tier": tier_name, "steps": count, "pictures": pictures, "recipe": repr(TIERS[tier_name])}


def kept_run(file: Path, wanted: dict[str, Any]) -> dict[str, Any] | None:
    """What a run left in the folder; None where there is nothing, or something of another study."""
    if not file.exists():
        return None
    kept = dict(json.loads(file.read_text("utf8")))
    return kept if all(kept.get(name) == value for name, value in wanted.items()) else None


def cost(network: FCN, side: int) -> int:
    """Multiplications that one scene takes, those of convolutions."""
    found = []

    def count(layer: nn.Module, _: Any, answer: torch.Tensor) -> None:
        assert isinstance(layer, nn.Conv2d)
        found.append(answer[0, 0].numel() * layer.weight.numel())

    hooks = [part.register_forward_hook(count) for part in network.modules() if isinstance(part, nn.Conv2d)]
    with torch.inference_mode():
        network.eval()(torch.zeros(1, 3, side, side))
    for hook in hooks:
        hook.remove()
    return sum(found)


def figure(values: Sequence[float]) -> dict[str, float]:
    """The mean of some seeds, and its standard error."""
    error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return {"mean": round(statistics.mean(values), 4), "error": round(error, 4)}


def row(asked: Asked, tier: Tier, found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One combination: what it is, and what its seeds came to."""
    network = build(asked, tier)
    kernel, dilation = head_of(asked)
    by_distance = [figure(values) for values in zip(*(each["named"] for each in found))]
    return {
        "depth": asked.depth,
        "stride": asked.stride,
        "field": asked.field,
        "kernel": kernel,
        "dilation": dilation,
        "field of view": nominal_field_of_view(kernel, dilation, asked.stride),
        "reach": field_of_view(steps(network)),
        "parameters": sum(values.numel() for values in network.parameters()),
        "multiplications": cost(network, tier.side),
        "mIoU": figure([each["mIoU"] for each in found])
        | {"seeds": [round(each["mIoU"], 4) for each in found]},
        "objects": figure([each["objects"] for each in found]),
        "named": figure([each["named anywhere"] for each in found]),
        "named by distance": {
            "mean": [each["mean"] for each in by_distance],
            "error": [each["error"] for each in by_distance],
        },
        "loss": figure([each["loss"] for each in found]),
    }


def gains(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """What each change brings in mean IoU, over all combinations of the others and all seeds, seed by seed."""
    by_key = {(r["depth"], r["stride"], r["field"]): r["mIoU"]["seeds"] for r in rows}
    depths = list(dict.fromkeys(r["depth"] for r in rows))
    changes = {
        f"{depths[1]} for {depths[0]}": (0, depths[0], depths[1]),
        "stride 8 for 16": (1, 16, 8),
        "close taps for one": (2, "one tap", "close taps"),
        "wide taps for close ones": (2, "close taps", "wide taps"),
        "wide taps for one": (2, "one tap", "wide taps"),
    }
    found = {}
    for name, (part, before, after) in changes.items():
        pairs = [(key, (*key[:part], after, *key[part + 1 :])) for key in by_key if key[part] == before]
        # Of each seed the mean over the other settings: seeds are what is drawn, settings are not.
        by_seed = [
            statistics.mean(b - a for a, b in zip(olds, news))
            for olds, news in zip(
                zip(*(by_key[old] for old, _ in pairs)), zip(*(by_key[new] for _, new in pairs))
            )
        ]
        found[name] = figure(by_seed) | {"seeds": [round(value, 4) for value in by_seed]}
    return found


def main() -> None:
    """Train what is missing, and put it together."""
    parser = arguments(__doc__)
    parser.add_argument("--runs", required=True, type=Path, help="folder in which finished runs are kept")
    parser.add_argument("--tier", choices=list(TIERS), default="fast")
    parser.add_argument("--steps", type=int, help="instead of the tier's")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--pictures", type=int, default=200, help="unseen scenes to measure on")
    parser.add_argument("--workers", type=int, default=2, help="runs side by side, with a thread each")
    given = parser.parse_args()
    tier, count = TIERS[given.tier], given.steps or TIERS[given.tier].steps
    given.runs.mkdir(parents=True, exist_ok=True)
    # Seed by seed, so that an interrupted study has whole seeds; the long runs first.
    every = [
        Asked(depth, stride, field, seed)
        for seed in range(given.seeds)
        for depth, stride, field in product(reversed(tier.depths), reversed(STRIDES), reversed(FIELDS))
    ]
    wanted = settings(given.tier, count, given.pictures)
    missing = [asked for asked in every if kept_run(given.runs / f"{asked.name}.json", wanted) is None]
    work = partial(run, tier_name=given.tier, count=count, pictures=given.pictures, folder=given.runs)
    head = origin(command_of(given)) | {"threads": 1}
    with ProcessPoolExecutor(given.workers, get_context("spawn")) as pool:
        for done, line in enumerate(pool.map(work, missing), 1 + len(every) - len(missing)):
            print(f"{done} of {len(every)}  {line}", file=sys.stderr, flush=True)

    rows = []
    for depth, stride, field in product(tier.depths, STRIDES, FIELDS):
        asked = [Asked(depth, stride, field, seed) for seed in range(given.seeds)]
        found = [kept_run(given.runs / f"{each.name}.json", wanted) for each in asked]
        rows.append(row(asked[0], tier, [each for each in found if each is not None]))
    for each in rows:
        size = f"{each['field of view']:4} px"
        print(f"{each['depth']}, stride {each['stride']:2}, {size}: {each['mIoU']}", file=sys.stderr)
    other = "full" if given.tier == "fast" else "fast"
    report = (
        head
        | place_of(given.runs)
        | {
            "tier": given.tier,
            "steps": count,
            "seeds": given.seeds,
            "side by side": given.workers,
            "pictures": given.pictures,
            "pictures trained on": tier.scenes,
            "side": tier.side,
            "distances": [tier.side // (MARKS + 1) * mark for mark in range(MARKS)],
            "rows": rows,
            "gains": gains(rows),
            f"{other} tier": f"stored apart, by --tier {other}"
            if other == "fast"
            else "not run: needs a GPU",
        }
    )
    publish("how-far" if given.tier == "fast" else "how-far-full", report, given.store)


def command_of(given: Any) -> str:
    """The command that makes the result, with a word for the folder, which differs between machines."""
    asked = [f"--{name} {value}" for name, value in (("tier", given.tier), ("steps", given.steps)) if value]
    words = ["python tests/benchmarks/how_far.py", "--runs DIR", *asked]
    return " ".join(word for word in words if word != "--tier fast")


if __name__ == "__main__":
    main()
