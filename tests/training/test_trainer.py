"""One loop for two networks: what each phase takes from the recipe, and what it leaves alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from changed import changed

from bridgeseg.data.scenes import CATEGORIES, Scenes
from bridgeseg.machine.progress import Progress
from bridgeseg.structures.labels import BadInput
from bridgeseg.system.recipe import CropRecipe, Learner, NetworkRecipe, OptimiserRecipe, Recipe
from bridgeseg.training.batches import load_samples
from bridgeseg.training.trainer import Trainer

LIGHT = NetworkRecipe(trunk="mobilenet_v2", output_stride=16, stride=4)
APART = Recipe(
    name="test",
    semantic=Learner(
        dataclasses.replace(LIGHT, hidden=8, frozen_statistics=True, frozen_layers=5),
        CropRecipe(side=32),
        OptimiserRecipe(batch=2),
    ),
    localization=Learner(dataclasses.replace(LIGHT, hidden=6), CropRecipe(side=48), OptimiserRecipe(batch=2)),
    steps=10,
    box_share=0.3,
)
BOTH = {"semantic.optimiser.bfloat16": True, "localization.optimiser.bfloat16": True}


def trainer(recipe: Recipe, state: Path | None = None) -> tuple[Trainer, list[tuple[float, str]]]:
    """A training on a few scenes, and what it tells while it runs."""
    scenes = Scenes("train", 64, 4)
    told: list[tuple[float, str]] = []
    samples = load_samples(scenes, range(4))
    made = Trainer(
        recipe,
        samples,
        len(CATEGORIES) - 1,
        state=state,
        progress=lambda share, text: told.append((share, text)),
    )
    return made, told


def stop_after(steps: int, told: list[tuple[float, str]]) -> Progress:
    """What a training tells goes on to the list, and with the step after so many it is interrupted."""

    def tell(share: float, text: str) -> None:
        if len(told) == steps:
            raise KeyboardInterrupt
        told.append((share, text))

    return tell


def test_each_network_has_its_share_of_the_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridgeseg.training.trainer.LOG_EVERY", 1)
    made, told = trainer(APART)
    made.run()
    steps = {name: max(line["step"] for line in made.log if line["network"] == name) for name in made.phases}
    assert steps == {"semantic": 7, "localization": 3}
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[7] == pytest.approx(0.7)  # the first of localization
    assert 0.85 < shares[-1] < 1


def test_a_phase_takes_the_numbers_of_its_network() -> None:
    made, _ = trainer(APART)
    assert made.batches(0).pictures.shape == (2, 32, 32, 3)
    made.run()
    assert made.phases[made.phase] == "localization"
    assert made.batches(0).pictures.shape == (2, 48, 48, 3)
    heads = {name: network.head.classify.in_channels for name, network in made.networks.items()}
    assert heads == {"semantic": 8, "localization": 6}


def test_what_is_frozen_stays_and_the_rest_learns() -> None:
    made, _ = trainer(APART)
    before = {name: value.clone() for name, value in made.networks.state_dict().items()}
    after = made.run().state_dict()
    same = {name for name, value in after.items() if torch.equal(value, before[name])}
    first = {n for n in after if n.startswith(tuple(f"semantic.trunk.features.{k}." for k in range(5)))}
    statistics = {n for n in after if n.startswith("semantic.trunk.") and "running_" in n}
    assert first <= same
    assert statistics <= same
    weights = {n for n in after if n.endswith("weight") and after[n].ndim == 4}
    assert weights & same == weights & first
    assert not {n for n in same if n.startswith("localization.trunk.") and "running_" in n}


def in_bfloat16(recipe: Recipe, monkeypatch: pytest.MonkeyPatch, able: bool) -> dict[str, bool]:
    """Whether each network's trunk computed in bfloat16, in a training where the device can or cannot."""
    monkeypatch.setattr("bridgeseg.training.trainer.computes_bfloat16", lambda device: able)
    made, _ = trainer(recipe)
    seen: dict[str, set[torch.dtype]] = {name: set() for name in made.phases}
    for name, network in made.networks.items():
        network.trunk.register_forward_hook(
            lambda module, given, found, name=name: seen[name].add(found[-1].dtype)
        )
    assert {value.dtype for value in made.run().parameters()} == {torch.float32}
    assert all(len(dtypes) == 1 for dtypes in seen.values())
    return {name: dtypes == {torch.bfloat16} for name, dtypes in seen.items()}


def test_bfloat16_is_for_recipes_that_want_it_on_devices_that_compute_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both = changed(APART, BOTH)
    one = changed(APART, {"semantic.optimiser.bfloat16": True})
    assert in_bfloat16(both, monkeypatch, True) == {"semantic": True, "localization": True}
    assert in_bfloat16(one, monkeypatch, True) == {"semantic": True, "localization": False}
    assert in_bfloat16(both, monkeypatch, False) == {"semantic": False, "localization": False}
    assert in_bfloat16(APART, monkeypatch, True) == {"semantic": False, "localization": False}


def test_in_bfloat16_too_a_resumed_run_ends_with_the_same_weights(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("bridgeseg.training.trainer.computes_bfloat16", lambda device: True)
    monkeypatch.setattr("bridgeseg.training.trainer.LOG_EVERY", 1)
    monkeypatch.setattr("bridgeseg.training.trainer.SAVE_EVERY", -1.0)  # after every step
    recipe = changed(APART, BOTH)
    whole = trainer(recipe)[0].run().state_dict()

    stopped, told = trainer(recipe, tmp_path / "state")
    monkeypatch.setattr(stopped, "progress", stop_after(4, told))
    with pytest.raises(KeyboardInterrupt):
        stopped.run()
    resumed, _ = trainer(recipe, tmp_path / "state")
    resumed.resume()
    assert (resumed.phase, resumed.done_steps) == (0, 4)
    after = resumed.run().state_dict()
    assert all(torch.equal(after[name], whole[name]) for name in whole)


def test_layers_that_cannot_be_frozen_are_refused() -> None:
    with pytest.raises(BadInput, match="frozen_layers: 3 of resnet18, expected mobilenet_v2"):
        trainer(changed(APART, {"semantic.network.trunk": "resnet18", "semantic.network.frozen_layers": 3}))
