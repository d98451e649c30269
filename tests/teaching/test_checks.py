"""A checkpoint passes what is right, and shows the input on which something wrong fails."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

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
