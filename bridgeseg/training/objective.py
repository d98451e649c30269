"""What is minimised: the losses of a network's answers for one mini-batch, and the fractions that the log shows.

Built in chapters 7 and 8.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bridgeseg.losses.box_loss import bootstrapped_box_loss
from bridgeseg.losses.hard_pixels import Bootstrapped, bootstrapped_cross_entropy
from bridgeseg.losses.loss_recipe import BoxLossRecipe, CategoryLossRecipe, LossRecipe
from bridgeseg.structures.box_encodings import ENCODINGS
from bridgeseg.structures.boxes import box_targets
from bridgeseg.structures.cells import enlarge, sample_labels
from bridgeseg.structures.labels import VOID


@dataclass(frozen=True)
class Objective:
    """The loss of a mini-batch and what it was made of.

    loss: () float32, what is minimised, with gradient
    losses: () float32 each, its parts by name, without gradient: "category_loss", "box_loss"
    fractions: () float32 each, by name, without gradient: "kept" and "box_kept", the share of the pixels that counted,
        0…1; "threshold", the probability below which a pixel counted

    Built in chapter 8.
    """

    loss: Tensor
    losses: dict[str, Tensor]
    fractions: dict[str, Tensor]


def semantic_loss(
    logits: Tensor, categories: Tensor, stride: int, recipe: CategoryLossRecipe
) -> Bootstrapped:
    """Return the bootstrapped cross-entropy of the semantic network's answer.

    logits: (N, C + 1, h, w) float
    categories: (N, H, W) uint8
    stride: pixels from cell to cell of the logits
    recipe: threshold, floor, exactly, ceiling; label_stride: where it is finer than the answer, the logits are enlarged
        to it
    returns: as `bridgeseg.losses.hard_pixels.bootstrapped_cross_entropy`

    Example:
        >>> labels = torch.tensor([[[0, 1, 255, 255]]], dtype=torch.uint8)
        >>> loss, kept, _ = semantic_loss(torch.zeros(1, 2, 1, 4), labels, 1, CategoryLossRecipe())
        >>> round(loss.item(), 3), kept.item()  # the logarithm of 2; void counts for nothing
        (0.693, 1.0)

    Paper: online bootstrapping. Built in chapter 7.
    """
    wanted = recipe.label_stride or stride
    labels = sample_labels(categories, wanted)  # (N, ⌈H / wanted⌉, ⌈W / wanted⌉)
    if wanted != stride:
        logits = enlarge(
            logits, stride // wanted, (labels.shape[-2], labels.shape[-1])
        )  # to the labels' size
    return bootstrapped_cross_entropy(
        logits, labels, recipe.threshold, recipe.floor, recipe.exactly, recipe.ceiling
    )


def localization_loss(
    encoded: Tensor,
    categories: Tensor,
    instances: Tensor,
    stride: int,
    recipe: BoxLossRecipe,
    most: int | None = None,
) -> Bootstrapped:
    """Return the size-weighted, bootstrapped loss of the localization network's answer.

    encoded: (N, 4, h, w) float
    categories: (N, H, W) uint8
    instances: (N, H, W) integer, after flips and crops
    stride: pixels from cell to cell of the answer
    recipe: the encoding and its scale, the loss, weight by size, beta, threshold and floor
    most: no instance has a larger number; a GPU is then not waited for
    returns: as `bridgeseg.losses.box_loss.bootstrapped_box_loss`

    Example:
        >>> labels = torch.ones(1, 1, 2, dtype=torch.uint8)  # one object of two pixels
        >>> right = ENCODINGS["centre"].encode(box_targets(labels, 1)[0], 1, 24.0)
        >>> localization_loss(right, labels, labels, 1, BoxLossRecipe()).loss.item()
        0.0

    Paper: localization network. Built in chapter 8.
    """
    boxes, present = box_targets(instances, stride, most)  # (N, 4, h, w), (N, h, w)
    present &= sample_labels(categories, stride) != VOID
    # Where there is no instance the target is a box of one pixel: finite, and never counted.
    encoding = ENCODINGS[recipe.encoding]
    target = encoding.encode(boxes, stride, recipe.scale)  # (N, 4, h, w)
    return bootstrapped_box_loss(
        encoded,
        target,
        encoding.decode(encoded, stride, recipe.scale),
        boxes,
        present,
        scale=recipe.scale,
        power=recipe.size_power,
        beta=recipe.beta,
        threshold=recipe.threshold,
        floor=recipe.floor,
        loss=recipe.loss,
    )


def objective_of(
    answers: dict[str, Tensor],
    categories: Tensor,
    instances: Tensor,
    stride: int,
    recipe: LossRecipe,
    most: int | None = None,
) -> Objective:
    """Return the objective of a network's answers to a mini-batch.

    answers: float; "categories" (N, C + 1, h, w) logits, "boxes" (N, 4, h, w) encoded, or both where they share a trunk
    categories: (N, H, W) uint8
    instances: (N, H, W) integer, after flips and crops
    stride: pixels from cell to cell of the answers
    recipe: of both losses
    most: no instance has a larger number, see `localization_loss`
    returns: the loss, where there are both the sum with the boxes' weight, and its parts

    Built in chapter 8.
    """
    loss = torch.zeros((), device=categories.device)
    losses: dict[str, Tensor] = {}
    fractions: dict[str, Tensor] = {}
    if "categories" in answers:
        semantic = semantic_loss(answers["categories"], categories, stride, recipe.categories)
        loss = loss + semantic.loss
        losses["category_loss"] = semantic.loss.detach()
        fractions |= {"kept": semantic.kept, "threshold": semantic.threshold}
    if "boxes" in answers:
        boxes = localization_loss(answers["boxes"], categories, instances, stride, recipe.boxes, most)
        loss = loss + (recipe.boxes.weight if "categories" in answers else 1.0) * boxes.loss
        losses["box_loss"] = boxes.loss.detach()
        fractions["box_kept"] = boxes.kept
    return Objective(loss, losses, fractions)
