"""Pictures of one size together, and in bfloat16: the same answers, in the same order."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import bridgeseg.system.batched_prediction as batched
from bridgeseg.data.open_dataset import First, open_dataset
from bridgeseg.data.scenes import Scenes
from bridgeseg.structures.labels import Labelled, Sample
from bridgeseg.system.batched_prediction import maps_of_all, predict_together, read_ahead
from bridgeseg.system.checkpoint import Run, load_run
from bridgeseg.system.evaluation import evaluate
from bridgeseg.system.prediction import Maps, predict_maps
from bridgeseg.system.score_threshold import choose_threshold


def pictures(sizes: list[tuple[int, int]]) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[tuple[tuple[int, ...], bool]]:
    """What is shown to the networks: the shape of each mini-batch, and whether they compute in bfloat16."""
    calls: list[tuple[tuple[int, ...], bool]] = []
    ask = batched.predict_shown

    def watched(networks: nn.ModuleDict, given: np.ndarray, recipe: object) -> list[Maps]:
        calls.append((given.shape, torch.is_autocast_enabled("cpu")))
        return ask(networks, given, recipe)

    monkeypatch.setattr(batched, "predict_shown", watched)
    return calls


def test_those_of_one_size_are_shown_together_and_answered_in_their_order(
    shown: list[tuple[tuple[int, ...], bool]],
) -> None:
    run = load_run("scenes")
    given = pictures([(32, 48), (16, 16), (32, 48), (32, 48), (16, 16), (48, 32)])
    found = predict_together(run, given, 2 * 32 * 48, None)
    # Two of 32 × 48 at once, then the third of them; both small ones; and one that lies the other way.
    assert [shape for shape, _ in shown] == [
        (2, 32, 48, 3),
        (1, 32, 48, 3),
        (2, 16, 16, 3),
        (1, 48, 32, 3),
    ]
    for picture, maps in zip(given, found, strict=True):
        alone = predict_maps(run.networks, picture, run.recipe)
        assert maps.size == picture.shape[:2]
        torch.testing.assert_close(maps.scores, alone.scores, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(maps.boxes, alone.boxes, atol=1e-3, rtol=1e-4)


def test_bfloat16_is_for_large_mini_batches_alone(shown: list[tuple[tuple[int, ...], bool]]) -> None:
    run = load_run("scenes")
    found = predict_together(run, pictures([(32, 48), (16, 16), (32, 48)]), 10_000, 2 * 32 * 48)
    assert [rounded for _, rounded in shown] == [True, False]
    assert all(maps.scores.dtype == maps.boxes.dtype == torch.float32 for maps in found)
    assert not torch.is_autocast_enabled("cpu")


def test_weights_are_rounded_once_for_all_mini_batches() -> None:
    """And not by autocast, at every call: no float32 weight of a convolution is copied while networks are asked."""

    class Roundings(TorchDispatchMode):
        """Counts the copies of parameters."""

        count = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            if func is torch.ops.aten._to_copy.default and isinstance(args[0], nn.Parameter):
                self.count += args[0].ndim == 4
            return func(*args, **(kwargs or {}))

    run = load_run("scenes")
    convolutions = sum(isinstance(part, nn.Conv2d) for part in run.networks.modules())
    counts = []
    for pixels in (6 * 256, 256):  # one mini-batch, then six
        with Roundings() as roundings:
            predict_together(run, pictures([(16, 16)] * 6), pixels, 0)
        counts.append(roundings.count)
    assert max(counts) <= convolutions
    assert {weight.dtype for weight in run.networks.parameters()} == {torch.float32}


@pytest.mark.parametrize("name", ["scenes", "nuclei"])
def test_figures_in_bfloat16_are_those_of_float32(
    name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    unseen: Labelled
    if name == "scenes":
        unseen = Scenes("val", count=200)
    else:
        folder: Path = request.getfixturevalue("data")
        unseen = First(open_dataset("nuclei", folder / "nuclei", "val"), 24)
    run = load_run(name)
    plain = evaluate(run, unseen)

    def rounded(run: Run, samples: list[Sample]) -> list[Maps]:
        return predict_together(run, [sample.picture for sample in samples], batched.PIXELS, 0)

    monkeypatch.setattr("bridgeseg.system.evaluation.maps_of_all", rounded)
    found = evaluate(run, unseen)
    differences = {
        "mean_iou": found["mean_iou"] - plain["mean_iou"],
        "vol": found["ap_r_vol"] - plain["ap_r_vol"],
        **{t: found["ap_r"][t] - plain["ap_r"][t] for t in ("0.5", "0.7")},
    }
    # One instance of a few hundred that is found or lost moves a single threshold by more than 0.002.
    most = {"mean_iou": 0.002, "vol": 0.002, "0.5": 0.004, "0.7": 0.004}
    assert all(abs(value) <= most[name] for name, value in differences.items()), differences
    assert found["ap_r_vol"] != plain["ap_r_vol"]  # it was rounded


def test_a_gpu_is_given_pictures_ahead_and_a_processor_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    unseen = Scenes("val", count=5)
    monkeypatch.setattr(batched, "AHEAD", 3)
    sizes = {
        device: [len(ahead) for ahead in read_ahead(unseen, torch.device(device))]
        for device in ("cpu", "cuda")
    }
    assert sizes == {"cpu": [1] * 5, "cuda": [3, 2]}
    monkeypatch.setattr(batched, "AHEAD_PIXELS", 96 * 96 * 2)
    assert [len(ahead) for ahead in read_ahead(unseen, torch.device("cuda"))] == [2, 2, 1]
    names = [sample.name for ahead in read_ahead(unseen, torch.device("cuda")) for sample in ahead]
    assert names == list(unseen.names)


def test_figures_and_threshold_do_not_depend_on_what_is_shown_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run, unseen = load_run("scenes"), Scenes("val", count=6)
    samples = [unseen[index] for index in range(6)]
    before = evaluate(run, unseen), choose_threshold(run, samples)

    class Elsewhere(Run):
        """Said to lie on a GPU, so that pictures are shown together; it computes here."""

        device = torch.device("meta")  # type: ignore[assignment]

    far = Elsewhere(**{one.name: getattr(run, one.name) for one in dataclasses.fields(run)})
    many: list[int] = []
    ask = batched.predict_together

    def here(run: Run, given: list[np.ndarray], *numbers: int | None) -> list[Maps]:
        many.append(len(given))
        return ask(dataclasses.replace(load_run("scenes")), given, *numbers)

    monkeypatch.setattr(batched, "predict_together", here)
    after = evaluate(far, unseen), choose_threshold(far, samples)
    assert many == [6, 6]
    assert after[0]["ap_r"] == before[0]["ap_r"]
    assert after[0]["mean_iou"] == pytest.approx(before[0]["mean_iou"], abs=1e-5)
    assert after[1] == pytest.approx(before[1], abs=1e-5)


def test_on_a_gpu_the_figures_are_those_of_the_processor() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    unseen = Scenes("val", count=100)
    here, there = (evaluate(load_run("scenes", device), unseen) for device in ("cpu", "cuda"))
    for of in (
        lambda each: each["mean_iou"],
        lambda each: each["ap_r_vol"],
        lambda each: each["ap_r"]["0.5"],
    ):
        assert of(there) == pytest.approx(of(here), abs=0.002)


def test_maps_of_all_on_a_processor_are_those_of_each_alone() -> None:
    run, unseen = load_run("scenes"), Scenes("val", count=2)
    samples = [unseen[0], unseen[1]]
    for sample, maps in zip(samples, maps_of_all(run, samples), strict=True):
        alone = predict_maps(run.networks, sample.picture, run.recipe)
        assert torch.equal(maps.scores, alone.scores)
