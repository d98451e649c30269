"""Bootstrapping against a brute-force sort, plain cross-entropy and what it promises about graphs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from bridgeseg.losses.box_loss import bootstrapped_box_loss, size_weights, smooth_l1
from bridgeseg.losses.hard_pixels import (
    Bootstrapped,
    bootstrapped_cross_entropy,
    hard_pixels,
    hardest_of_each,
    mean_over,
)
from bridgeseg.structures.boxes import box_targets, decode, encode, iou
from bridgeseg.structures.labels import VOID


def batch(seed: int, void: float = 0.2, shape: tuple[int, ...] = (2, 5, 9, 11)) -> tuple[Tensor, Tensor]:
    """Logits and labels, some of them void; the logits at void pixels are the worst of all."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(shape, generator=generator) * 2
    labels = torch.randint(0, shape[1], (shape[0], *shape[2:]), generator=generator, dtype=torch.uint8)
    labels[torch.rand(labels.shape, generator=generator) < void] = VOID
    return logits, labels


def brute_choice(
    easiness: list[float], valid: list[bool], threshold: float, floor: int
) -> tuple[list[bool], float]:
    """The paper's rule on Python lists: below the threshold, which rises until `floor` pixels are kept."""
    ranked = sorted(e for e, v in zip(easiness, valid, strict=True) if v)
    if sum(e < threshold for e in ranked) >= floor:
        return [v and e < threshold for e, v in zip(easiness, valid, strict=True)], threshold
    if len(ranked) < floor:
        return list(valid), float("inf")
    raised = ranked[floor - 1]
    return [v and e <= raised for e, v in zip(easiness, valid, strict=True)], raised


def brute_loss(logits: Tensor, labels: Tensor, threshold: float, floor: int) -> tuple[float, float]:
    """The bootstrapped loss and the kept fraction, pixel by pixel."""
    flat = logits.double().softmax(1).movedim(1, -1).flatten(0, -2).tolist()
    names = labels.flatten().tolist()
    certain = [row[name] if name != VOID else 1.0 for row, name in zip(flat, names, strict=True)]
    valid = [name != VOID for name in names]
    kept, _ = brute_choice(certain, valid, threshold, floor)
    losses = [-torch.tensor(c).log().item() for c, k in zip(certain, kept, strict=True) if k]
    return (sum(losses) / len(losses) if losses else 0.0), len(losses) / max(sum(valid), 1)


CASES = [(0.6, 0), (0.6, 40), (0.2, 0), (0.05, 60), (0.0, 1), (0.0, 25), (0.9, 10_000), (2.0, 0)]


@pytest.mark.parametrize("threshold, floor", CASES)
@pytest.mark.parametrize("seed", range(3))
def test_the_loss_equals_a_brute_force_sort(seed: int, threshold: float, floor: int) -> None:
    logits, labels = batch(seed)
    found = bootstrapped_cross_entropy(logits, labels, threshold, floor)
    loss, kept = brute_loss(logits, labels, threshold, floor)
    assert float(found.loss) == pytest.approx(loss, rel=1e-5)
    assert float(found.kept) == pytest.approx(kept, rel=1e-6)


