"""A checkpoint passes what is right, and shows the input on which something wrong fails."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bridgeseg.teaching.checks import agree, difference

CASES = [(torch.tensor([1.0, 2.0]),), (torch.tensor([3.0, -4.0]),)]


def test_what_agrees_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    def twice(x):
        return x + x

    agree(twice, lambda x: 2 * x, CASES)
    assert capsys.readouterr().out == "twice agrees with the package in 2 cases\n"


@pytest.mark.parametrize(
    "wrong, said",
    [
        (lambda x: x.abs(), r"case 2: 1 of 2 numbers, the first at \[1\]: 4.0, expected -4.0"),
        (lambda x: x[:1], r"case 1: shape \(1,\), expected \(2,\)"),
        (lambda x: None, "nothing was returned"),
        (lambda x: x.long(), "type int64, expected float32"),
        (lambda x: (x, x), "shape"),
    ],
)
def test_what_differs_is_shown_with_its_input(wrong: Any, said: str) -> None:
    with pytest.raises(AssertionError, match=said) as caught:
        agree(wrong, lambda x: x, CASES)
    text = str(caught.value)
    assert "input     float32 (2,) [" in text
    assert "expected  float32 (2,) [" in text


def test_of_many_results_a_few_are_shown() -> None:
    with pytest.raises(AssertionError) as caught:
        agree(lambda x: [*range(99), 0], lambda x: list(range(100)), [(1,)])
    assert str(caught.value).splitlines() == [
        "<lambda> differs in case 1: result 100: 1 of 1 numbers",
        "  input     1",
        "  came out  0, 1, 2, 3, 4, 5, … and 94 more",
        "  expected  0, 1, 2, 3, 4, 5, … and 94 more",
    ]


def test_an_exception_of_the_reader_comes_with_its_input() -> None:
    def broken(x):
        return x[2]

    with pytest.raises(AssertionError) as caught:
        agree(broken, lambda x: x, CASES)
    first, last = str(caught.value).splitlines()
    assert first.startswith("broken raises IndexError in case 1: index 2 is out of bounds")
    assert last == "  input     float32 (2,) [1., 2.]"
    assert isinstance(caught.value.__cause__, IndexError)


def test_no_case_is_no_check() -> None:
    with pytest.raises(ValueError, match="cases: none"):
        agree(abs, abs, [])


def test_results_of_several_parts_are_compared_one_by_one() -> None:
    expected = (np.arange(3), torch.tensor(0.5))
    assert difference((np.arange(3), 0.5), expected) == ""
    assert difference((np.arange(3), 0.6), expected) == "result 2: 1 of 1 numbers"
    assert difference(np.arange(3), expected) == "no results, expected 2"
    assert difference((np.arange(3),), expected) == "1 results, expected 2"


def test_closeness_is_absolute_for_small_and_relative_for_large_numbers() -> None:
    assert difference(1000.001, 1000.0) == ""
    assert difference(1e-6, 0.0) == ""
    assert difference(1e-3, 0.0) == "1 of 1 numbers"
    assert difference(float("nan"), float("nan")) == ""
    assert difference(True, True) == ""


# Networks


def two_layers(bias: bool = True) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, bias=bias), nn.BatchNorm2d(4), nn.ReLU())


def after(network: nn.Module) -> nn.Module:
    """The same weights in the same order, and the ReLU before the normalisation."""
    convolution, norm, relu = network.children()
    made = nn.Sequential(convolution, relu, norm)
    made._modules = {"0": convolution, "2": norm, "1": relu}
    made.forward = lambda x: norm(relu(convolution(x)))  # type: ignore[method-assign]
    return made


def no_statistics(network: nn.Module) -> nn.Module:
    """Takes the batch's statistics after training, too."""
    network.train = lambda mode=True: nn.Module.train(network, True)  # type: ignore[method-assign]
    return network


def test_networks_with_the_same_layers_agree_whatever_their_weights() -> None:
    assert difference(two_layers(), two_layers()) == ""


@pytest.mark.parametrize(
    "found, said",
    [
        (two_layers(bias=False), r"weight 2 has the shape \(4,\)|5 weights, expected 6"),
        (nn.Sequential(two_layers(), nn.Linear(1, 1)), "8 weights, expected 6"),
        (nn.Conv2d(3, 4, 1), r"weight 1 has the shape \(4, 3, 1, 1\), expected \(4, 3, 3, 3\)"),
        (after(two_layers()), "with the same weights, in training: "),
        (no_statistics(two_layers()), "with the same weights, after training: "),
        (torch.ones(2), "no network was returned"),
    ],
)
def test_in_what_networks_differ_is_said(found: Any, said: str) -> None:
    assert re.match(said, difference(found, two_layers()))


def test_a_network_is_shown_by_its_weights() -> None:
    with pytest.raises(AssertionError) as caught:
        agree(lambda width: nn.Conv2d(3, width, 1), lambda width: two_layers(), [(4,)])
    assert "came out  a network with weights (4, 3, 1, 1) (4,)\n" in str(caught.value)


def test_what_has_many_lines_is_shown_in_one():
    class Long:
        def __repr__(self):
            return "Long(\n    first,\n    second\n)"

    with pytest.raises(AssertionError, match=r"input +Long\( first, second \)"):
        agree(lambda value: 1, lambda value: 2, [(Long(),)])
