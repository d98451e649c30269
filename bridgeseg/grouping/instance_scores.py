"""How much an instance is to be trusted: three numbers, of which the paper's grouping uses the first and ours all.

Built in chapter 9.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bridgeseg.structures.preconditions import expect_tensors


def parts_of_score(number: Tensor, certain: Tensor, overlap: Tensor, fit: Tensor) -> Tensor:
    """Return for each instance how certain its category is, how far its pixels agree, and how well its box fits.

    number: (k,) int64, 0…n − 1: the instance that each pixel belongs to
    certain: (k,) float32, 0…1: the probability of the instance's category at the pixel
    overlap: (k,) float32, 0…1: IoU of the pixel's box with the instance's
    fit: (n,) float32, 0…1: IoU of the instance's box with the tight box of its mask
    returns: (3, n) float: the mean of `certain`, the mean of `overlap`, and `fit`; the means are 0 without pixels

    Example:
        >>> number, certain = torch.tensor([0, 0, 1]), torch.tensor([0.5, 1.0, 0.8])
        >>> parts = parts_of_score(number, certain, torch.tensor([1.0, 0.5, 0.5]), torch.tensor([0.25, 1.0]))
        >>> parts.tolist()
        [[0.75, 0.800000011920929], [0.75, 0.5], [0.25, 1.0]]

    The paper's score of an instance is not known; our suppression takes the first, our voting the product of the three.
    Our choice. Built in chapter 9.
    """
    expect_tensors(
        number=(number, "(k,) int64"),
        certain=(certain, "(k,) float32"),
        overlap=(overlap, "(k,) float32"),
        fit=(fit, "(n,) float32"),
    )
    sums = torch.zeros(3, len(fit), device=certain.device)
    sums.index_add_(1, number, torch.stack([torch.ones_like(certain), certain, overlap]))
    return torch.cat([sums[1:] / sums[0].clamp(min=1), fit[None]])
