"""How far counts are from the truth, for those who count objects and need no masks.

Built in chapter 10.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bridgeseg.structures.preconditions import expect_arrays


def count_error(scores: Sequence[np.ndarray], truths: Sequence[int], threshold: float) -> tuple[float, float]:
    """Return by how many objects a count is wrong: on the mean over pictures, and with its sign.

    scores: for each picture (n,) float, of what was found there
    truths: for each picture how many objects there are
    threshold: what scores less is not counted
    returns: the mean of the errors without sign, of which none makes good for another; and with sign, above 0 where too
        many are counted; 0 and 0 for no pictures
    raises: ValueError where scores and truths are not of as many pictures, or scores are no numbers

    Example:
        >>> count_error([np.array([0.9, 0.4]), np.array([0.7])], [1, 2], threshold=0.4)
        (1.0, 0.0)

    Our choice. Built in chapter 10.
    """
    if len(scores) != len(truths):
        raise ValueError(f"truths: {len(truths)}, expected one for each of the {len(scores)} pictures")
    for place, some in enumerate(scores):
        expect_arrays(**{f"scores[{place}]": (some, "(n,) float or integer")})
    counted = [int((some >= threshold).sum()) for some in scores]
    errors = np.array([found - true for found, true in zip(counted, truths, strict=True)])
    return float(np.abs(errors).sum() / max(len(errors), 1)), float(errors.sum() / max(len(errors), 1))
