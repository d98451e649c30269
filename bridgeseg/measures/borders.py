"""Near a border or inside: where in a picture a category map is judged.

Most pixels lie inside of something and are easy. What changes between two good networks happens near borders, and one
figure over all pixels hardly shows it.

Built in chapter 6.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from bridgeseg.structures.labels import VOID
from bridgeseg.structures.preconditions import expect_tensors


def near_border(categories: Tensor, distance: int) -> Tensor:
    """Return which pixels lie near a border between categories.

    categories: (h, w) integer, 255 void; at least one pixel
    distance: pixels, 0 or more; a pixel is near where a pixel of another category is at most so many rows and so many
        columns away
    returns: (h, w) bool; void is neither near nor another category
    raises: ValueError for a distance below 0

    Example:
        >>> row = torch.tensor([[0, 0, 0, 1, 1, 255, 2]], dtype=torch.uint8)
        >>> near_border(row, 1).int().tolist()
        [[0, 0, 1, 1, 0, 0, 0]]
        >>> near_border(row, 2).int().tolist()
        [[0, 1, 1, 1, 1, 0, 1]]

    Our choice; the paper reports nothing by place. Built in chapter 6.
    """
    expect_tensors(categories=(categories, "(h, w) integer, not empty"))
    if distance < 0:
        raise ValueError(f"distance is {distance}, expected 0 or more pixels")
    known = categories != VOID
    values = categories.float()[None, None]  # (1, 1, h, w)
    side = 2 * distance + 1

    def largest(of: Tensor) -> Tensor:
        """The largest known value in the window round each pixel, (h, w)."""
        return F.max_pool2d(of.masked_fill(~known, -torch.inf), side, stride=1, padding=distance)[0, 0]

    return known & (largest(values) != -largest(-values))
