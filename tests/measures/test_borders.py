"""Near a border: against a search of every window, pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bridgeseg.measures.borders import near_border
from bridgeseg.structures.labels import VOID


def searched(categories: np.ndarray, distance: int) -> np.ndarray:
    """Look at every pixel of every window."""
    found = np.zeros(categories.shape, bool)
    for row, column in np.ndindex(categories.shape):
        top, left = max(row - distance, 0), max(column - distance, 0)
        window = categories[top : row + distance + 1, left : column + distance + 1]
        mine = categories[row, column]
        found[row, column] = mine != VOID and bool(((window != mine) & (window != VOID)).any())
    return found


@pytest.mark.parametrize("distance", [0, 1, 2, 5, 20])
def test_equals_a_search_of_every_window(distance: int) -> None:
    rng = np.random.default_rng(distance)
    for _ in range(5):
        coarse = rng.choice([0, 1, 2, VOID], (5, 4), p=[0.6, 0.2, 0.1, 0.1]).astype(np.uint8)
        categories = np.kron(coarse, np.ones((3, 4), np.uint8))
        found = near_border(torch.from_numpy(categories), distance).numpy()
        np.testing.assert_array_equal(found, searched(categories, distance))


def test_one_category_and_void_have_no_border() -> None:
    for value in (0, 3, VOID):
        assert not near_border(torch.full((6, 7), value, dtype=torch.uint8), 3).any()


def test_a_distance_below_nought_is_refused() -> None:
    with pytest.raises(ValueError, match="distance is -1"):
        near_border(torch.zeros(2, 2, dtype=torch.uint8), -1)
