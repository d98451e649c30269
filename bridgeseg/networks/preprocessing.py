"""From the bytes of a picture to what a network takes.

Built in chapter 6.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor

from bridgeseg.structures.preconditions import expect_arrays, expect_tensors

# Of RGB in 0…1, over ImageNet's training pictures: what torchvision's weights were trained with.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


def stretch_contrast(picture: np.ndarray, low: float = 0.5, high: float = 99.8) -> np.ndarray:
    """Stretch the contrast of a picture so that it uses the whole range.

    picture: (h, w, 3) uint8
    low, high: percentiles of all values that become 0 and 255
    returns: (h, w, 3) uint8; a picture of one value comes back as it is

    Example:
        >>> picture = np.array([[[20] * 3, [25] * 3, [30] * 3]], np.uint8)
        >>> stretch_contrast(picture)[0, :, 0].tolist()  # red of the three pixels
        [0, 128, 255]

    Our choice, for micrographs: one has its cells at 20 of 255, the next at 200, and a small network spends its
    minutes on learning that this does not matter. Built in chapter 6.
    """
    expect_arrays(picture=(picture, "(h, w, 3) uint8, not empty"))
    counts = np.bincount(picture.ravel(), minlength=256).cumsum()  # (256,), values up to each
    bottom = int(np.searchsorted(counts, counts[-1] * low / 100, side="right"))
    top = int(np.searchsorted(counts, counts[-1] * high / 100))
    if top <= bottom:
        return picture
    # (256,), what becomes of each value
    table = np.clip((np.arange(256) - bottom) * (255 / (top - bottom)), 0, 255).round().astype(np.uint8)
    return table[picture]  # (h, w, 3)


@cache
def imagenet(device: torch.device) -> tuple[Tensor, Tensor]:
    """Return ImageNet's mean and deviation of the three colours on a device, copied there once.

    device: where pictures are
    returns: twice (3,) float32

    A copy from the program's memory waits for the device, and a training step shall not. Built in chapter 6.
    """
    return torch.tensor(IMAGENET_MEAN, device=device), torch.tensor(IMAGENET_DEVIATION, device=device)


def normalise(pictures: Tensor) -> Tensor:
    """Return pictures as a network takes them.

    pictures: (N, h, w, 3) uint8
    returns: (N, 3, h, w) float32, ImageNet's mean taken off and its deviation divided out; the memory stays in
        channels-last order, which convolutions like best

    Example:
        >>> grey = torch.full((1, 2, 5, 3), 128, dtype=torch.uint8)
        >>> tuple(normalise(grey).shape), [round(x, 2) for x in normalise(grey)[0, :, 0, 0].tolist()]
        ((1, 3, 2, 5), [0.07, 0.21, 0.43])

    Built in chapter 6.
    """
    expect_tensors(pictures=(pictures, "(N, h, w, 3) uint8"))
    mean, deviation = imagenet(pictures.device)
    return ((pictures.float() / 255 - mean) / deviation).permute(0, 3, 1, 2)  # (N, 3, h, w)
