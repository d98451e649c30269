"""What each part of a training brings: `python tests/benchmarks/training_choices.py`.

The second network of chapter 4, eighteen layers with shortcuts, learns a thousand scenes with everything that chapter 6
has: warm-up, a rate that falls, clipping, momentum, decay, scenes that come changed each time. Then one part is left
out, or changed, at a time. Steps, batches and first weights are the same for all of one seed.

Trainings that are finished stand in `--scratch`, so a study that was interrupted goes on where it was.

Prints JSON: for each choice the loss and the mean IoU on 200 unseen scenes of all seeds, their mean and its standard
error, and how much less the mean IoU is than with everything, seed by seed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from six_faults import loss_of
from stored_result import arguments, note_place, origin, place_of, publish, spread
from torch import nn

from bridgeseg.data.scene_shapes import CATEGORIES
from bridgeseg.data.scenes import Scenes
from bridgeseg.machine.environment import cache_folder
from bridgeseg.machine.files import write_text
from bridgeseg.measures.mean_iou import confusion, mean_iou
from bridgeseg.networks.preprocessing import normalise
from bridgeseg.networks.stack import STACK_STRIDE, stack
from bridgeseg.structures.cells import enlarge
from bridgeseg.system.recipe import CropRecipe, OptimiserRecipe
from bridgeseg.training.mini_batches import Batches
from bridgeseg.training.optimiser import make_optimiser, rate_at, set_rate
from bridgeseg.training.store import Store, load

LAYERS, WIDTH, SIDE = 18, 24, 96
ALL = OptimiserRecipe("sgd", rate=0.1, decay=1e-4, batch=16, warm_up=0.05, clip=5.0)
CHANGED = CropRecipe(SIDE, scales=(0.8, 1.25), jitter=0.2)
FIGURES = ("loss", "mean IoU")


def choices() -> dict[str, tuple[OptimiserRecipe, CropRecipe]]:
    """All trainings that are compared, the one with everything first."""

    def without(**values: Any) -> tuple[OptimiserRecipe, CropRecipe]:
        return dataclasses.replace(ALL, **values), CHANGED

    return {
        "all": (ALL, CHANGED),
        "no warm-up": without(warm_up=0.0),
        "a rate that never falls": without(power=0.0),
        "no clip": without(clip=math.inf),
        "no momentum": without(momentum=0.0),
        "no decay": without(decay=0.0),
        "a hundred times the decay": without(decay=1e-2),
        "AdamW": without(kind="adamw", rate=3e-3, decay=0.02),
        "scenes as they are": (ALL, CropRecipe(SIDE)),
        "ten times the rate": without(rate=1.0),
        "ten times the rate, no warm-up": without(rate=1.0, warm_up=0.0),
        "a tenth of the rate": without(rate=0.01),
        "mini-batches of 4, rate left": without(batch=4),
        "mini-batches of 4, rate cut alike": without(batch=4, rate=0.025),
    }


def eighteen() -> nn.Module:
    """Return the second network of chapter 4, untrained."""
    return stack(LAYERS, WIDTH, len(CATEGORIES))


def groups_of(network: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Return the weights as an optimiser takes them: those of convolutions, which decay, and the others."""
    return [
        {
            "params": [w for w in network.parameters() if (w.dim() > 1) is large],
            "weight_decay": decay if large else 0.0,
            "factor": 1.0,
        }
        for large in (True, False)
    ]


def train(
    recipe: OptimiserRecipe,
    crops: CropRecipe,
    store: Store,
    pictures: int,
    seed: int,
    make: Callable[[], nn.Module] = eighteen,
) -> nn.Module:
    """Return a network that was trained until it had seen so many pictures."""
    torch.manual_seed(seed)
    network = make().train()
    optimiser = make_optimiser(groups_of(network, recipe.decay), recipe)
    batches, steps = Batches(store, crops, batch=recipe.batch, seed=seed), pictures // recipe.batch
    for step in range(steps):
        set_rate(optimiser, recipe.rate * rate_at(step / steps, recipe.warm_up, recipe.power))
        batch = batches(step)
        optimiser.zero_grad(set_to_none=True)
        loss_of(network(normalise(batch.pictures)), batch.categories).backward()
        nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
        optimiser.step()
    return network.eval()


