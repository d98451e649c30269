"""The loss of the box at every pixel: smooth L1 or generalised IoU, weighted by size, over the hard pixels by IoU.

Built in chapter 8.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import generalized_box_iou_loss

from bridgeseg.losses.hard_pixels import Bootstrapped, hard_pixels, mean_over, nan_unless_finite
from bridgeseg.structures.boxes import in_single, iou
from bridgeseg.structures.preconditions import expect_tensors

BOX_LOSSES = ("smooth-l1", "giou")  # the paper's; Rezatofighi et al.'s


def size_weights(boxes: Tensor, scale: float, power: float = 0.5) -> Tensor:
    """Return the weight of every pixel's regression loss by the size of its instance.

    boxes: (N, 4, h, w) float, the true boxes
    scale: pixels; an instance of scale × scale weighs 1
    power: 0 weighs all alike, 1 gives every instance the same sum whatever its area
    returns: (N, h, w) float, (scale² / (height · width)) ** power, the same for all pixels of one instance

    Example:
        >>> import torch
        >>> boxes = torch.tensor([0.0, 0.0, 8.0, 2.0]).view(1, 4, 1, 1)
        >>> size_weights(boxes, scale=8.0).item()  # (64 / 16) ** 0.5
        2.0

    Paper: pixels are weighted by height and width of their instance, so that large ones do not dominate; the
    formula is not known. Ours with power 0.5 turns an error in pixels into one in parts of the object, which is
    what an IoU feels. Built in chapter 8.
    """
    expect_tensors(boxes=(boxes, "(N, 4, h, w) float"))
    x0, y0, x1, y1 = in_single(boxes).unbind(1)  # (N, h, w) each
    area = (x1 - x0).clamp(min=1) * (y1 - y0).clamp(min=1)
    return (scale * scale / area) ** power


def smooth_l1(encoded: Tensor, target: Tensor, beta: float = 1.0) -> Tensor:
    """Return the smoothed L1 distance of two encoded box maps, summed over the four numbers.

    encoded, target: (N, 4, h, w) float, as `bridgeseg.structures.boxes.encode` gives them
    beta: where the parabola gives way to the line, in units of the encoding
    returns: (N, h, w) float32

    Example:
        >>> import torch
        >>> encoded = torch.tensor([0.5, 3.0, 0.0, 0.0]).view(1, 4, 1, 1)
        >>> smooth_l1(encoded, torch.zeros(1, 4, 1, 1)).item()  # 0.5 · 0.5² on the parabola, 3 − 0.5 on the line
        2.625

    Paper: smoothed L1 as in Fast R-CNN. Built in chapter 8.
    """
    expect_tensors(encoded=(encoded, "(N, 4, h, w) float"), target=(target, "(N, 4, h, w) float"))
    return F.smooth_l1_loss(encoded.float(), target, reduction="none", beta=beta).sum(1)  # (N, h, w)


def generalised_iou_loss(predicted_boxes: Tensor, true_boxes: Tensor) -> Tensor:
    """Return 1 less the generalised IoU of two box maps.

    predicted_boxes, true_boxes: (N, 4, h, w) float, pixels, half open
    returns: (N, h, w) float32, 0 where they are the same, up to 2 where they lie far apart

    Example:
        >>> import torch
        >>> boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [2.0, 0.0, 4.0, 2.0]]).view(2, 4, 1, 1)
        >>> generalised_iou_loss(boxes[[0, 0]], boxes).flatten().tolist()  # the same; apart, and nothing between them
        [0.0, 1.0]

    Rezatofighi et al.: IoU, less the share of the smallest box around both that neither covers, so that boxes that do
    not meet still have a slope. torchvision's. Built in chapter 8.
    """
    expect_tensors(
        predicted_boxes=(predicted_boxes, "(N, 4, h, w) float"), true_boxes=(true_boxes, "(N, 4, h, w) float")
    )
    corners = predicted_boxes.float().movedim(1, -1), true_boxes.float().movedim(1, -1)  # (N, h, w, 4) each
    return generalized_box_iou_loss(*corners, reduction="none")


def bootstrapped_box_loss(
    encoded: Tensor,
    target: Tensor,
    predicted_boxes: Tensor,
    true_boxes: Tensor,
    present: Tensor,
    *,
    scale: float,
    power: float = 0.5,
    beta: float = 1.0,
    threshold: float = 1.0,
    floor: int = 512,
    loss: str = "smooth-l1",
) -> Bootstrapped:
    """Return the size-weighted loss of a box map over the pixels whose predicted box overlaps the true one too little.

    encoded, target: (N, 4, h, w) float, as `bridgeseg.structures.boxes.encode` gives them
    predicted_boxes, true_boxes: (N, 4, h, w) float, pixels, half open; the hard pixels are chosen by their IoU
    present: (N, h, w) bool, where there is an instance
    scale, power: of `bridgeseg.losses.box_loss.size_weights`
    beta: of `bridgeseg.losses.box_loss.smooth_l1`
    threshold: IoU below which a pixel is hard, 0…1; above 1 keeps every pixel
    floor: pixels kept at least
    loss: "smooth-l1" of the encoded boxes (paper), or "giou" of the boxes themselves, see `generalised_iou_loss`
    returns: loss, kept fraction, threshold as it ended. The loss is NaN where any encoded value is NaN or infinite,
        also where there is no instance
    raises: ValueError for a loss of another name; as `bridgeseg.losses.hard_pixels.hard_pixels`

    Example:
        >>> import torch
        >>> truth = torch.tensor([0.0, 0.0, 4.0, 4.0]).view(1, 4, 1, 1).expand(1, 4, 1, 2)
        >>> answer, there = torch.zeros(1, 4, 1, 2), torch.tensor([[[True, False]]])
        >>> loss, kept, _ = bootstrapped_box_loss(answer + 2, answer, truth, truth, there, scale=4.0)
        >>> loss.item(), kept.item()  # |2| less half of beta, four times; a floor keeps the easy one, too
        (6.0, 1.0)

    Paper: hard pixels by IoU and not by the loss, because the suppression that follows works with IoU; threshold and
    count are not known, ours stand in the recipes. Built in chapter 8.
    """
    expect_tensors(
        encoded=(encoded, "(N, 4, h, w) float"),
        target=(target, "(N, 4, h, w) float"),
        predicted_boxes=(predicted_boxes, "(N, 4, h, w) float"),
        true_boxes=(true_boxes, "(N, 4, h, w) float"),
        present=(present, "(N, h, w) bool"),
    )
    if loss not in BOX_LOSSES:
        raise ValueError(f"loss is {loss!r}, expected one of {', '.join(BOX_LOSSES)}")
    overlap = iou(predicted_boxes.detach().float(), true_boxes, dim=1)  # (N, h, w)
    kept, ended = hard_pixels(overlap, present, threshold, floor)
    values = (
        generalised_iou_loss(predicted_boxes, true_boxes)
        if loss == "giou"
        else smooth_l1(encoded, target, beta)
    ) * size_weights(true_boxes, scale, power)  # (N, h, w)
    share = kept.sum() / present.sum().clamp(min=1)
    return Bootstrapped(mean_over(values, kept) + nan_unless_finite(encoded), share, ended)
