"""One loop for two networks: what each phase takes from the recipe, and what it leaves alone."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from bridgeseg.batches import load_samples
from bridgeseg.labels import BadInput
from bridgeseg.recipe import Recipe
from bridgeseg.scenes import CATEGORIES, Scenes
from bridgeseg.training import Trainer

APART = Recipe(
    name="test",
    trunk="mobilenet_v2",
    output_stride=16,
    stride=4,
    hidden=8,
    crop=32,
    batch=2,
    steps=10,
    shared=False,
    frozen_statistics=True,
    frozen_layers=5,
    box_share=0.3,
    localization=(("frozen_layers", 0), ("frozen_statistics", False), ("crop", 48), ("hidden", 6)),
)


def trainer(recipe: Recipe) -> tuple[Trainer, list[tuple[float, str]]]:
    """A training on a few scenes, and what it tells while it runs."""
    scenes = Scenes("train", 64, 4)
    told: list[tuple[float, str]] = []
    samples = load_samples(scenes, range(4), recipe)
    made = Trainer(
        recipe, samples, len(CATEGORIES) - 1, progress=lambda share, text: told.append((share, text))
    )
    return made, told


def test_each_network_has_its_share_of_the_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridgeseg.training.LOG_EVERY", 1)
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


def test_layers_that_cannot_be_frozen_are_refused() -> None:
    with pytest.raises(BadInput, match="frozen_layers: 3 of resnet18, expected mobilenet_v2"):
        trainer(dataclasses.replace(APART, trunk="resnet18", frozen_layers=3))
