"""A recipe so small that a run takes two seconds, and the command line with it: `python tests/small_recipe.py train …`.

SMALL_SAVE_EVERY in the environment sets the seconds between saved states, SMALL_STEPS the number of steps, SMALL_PAUSE
seconds to wait after every step.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import time

import torch
from changed import changed

from bridgeseg.commands import main
from bridgeseg.data.scenes import Scenes
from bridgeseg.system import presets
from bridgeseg.training import trainer

SMALL = changed(
    presets.SCENES_TINY,
    {
        "name": "small",
        "steps": 6,
        "semantic.network.width": 8,
        "semantic.network.hidden": 8,
        "semantic.network.dropout": (0.1, 0.1),
        "semantic.crops.side": 64,
        "semantic.optimiser.batch": 4,
        "pictures.scenes": 20,
        "losses.categories.threshold": 0.6,
        "losses.categories.floor": 256,
        "losses.boxes.threshold": 0.7,
        "losses.boxes.floor": 64,
    },
)
_BY_SGD = changed(SMALL.semantic, {"optimiser.kind": "sgd", "optimiser.rate": 0.01})
APART = changed(SMALL, {"name": "apart", "semantic": _BY_SGD, "localization": _BY_SGD})
SCENES = Scenes(count=20)  # what the command line takes for them

if __name__ == "__main__":
    torch.set_num_threads(1)
    for recipe in (SMALL, APART):
        steps = int(os.environ.get("SMALL_STEPS", recipe.steps))
        presets.RECIPES[recipe.name] = dataclasses.replace(recipe, steps=steps)
    trainer.SAVE_EVERY = float(os.environ.get("SMALL_SAVE_EVERY", trainer.SAVE_EVERY))
    trainer.LOG_EVERY = 1
    pause = float(os.environ.get("SMALL_PAUSE", "0"))
    step = trainer.Trainer.step

    def slow(self, *arguments):
        time.sleep(pause)
        return step(self, *arguments)

    trainer.Trainer.step = slow
    sys.exit(main())
