"""Connected components of a category map: the baseline that boxes have to beat.

Built in chapter 2.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bridgeseg.structures.cells import enlarge
from bridgeseg.structures.instances import Instances
from bridgeseg.structures.labels import BACKGROUND, VOID
from bridgeseg.structures.masks import Masks
from bridgeseg.structures.preconditions import expect_tensors


def connected_components(categories: Tensor) -> Tensor:
    """Return the connected components of equal category; pixels that share a side are connected.

    categories: (h, w) integer, 0 background, 1…C, 255 void; background and void belong to no component
    returns: (h, w) int64, 0 none, 1…n by the first pixel in reading order

    Example:
        >>> connected_components(torch.tensor([[1, 1, 0], [0, 0, 1]])).tolist()  # a corner is no side
        [[1, 1, 0], [0, 0, 2]]

    Every pixel takes the smallest number among its neighbours and then that number's own number, until nothing
    changes: the steps grow with the logarithm of a component's length, not with the length. Built in chapter 2.
    """
    expect_tensors(categories=(categories, "(h, w) integer or bool"))
    height, width = categories.shape
    inside = (categories != BACKGROUND) & (categories != VOID)
    across = ((categories[:, 1:] == categories[:, :-1]) & inside[:, 1:]).flatten()
    down = ((categories[1:] == categories[:-1]) & inside[1:]).flatten()
    numbers = torch.arange(height * width, device=categories.device)
    grid = numbers.view(height, width)
    first = torch.cat([grid[:, :-1].flatten()[across], grid[:-1].flatten()[down]])
    second = torch.cat([grid[:, 1:].flatten()[across], grid[1:].flatten()[down]])
    while True:
        lower = torch.minimum(numbers[first], numbers[second])
        higher = torch.maximum(numbers[first], numbers[second])
        open_ends = lower != higher
        if not open_ends.any():
            break
        first, second, lower, higher = (
            first[open_ends],
            second[open_ends],
            lower[open_ends],
            higher[open_ends],
        )
        numbers = numbers.scatter_reduce(0, higher, lower, "amin")
        while True:
            jumped = numbers[numbers]
            if torch.equal(jumped, numbers):
                break
            numbers = jumped
    roots, labels = numbers.masked_fill(~inside.flatten(), height * width).unique(return_inverse=True)
    labels = labels + 1
    if len(roots) and roots[-1] == height * width:
        labels = labels.masked_fill(labels == len(roots), 0)
    return labels.view(height, width)


def component_instances(scores: Tensor, stride: int, size: tuple[int, int], pixels: int = 8) -> Instances:
    """Take every connected component of the most probable categories for an instance.

    scores: (C + 1, h, w) float32 probabilities, background first
    stride: pixels from cell to cell
    size: height and width of the picture, pixels
    pixels: components with fewer are dropped
    returns: instances; score: the mean probability of the category over the mask

    Example:
        >>> scores = torch.tensor([[[0.1, 0.9, 0.25, 0.5]], [[0.9, 0.1, 0.75, 0.5]]])
        >>> found = component_instances(scores, stride=1, size=(1, 4), pixels=1)
        >>> found.masks[:].int().tolist(), found.scores.tolist()  # where two are equal the background wins
        ([[[1, 0, 0, 0]], [[0, 0, 1, 0]]], [0.8999999761581421, 0.75])

    Built in chapter 2.
    """
    expect_tensors(scores=(scores, "(C + 1, h, w) float32, not empty"))
    certain, categories = enlarge(scores[None], stride, size)[0].max(0)  # (H, W) each
    labels = connected_components(categories)
    count = int(labels.max())
    sums = torch.zeros(2, count + 1, device=scores.device)  # of each: pixels, and their probabilities
    sums.index_add_(1, labels.flatten(), torch.stack([torch.ones_like(certain), certain]).flatten(1))
    large = (sums[0] >= pixels).nonzero()[:, 0]
    large = large[large > 0]  # (n,)
    category = torch.zeros(count + 1, dtype=torch.int64, device=scores.device)
    category.scatter_(0, labels.flatten(), categories.flatten())
    masks = Masks.from_labels(labels, large)
    return Instances(masks, category[large], sums[1, large] / sums[0, large], masks.boxes()).sorted()
