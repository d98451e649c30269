"""Does bootstrapping help here? `python tests/benchmarks/bootstrapping_helps.py --steps 1500 --seeds 3`.

The semantic network of a recipe, trained alone as in the paper, with the same steps, batches and first weights for
every kind of loss:

- plain: cross-entropy over all pixels
- threshold: p < 0.6, the later code's, with a floor of 512
- exactly: the hardest 512 of a mini-batch, the other reading of the paper
- exactly, warm: the same after a quarter of the steps with plain cross-entropy
- exactly, share: the hardest 13 %, which is what 512 are of the 63 × 63 cells of one large VOC picture at stride 8; the
  paper does not say whether it counts in a picture or in a mini-batch
- exactly, share, warm: both

Scored by mIoU on unseen scenes. Prints JSON: for each kind the figures of all seeds, their mean and deviation, and the
difference from plain, seed by seed, with its standard error.
"""

from __future__ import annotations

import dataclasses
import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from stored_result import arguments, origin, publish
from torch import nn

from bridgeseg.data.scenes import CATEGORIES, Scenes
from bridgeseg.losses.loss_recipe import CategoryLossRecipe
from bridgeseg.measures.mean_iou import confusion, mean_iou
from bridgeseg.networks.fcn import FCN
from bridgeseg.networks.preprocessing import normalise
from bridgeseg.structures.cells import enlarge
from bridgeseg.structures.labels import Sample
from bridgeseg.system.build import build_fcn
from bridgeseg.system.presets import recipe_named
from bridgeseg.system.recipe import Learner, Recipe
from bridgeseg.training.mini_batches import Batches
from bridgeseg.training.objective import semantic_loss
from bridgeseg.training.optimiser import make_optimiser, parameter_groups, rate_at
from bridgeseg.training.store import Store, load

WARM = 0.25  # share of the steps


def kinds(recipe: Recipe) -> dict[str, tuple[CategoryLossRecipe, bool]]:
    """The losses that are compared, and whether each begins with plain cross-entropy."""
    network, loss = recipe.semantic.network, recipe.losses.categories
    stride = loss.label_stride or (network.stride if network.head == "refine" else network.output_stride)
    labels = recipe.semantic.optimiser.batch * (-(-recipe.semantic.crops.side // stride)) ** 2
    share = max(round(labels * 512 / 63**2), 1)
    exactly = dataclasses.replace(loss, exactly=512)
    shared = dataclasses.replace(loss, exactly=share)
    return {
        "plain": (dataclasses.replace(loss, threshold=2.0, floor=0, exactly=None), False),
        "threshold": (dataclasses.replace(loss, threshold=0.6, floor=512, exactly=None), False),
        "exactly": (exactly, False),
        "exactly, warm": (exactly, True),
        "exactly, share": (shared, False),
        "exactly, share, warm": (shared, True),
    }


def train(
    learner: Learner,
    own: CategoryLossRecipe,
    plain: CategoryLossRecipe,
    warm: bool,
    store: Store,
    steps: int,
    seed: int,
) -> tuple[FCN, float]:
    """Train the semantic network; returns it and the kept fraction over the last tenth of the steps."""
    torch.manual_seed(seed)
    network = build_fcn(learner.network, {"categories": len(CATEGORIES)}).train()
    network.to(memory_format=torch.channels_last)
    recipe = learner.optimiser
    optimiser = make_optimiser(parameter_groups(network, learner), recipe)
    batches = Batches(store, learner.crops, batch=recipe.batch, seed=seed).ahead(0)
    kept = []
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate * group["factor"] * rate_at(step / steps, recipe.warm_up, recipe.power)
        batch = next(batches)
        logits = network(normalise(batch.pictures))["categories"]
        now = plain if warm and step < WARM * steps else own
        found = semantic_loss(logits, batch.categories, network.output_stride, now)
        optimiser.zero_grad(set_to_none=True)
        found.loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
        optimiser.step()
        if step >= 0.9 * (steps - 1):
            kept.append(float(found.kept))
    batches.close()
    return network.eval(), statistics.mean(kept)


@torch.inference_mode()
def measure(network: FCN, scenes: Sequence[Sample]) -> tuple[float, np.ndarray]:
    """Mean IoU and the IoU of each category on scenes."""
    matrix = np.zeros((len(CATEGORIES), len(CATEGORIES)), np.int64)
    for sample in scenes:
        logits = network(normalise(torch.from_numpy(sample.picture)[None]))["categories"]
        answer = enlarge(logits, network.output_stride, sample.categories.shape)[0].argmax(0)
        matrix += confusion(sample.categories, answer, len(CATEGORIES))
    return mean_iou(matrix)


def spread(values: Sequence[float]) -> float:
    """The standard deviation, 0 for a single value."""
    return statistics.stdev(values) if len(values) > 1 else 0.0


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--pictures", type=int, default=200, help="unseen scenes to measure on")
    parser.add_argument("--recipe", default="scenes-fast")
    given = parser.parse_args()
    recipe = recipe_named(given.recipe)
    learner = recipe.semantic
    side, most = learner.crops.side, given.steps * learner.optimiser.batch
    scenes = Scenes("train", side, min(recipe.pictures.scenes or 2000, most))
    store = load(scenes, range(len(scenes)))
    val = Scenes("val", side, given.pictures)
    unseen = [val[index] for index in range(len(val))]
    report: dict[str, Any] = origin() | dict(vars(given)) | {"pictures trained on": len(store)}

    compared = kinds(recipe)
    plain = compared["plain"][0]
    figures: dict[str, list[float]] = {name: [] for name in compared}
    parts: dict[str, list[np.ndarray]] = {name: [] for name in compared}
    fractions: dict[str, list[float]] = {name: [] for name in compared}
    for seed in range(given.seeds):
        for name, (own, warm) in compared.items():
            began = time.monotonic()
            network, kept = train(learner, own, plain, warm, store, given.steps, seed)
            mean, each = measure(network, unseen)
            figures[name].append(mean)
            parts[name].append(each)
            fractions[name].append(kept)
            seconds = time.monotonic() - began
            print(f"seed {seed}, {name}: mIoU {mean:.4f}, {seconds:.0f} s", file=sys.stderr, flush=True)
    for name, (own, _) in compared.items():
        gain = [a - b for a, b in zip(figures[name], figures["plain"])]
        report[name] = {
            "exactly": own.exactly,
            "mIoU": [round(value, 4) for value in figures[name]],
            "mean": round(statistics.mean(figures[name]), 4),
            "deviation": round(spread(figures[name]), 4),
            "over plain": round(statistics.mean(gain), 4),
            "its standard error": round(spread(gain) / len(gain) ** 0.5, 4),
            "kept at the end": round(statistics.mean(fractions[name]), 4),
            "IoU": {
                category: round(float(value), 4)
                for category, value in zip(CATEGORIES, np.mean(parts[name], axis=0))
            },
        }
    publish("bootstrapping-helps", report, given.store)


if __name__ == "__main__":
    main()
