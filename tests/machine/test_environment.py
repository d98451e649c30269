"""What the environment says is read as documented, and nonsense is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bridgeseg.machine import environment
from bridgeseg.structures.labels import BadInput


def test_the_tier_is_that_of_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in environment.TIERS:
        monkeypatch.setenv("BRIDGESEG_TIER", name)
        assert environment.tier() == name
    monkeypatch.setenv("BRIDGESEG_TIER", "slow")
    with pytest.raises(BadInput, match="BRIDGESEG_TIER: 'slow', expected fast or full"):
        environment.tier()


@pytest.mark.parametrize("cuda, expected", [(True, "full"), (False, "fast")])
@pytest.mark.parametrize("value", [None, ""])
def test_without_a_variable_the_tier_follows_the_machine(
    monkeypatch: pytest.MonkeyPatch, cuda: bool, expected: str, value: str | None
) -> None:
    monkeypatch.delenv("BRIDGESEG_TIER", raising=False)
    if value is not None:
        monkeypatch.setenv("BRIDGESEG_TIER", value)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    assert environment.tier() == expected
    assert environment.device().type == ("cuda" if cuda else "cpu")


def test_the_cache_is_named_or_in_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BRIDGESEG_CACHE", str(tmp_path / "mine"))
    assert environment.cache_folder() == tmp_path / "mine"
    monkeypatch.delenv("BRIDGESEG_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert environment.cache_folder() == tmp_path / "bridgeseg"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert environment.cache_folder() == tmp_path / ".cache" / "bridgeseg"
    assert not environment.cache_folder().exists(), "asking makes nothing"


def test_addresses_are_looked_for_in_the_data_and_then_among_the_downloads(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given, cache = tmp_path / "given", tmp_path / "cache"
    (given / "nuclei").mkdir(parents=True)
    (cache / "data" / "nuclei").mkdir(parents=True)
    (cache / "data" / "pedestrians").mkdir()
    monkeypatch.setenv("BRIDGESEG_CACHE", str(cache))
    monkeypatch.delenv("BRIDGESEG_DATA", raising=False)
    assert environment.data_folder("nuclei") == cache / "data" / "nuclei"
    monkeypatch.setenv("BRIDGESEG_DATA", str(given))
    assert environment.data_folder("nuclei") == given / "nuclei"
    assert environment.data_folder("pedestrians") == cache / "data" / "pedestrians"
    assert environment.data_folder("photos") is None


def test_wrong_names_of_pictures_and_folders_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match="pictures 'cats', expected one of pedestrians"):
        environment.data_folder("cats")
    monkeypatch.setenv("BRIDGESEG_DATA", str(tmp_path / "absent"))
    with pytest.raises(BadInput, match="absent is not a folder"):
        environment.data_folder("nuclei")
