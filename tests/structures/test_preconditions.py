"""What a check says, and what it costs: nothing but a look at types and shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bridgeseg.structures.preconditions import expect_arrays, expect_tensors


@pytest.mark.parametrize(
    "given, said, message",
    [
        (torch.zeros(3), "(k,) bool", r"x: float32 \(3,\), expected bool \(k,\)"),
        (torch.zeros(3, 4), "(k,) float", r"x: float32 \(3, 4\), expected float \(k,\)"),
        (torch.zeros(3, 5), "(..., 4) float", r"x: float32 \(3, 5\), expected float \(..., 4\)"),
        (torch.zeros(()), "(..., 4) float", r"x: float32 \(\), expected float \(..., 4\)"),
        (torch.zeros(0, 5), "(h, w) float, not empty", r"x: float32 \(0, 5\), expected .*, not empty"),
        (torch.zeros(0, 5), "(C + 1, k) float", r"x: float32 \(0, 5\), expected float \(C \+ 1, k\)"),
        (torch.zeros(2, 3), "(k, k) float", r"x: float32 \(2, 3\), expected float \(k, k\)"),
        (torch.zeros(2).to(torch.uint16), "(k,) integer", r"x: uint16 \(2,\), expected integer \(k,\)"),
        (np.zeros(2), "(k,) float", r"x: float64 \(2,\), expected a tensor, float \(k,\)"),
        ([1.0], "(k,) float", r"x: list, expected a tensor, float \(k,\)"),
    ],
)
def test_what_does_not_fit_is_named_with_what_was_found_and_expected(
    given: Any, said: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        expect_tensors(x=(given, said))


@pytest.mark.parametrize(
    "given, said",
    [
        (torch.zeros(2, 4), "(..., 4) float"),
        (torch.zeros(4).half(), "(..., 4) float"),
        (torch.zeros(()), "(...,) float"),
        (torch.zeros(0, 4), "(n, 4) float"),
        (torch.zeros(2) > 0, "(k,) integer or bool"),
        (torch.zeros(2, dtype=torch.uint8), "(k,) integer or bool"),
        (torch.zeros(2) > 0, "(k,) any type"),
    ],
)
def test_what_fits_passes(given: Tensor, said: str) -> None:
    expect_tensors(x=(given, said))
    expect_arrays(x=(given.numpy(), said))


def test_a_letter_is_the_same_length_everywhere() -> None:
    maps, labels = torch.zeros(2, 3, 4), torch.zeros(3, 5)
    with pytest.raises(ValueError, match=r"labels: float32 \(3, 5\), .* with h = 3, w = 4"):
        expect_tensors(maps=(maps, "(c, h, w) float"), labels=(labels, "(h, w) float"))
    expect_tensors(maps=(maps, "(c, h, w) float"), labels=(labels.T[:4].T, "(h, w) float"))


def test_an_array_is_no_tensor_and_a_tensor_no_array() -> None:
    with pytest.raises(ValueError, match=r"x: float32 \(2,\), expected an array, float \(k,\)"):
        expect_arrays(x=(torch.zeros(2), "(k,) float"))
    with pytest.raises(ValueError, match=r"x: <U1 \(1,\), expected any type \(k,\)"):
        expect_arrays(x=(np.array(["a"]), "(k,) any type"))


def test_no_value_is_looked_at() -> None:
    """A tensor of the meta device has none."""
    expect_tensors(x=(torch.zeros(2, 3, device="meta"), "(h, w) float, not empty"))


def test_a_check_is_no_break_in_a_graph() -> None:
    def doubled(x: Tensor) -> Tensor:
        expect_tensors(x=(x, "(h, w) float"))
        return 2 * x

    torch._dynamo.reset()
    compiled = torch.compile(doubled, fullgraph=True, backend="eager")
    assert torch.equal(compiled(torch.ones(2, 3)), torch.full((2, 3), 2.0))
