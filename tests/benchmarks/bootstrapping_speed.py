"""What bootstrapping adds to a training step: `python tests/benchmarks/bootstrapping_speed.py [--quick]`.

A step of `scenes-fast` as it is trained, and the semantic network alone, each with plain cross-entropy (torch's own),
with threshold and floor, and with exactly 512, the kinds in turns so that a busy moment meets all of them. The bar is
a ratio of 1.1 of the medians. Prints JSON; times are milliseconds.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from stored_result import arguments, origin, publish
from torch import Tensor

from bridgeseg.data.scenes import CATEGORIES, Scenes
from bridgeseg.losses.loss_recipe import LossRecipe
from bridgeseg.networks.preprocessing import normalise
from bridgeseg.structures.cells import enlarge, sample_labels
from bridgeseg.structures.labels import VOID
from bridgeseg.system.build import build_fcn
from bridgeseg.system.presets import SCENES_FAST
from bridgeseg.training.mini_batches import Batches
from bridgeseg.training.objective import localization_loss, objective_of
from bridgeseg.training.optimiser import make_optimiser, parameter_groups
from bridgeseg.training.store import load

LEARNER, LOSSES = SCENES_FAST.semantic, SCENES_FAST.losses
HARD_BOXES = dataclasses.replace(LOSSES.boxes, threshold=0.7, floor=512)
ALL_BOXES = dataclasses.replace(LOSSES.boxes, threshold=2.0, floor=0)
KINDS = {
    "threshold 0.6, floor 512": LossRecipe(
        dataclasses.replace(LOSSES.categories, threshold=0.6, floor=512, exactly=None), HARD_BOXES
    ),
    "exactly 512": LossRecipe(dataclasses.replace(LOSSES.categories, threshold=2.0, exactly=512), HARD_BOXES),
}


def plain_loss(found: dict[str, Tensor], categories: Tensor, instances: Tensor, stride: int) -> Tensor:
    """What one would write without bootstrapping: torch's mean cross-entropy, and the boxes of all pixels."""
    wanted = LOSSES.categories.label_stride or stride
    labels, logits = sample_labels(categories, wanted), found["categories"]
    if wanted != stride:
        logits = enlarge(logits, stride // wanted, (labels.shape[-2], labels.shape[-1]))
    loss = F.cross_entropy(logits.float(), labels.long(), ignore_index=VOID)
    if "boxes" in found:
        loss = loss + localization_loss(found["boxes"], categories, instances, stride, ALL_BOXES).loss
    return loss


def make_step(shared: bool, losses: LossRecipe | None) -> Callable[[], None]:
    """A training step of its own network on one batch; None for the losses is plain cross-entropy."""
    torch.manual_seed(0)
    outputs = {"categories": len(CATEGORIES)} | ({"boxes": 4} if shared else {})
    network = build_fcn(LEARNER.network, outputs).train()
    network.to(memory_format=torch.channels_last)
    optimiser = make_optimiser(parameter_groups(network, LEARNER), LEARNER.optimiser)
    scenes = Scenes("train", LEARNER.crops.side, 32)
    batch = Batches(load(scenes, range(32)), LEARNER.crops, batch=LEARNER.optimiser.batch, seed=0)(0)
    pictures = normalise(batch.pictures)

    def step() -> None:
        found = network(pictures)
        if losses is None:
            loss = plain_loss(found, batch.categories, batch.instances, network.output_stride)
        else:
            labels = (batch.categories, batch.instances)
            loss = objective_of(found, *labels, network.output_stride, losses).loss
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()

    return step


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--quick", action="store_true", help="few steps: to see that it works")
    given = parser.parse_args()
    runs = 3 if given.quick else 40
    report: dict[str, Any] = origin() | {"runs": runs, "unit": "ms a step", "bar for the ratios": 1.1}
    report["pictures"] = [LEARNER.optimiser.batch, LEARNER.crops.side, LEARNER.crops.side]
    for title, shared in (
        ("both networks on one trunk, as the recipe", True),
        ("the semantic network", False),
    ):
        steps = {"plain": make_step(shared, None)}
        steps |= {name: make_step(shared, losses) for name, losses in KINDS.items()}
        taken: dict[str, list[float]] = {name: [] for name in steps}
        for run in range(runs + 2):
            for name, step in steps.items():
                start = time.perf_counter()
                step()
                if run >= 2:
                    taken[name].append(1000 * (time.perf_counter() - start))
        medians = {name: statistics.median(each) for name, each in taken.items()}
        report[title] = {name: round(value, 1) for name, value in medians.items()} | {
            f"{name} / plain": round(medians[name] / medians["plain"], 3) for name in KINDS
        }
    publish("bootstrapping-speed", report, given.store)


if __name__ == "__main__":
    main()
