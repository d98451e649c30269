"""Online bootstrapping: a loss over the hard pixels only, chosen anew in every mini-batch.

    loss = − (1 / |H|) · Σ_{i in H} log p_i ,   H = { i : p_i < t }

with p_i the probability that the network gives to the true category of pixel i. Two readings of the paper's "512
pixels" stand side by side: as a floor under the threshold, and as exactly the hardest 512.

Nothing here waits for the device: no `.item()`, no boolean indexing, one graph under `torch.compile`.
Built in chapter 7.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from bridgeseg.structures.labels import VOID
from bridgeseg.structures.preconditions import expect_tensors


class Bootstrapped(NamedTuple):
    """A loss with what it was computed from.

    loss: () float32, with gradient; 0 with a gradient of 0 where there is no valid pixel
    kept: () float32, the number of kept pixels over the number of valid ones, 0…1
    threshold: () float32, below which a pixel counted as hard, after it was raised for the floor

    Built in chapter 7.
    """

    loss: Tensor
    kept: Tensor
    threshold: Tensor


def hard_pixels(
    easiness: Tensor,
    valid: Tensor,
    threshold: float = 1.0,
    floor: int = 0,
    exactly: int | None = None,
    ceiling: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Choose the hard pixels of a mini-batch.

    easiness: float tensor of any shape; a probability or an overlap, small where the pixel is hard; NaN is the hardest
    valid: bool tensor of the same shape; void and background are never ranked
    threshold: pixels below it are hard
    floor: at least so many are kept; the threshold is raised where too few would be. All valid ones where there are
        fewer
    exactly: keep exactly so many of the hardest and ignore threshold, floor and ceiling; ties are broken by the order
        of `topk`
    ceiling: at most so many are kept; the threshold is lowered where more would be, and ties are broken likewise
    returns: kept, bool of the same shape; the threshold as it ended, () float32, +inf where all valid ones were kept
    raises: ValueError for a floor or a count below 0, and for a ceiling below the floor

    Example:
        >>> easiness, valid = torch.tensor([0.9, 0.2, 0.7, 0.1]), torch.tensor([True, True, True, False])
        >>> kept, ended = hard_pixels(easiness, valid, threshold=0.5)
        >>> kept.tolist(), round(ended.item(), 2)
        ([False, True, False, False], 0.5)
        >>> kept, ended = hard_pixels(easiness, valid, threshold=0.5, floor=2)  # one more, to make two
        >>> kept.tolist(), round(ended.item(), 2)
        ([False, True, True, False], 0.7)

    Paper: online bootstrapping; the threshold moves per mini-batch: raised where too few would remain, and, by one set
    of notes, lowered where the network does poorly. By how much is not known; a ceiling is our choice, since it needs
    no other number than a count. Built in chapter 7.
    """
    expect_tensors(easiness=(easiness, "(...,) float"), valid=(valid, "(...,) bool"))
    _same_shape(easiness=easiness, valid=valid)
    if exactly is None and ceiling is not None and ceiling < max(floor, 1):
        raise ValueError(
            f"ceiling: {ceiling} with a floor of {floor}, expected at least the floor, and 1, or None"
        )
    if floor < 0 or (exactly is not None and exactly < 1):
        raise ValueError(f"floor: {floor}, exactly: {exactly}; expected 0 or more, and 1 or more or None")
    # NaN compares as false with everything: left as it is, exactly the broken pixels would be the easy ones.
    ranked = easiness.detach().float().nan_to_num(nan=-torch.inf, posinf=torch.inf, neginf=-torch.inf)
    ranked = ranked.masked_fill(~valid, torch.inf).flatten()  # (pixels,)
    wanted = exactly if exactly is not None else floor
    count = min(wanted, ranked.numel())
    raised = torch.full((), -torch.inf, device=ranked.device)
    if count:
        smallest, places = ranked.topk(count, largest=False, sorted=True)  # (count,) each
        raised = smallest[-1]
        if exactly is not None:
            chosen = torch.zeros_like(ranked, dtype=torch.bool).scatter(0, places, True)  # (pixels,)
            return chosen.view_as(valid) & valid, raised
    # The floor's last pixel is kept with all that tie with it; the paper's p < t holds for the base threshold.
    hard, ended = (ranked < threshold) | (ranked <= raised), raised.clamp(min=threshold)
    if ceiling is not None:
        smallest, places = ranked.topk(min(ceiling, ranked.numel()), largest=False, sorted=True)
        hard &= valid.flatten()
        if len(smallest):
            ended = torch.where(hard.sum() > ceiling, smallest[-1], ended)
        hard &= torch.zeros_like(hard).scatter(0, places, True)
    return hard.view_as(valid) & valid, ended


