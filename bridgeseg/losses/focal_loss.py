"""The focal loss: every pixel counts, and the less, the easier it is. A rival of the hard pixels.

    loss = − (1 / |K|) · Σ_{i in K} (1 − p_i)^γ · log p_i

with p_i the probability that the network gives to the true category of pixel i, and K all pixels whose category is
known. The paper has nothing of the kind; Lin et al. made it a year later, for boxes and with a sigmoid.

Built in chapter 7.
"""

from __future__ import annotations

from torch import Tensor

from bridgeseg.losses.hard_pixels import mean_over, pixel_entropy
from bridgeseg.structures.labels import VOID


def focal_cross_entropy(logits: Tensor, labels: Tensor, gamma: float = 2.0) -> Tensor:
    """Return the focal loss of a softmax over categories.

    logits: (N, C + 1, h, w) float
    labels: (N, h, w) integer at the resolution of the logits, 0…C, 255 void
    gamma: 0 is plain cross-entropy; the larger, the less an easy pixel counts
    returns: () float32, the mean over the known pixels; 0 with a gradient of 0 where there is none
    raises: ValueError for a gamma below 0

    Example:
        >>> import torch
        >>> logits, labels = torch.tensor([[[[2.0]], [[0.0]]]]), torch.zeros(1, 1, 1, dtype=torch.uint8)  # p = 0.88
        >>> [round(focal_cross_entropy(logits, labels, gamma).item(), 4) for gamma in (0, 2)]
        [0.1269, 0.0018]

    torchvision's `sigmoid_focal_loss` is for categories that do not exclude one another; for two, with logits 0 and z,
    both are the same. Without its weights by category. Built in chapter 7.
    """
    if gamma < 0:
        raise ValueError(f"gamma is {gamma}, expected 0 or more")
    entropy = pixel_entropy(logits, labels)  # (N, h, w)
    # 1 − p by expm1: near p = 1 nothing is lost. At least so much that the power has a gradient at any gamma.
    miss = (-(-entropy).expm1()).clamp(min=1e-12)
    return mean_over(miss**gamma * entropy, labels != VOID)
