"""A patch of a mask as the mask of the whole picture, for tests of outlines and run lengths."""

from __future__ import annotations

import numpy as np

from bridgeseg.data.polygons import Patch


def whole(patch: Patch, size: tuple[int, int]) -> np.ndarray:
    """Return the mask of a picture of some size."""
    mask = np.zeros(size, bool)
    mask[patch.place] = patch.mask
    return mask
