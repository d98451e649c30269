"""Many pictures through the networks: on a GPU those of one size together, large networks in bfloat16.

A GPU that is shown one small picture waits for its programs to start and not for its arithmetic. Measured on an H100
(book/results/gpu-use.json): 64 scenes together take 0.06 ms each, one alone 4.4 ms; eight photographs of 500 × 375
through the two ResNet-101 of `voc` 6.7 ms each, one alone 20 to 34. bfloat16 halves the 6.7 ms, but not those of small
networks or of single pictures, where rounding the weights takes longer than it saves. On a processor neither helps:
there a picture is predicted by itself, as ever.

Built in chapter 10.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import nn

from bridgeseg.machine.bfloat16 import computes_bfloat16
from bridgeseg.structures.labels import Labelled, Sample
from bridgeseg.system.checkpoint import Run
from bridgeseg.system.prediction import Maps, as_shown, maps_of, predict_shown

AHEAD = 64  # pictures that are read before they are shown, so that there are some of one size
AHEAD_PIXELS = 32_000_000  # or so many pixels, which is where a micrograph is read by itself
PIXELS = 2_000_000  # shown at once: ten photographs
# bfloat16 from so many weights, and from so many pixels at once, on: won with the 86 million of `voc`, lost with the 22
# million of `nuclei-full`, and with one photograph.
BFLOAT16_WEIGHTS = 40_000_000
BFLOAT16_PIXELS = 1_000_000


def read_ahead(dataset: Labelled | Sequence[Sample], device: torch.device) -> Iterator[list[Sample]]:
    """Read a data set in its order, as many pictures at a time as there are to be looked through for equal sizes.

    dataset: what to read, or samples that are read already
    device: where the networks compute; for a processor one at a time
    returns: lists of samples, together the whole data set

    Our choice. Built in chapter 10.
    """
    ahead: list[Sample] = []
    for index in range(len(dataset)):
        ahead.append(dataset[index])
        pixels = sum(sample.instances.size for sample in ahead)
        if device.type == "cpu" or len(ahead) == AHEAD or pixels >= AHEAD_PIXELS:
            yield ahead
            ahead = []
    if ahead:
        yield ahead


def maps_of_all(run: Run, samples: Sequence[Sample]) -> list[Maps]:
    """Return what the networks of a run say about the pictures of several samples, in their order.

    run: trained networks and their recipe
    samples: of which only the pictures are looked at

    Built in chapter 10.
    """
    if run.device.type == "cpu":
        return [maps_of(run, sample) for sample in samples]
    pictures = [sample.picture for sample in samples]
    weights = sum(weight.numel() for weight in run.networks.parameters())
    large = weights >= BFLOAT16_WEIGHTS and computes_bfloat16(run.device)
    return predict_together(run, pictures, PIXELS, BFLOAT16_PIXELS if large else None)


def predict_together(
    run: Run, pictures: Sequence[np.ndarray], pixels: int, bfloat16_from: int | None
) -> list[Maps]:
    """Return the maps of pictures, those of one working size being shown to the networks together.

    run: trained networks and their recipe
    pictures: (h, w, 3) uint8 each
    pixels: shown at once, at most, where it is more than one picture
    bfloat16_from: pixels shown at once from which the networks compute in bfloat16; None: never. Scores and boxes are
        float32 in any case
    returns: the maps in the order of the pictures

    Our choice. Built in chapter 10.
    """
    shown = [as_shown(picture, run.recipe.pictures) for picture in pictures]
    places: dict[tuple[int, ...], list[int]] = {}
    for place, picture in enumerate(shown):
        places.setdefault(picture.shape[:2], []).append(place)
    found: dict[int, Maps] = {}
    in_bfloat16: nn.ModuleDict | None = None
    for (height, width), equal in places.items():
        most = max(1, pixels // (height * width))
        for first in range(0, len(equal), most):
            now = equal[first : first + most]
            together = np.stack([shown[place] for place in now])  # (N, height, width, 3)
            if bfloat16_from is None or len(now) * height * width < bfloat16_from:
                maps = predict_shown(run.networks, together, run.recipe)
            else:
                in_bfloat16 = in_bfloat16 or rounded(run.networks)
                with torch.autocast(run.device.type, torch.bfloat16):
                    maps = predict_shown(in_bfloat16, together, run.recipe)
            found.update(zip(now, maps, strict=True))
    return [found[place] for place in range(len(shown))]


def rounded(networks: nn.ModuleDict) -> nn.ModuleDict:
    """Return a copy of networks whose convolutions hold their weights in bfloat16, to be used under autocast.

    networks: trained; they stay as they are
    returns: the copy. Autocast would round the weights too, anew for every mini-batch, since it keeps only those that
        need a gradient

    Built in chapter 10.
    """
    networks = copy.deepcopy(networks)
    for part in networks.modules():
        if isinstance(part, nn.Conv2d):
            part.to(torch.bfloat16)
    return networks
