"""The losses of both networks for one mini-batch, from the label maps to the numbers that are logged.

Built in chapters 7 and 8.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bridgeseg.losses.box_loss import bootstrapped_box_loss
from bridgeseg.losses.hard_pixels import Bootstrapped, bootstrapped_cross_entropy
from bridgeseg.structures.boxes import box_targets, decode, encode
from bridgeseg.structures.cells import enlarge, sample_labels
from bridgeseg.structures.labels import VOID
from bridgeseg.system.recipe import Recipe


def semantic_loss(logits: Tensor, categories: Tensor, stride: int, recipe: Recipe) -> Bootstrapped:
    """Return the bootstrapped cross-entropy of the semantic network's answer.

    logits: (N, C + 1, h, w) float
    categories: (N, H, W) uint8
    stride: pixels from cell to cell of the logits
    recipe: threshold, floor, exactly; label_stride: where it is finer than the answer, the logits are enlarged to it

    Built in chapter 7.
    """
    wanted = recipe.label_stride or stride
    labels = sample_labels(categories, wanted)
    if wanted != stride:
        logits = enlarge(logits, stride // wanted, (labels.shape[-2], labels.shape[-1]))
    return bootstrapped_cross_entropy(logits, labels, recipe.threshold, recipe.floor, recipe.exactly)


def localization_loss(
    encoded: Tensor, categories: Tensor, instances: Tensor, stride: int, recipe: Recipe
) -> Bootstrapped:
    """Return the size-weighted, bootstrapped smooth L1 of the localization network's answer.

    encoded: (N, 4, h, w) float
    categories: (N, H, W) uint8; instances: (N, H, W) int32: after flips and crops
    stride: pixels from cell to cell of the answer

    Built in chapter 8.
    """
    boxes, present = box_targets(instances, stride)
    present &= sample_labels(categories, stride) != VOID
    # Where there is no instance the target is a box of one pixel: finite, and never counted.
    target = encode(boxes, stride, recipe.scale)
    return bootstrapped_box_loss(
        encoded,
        target,
        decode(encoded, stride, recipe.scale),
        boxes,
        present,
        scale=recipe.scale,
        power=recipe.size_power,
        beta=recipe.beta,
        threshold=recipe.box_threshold,
        floor=recipe.box_floor,
    )


def batch_loss(
    found: dict[str, Tensor], categories: Tensor, instances: Tensor, stride: int, recipe: Recipe
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the loss of a network's answers, and its parts for the log.

    found: "categories" (logits), "boxes" (encoded), or both where the trunk is shared
    returns: () float loss; by name: "category_loss", "kept", "threshold" and "box_loss", "box_kept", without gradient
    """
    loss = torch.zeros((), device=categories.device)
    parts: dict[str, Tensor] = {}
    if "categories" in found:
        semantic = semantic_loss(found["categories"], categories, stride, recipe)
        loss = loss + semantic.loss
        parts |= {"category_loss": semantic.loss, "kept": semantic.kept, "threshold": semantic.threshold}
    if "boxes" in found:
        boxes = localization_loss(found["boxes"], categories, instances, stride, recipe)
        loss = loss + (recipe.box_weight if "categories" in found else 1.0) * boxes.loss
        parts |= {"box_loss": boxes.loss, "box_kept": boxes.kept}
    return loss, {name: value.detach() for name, value in parts.items()}
