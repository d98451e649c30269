"""The answer of the system for one picture: masks with a category, a score and a box each.

Built in chapter 9.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bridgeseg.structures.masks import Masks
from bridgeseg.structures.preconditions import expect_tensors


@dataclass(frozen=True)
class Instances:
    """The instances found in one picture, best score first.

    masks: n masks of the picture's size; `instances.masks[i]` is one in full, (h, w) bool
    categories: (n,) int64, 1…C
    scores: (n,) float32, 0…1
    boxes: (n, 4) float32, x0, y0, x1, y1 half open, in pixels of the picture: the box that was voted for, which need
        not be the tight box of the mask, `instances.masks.boxes()`
    raises: ValueError when the lengths differ, for another type, and for masks that are not of
        `bridgeseg.structures.masks.Masks`

    Example:
        >>> masks = Masks.from_labels(torch.tensor([[0, 1, 1], [2, 2, 2]]), torch.tensor([2, 1]))
        >>> found = Instances(masks, torch.tensor([1, 1]), torch.tensor([0.9, 0.8]), masks.boxes())
        >>> len(found), found.masks[1].int().tolist()
        (2, [[0, 1, 1], [0, 0, 0]])

    Built in chapter 9.
    """

    masks: Masks
    categories: Tensor
    scores: Tensor
    boxes: Tensor

    def __post_init__(self) -> None:
        if not isinstance(self.masks, Masks):
            raise ValueError(
                f"masks: {type(self.masks).__name__}, expected Masks; Instances.from_masks takes (n, h, w) bool"
            )
        count = len(self.masks)
        found = tuple(tuple(np.shape(part)) for part in (self.categories, self.scores, self.boxes))
        if found != ((count,), (count,), (count, 4)):
            raise ValueError(
                f"categories, scores, boxes: {found}, expected ({count},), ({count},), ({count}, 4)"
                f" for {count} masks"
            )
        expect_tensors(
            categories=(self.categories, "(n,) int64"),
            scores=(self.scores, "(n,) float"),
            boxes=(self.boxes, "(n, 4) float"),
        )

    def __len__(self) -> int:
        return len(self.masks)

    @staticmethod
    def from_masks(masks: Tensor, categories: Tensor, scores: Tensor, boxes: Tensor) -> Instances:
        """Return instances whose masks are given in full.

        masks: (n, h, w) bool
        categories: (n,) int64, 1…C
        scores: (n,) float32, 0…1
        boxes: (n, 4) float32, pixels
        raises: ValueError for masks of another type, and when the lengths differ

        Example:
            >>> masks = torch.tensor([[[0, 1, 1]]]) > 0
            >>> found = Instances.from_masks(masks, torch.tensor([2]), torch.tensor([0.9]), torch.zeros(1, 4))
            >>> found.masks.boxes().tolist()
            [[1.0, 0.0, 3.0, 1.0]]

        Built in chapter 3.
        """
        return Instances(Masks.from_full(masks), categories, scores, boxes)

    @staticmethod
    def none(height: int, width: int) -> Instances:
        """Return no instances, for a picture of that height and width.

        height, width: pixels
        """
        return Instances(
            Masks.none(height, width),
            torch.zeros(0, dtype=torch.int64),
            torch.zeros(0),
            torch.zeros(0, 4),
        )

    @staticmethod
    def joined(several: Sequence[Instances]) -> Instances:
        """Return the instances of several lists, of one picture, as one list, in their order and not by score."""
        return Instances(
            Masks.joined([found.masks for found in several]),
            torch.cat([found.categories for found in several]),
            torch.cat([found.scores for found in several]),
            torch.cat([found.boxes for found in several]),
        )

    def to(self, device: torch.device | str) -> Instances:
        """Return the same instances on another device."""
        return Instances(
            self.masks.to(device), self.categories.to(device), self.scores.to(device), self.boxes.to(device)
        )

    def select(self, keep: Tensor) -> Instances:
        """Return some of the instances.

        keep: (m,) int64, which, in the order wanted; or (n,) bool
        """
        return Instances(self.masks.select(keep), self.categories[keep], self.scores[keep], self.boxes[keep])

    def sorted(self) -> Instances:
        """Return the same instances by falling score; equal scores keep their order."""
        return self.select(self.scores.argsort(descending=True, stable=True))

    def with_pixels(self, least: int) -> Instances:
        """Return the instances that have so many pixels at least, by falling score: what both groupings end with."""
        order = self.scores.argsort(descending=True, stable=True)
        return self.select(order[self.masks.areas()[order] >= least])
