"""One loop for two networks: what each phase takes from the recipe, and what it leaves alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from changed import changed

from bridgeseg.data.scenes import CATEGORIES, Scenes
from bridgeseg.losses.loss_recipe import BoxLossRecipe, CategoryLossRecipe, LossRecipe
from bridgeseg.machine.progress import Progress
from bridgeseg.structures.labels import BadInput
from bridgeseg.system.recipe import CropRecipe, Learner, NetworkRecipe, OptimiserRecipe, Recipe
from bridgeseg.training.store import load
from bridgeseg.training.trainer import Diverged, Trainer
from bridgeseg.training.windows import Batch

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
    store = load(scenes, range(4))
    made = Trainer(
        recipe,
        store,
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


def test_a_loss_that_is_not_finite_stops_the_training_and_is_never_saved(tmp_path: Path) -> None:
    made, _ = trainer(APART, tmp_path / "state")
    step = made.step

    def broken(batch: Batch) -> dict[str, torch.Tensor]:
        if made.done_steps == 2:
            next(made.network.parameters()).data.fill_(torch.nan)
        return step(batch)

    made.step = broken  # type: ignore[method-assign]
    with pytest.raises(
        Diverged, match=r"semantic: the loss is nan at step 3, rate .*; try a lower rate"
    ) as caught:
        made.run()
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "state").exists()


def test_a_gradient_that_is_not_finite_stops_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = trainer(APART)
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", lambda parameters, most: torch.tensor(torch.inf))
    with pytest.raises(Diverged, match="semantic: the norm of the gradient is inf at step 1"):
        made.run()


def test_parts_of_a_mini_batch_add_up_to_it() -> None:
    """With statistics that are fixed, and parts that are alike, their gradients together are that of the whole."""
    network = dataclasses.replace(LIGHT, hidden=8, frozen_statistics=True)
    whole = Recipe(
        "test", Learner(network, CropRecipe(side=32), OptimiserRecipe(batch=4, kind="sgd")), steps=1
    )
    after = []
    for recipe, count in ((whole, 1), (whole.with_at_most(2), 2)):
        made, _ = trainer(recipe)
        made.networks.eval()  # the head's statistics too
        pictures, categories, instances, most = made.batches(0)
        twice = [torch.cat([values[:2], values[:2]]) for values in (pictures, categories, instances)]
        batch = Batch(twice[0], twice[1], twice[2], most)
        assert len(batch.parts(made.learner.optimiser.parts)) == count
        made.step(batch)
        after.append({name: value.clone() for name, value in made.network.named_parameters()})
    for name, value in after[0].items():
        torch.testing.assert_close(after[1][name], value, rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.parametrize("pictures, parts", [(None, 1), (100, 1), (16, 1), (15, 2), (5, 4), (1, 16)])
def test_a_mini_batch_is_cut_into_as_few_parts_as_fit(pictures: int | None, parts: int) -> None:
    recipe = dataclasses.replace(APART, semantic=Learner(), localization=Learner()).with_at_most(pictures)
    assert [learner.optimiser.parts for learner in recipe.learners.values()] == [parts, parts]
    assert [learner.optimiser.batch for learner in recipe.learners.values()] == [16, 16]


def test_a_part_keeps_its_share_of_the_hard_pixels() -> None:
    losses = LossRecipe(CategoryLossRecipe(floor=512, exactly=10), BoxLossRecipe(floor=9))
    part = losses.of_a_part(4)
    assert (part.categories.floor, part.categories.exactly, part.boxes.floor) == (128, 3, 3)
    assert losses.of_a_part(1) == losses
