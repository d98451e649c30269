"""A recipe so small that a run takes two seconds, and the command line with it: `python tests/small_recipe.py train …`.

SMALL_STEPS in the environment sets the number of steps. With SMALL_HOLD="phase,step" the state is saved after every
step, and with each that is further than that the run stands still until its standard input is closed.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import sys

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
        "semantic.optimiser.bfloat16": False,  # the same losses on every processor, and in one process and two
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
    # A shell that starts the tests in the background lets them, and what they start, ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    torch.set_num_threads(1)
    for recipe in (SMALL, APART):
        steps = int(os.environ.get("SMALL_STEPS", recipe.steps))
        presets.RECIPES[recipe.name] = dataclasses.replace(recipe, steps=steps)
    trainer.LOG_EVERY = 1
    if "SMALL_HOLD" in os.environ:
        phase, step = (int(number) for number in os.environ["SMALL_HOLD"].split(","))
        trainer.SAVE_EVERY = -1.0
        save = trainer.Trainer.save

        def save_and_hold(self):
            save(self)
            if (self.phase, self.done_steps) > (phase, step):
                sys.stdin.read()  # ends with whoever started the run, so that none stands there for ever

        trainer.Trainer.save = save_and_hold
    sys.exit(main())
