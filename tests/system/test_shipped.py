"""What ships is what its card says."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from bridgeseg.data.open_dataset import First, open_dataset
from bridgeseg.structures.labels import Labelled
from bridgeseg.system.checkpoint import card, load_run, shipped
from bridgeseg.system.evaluation import evaluate, evaluate_components


def pictures_of(name: str, request: pytest.FixtureRequest) -> Labelled:
    """The pictures that the card of a run was measured on; skips where they are not at hand."""
    if name == "scenes":
        return open_dataset("scenes", None, "val", count=card(name)["figures"]["images"])
    folder: Path = request.getfixturevalue("data")
    return open_dataset("nuclei", folder / "nuclei", "val")


def test_scenes_and_nuclei_ship_in_eight_megabytes() -> None:
    assert shipped() == ["nuclei", "scenes"]
    files = [f for f in resources.files("bridgeseg").joinpath("checkpoints").iterdir() if f.is_file()]
    assert sum(len(file.read_bytes()) for file in files) <= 8_000_000


@pytest.mark.parametrize("name", ["scenes", "nuclei"])
def test_figures_are_those_of_the_card(name: str, request: pytest.FixtureRequest) -> None:
    dataset = pictures_of(name, request)
    found = evaluate(load_run(name), dataset)
    expected = card(name)["figures"]
    assert found["images"] == expected["images"]
    assert found["instances"] == expected["instances"]
    # Another processor or version of torch sums in another order; a pixel here and there may change sides.
    assert found["mean_iou"] == pytest.approx(expected["mean_iou"], abs=0.005)
    assert found["ap_r_vol"] == pytest.approx(expected["ap_r_vol"], abs=0.01)
    for threshold in ("0.5", "0.7"):
        assert found["ap_r"][threshold] == pytest.approx(expected["ap_r"][threshold], abs=0.015)


@pytest.mark.parametrize("name", ["scenes", "nuclei"])
def test_boxes_beat_components_of_the_same_masks(name: str, request: pytest.FixtureRequest) -> None:
    dataset = First(pictures_of(name, request), 40)
    run = load_run(name)
    assert evaluate(run, dataset)["ap_r"]["0.5"] >= evaluate_components(run, dataset)["ap_r"]["0.5"] + 0.1
