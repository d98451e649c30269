"""Pretrained weights: found, refused, and loaded."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from shuffled import shuffled
from torchvision.models import mobilenet_v2, resnet18

from bridgeseg.networks import pretrained as module
from bridgeseg.networks.mobilenet import mobilenet
from bridgeseg.networks.pretrained import load_trunk, pretrained_state
from bridgeseg.networks.resnet import resnet
from bridgeseg.structures.labels import BadInput


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BRIDGESEG_WEIGHTS", str(tmp_path))
    return tmp_path


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No download is ever tried by a test."""

    def refuse(*arguments: object, **options: object) -> None:
        raise OSError("no network\nsecond line")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", refuse)


def test_a_file_in_the_folder_is_found_and_loads(folder: Path, offline: None) -> None:
    reference = shuffled(resnet18(weights=None))
    torch.save(reference.state_dict(), folder / "resnet18-mine.pth")
    trunk = resnet(18, 8)
    load_trunk(trunk, pretrained_state("resnet18"))
    for name, value in trunk.state_dict().items():
        assert torch.equal(value, reference.state_dict()[name]), name


def test_the_real_weights_tell_things_apart(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRIDGESEG_WEIGHTS", str(weights))
    state = pretrained_state("mobilenet_v2")
    reference = mobilenet_v2(weights=None).features.eval()
    reference.load_state_dict({name.removeprefix("features."): value for name, value in state.items()})
    x = torch.randn(1, 3, 64, 64)
    for expand in (True, False):
        trunk = mobilenet(32, expand=expand).eval()
        load_trunk(trunk, state)
        with torch.no_grad():
            expected = reference(x) if expand else reference[:-1](x)
            torch.testing.assert_close(trunk(x)[-1], expected, rtol=1e-5, atol=1e-5)


def test_stages_that_a_trunk_has_not_are_left_aside() -> None:
    reference = shuffled(resnet18(weights=None))
    trunk = resnet(18, 16, layers=(2, 2, 2))
    load_trunk(trunk, reference.state_dict())
    assert torch.equal(trunk.layer3[1].conv2.weight, reference.layer3[1].conv2.weight)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda state: state.pop("layer2.0.conv1.weight"), 'Missing key.*"layer2.0.conv1.weight", expected'),
        (lambda state: state.update(extra=torch.zeros(1)), 'Unexpected key.*"extra"'),
        (
            lambda state: state.update({"conv1.weight": torch.zeros(64, 3, 3, 3)}),
            "size mismatch for conv1.weight",
        ),
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_nothing_is_changed(change, said: str) -> None:
    state = resnet18(weights=None).state_dict()
    change(state)
    trunk = resnet(18)
    before = trunk.conv1.weight.clone()
    with pytest.raises(BadInput, match=said):
        load_trunk(trunk, state)
    assert torch.equal(trunk.conv1.weight, before)


def test_old_files_without_counters_load() -> None:
    state = {k: v for k, v in resnet18(weights=None).state_dict().items() if "num_batches_tracked" not in k}
    load_trunk(resnet(18), state)


def test_neither_file_nor_network_is_one_clear_line(folder: Path, offline: None) -> None:
    with pytest.raises(BadInput, match=r"no resnet18\*\.pth in BRIDGESEG_WEIGHTS .* no network$") as caught:
        pretrained_state("resnet18")
    assert "\n" not in str(caught.value)


def test_without_the_variable_torchvision_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BRIDGESEG_WEIGHTS", raising=False)
    asked = []

    def answer(url: str, **options: object) -> dict[str, torch.Tensor]:
        asked.append((url, options["check_hash"]))
        return {"conv1.weight": torch.ones(1)}

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", answer)
    assert list(pretrained_state("resnet50")) == ["conv1.weight"]
    assert len(asked) == 1
    assert "resnet50" in asked[0][0]
    assert asked[0][1] is True


def test_unusable_files_and_folders_are_named(
    folder: Path, offline: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "resnet18.pth").write_text("not weights")
    with pytest.raises(BadInput, match=r"resnet18\.pth: cannot be read as weights") as caught:
        pretrained_state("resnet18")
    assert "\n" not in str(caught.value)
    torch.save([1, 2], folder / "resnet34.pth")
    with pytest.raises(BadInput, match="holds list, expected a dictionary"):
        pretrained_state("resnet34")
    torch.save({}, folder / "resnet18-b.pth")
    with pytest.raises(BadInput, match=r"resnet18-b\.pth, resnet18\.pth all begin with resnet18"):
        pretrained_state("resnet18")
    with pytest.raises(BadInput, match="no such network"):
        pretrained_state("resnet20")
    monkeypatch.setenv(module.FOLDER, str(folder / "absent"))
    with pytest.raises(BadInput, match="is not a folder"):
        pretrained_state("resnet18")


def test_a_file_that_would_run_code_is_refused(folder: Path, offline: None) -> None:
    torch.save({"run": Path}, folder / "resnet50.pth")
    with pytest.raises(BadInput, match="cannot be read as weights"):
        pretrained_state("resnet50")