def hardest_of_each(easiness: Tensor, valid: Tensor, share: float) -> Tensor:
    """Choose a share of the pixels of each picture by itself, the hardest ones.

    easiness: (N, h, w) float, small where the pixel is hard; NaN is the hardest
    valid: (N, h, w) bool; void is never ranked
    share: of the valid pixels of a picture, above 0 and up to 1, rounded up
    returns: (N, h, w) bool
    raises: ValueError for a share outside that range

    Example:
        >>> easiness, valid = torch.tensor([[[0.9, 0.2, 0.7, 0.1]], [[0.5, 0.6, 0.8, 0.9]]]), torch.ones(2, 1, 4).bool()
        >>> hardest_of_each(easiness, valid, 0.5).tolist()
        [[[False, True, False, True]], [[True, True, False, False]]]

    Shrivastava et al.'s online hard example mining, which takes the hardest regions of every picture. The paper's
    hard pixels are those of the whole mini-batch: a picture may have none. Built in chapter 7.
    """
    expect_tensors(easiness=(easiness, "(N, h, w) float"), valid=(valid, "(N, h, w) bool"))
    if not 0 < share <= 1:
        raise ValueError(f"share is {share}, expected above 0 and up to 1")
    ranked = easiness.detach().float().nan_to_num(nan=-torch.inf, posinf=torch.inf, neginf=-torch.inf)
    places = ranked.masked_fill(~valid, torch.inf).flatten(1).argsort(dim=1, stable=True)  # (N, pixels)
    ranks = torch.zeros_like(places).scatter(
        1, places, torch.arange(places.shape[1], device=places.device).expand_as(places)
    )
    # In double precision, and less a little: in single 0.6 of 25 pixels would be 16 of them.
    counts = (share * valid.flatten(1).sum(1, keepdim=True).double() - 1e-6).ceil()  # (N, 1)
    return (ranks < counts).view_as(valid) & valid


def mean_over(values: Tensor, chosen: Tensor) -> Tensor:
    """Return the mean of the chosen values, 0 with a gradient of 0 where none is chosen.

    values: float tensor of any shape
    chosen: bool tensor of the same shape
    returns: () float

    Example:
        >>> mean_over(torch.tensor([1.0, 2.0, 6.0]), torch.tensor([True, False, True])).item()
        3.5

    Divided by the kept, not by all: that is the |H| of the paper's equation. Built in chapter 7.
    """
    expect_tensors(values=(values, "(...,) float"), chosen=(chosen, "(...,) bool"))
    _same_shape(values=values, chosen=chosen)
    return values.masked_fill(~chosen, 0).sum() / chosen.sum().clamp(min=1)


def nan_unless_finite(answer: Tensor) -> Tensor:
    """Return 0, or NaN where any value of a network's answer is NaN or infinite.

    answer: float tensor of any shape
    returns: () float32, without gradient

    A pixel that is not chosen adds nothing to a loss, but where it is NaN the gradient is NaN all the same. Added to
    the loss, this says so. Our choice. Built in chapter 7.
    """
    expect_tensors(answer=(answer, "(...,) float"))
    return 0 * answer.detach().float().sum()


def pixel_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy of every pixel, in float32; 0 where the label is void.

    logits: (N, C + 1, h, w) float
    labels: (N, h, w) integer at the resolution of the logits, 0…C, 255 void
    returns: (N, h, w) float32
    raises: ValueError when the sizes differ, and for a label out of range, on a processor; another device itself says
        so, later

    Example:
        >>> pixel_entropy(torch.zeros(1, 2, 1, 2), torch.tensor([[[1, 255]]])).exp().tolist()
        [[[2.0, 1.0]]]

    Built in chapter 7.
    """
    expect_tensors(logits=(logits, "(N, C + 1, h, w) float"), labels=(labels, "(N, h, w) integer"))
    try:
        return F.cross_entropy(logits.float(), labels.long(), ignore_index=VOID, reduction="none")
    except IndexError as error:  # looked for by torch at every pixel, so that nothing is looked at twice
        raise ValueError(f"labels: {error}, expected 0…{logits.shape[1] - 1} or {VOID}") from error


def bootstrapped_cross_entropy(
    logits: Tensor,
    labels: Tensor,
    threshold: float = 0.6,
    floor: int = 512,
    exactly: int | None = None,
    ceiling: int | None = None,
) -> Bootstrapped:
    """Return the cross-entropy over the hard pixels of a mini-batch.

    logits: (N, C + 1, h, w) float
    labels: (N, h, w) integer at the resolution of the logits, 0…C, 255 void
    threshold: base t, 0…1; above 1 (a probability never reaches it) keeps every pixel: plain cross-entropy
    floor: pixels kept at least, over the mini-batch
    exactly: the other reading: exactly so many; threshold, floor and ceiling are ignored
    ceiling: pixels kept at most, over the mini-batch
    returns: loss, kept fraction, threshold as it ended. The loss is NaN where any logit is NaN or infinite, at void
        pixels too
    raises: ValueError when the sizes differ; as `hard_pixels`

    Example:
        >>> logits = torch.tensor([[2.0, 0.0, -2.0], [0.0, 0.0, 0.0]]).view(1, 2, 1, 3)  # p = 0.88, 0.5, 0.12
        >>> labels = torch.zeros(1, 1, 3, dtype=torch.uint8)
        >>> loss, kept, threshold = bootstrapped_cross_entropy(logits, labels, threshold=0.6, floor=0)
        >>> round(loss.item(), 2), round(kept.item(), 2)  # −(log 0.5 + log 0.12) / 2, two pixels of three
        (1.41, 0.67)

    Paper: online bootstrapping, 512 best; base t not known there, 0.6 in the later code. Built in chapter 7.
    """
    entropy = pixel_entropy(logits, labels)  # (N, h, w)
    valid = labels != VOID
    # float32, since probabilities near 1 tie in bfloat16
    kept, ended = hard_pixels((-entropy.detach()).exp(), valid, threshold, floor, exactly, ceiling)
    share = kept.sum() / valid.sum().clamp(min=1)
    return Bootstrapped(mean_over(entropy, kept) + nan_unless_finite(logits), share, ended)


def _same_shape(**two: Tensor) -> None:
    (first, one), (second, other) = two.items()
    if one.shape != other.shape:
        raise ValueError(f"{first}, {second}: {tuple(one.shape)}, {tuple(other.shape)}, expected one shape")