@torch.inference_mode()
def measured(network: nn.Module, count: int, split: str = "val") -> dict[str, float]:
    """Return the loss and the mean IoU on so many scenes, unseen ones by default."""
    scenes = Scenes(split, SIDE, count)
    samples = [scenes[index] for index in range(count)]
    matrix, losses = np.zeros((len(CATEGORIES), len(CATEGORIES)), np.int64), []
    for first in range(0, count, 20):
        some = samples[first : first + 20]
        truth = torch.stack([torch.from_numpy(sample.categories) for sample in some])
        logits = network(normalise(torch.stack([torch.from_numpy(sample.picture) for sample in some])))
        losses.append(float(loss_of(logits, truth)))
        answer = enlarge(logits, STACK_STRIDE, (SIDE, SIDE)).argmax(1)
        matrix += sum(confusion(*pair, len(CATEGORIES)) for pair in zip(truth.numpy(), answer))
    return {"loss": statistics.mean(losses), "mean IoU": float(mean_iou(matrix)[0])}


def remembered(name: str, told: dict[str, Any], scratch: Path, make: Any) -> dict[str, float]:
    """Return what a training gave, from the scratch folder, or made now and kept there."""
    text = json.dumps(told, sort_keys=True, default=str)
    file = scratch / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
    if not file.exists():
        began = time.monotonic()
        found = make()
        note_place(scratch)
        write_text(file, json.dumps(found))
        print(f"{name}: {found}, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return dict(json.loads(file.read_text("utf8")))


def main() -> None:
    """Train what is not there yet, and publish."""
    parser = arguments(__doc__)
    parser.add_argument(
        "--steps", type=int, default=600, help="of mini-batches of 16; smaller ones take more"
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--scenes", type=int, default=1000, help="that are learned")
    parser.add_argument("--pictures", type=int, default=200, help="unseen scenes to measure on")
    parser.add_argument("--scratch", type=Path, default=cache_folder() / "training-choices")
    given = parser.parse_args()
    given.scratch.mkdir(parents=True, exist_ok=True)
    head = origin(f"python tests/benchmarks/training_choices.py --steps {given.steps} --seeds {given.seeds}")
    store = load(Scenes("train", SIDE, given.scenes), range(given.scenes))
    found: dict[str, list[dict[str, float]]] = {}
    for seed in range(given.seeds):
        for name, (recipe, crops) in choices().items():
            told = {
                "recipe": recipe,
                "crops": crops,
                "seed": seed,
                "steps": given.steps,
                "scenes": given.scenes,
            }

            def made(
                recipe: OptimiserRecipe = recipe, crops: CropRecipe = crops, seed: int = seed
            ) -> dict[str, float]:
                return measured(train(recipe, crops, store, given.steps * ALL.batch, seed), given.pictures)

            all_told = told | {"pictures": given.pictures}
            found.setdefault(name, []).append(
                remembered(f"seed {seed}, {name}", all_told, given.scratch, made)
            )
    whole = [run["mean IoU"] for run in found["all"]]
    about = {"steps": given.steps, "seeds": given.seeds, "scenes": given.scenes, "pictures": given.pictures}
    report: dict[str, Any] = {
        name: {figure: spread([run[figure] for run in runs]) for figure in FIGURES}
        | {"less than with all": spread([run["mean IoU"] - most for run, most in zip(runs, whole)])}
        for name, runs in found.items()
    }
    publish("training-choices", head | place_of(given.scratch) | about | {"choices": report}, given.store)


if __name__ == "__main__":
    main()
