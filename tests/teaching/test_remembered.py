"""What a chapter trains by itself is trained once, and anew when anything changes that it depends on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from bridgeseg.teaching import remembered as module
from bridgeseg.teaching.checks import agree
from bridgeseg.teaching.remembered import remembered


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BRIDGESEG_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "chapters"


class Count:
    """Trains by adding one to every weight, and counts how often."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, network: nn.Module) -> list[float]:
        self.times += 1
        with torch.no_grad():
            for weights in network.parameters():
                weights += 1
        return [2.5, 1.5]


def drawn(seed: int = 0, make: Callable[[], nn.Module] = lambda: nn.Linear(2, 3)) -> nn.Module:
    torch.manual_seed(seed)
    return make()


def one(rate: float) -> float:
    return 2 * rate


def other(rate: float) -> float:
    return 3 * rate


def test_the_second_time_it_has_the_same_weights_and_numbers() -> None:
    train, first, second = Count(), drawn(), drawn()
    numbers, seconds = remembered("a", first, train, [one, 3])
    assert (numbers, seconds) == remembered("a", second, train, [one, 3])
    assert numbers == [2.5, 1.5]
    assert train.times == 1
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values()))
    assert not torch.equal(first.weight, drawn().weight)


def same_names() -> nn.Module:
    """A network with the weights of `nn.Linear` under the same names, which is another."""

    class Other(nn.Linear):
        pass

    return Other(2, 3)


@pytest.mark.parametrize(
    ("network", "depends"),
    [(drawn(1), [one, 3]), (drawn(0, same_names), [one, 3]), (drawn(), [other, 3]), (drawn(), [one, 4])],
    ids=["other weights", "another network", "another function", "another setting"],
)
def test_what_changes_is_trained_anew(network: nn.Module, depends: list[object]) -> None:
    train = Count()
    remembered("a", drawn(), train, [one, 3])
    remembered("a", network, train, depends)
    assert train.times == 2


def test_those_used_least_lately_go(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 2)
    for setting in range(4):
        remembered("a", drawn(), Count(), [setting])
        remembered("b", drawn(), Count(), [0])
    assert len(list(own_cache.glob("a-*.pt"))) == 2
    assert len(list(own_cache.glob("b-*.pt"))) == 1


def test_a_training_that_fails_leaves_nothing(own_cache: Path) -> None:
    def broken(network: nn.Module) -> list[float]:
        raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        remembered("a", drawn(), broken, [])
    assert list(own_cache.glob("*.pt")) == []


def test_all_who_pass_the_checkpoint_and_who_are_lent_find_the_same_network() -> None:
    def books(rate: float) -> float:
        return rate + rate

    def students(value: float) -> float:
        return sum([value, value])

    train = Count()
    for built in (books, students):
        agree(built, one, [(1.5,), (0.0,)])
        remembered("a", drawn(), train, [built, 3])
    remembered("a", drawn(), train, [one, 3])  # lent
    assert train.times == 1

    def careless(rate: float) -> float:
        return rate + rate + 0

    remembered("a", drawn(), train, [careless, 3])  # has not been asked
    with pytest.raises(AssertionError):
        agree(other, one, [(1.5,)])
    remembered("a", drawn(), train, [other, 3])  # has not passed
    assert train.times == 3


def test_of_a_part_of_a_function_its_arguments_count() -> None:
    train = Count()
    for setting in (2.0, 3.0, 2.0):
        remembered("a", drawn(), train, [partial(one, setting)])
        remembered("a", drawn(), train, [partial(one, rate=setting)])
    assert train.times == 4
