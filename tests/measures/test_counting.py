"""Errors of counts, by hand and by what must hold."""

import numpy as np
import pytest

from bridgeseg.measures.counting import count_error


def test_errors_by_hand():
    scores = [np.array([0.9, 0.5, 0.2]), np.array([]), np.array([0.5, 0.5])]
    truths = [2, 1, 1]
    assert count_error(scores, truths, 0.5) == pytest.approx((2 / 3, 0.0))  # 2, 0 and 2 are counted
    assert count_error(scores, truths, 0.6) == pytest.approx((1.0, -1.0))
    assert count_error(scores, truths, 0.0) == pytest.approx((1.0, 1 / 3))
    assert count_error([], [], 0.5) == (0.0, 0.0)


@pytest.mark.parametrize("seed", range(5))
def test_the_error_without_sign_is_the_larger_and_a_higher_threshold_counts_less(seed):
    random = np.random.default_rng(seed)
    scores = [random.random(random.integers(0, 9)).round(1) for _ in range(20)]
    truths = random.integers(0, 9, 20).tolist()
    found = [count_error(scores, truths, k / 10) for k in range(12)]
    assert all(absolute >= abs(signed) for absolute, signed in found)
    signed = [each[1] for each in found]
    assert signed == sorted(signed, reverse=True)


def test_pictures_and_truths_must_be_as_many():
    with pytest.raises(ValueError, match="truths: 2, expected one for each of the 1 pictures"):
        count_error([np.zeros(2)], [1, 2], 0.5)
