"""The answer of the system for one picture: masks with a category, a score and a box each."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Instances:
    """The instances found in one picture, best score first.

    masks: (n, h, w) bool
    categories: (n,) int64, 1…C
    scores: (n,) float32, 0…1
    boxes: (n, 4) float32, x0, y0, x1, y1 half open, in pixels of the picture: the box that was voted for, which need
        not be the tight box of the mask

    Built in chapter 9.
    """

    masks: Tensor
    categories: Tensor
    scores: Tensor
    boxes: Tensor

    def __len__(self) -> int:
        return len(self.scores)

    def select(self, keep: Tensor) -> Instances:
        """Return the instances that an index tensor or a mask of booleans picks, in the order that it gives."""
        return Instances(self.masks[keep], self.categories[keep], self.scores[keep], self.boxes[keep])

    def sorted(self) -> Instances:
        """Return the same instances by falling score; equal scores keep their order."""
        return self.select(self.scores.argsort(descending=True, stable=True))

    @staticmethod
    def none(height: int, width: int) -> Instances:
        """Return no instances, for a picture of that size."""
        return Instances(
            torch.zeros(0, height, width, dtype=torch.bool),
            torch.zeros(0, dtype=torch.int64),
            torch.zeros(0),
            torch.zeros(0, 4),
        )


def paint(
    number: Tensor,
    place: Tensor,
    categories: Tensor,
    scores: Tensor,
    boxes: Tensor,
    size: tuple[int, int],
    pixels: int,
) -> Instances:
    """Make instances of a list of their pixels.

    number: (k,) int64, 0…n − 1: the instance that has this pixel
    place: (k,) int64, row · width + column of the pixel; no pair of number and place comes twice
    categories, scores, boxes: (n,), (n,), (n, 4): of each instance
    size: height and width of the picture, pixels
    pixels: instances with fewer are dropped
    returns: instances with masks of the picture's size, best score first
    """
    order = scores.argsort(descending=True, stable=True)
    order = order[torch.bincount(number, minlength=len(scores))[order] >= pixels]
    rank = torch.full_like(categories, -1)
    rank[order] = torch.arange(len(order), device=order.device)
    rank = rank.index_select(0, number)
    masks = torch.zeros(len(order), size[0] * size[1], dtype=torch.bool, device=scores.device)
    masks.view(-1).index_fill_(0, (rank * masks.shape[1] + place)[rank >= 0], True)
    return Instances(masks.view(-1, *size), categories[order], scores[order], boxes[order])