@pytest.mark.parametrize("threshold, floor", CASES)
@pytest.mark.parametrize("seed", range(3))
def test_the_choice_equals_a_brute_force_sort(seed: int, threshold: float, floor: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    # Eighths, so that many tie with each other and with the threshold.
    easiness = torch.randint(0, 9, (4, 6, 7), generator=generator) / 8
    valid = torch.rand(easiness.shape, generator=generator) < 0.8
    kept, ended = hard_pixels(easiness, valid, threshold, floor)
    expected, raised = brute_choice(easiness.flatten().tolist(), valid.flatten().tolist(), threshold, floor)
    assert kept.flatten().tolist() == expected
    assert float(ended) == pytest.approx(raised)


def test_a_pixel_at_the_threshold_is_easy() -> None:
    easiness = torch.tensor([0.25, 0.5, 0.75])
    kept, ended = hard_pixels(easiness, torch.ones(3, dtype=torch.bool), threshold=0.5)
    assert kept.tolist() == [True, False, False]
    assert ended == 0.5


def test_the_floor_raises_the_threshold_and_only_then() -> None:
    easiness = torch.linspace(0, 0.99, 100)
    valid = torch.ones(100, dtype=torch.bool)
    for floor in (0, 1, 10, 20):
        kept, ended = hard_pixels(easiness, valid, 0.195, floor)
        assert (int(kept.sum()), float(ended)) == (20, pytest.approx(0.195))
    for floor in (21, 50, 100):
        kept, ended = hard_pixels(easiness, valid, 0.195, floor)
        assert int(kept.sum()) == floor
        assert kept[:floor].all()
        assert float(ended) == pytest.approx(float(easiness[floor - 1]))


@pytest.mark.parametrize("ceiling", [1, 5, 19, 20, 21, 500])
def test_the_ceiling_lowers_the_threshold_and_only_then(ceiling: int) -> None:
    easiness = torch.linspace(0, 0.99, 100)[torch.randperm(100, generator=torch.Generator().manual_seed(0))]
    valid = torch.ones(100, dtype=torch.bool)
    kept, ended = hard_pixels(easiness, valid, 0.195, ceiling=ceiling)  # 20 lie below
    assert sorted(easiness[kept].tolist()) == sorted(easiness.tolist())[: min(ceiling, 20)]
    last = 0.01 * (ceiling - 1)  # the easiest that stays
    assert float(ended) == pytest.approx(last if ceiling < 20 else 0.195)
    both = hard_pixels(
        easiness, valid, 0.195, floor=512, exactly=3, ceiling=2
    )  # `exactly` ignores the others
    assert int(both[0].sum()) == 3


@pytest.mark.parametrize("steps", [3, 10_000])
def test_no_more_than_the_ceiling_are_kept_whatever_ties(steps: int) -> None:
    easiness = torch.randint(0, steps, (10, 12), generator=torch.Generator().manual_seed(1)) / steps
    valid = torch.arange(120).view(10, 12) % 6 > 0
    kept, _ = hard_pixels(easiness, valid, threshold=2.0, floor=7, ceiling=9)
    assert not kept[~valid].any()
    assert sorted(easiness[kept].tolist()) == sorted(easiness[valid].tolist())[:9]


@pytest.mark.parametrize("exactly", [1, 2, 17, 60, 100])
@pytest.mark.parametrize("steps", [3, 10_000])
def test_exactly_so_many_are_kept_whatever_ties(exactly: int, steps: int) -> None:
    generator = torch.Generator().manual_seed(exactly)
    easiness = torch.randint(0, steps, (10, 12), generator=generator) / steps
    valid = torch.arange(120).view(10, 12) % 6 > 0  # 100 valid
    kept, ended = hard_pixels(easiness, valid, threshold=0.0, floor=7, exactly=exactly)
    assert int(kept.sum()) == exactly
    assert not kept[~valid].any()
    chosen = sorted(easiness[kept].tolist())
    assert chosen == sorted(easiness[valid].tolist())[:exactly]
    assert float(ended) == chosen[-1]


@pytest.mark.parametrize("exactly", [101, 120, 10**6])
def test_more_than_there_are_keeps_all_valid_ones(exactly: int) -> None:
    easiness = torch.rand(120)
    valid = torch.arange(120) % 6 > 0
    for choice in (
        hard_pixels(easiness, valid, exactly=exactly),
        hard_pixels(easiness, valid, 0.0, floor=exactly),
    ):
        assert torch.equal(choice[0], valid)
        assert choice[1] == torch.inf


@pytest.mark.parametrize("share", [0.01, 0.25, 0.5, 0.9, 1.0])
def test_of_each_picture_its_own_share_is_kept(share: float) -> None:
    generator = torch.Generator().manual_seed(0)
    easiness = torch.rand(4, 9, 11, generator=generator) * torch.tensor([1.0, 1e-3, 1.0, 1.0]).view(4, 1, 1)
    valid = torch.rand(easiness.shape, generator=generator) < 0.7
    valid[2] = False
    kept = hardest_of_each(easiness, valid, share)
    assert not (kept & ~valid).any()
    for one, known, each in zip(kept, valid, easiness, strict=True):
        count = -int(-share * int(known.sum()) // 1)
        assert int(one.sum()) == count
        assert sorted(each[one].tolist()) == sorted(each[known].tolist())[:count]


@pytest.mark.parametrize("share, pixels, kept", [(0.6, 25, 15), (0.07, 100, 7), (0.1, 30, 3), (0.1, 31, 4)])
def test_a_share_that_is_a_whole_number_of_pixels_is_not_rounded_up(
    share: float, pixels: int, kept: int
) -> None:
    easiness = torch.arange(pixels).float().view(1, 1, pixels)
    assert int(hardest_of_each(easiness, torch.ones(1, 1, pixels).bool(), share).sum()) == kept


def test_a_share_of_each_picture_is_checked_at_the_door() -> None:
    for share in (0.0, 1.5):
        with pytest.raises(ValueError, match="share"):
            hardest_of_each(torch.rand(1, 2, 2), torch.ones(1, 2, 2, dtype=torch.bool), share)


def test_the_hard_pixels_are_not_the_easy_ones() -> None:
    """Guards the tests above: the brute force on turned probabilities gives another answer than on these."""
    logits, labels = batch(0)
    right = bootstrapped_cross_entropy(logits, labels, exactly=30).loss
    entropy = F.cross_entropy(logits, labels.long(), ignore_index=VOID, reduction="none")[labels != VOID]
    ranked = entropy.sort(descending=True).values
    torch.testing.assert_close(right, ranked[:30].mean())
    assert right > 2 * ranked[-30:].mean()


def test_void_is_never_ranked() -> None:
    logits, labels = batch(1, void=0)
    labels[:, 3:6] = VOID
    before = bootstrapped_cross_entropy(logits, labels, 0.6, 50)
    # However sure, however wrong, however broken the network is there, nothing changes.
    for value in (1e4, -1e4):
        logits[:, 2, 3:6] = value
        after = bootstrapped_cross_entropy(logits, labels, 0.6, 50)
        assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
        exact = bootstrapped_cross_entropy(logits, labels, exactly=int((labels != VOID).sum()))
        assert exact.kept == 1


def test_the_sum_is_divided_by_the_kept() -> None:
    logits = torch.zeros(1, 2, 1, 100)
    logits[:, 0] = 20.0
    labels = torch.zeros(1, 1, 100, dtype=torch.uint8)
    labels[..., :4] = 1  # 4 wrong pixels of loss 20, 96 right ones of loss 0
    found = bootstrapped_cross_entropy(logits, labels, threshold=0.5, floor=1)
    assert float(found.loss) == pytest.approx(20.0)
    assert float(found.kept) == pytest.approx(0.04)


@pytest.mark.parametrize("arguments", [{"threshold": 2.0, "floor": 0}, {"floor": 10}, {"exactly": 10}])
def test_a_batch_of_void_gives_zero_and_a_gradient_of_zero(arguments: dict) -> None:
    logits = batch(0)[0].requires_grad_()
    labels = torch.full((2, 9, 11), VOID, dtype=torch.uint8)
    found = bootstrapped_cross_entropy(logits, labels, **arguments)
    assert found.loss == 0
    assert found.kept == 0
    found.loss.backward()
    assert logits.grad is not None
    assert torch.equal(logits.grad, torch.zeros_like(logits))


@pytest.mark.parametrize("seed", range(3))
def test_a_threshold_above_one_is_plain_cross_entropy(seed: int) -> None:
    logits, labels = batch(seed)
    logits.requires_grad_()
    found = bootstrapped_cross_entropy(logits, labels, threshold=2.0, floor=0)
    plain = F.cross_entropy(logits, labels.long(), ignore_index=VOID)
    torch.testing.assert_close(found.loss, plain)
    assert found.kept == 1
    ours, theirs = torch.autograd.grad(found.loss, logits)[0], torch.autograd.grad(plain, logits)[0]
    torch.testing.assert_close(ours, theirs)


def test_the_gradient_is_that_of_the_kept_pixels_alone() -> None:
    logits, labels = batch(4)
    logits.requires_grad_()
    found = bootstrapped_cross_entropy(logits, labels, exactly=20)
    found.loss.backward()
    assert logits.grad is not None
    touched = logits.grad.abs().sum(1) > 0
    assert int(touched.sum()) == 20
    entropy = F.cross_entropy(logits, labels.long(), ignore_index=VOID, reduction="none")
    torch.testing.assert_close(
        torch.autograd.grad(entropy[touched].mean(), logits)[0], logits.grad, rtol=1e-5, atol=1e-7
    )


def test_the_gradient_equals_finite_differences() -> None:
    values = torch.rand(3, 4, dtype=torch.float64, requires_grad=True)
    chosen = torch.rand(3, 4) < 0.5
    assert torch.autograd.gradcheck(lambda x: mean_over(x, chosen), values)


def test_the_mean_over_nothing_is_zero_even_of_nan() -> None:
    values = torch.full((3,), torch.nan, requires_grad=True)
    mean = mean_over(values, torch.zeros(3, dtype=torch.bool))
    mean.backward()
    assert mean == 0
    assert values.grad is not None
    assert values.grad.tolist() == [0, 0, 0]


@pytest.mark.parametrize("place", [0, 5, 31, 63])
def test_half_precision_is_ranked_in_single(place: int) -> None:
    # In bfloat16 the probabilities of all pixels are 1; the hardest is told apart in float32 only.
    logits = torch.zeros(1, 2, 1, 64)
    logits[:, 0] = 10.0
    logits[0, 0, 0, place] = 8.0
    logits = logits.bfloat16()
    assert logits.softmax(1)[0, 0].unique().tolist() == [1.0]
    labels = torch.zeros(1, 1, 64, dtype=torch.uint8)
    found = bootstrapped_cross_entropy(logits, labels, exactly=1)
    assert found.loss.dtype == torch.float32
    assert float(found.loss) == pytest.approx(torch.tensor(-8.0).exp().log1p().item(), rel=1e-3)


def test_sizes_and_counts_are_checked_at_the_door() -> None:
    logits, labels = batch(0)
    with pytest.raises(ValueError, match="labels"):
        bootstrapped_cross_entropy(logits, labels[:, :-1])
    with pytest.raises(ValueError, match="labels"):
        bootstrapped_cross_entropy(logits, labels[:1])
    for arguments in ({"floor": -1}, {"exactly": 0}):
        with pytest.raises(ValueError, match="floor"):
            hard_pixels(torch.rand(3), torch.ones(3, dtype=torch.bool), **arguments)
    for arguments in ({"ceiling": 0}, {"ceiling": 4, "floor": 5}):
        with pytest.raises(ValueError, match="ceiling"):
            hard_pixels(torch.rand(3), torch.ones(3, dtype=torch.bool), **arguments)


def localization(seed: int, device: str = "cpu") -> dict[str, Tensor]:
    """What the loss over boxes takes: instances of two sizes, predictions that miss them more or less."""
    generator = torch.Generator().manual_seed(seed)
    instances = torch.zeros(2, 16, 20, dtype=torch.int32)
    instances[0, 2:12, 1:13], instances[0, 13:15, 15:19], instances[1, 4:8, 4:9] = 1, 2, 1
    boxes, present = box_targets(instances)
    target = encode(boxes, 1, 8.0)
    encoded = target + torch.randn(target.shape, generator=generator) * torch.rand(
        2, 1, 16, 20, generator=generator
    )
    values = {
        "encoded": encoded,
        "target": target,
        "predicted_boxes": decode(encoded, 1, 8.0),
        "true_boxes": boxes,
        "present": present,
    }
    return {name: value.to(device) for name, value in values.items()}


@pytest.mark.parametrize("threshold, floor", [(0.5, 0), (0.7, 10), (0.1, 60), (2.0, 0), (0.3, 10_000)])
@pytest.mark.parametrize("seed", range(3))
def test_the_loss_over_boxes_equals_a_brute_force_sort(seed: int, threshold: float, floor: int) -> None:
    given = localization(seed)
    found = bootstrapped_box_loss(**given, scale=8.0, power=0.5, beta=0.1, threshold=threshold, floor=floor)
    overlaps, losses = [], []
    for n, y, x in given["present"].nonzero().tolist():
        p, t = given["predicted_boxes"][n, :, y, x].tolist(), given["true_boxes"][n, :, y, x].tolist()
        inside = max(min(p[2], t[2]) - max(p[0], t[0]), 0) * max(min(p[3], t[3]) - max(p[1], t[1]), 0)
        union = (p[2] - p[0]) * (p[3] - p[1]) + (t[2] - t[0]) * (t[3] - t[1]) - inside
        overlaps.append(inside / union)
        distance = [
            abs(a - b) for a, b in zip(given["encoded"][n, :, y, x], given["target"][n, :, y, x], strict=True)
        ]
        weight = (64 / ((t[2] - t[0]) * (t[3] - t[1]))) ** 0.5
        losses.append(weight * sum(float(d * d / 0.2 if d < 0.1 else d - 0.05) for d in distance))
    kept, raised = brute_choice(overlaps, [True] * len(overlaps), threshold, floor)
    hard = [loss for loss, k in zip(losses, kept, strict=True) if k]
    assert float(found.loss) == pytest.approx(sum(hard) / len(hard), rel=1e-4)
    assert float(found.kept) == pytest.approx(len(hard) / len(losses))
    assert float(found.threshold) == pytest.approx(raised, rel=1e-4)


def test_boxes_are_ranked_by_overlap_and_not_by_the_loss() -> None:
    given = localization(0)
    # One pixel of the small object has the worst overlap; one of the large object the largest loss.
    found = bootstrapped_box_loss(**given, scale=8.0, threshold=0.0, floor=1)
    overlap, loss = torch.inf, 0.0
    for n, y, x in given["present"].nonzero().tolist():
        box, true = given["predicted_boxes"][n, :, y, x], given["true_boxes"][n, :, y, x]
        overlap = min(overlap, float(iou(box, true)))
        each = smooth_l1(
            given["encoded"][n : n + 1, :, y : y + 1, x : x + 1],
            given["target"][n : n + 1, :, y : y + 1, x : x + 1],
        )
        loss = max(loss, float(each * size_weights(true[None, :, None, None], 8.0)))
    assert float(found.threshold) == pytest.approx(overlap)
    assert float(found.loss) < loss


def test_pixels_without_instance_never_count() -> None:
    given = localization(1)
    before = bootstrapped_box_loss(**given, scale=8.0)
    outside = ~given["present"][:, None].expand_as(given["encoded"])
    given["encoded"] = given["encoded"].masked_fill(outside, 1e4)
    given["predicted_boxes"] = given["predicted_boxes"].masked_fill(outside, -7.0)
    after = bootstrapped_box_loss(**given, scale=8.0)
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_no_instance_in_the_batch_gives_zero_and_a_gradient_of_zero() -> None:
    given = localization(0)
    given["present"] = torch.zeros_like(given["present"])
    given["encoded"].requires_grad_()
    found = bootstrapped_box_loss(**given, scale=8.0)
    found.loss.backward()
    assert (found.loss, found.kept) == (0, 0)
    assert torch.equal(given["encoded"].grad, torch.zeros_like(given["encoded"]))


@pytest.mark.parametrize("arguments", [{"threshold": 0.5}, {"threshold": 0.5, "floor": 3}, {"exactly": 2}])
def test_nan_is_the_hardest_of_all(arguments: dict) -> None:
    easiness = torch.tensor([0.9, torch.nan, 0.0, 0.1, torch.nan, torch.nan, 0.6])
    valid = torch.tensor([True] * 5 + [False, True])
    kept, ended = hard_pixels(easiness, valid, **arguments)
    assert kept[[1, 4]].all()
    assert not kept[[0, 5, 6]].any()  # void stays void, and what is easy stays easy
    assert not ended.isnan()


@pytest.mark.parametrize("arguments", [{"floor": 512}, {"threshold": 0.0, "floor": 3}, {"exactly": 1}])
@pytest.mark.parametrize("broken", [torch.nan, torch.inf, -torch.inf])
def test_a_broken_logit_breaks_the_loss(arguments: dict, broken: float) -> None:
    logits, labels = batch(0)
    assert bootstrapped_cross_entropy(logits, labels, **arguments).loss.isfinite()
    for place in ((labels != VOID).nonzero()[0], (labels == VOID).nonzero()[0]):
        n, y, x = place.tolist()
        one = logits.clone()
        one[n, 2, y, x] = broken
        assert bootstrapped_cross_entropy(one, labels, **arguments).loss.isnan()
    found = bootstrapped_cross_entropy(torch.full_like(logits, broken), labels, **arguments)
    assert found.loss.isnan()
    assert found.kept > 0


def test_at_a_void_pixel_the_gradient_of_a_nan_is_nan_which_is_why_the_loss_says_so() -> None:
    logits, labels = batch(0)
    logits[:, :, 0, 0], labels[:, 0, 0] = torch.nan, VOID
    logits.requires_grad_()
    F.cross_entropy(logits, labels.long(), ignore_index=VOID).backward()
    assert logits.grad is not None
    assert logits.grad[:, :, 0, 0].isnan().all()


@pytest.mark.parametrize("floor", [0, 10])
@pytest.mark.parametrize("broken", [torch.nan, torch.inf, -torch.inf])
def test_a_broken_box_breaks_the_loss(floor: int, broken: float) -> None:
    given = localization(0)
    assert bootstrapped_box_loss(**given, scale=8.0, threshold=0.1, floor=floor).loss.isfinite()
    for where in (given["present"], ~given["present"]):
        n, y, x = where.nonzero()[0].tolist()
        for channel in range(4):
            encoded = given["encoded"].clone()
            encoded[n, channel, y, x] = broken
            one = given | {"encoded": encoded, "predicted_boxes": decode(encoded, 1, 8.0)}
            assert bootstrapped_box_loss(**one, scale=8.0, threshold=0.1, floor=floor).loss.isnan()


def semantic_calls() -> list[Callable[[Tensor, Tensor], Bootstrapped]]:
    """Both readings, as functions of logits and labels."""
    return [
        lambda logits, labels: bootstrapped_cross_entropy(logits, labels, 0.6, 40),
        lambda logits, labels: bootstrapped_cross_entropy(logits, labels, exactly=40),
    ]


@pytest.mark.parametrize("reading", [0, 1])
def test_one_graph_under_compile_with_the_same_loss_and_gradient(reading: int) -> None:
    loss = semantic_calls()[reading]
    logits, labels = batch(2)
    logits.requires_grad_()
    torch._dynamo.reset()
    report = torch._dynamo.explain(loss)(logits, labels)
    assert (report.graph_count, report.graph_break_count) == (1, 0), report.break_reasons
    plain = loss(logits, labels)
    # aot_eager traces the backward pass too, and needs no compiler on the machine.
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")(logits, labels)
    for a, b in zip(plain, compiled, strict=True):
        torch.testing.assert_close(a, b)
    torch.testing.assert_close(
        torch.autograd.grad(compiled.loss, logits)[0], torch.autograd.grad(plain.loss, logits)[0]
    )


def test_the_loss_over_boxes_is_one_graph_too() -> None:
    def loss(given: dict[str, Tensor]) -> Bootstrapped:
        return bootstrapped_box_loss(**given, scale=8.0, threshold=0.7, floor=20)

    given = localization(0)
    torch._dynamo.reset()
    compiled = torch.compile(loss, fullgraph=True, backend="eager")(given)
    for a, b in zip(loss(given), compiled, strict=True):
        torch.testing.assert_close(a, b)


def test_nothing_asks_for_a_value() -> None:
    """Tensors of the meta device have no values: `.item()`, `if tensor` and boolean indexing raise on them."""
    logits, labels = (value.to("meta") for value in batch(0))
    with pytest.raises((RuntimeError, NotImplementedError)):
        logits[0, 0, 0, 0].item()
    for loss in semantic_calls():
        assert loss(logits, labels).loss.shape == ()
    given = localization(0, "meta")
    assert bootstrapped_box_loss(**given, scale=8.0, threshold=0.7).loss.shape == ()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_nothing_waits_for_the_gpu_and_it_agrees_with_the_cpu() -> None:
    logits, labels = batch(0, shape=(4, 21, 40, 40))
    for loss in semantic_calls():
        expected = loss(logits, labels)
        there = logits.cuda().requires_grad_(), labels.cuda()
        torch.cuda.synchronize()
        torch.cuda.set_sync_debug_mode("error")
        try:
            found = loss(*there)
            found.loss.backward()
        finally:
            torch.cuda.set_sync_debug_mode("default")
        for a, b in zip(expected, found, strict=True):
            torch.testing.assert_close(a, b.cpu())
