"""The focal loss against torchvision's for a sigmoid, plain cross-entropy and finite differences."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torchvision.ops import sigmoid_focal_loss

from bridgeseg.losses.focal_loss import focal_cross_entropy
from bridgeseg.structures.labels import VOID


def drawn(seed: int, categories: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and labels, some of them void."""
    chance = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(2, categories, 7, 9, generator=chance)
    labels = torch.randint(categories, (2, 7, 9), generator=chance, dtype=torch.uint8)
    labels[torch.rand(labels.shape, generator=chance) < 0.2] = VOID
    return logits, labels


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("seed", range(3))
def test_for_two_categories_it_is_torchvisions(seed: int, gamma: float) -> None:
    logits, labels = drawn(seed, 2)
    logits[:, 0] = 0
    known = labels != VOID
    each = sigmoid_focal_loss(logits[:, 1], labels.clamp(max=1).float(), alpha=-1, gamma=gamma)
    torch.testing.assert_close(focal_cross_entropy(logits, labels, gamma), each[known].mean())


@pytest.mark.parametrize("seed", range(3))
def test_gamma_0_is_plain_cross_entropy(seed: int) -> None:
    logits, labels = drawn(seed)
    plain = F.cross_entropy(logits, labels.long(), ignore_index=VOID)
    torch.testing.assert_close(focal_cross_entropy(logits, labels, 0), plain)


def test_the_larger_gamma_the_less_easy_pixels_count() -> None:
    logits, labels = torch.tensor([[[[4.0, -1.0]], [[0.0, 0.0]]]]), torch.zeros(1, 1, 2, dtype=torch.uint8)
    shares = []
    for gamma in (0.0, 1.0, 2.0, 4.0):
        easy = focal_cross_entropy(logits[..., :1], labels[..., :1], gamma)
        shares.append(float(easy / (2 * focal_cross_entropy(logits, labels, gamma))))
    assert shares == sorted(shares, reverse=True)
    assert shares[2] < 0.01 * shares[0]


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_certain_pixels_have_a_finite_gradient(gamma: float) -> None:
    logits = torch.tensor([[[[200.0, -200.0]], [[0.0, 0.0]]]]).requires_grad_()
    loss = focal_cross_entropy(logits, torch.zeros(1, 1, 2, dtype=torch.uint8), gamma)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(100.0)  # the second is as wrong as can be
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_void_has_no_say_and_a_batch_of_void_gives_zero() -> None:
    logits, labels = drawn(0)
    moved = logits + 50 * (labels == VOID)[:, None] * torch.arange(5.0).view(1, 5, 1, 1)
    torch.testing.assert_close(focal_cross_entropy(moved, labels), focal_cross_entropy(logits, labels))
    logits.requires_grad_()
    loss = focal_cross_entropy(logits, torch.full_like(labels, VOID))
    loss.backward()
    assert loss == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_a_negative_gamma_is_refused() -> None:
    with pytest.raises(ValueError, match="gamma"):
        focal_cross_entropy(*drawn(0), -1.0)
