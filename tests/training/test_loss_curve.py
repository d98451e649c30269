"""The first losses of two small trainings, as they were stored: where they change, the version of training must too.

    PYTHONPATH=tests python tests/training/test_loss_curve.py      stores them anew, after TRAINING_VERSION was raised

Trained networks are kept under that number (`bridgeseg.teaching.cache`): without a new one readers would be shown what
older code trained.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from small_recipe import APART, SCENES, SMALL

from bridgeseg.system.recipe import Recipe
from bridgeseg.training import trainer
from bridgeseg.training.store import load
from bridgeseg.training.trainer import TRAINING_VERSION, Trainer

STORED = Path(__file__).with_name("loss_curve.json")
RECIPES = {"small": SMALL, "apart": APART}


def curve(recipe: Recipe) -> dict[str, Any]:
    """Return the losses of every step, and how long the vector of all weights is at the end."""
    run = Trainer(recipe, load(SCENES, range(len(SCENES))), len(SCENES.categories) - 1, seed=3)
    networks = run.run()
    weights = torch.cat([value.detach().double().flatten() for value in networks.parameters()])
    return {"losses": [line["loss"] for line in run.log], "length": float(weights.norm())}


@pytest.mark.parametrize("name", RECIPES)
def test_the_losses_are_those_of_this_version(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "LOG_EVERY", 1)
    stored = json.loads(STORED.read_text("utf8"))
    assert stored["version"] == TRAINING_VERSION, (
        f"run: PYTHONPATH=tests python tests/training/{Path(__file__).name}, and look at the difference"
    )
    found = curve(RECIPES[name])
    said = "training gives other numbers: raise TRAINING_VERSION in bridgeseg/training/trainer.py, then store them"
    # Other processors and other releases of PyTorch round otherwise, a little more with every step.
    assert found["losses"] == pytest.approx(stored[name]["losses"], rel=1e-4), said
    assert found["length"] == pytest.approx(stored[name]["length"], rel=1e-5), said


if __name__ == "__main__":
    torch.set_num_threads(1)
    trainer.LOG_EVERY = 1
    kept = {"version": TRAINING_VERSION} | {name: curve(recipe) for name, recipe in RECIPES.items()}
    STORED.write_text(json.dumps(kept, indent=1) + "\n", "utf8")
    print(STORED.read_text("utf8"), end="")
