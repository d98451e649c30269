"""What a network over-fits to when pictures are few: `python tests/benchmarks/few_pictures.py`.

The question of chapter 6 with several seeds. Two networks of chapter 4, the first one and the one of eighteen layers
with shortcuts, learn 40 scenes, the same 40 that come changed each time, or 1,000 scenes of which the 40 are a part.
All take as many steps with the same recipe, and begin with the same weights for one seed.

Trainings that are finished stand in `--scratch`, so a study that was interrupted goes on where it was.

Prints JSON: for each network and set the loss on the 40 scenes, the loss and the mean IoU on 200 unseen ones, and the
gap between both losses, of all seeds, with their mean and its standard error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stored_result import arguments, origin, publish, spread
from torch import nn
from training_choices import ALL, CHANGED, SIDE, eighteen, measured, remembered, train

from bridgeseg.data.scene_shapes import CATEGORIES
from bridgeseg.data.scenes import Scenes
from bridgeseg.machine.environment import cache_folder
from bridgeseg.networks.stack import stack
from bridgeseg.system.recipe import CropRecipe
from bridgeseg.training.store import load

FEW, MANY = 40, 1000
SETS = {
    "40 scenes": (FEW, CropRecipe(SIDE)),
    "40, changed": (FEW, CHANGED),
    "1,000 scenes": (MANY, CropRecipe(SIDE)),
}
FIGURES = ("loss on the 40", "loss on unseen", "gap", "mean IoU on unseen")


def eight() -> nn.Module:
    """Return the first network of chapter 4, untrained."""
    return stack(8, 24, len(CATEGORIES), shortcuts=False)


NETWORKS = {"8 layers": eight, "18 layers, shortcuts": eighteen}


def both_losses(network: nn.Module, unseen: int) -> dict[str, float]:
    """Return the figures of a trained network."""
    here, there = measured(network, FEW, "train"), measured(network, unseen)
    figures = (here["loss"], there["loss"], there["loss"] - here["loss"], there["mean IoU"])
    return dict(zip(FIGURES, figures))


def main() -> None:
    """Train what is not there yet, and publish."""
    parser = arguments(__doc__)
    parser.add_argument("--steps", type=int, default=240)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--pictures", type=int, default=200, help="unseen scenes to measure on")
    parser.add_argument("--scratch", type=Path, default=cache_folder() / "few-pictures")
    given = parser.parse_args()
    given.scratch.mkdir(parents=True, exist_ok=True)
    head = origin(f"python tests/benchmarks/few_pictures.py --steps {given.steps} --seeds {given.seeds}")
    stores = {count: load(Scenes("train", SIDE, count), range(count)) for count in (FEW, MANY)}
    found: dict[str, dict[str, list[dict[str, float]]]] = {name: {} for name in NETWORKS}
    for seed in range(given.seeds):
        for name, make in NETWORKS.items():
            for title, (count, crops) in SETS.items():

                def made(
                    count: int = count, crops: CropRecipe = crops, make: Any = make, seed: int = seed
                ) -> dict[str, float]:
                    seen = given.steps * ALL.batch
                    return both_losses(train(ALL, crops, stores[count], seen, seed, make), given.pictures)

                told = {"network": name, "set": title, "seed": seed, "steps": given.steps, "recipe": ALL}
                run = remembered(
                    f"seed {seed}, {name}, {title}",
                    told | {"crops": crops, "pictures": given.pictures},
                    given.scratch,
                    made,
                )
                found[name].setdefault(title, []).append(run)
    about = {"steps": given.steps, "seeds": given.seeds, "pictures": given.pictures}
    report = {
        name: {
            title: {figure: spread([run[figure] for run in runs]) for figure in FIGURES}
            for title, runs in sets.items()
        }
        for name, sets in found.items()
    }
    publish("few-pictures", head | about | {"networks": report}, given.store)


if __name__ == "__main__":
    main()
