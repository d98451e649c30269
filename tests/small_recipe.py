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

from bridgeseg.commands import main
from bridgeseg.system import presets
from bridgeseg.training import trainer

SMALL = dataclasses.replace(
    presets.SCENES_TINY,
    name="small",
    steps=6,
    width=8,
    hidden=8,
    pictures=20,
    batch=4,
    crop=64,
    threshold=0.6,
    floor=256,
    box_threshold=0.7,
    box_floor=64,
    dropout=(0.1, 0.1),
)
APART = dataclasses.replace(SMALL, name="apart", shared=False, optimiser="sgd", rate=0.01)

if __name__ == "__main__":
    torch.set_num_threads(1)
    for recipe in (SMALL, APART):
        steps = int(os.environ.get("SMALL_STEPS", recipe.steps))
        presets.RECIPES[recipe.name] = dataclasses.replace(recipe, steps=steps)
    trainer.SAVE_EVERY = float(os.environ.get("SMALL_SAVE_EVERY", trainer.SAVE_EVERY))
    trainer.LOG_EVERY = 1
    pause = float(os.environ.get("SMALL_PAUSE", "0"))
    step = trainer.Trainer._step

    def slow(self, *arguments):
        time.sleep(pause)
        return step(self, *arguments)

    trainer.Trainer._step = slow
    sys.exit(main())
