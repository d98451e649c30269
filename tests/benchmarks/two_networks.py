"""One network for categories and boxes, or two: `python tests/benchmarks/two_networks.py`.

The paper trains two networks apart. Here the network of eighteen layers of chapters 4 to 8 answers both questions
at once, and two of its kind answer one each: with nearly as many parameters together, in as many steps together, and
in as many steps each. Seeds, scenes and recipe are the same; the seconds of a step are timed in turn, before training.

Trainings that are finished stand in `--scratch`, so a study that was interrupted goes on where it was.

Prints JSON: for each its parameters, its milliseconds for one step of the first, and over its seeds, on 200 unseen
scenes, the mean IoU, and AP^r by the paper's suppression and by voting.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from box_choices import LAYERS, QUIET, RECIPE, SIDE, WIDTH
from stored_result import arguments, origin, place_of, publish, spread
from torch import Tensor, nn
from training_choices import CHANGED, groups_of, remembered

from bridgeseg.data.scene_shapes import CATEGORIES
from bridgeseg.data.scenes import Scenes
from bridgeseg.grouping.suppression import Suppression
from bridgeseg.grouping.voting import Voting
from bridgeseg.losses.loss_recipe import BoxLossRecipe, CategoryLossRecipe, LossRecipe
from bridgeseg.machine.environment import cache_folder
from bridgeseg.measures.average_precision import average_precision
from bridgeseg.measures.mask_iou import overlaps
from bridgeseg.measures.mean_iou import confusion, mean_iou
from bridgeseg.networks.preprocessing import normalise
from bridgeseg.networks.stack import STACK_STRIDE, stack
from bridgeseg.structures.boxes import decode
from bridgeseg.system.prediction import Maps, category_map, group
from bridgeseg.training.mini_batches import Batches
from bridgeseg.training.objective import objective_of
from bridgeseg.training.optimiser import make_optimiser, rate_at, set_rate
from bridgeseg.training.store import Store, load

BOXES = 4
OWN = dataclasses.replace(RECIPE, rate=1e-2)  # the better of two for the boxes, in `box_choices`
LOSSES = LossRecipe(CategoryLossRecipe(), BoxLossRecipe())


@dataclass(frozen=True)
class Way:
    """How both questions are answered: the width of each network, and its share of the steps."""

    together: bool
    width: int = WIDTH
    share: float = 1.0


WAYS = {
    "one network": Way(True),
    "two, nearly as many parameters together": Way(False, width=16),
    "two, as many steps together": Way(False, share=0.5),
    "two, as many steps each": Way(False),
}


def split(answer: Tensor) -> dict[str, Tensor]:
    """Tell what a network answered by the number of its channels."""
    if answer.shape[1] == BOXES:
        return {"boxes": answer}
    if answer.shape[1] == len(CATEGORIES):
        return {"categories": answer}
    return {"categories": answer[:, :-BOXES], "boxes": answer[:, -BOXES:]}


def networks_of(way: Way, seed: int) -> list[nn.Module]:
    """Return the networks, untrained."""
    torch.manual_seed(seed)
    outputs = [len(CATEGORIES) + BOXES] if way.together else [len(CATEGORIES), BOXES]
    networks = [stack(LAYERS, way.width, count) for count in outputs]
    with torch.no_grad():
        for weights in (weights for network in networks for weights in network[-1].parameters()):
            weights *= QUIET
    return list(networks)


def train(network: nn.Module, store: Store, steps: int, seed: int, most: int | None = None) -> nn.Module:
    """Train a network, or only its first `most` steps."""
    optimiser = make_optimiser(groups_of(network, OWN.decay), OWN)
    batches = Batches(store, CHANGED, batch=OWN.batch, seed=seed)
    network.train()
    for step in range(steps if most is None else most):
        set_rate(optimiser, OWN.rate * rate_at(step / steps, OWN.warm_up, OWN.power))
        batch = batches(step)
        answers = split(network(normalise(batch.pictures)))
        optimiser.zero_grad(set_to_none=True)
        objective_of(answers, batch.categories, batch.instances, STACK_STRIDE, LOSSES).loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), OWN.clip)
        optimiser.step()
    return network.eval()


def milliseconds(store: Store, rounds: int, steps: int = 5) -> dict[str, float]:
    """Return how long a step of each way takes, its networks together, all in turn: medians."""
    found: dict[str, list[float]] = {name: [] for name in WAYS}
    for number in range(rounds + 1):
        for name, way in WAYS.items():
            networks = networks_of(way, 0)
            began = time.perf_counter()
            for network in networks:
                train(network, store, steps, 0)
            found[name].append(1000 * (time.perf_counter() - began) / steps * way.share)
            if number == 0:
                found[name].clear()  # the first is slower
    return {name: round(statistics.median(times), 1) for name, times in found.items()}


@torch.inference_mode()
def measured(networks: list[nn.Module], count: int) -> dict[str, float]:
    """Return all figures on unseen scenes."""
    scenes, classes = Scenes("val", SIDE, count), len(CATEGORIES)
    groupings = {"suppression": Suppression(), "voting": Voting()}
    matrix, found = np.zeros((classes, classes), np.int64), {name: [] for name in groupings}
    for index in range(count):
        sample = scenes[index]
        picture = normalise(torch.from_numpy(sample.picture)[None])
        answers = {name: each for network in networks for name, each in split(network(picture)).items()}
        boxes = decode(answers["boxes"], STACK_STRIDE, LOSSES.boxes.scale)[0]
        maps = Maps(answers["categories"].softmax(1)[0], boxes, STACK_STRIDE, (SIDE, SIDE))
        matrix += confusion(sample.categories, category_map(maps), classes)
        for name, settings in groupings.items():
            found[name].append(overlaps(group(maps, settings), sample))
    figures = {"mean IoU": float(mean_iou(matrix)[0])}
    for name, answers_found in found.items():
        result = average_precision(answers_found, classes)
        figures |= {f"{name} {t}": float(result.ap_r[t]) for t in (0.5, 0.7)}
        figures[f"{name} vol"] = float(result.ap_r_vol)
    return figures


def main() -> None:
    """Train what is not there yet, and publish."""
    parser = arguments(__doc__)
    parser.add_argument("--steps", type=int, default=400, help="of mini-batches of 16")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--scenes", type=int, default=1000, help="that are learned")
    parser.add_argument("--pictures", type=int, default=200, help="unseen scenes to measure on")
    parser.add_argument("--rounds", type=int, default=5, help="of timing")
    parser.add_argument("--scratch", type=Path, default=cache_folder() / "two-networks")
    given = parser.parse_args()
    given.scratch.mkdir(parents=True, exist_ok=True)
    head = origin(f"python tests/benchmarks/two_networks.py --steps {given.steps} --seeds {given.seeds}")
    store = load(Scenes("train", SIDE, given.scenes), range(given.scenes))
    times = milliseconds(store, given.rounds)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in WAYS}
    for seed in range(given.seeds):
        for name, way in WAYS.items():

            def made(way: Way = way, seed: int = seed) -> dict[str, float]:
                networks = networks_of(way, seed)
                steps = round(given.steps * way.share)
                return measured([train(each, store, steps, seed) for each in networks], given.pictures)

            told = {"way": way, "seed": seed, "steps": given.steps, "recipe": OWN, "scenes": given.scenes}
            run = remembered(
                f"seed {seed}, {name}",
                told | {"pictures": given.pictures, "begins": QUIET},
                given.scratch,
                made,
            )
            found[name].append(run)
    report: dict[str, Any] = {}
    for name, way in WAYS.items():
        size = sum(w.numel() for network in networks_of(way, 0) for w in network.parameters())
        report[name] = {"parameters": size, "ms": times[name]}
        report[name] |= {figure: spread([run[figure] for run in found[name]]) for figure in found[name][0]}
    about = {"steps": given.steps, "seeds": given.seeds, "scenes": given.scenes, "pictures": given.pictures}
    publish("two-networks", head | place_of(given.scratch) | about | {"ways": report}, given.store)


if __name__ == "__main__":
    main()
