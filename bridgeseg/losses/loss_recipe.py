"""The numbers of both losses: which pixels teach the categories, which the boxes, and how much.

They stand beside the losses that they belong to; `bridgeseg.system.recipe` puts them together with the other parts of a
recipe. Built in chapters 7 and 8.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from bridgeseg.losses.box_loss import BOX_LOSSES
from bridgeseg.structures.box_encodings import ENCODINGS
from bridgeseg.structures.labels import BadInput


@dataclass(frozen=True)
class CategoryLossRecipe:
    """Which pixels teach the categories: online bootstrapping.

    raises: BadInput naming what is out of range

    Example:
        >>> CategoryLossRecipe(threshold=0.6, floor=512, ceiling=128)
        Traceback (most recent call last):
            ...
        bridgeseg.structures.labels.BadInput: ceiling is 128, expected at least the floor, 512, or None

    The defaults keep every pixel. Built in chapter 7.
    """

    threshold: float = 2.0  # base t; above 1 keeps every pixel
    floor: int = 512  # pixels of a mini-batch kept at least, whatever the threshold; paper: 512
    exactly: int | None = None  # keep so many pixels and no more: the other reading of "512 pixels"
    label_stride: int = 0  # pixels from label to label; 0: the answer's own stride (later code)
    ceiling: int | None = None  # pixels kept at most: above it the threshold is lowered; our choice

    def __post_init__(self) -> None:
        if self.floor < 0:
            raise BadInput(f"floor is {self.floor}, expected 0 pixels or more")
        if self.exactly is not None and self.exactly < 1:
            raise BadInput(f"exactly is {self.exactly}, expected 1 pixel or more, or None")
        if self.exactly is None and self.ceiling is not None and self.ceiling < max(self.floor, 1):
            raise BadInput(
                f"ceiling is {self.ceiling}, expected at least the floor, {max(self.floor, 1)}, or None"
            )


@dataclass(frozen=True)
class BoxLossRecipe:
    """How boxes are encoded, and which pixels teach them how much.

    raises: BadInput naming what is out of range

    Example:
        >>> BoxLossRecipe("sides", "giou", size_power=0.0).scale
        24.0

    The defaults keep every pixel. Built in chapter 8.
    """

    encoding: str = "centre"  # a name of `bridgeseg.structures.box_encodings.ENCODINGS`
    loss: str = "smooth-l1"  # a name of `bridgeseg.losses.box_loss.BOX_LOSSES`
    scale: float = 24.0  # pixels; a usual object
    size_power: float = 0.5  # weight (scale² / area) ** power
    beta: float = 0.1  # of smooth L1, in units of the encoding
    weight: float = 1.0  # of this loss beside the categories', where both share a trunk
    threshold: float = 2.0  # IoU below which a pixel is hard; above 1 keeps every pixel
    floor: int = 512  # pixels of a mini-batch kept at least, whatever the threshold

    def __post_init__(self) -> None:
        for name, known in (("encoding", tuple(ENCODINGS)), ("loss", BOX_LOSSES)):
            if getattr(self, name) not in known:
                raise BadInput(f"{name} is {getattr(self, name)!r}, expected one of {', '.join(known)}")
        if not self.scale > 0:
            raise BadInput(f"scale is {self.scale}, expected more than 0 pixels")
        if self.floor < 0:
            raise BadInput(f"floor is {self.floor}, expected 0 pixels or more")


@dataclass(frozen=True)
class LossRecipe:
    """The losses of both answers.

    Built in chapters 7 and 8.
    """

    categories: CategoryLossRecipe = CategoryLossRecipe()  # of the semantic network's answer
    boxes: BoxLossRecipe = BoxLossRecipe()  # of the localization network's

    def of_a_part(self, parts: int) -> LossRecipe:
        """Return the losses of one of several parts of a mini-batch: of floors, ceiling and `exactly` its share.

        parts: how many; with 1 nothing changes

        Not quite the same as the whole: the hard pixels are then chosen in each part, and where they lie in a few of
        the pictures, fewer of those are kept. Our choice. Built in chapter 7.
        """
        categories, boxes = self.categories, self.boxes
        floor = -(-categories.floor // parts)
        exactly = None if categories.exactly is None else -(-categories.exactly // parts)
        ceiling = None if categories.ceiling is None else max(categories.ceiling // parts, floor, 1)
        return LossRecipe(
            dataclasses.replace(categories, floor=floor, exactly=exactly, ceiling=ceiling),
            dataclasses.replace(boxes, floor=-(-boxes.floor // parts)),
        )
