"""The losses of a mini-batch, from label maps, against the same numbers computed by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from bridgeseg.data.scenes import CATEGORIES, Scenes
from bridgeseg.losses.box_loss import bootstrapped_box_loss
from bridgeseg.losses.loss_recipe import BoxLossRecipe, CategoryLossRecipe, LossRecipe
from bridgeseg.structures.box_encodings import ENCODINGS
from bridgeseg.structures.boxes import box_targets, encode
from bridgeseg.structures.cells import enlarge
from bridgeseg.structures.labels import VOID
from bridgeseg.training.objective import localization_loss, objective_of, semantic_loss

CATEGORY = CategoryLossRecipe(threshold=2.0, floor=0)
BOX = BoxLossRecipe(threshold=2.0, floor=0)
STRIDE = 4


@pytest.fixture(scope="module")
def labels() -> tuple[Tensor, Tensor]:
    """Categories and instances of two scenes of 32 pixels."""
    scenes = [Scenes("train", 32, 3)[index] for index in range(2)]
    return (
        torch.from_numpy(np.stack([scene.categories for scene in scenes])),
        torch.from_numpy(np.stack([scene.instances for scene in scenes])),
    )


def logits(seed: int = 0) -> Tensor:
    return torch.randn(2, len(CATEGORIES), 8, 8, generator=torch.Generator().manual_seed(seed))


def encoded(instances: Tensor, noise: float = 0.3) -> Tensor:
    target = encode(box_targets(instances, STRIDE)[0], STRIDE, BOX.scale)
    return target + noise * torch.randn(target.shape, generator=torch.Generator().manual_seed(1))


def test_plain_cross_entropy_at_the_cells(labels: tuple[Tensor, Tensor]) -> None:
    found = semantic_loss(logits(), labels[0], STRIDE, CATEGORY)
    cells = labels[0][:, ::STRIDE, ::STRIDE].long()
    torch.testing.assert_close(found.loss, F.cross_entropy(logits(), cells, ignore_index=VOID))
    assert found.kept == 1


@pytest.mark.parametrize("finer", [1, 2])
def test_finer_labels_enlarge_the_logits(labels: tuple[Tensor, Tensor], finer: int) -> None:
    found = semantic_loss(logits(), labels[0], STRIDE, dataclasses.replace(CATEGORY, label_stride=finer))
    cells = labels[0][:, ::finer, ::finer].long()
    large = enlarge(logits(), STRIDE // finer, (cells.shape[1], cells.shape[2]))
    torch.testing.assert_close(found.loss, F.cross_entropy(large, cells, ignore_index=VOID))


@pytest.mark.parametrize("size", [31, 29, 30])
def test_sizes_that_are_no_multiple_of_the_stride(labels: tuple[Tensor, Tensor], size: int) -> None:
    categories, instances = (part[:, :size, :size] for part in labels)
    for finer in (0, 2):
        found = semantic_loss(logits(), categories, STRIDE, dataclasses.replace(CATEGORY, label_stride=finer))
        assert found.loss.isfinite()
    assert localization_loss(encoded(labels[1]), categories, instances, STRIDE, BOX).loss.isfinite()


def test_the_recipes_numbers_reach_the_loss(labels: tuple[Tensor, Tensor]) -> None:
    cells = labels[0][:, ::STRIDE, ::STRIDE].long()
    entropy = F.cross_entropy(logits(), cells, ignore_index=VOID, reduction="none")
    entropy = entropy[cells != VOID].sort(descending=True).values
    exact = semantic_loss(logits(), labels[0], STRIDE, dataclasses.replace(CATEGORY, exactly=9))
    torch.testing.assert_close(exact.loss, entropy[:9].mean())
    floored = semantic_loss(
        logits(), labels[0], STRIDE, dataclasses.replace(CATEGORY, threshold=0.0, floor=20)
    )
    torch.testing.assert_close(floored.loss, entropy[:20].mean())
    below = semantic_loss(logits(), labels[0], STRIDE, dataclasses.replace(CATEGORY, threshold=0.1))
    torch.testing.assert_close(below.loss, entropy[(-entropy).exp() < 0.1].mean())
    most = semantic_loss(
        logits(), labels[0], STRIDE, dataclasses.replace(CATEGORY, threshold=2.0, floor=3, ceiling=7)
    )
    torch.testing.assert_close(most.loss, entropy[:7].mean())


@pytest.mark.parametrize("name", ENCODINGS)
def test_boxes_that_are_right_cost_nothing_in_their_encoding(
    name: str, labels: tuple[Tensor, Tensor]
) -> None:
    right = ENCODINGS[name].encode(box_targets(labels[1], STRIDE)[0], STRIDE, BOX.scale)
    own = {each: dataclasses.replace(BOX, encoding=each) for each in ENCODINGS}
    assert float(localization_loss(right, *labels, STRIDE, own[name]).loss) == pytest.approx(0, abs=1e-6)
    others = [
        float(localization_loss(right, *labels, STRIDE, own[each]).loss) for each in own if each != name
    ]
    assert min(others) > 1


def test_the_localization_loss_by_hand(labels: tuple[Tensor, Tensor]) -> None:
    answer = encoded(labels[1])
    losses = []
    for number in range(2):
        for row in range(8):
            for column in range(8):
                label = labels[1][number, row * STRIDE, column * STRIDE]
                if label == 0 or labels[0][number, row * STRIDE, column * STRIDE] == VOID:
                    continue
                y, x = (labels[1][number] == label).nonzero(as_tuple=True)
                x0, y0, x1, y1 = int(x.min()), int(y.min()), int(x.max()) + 1, int(y.max()) + 1
                target = [
                    ((x0 + x1) / 2 - (column * STRIDE + 0.5)) / BOX.scale,
                    ((y0 + y1) / 2 - (row * STRIDE + 0.5)) / BOX.scale,
                    float(np.log((y1 - y0) / BOX.scale)),
                    float(np.log((x1 - x0) / BOX.scale)),
                ]
                distance = np.abs(answer[number, :, row, column].numpy() - np.array(target))
                beta = BOX.beta
                each = np.where(distance < beta, distance**2 / (2 * beta), distance - beta / 2).sum()
                losses.append(each * (BOX.scale**2 / ((y1 - y0) * (x1 - x0))) ** BOX.size_power)
    found = localization_loss(answer, *labels, STRIDE, BOX)
    assert float(found.loss) == pytest.approx(float(np.mean(losses)), rel=1e-4)


def test_void_and_background_teach_no_box(labels: tuple[Tensor, Tensor]) -> None:
    categories, instances = labels[0].clone(), labels[1]
    categories[:, 8:16] = VOID  # though the instance map still says something there
    answer = encoded(instances).requires_grad_()
    localization_loss(answer, categories, instances, STRIDE, BOX).loss.backward()
    assert answer.grad is not None
    cells = categories[:, ::STRIDE, ::STRIDE]
    counted = (instances[:, ::STRIDE, ::STRIDE] > 0) & (cells != VOID)
    assert torch.equal(answer.grad.abs().sum(1) > 0, counted)


@pytest.mark.parametrize("kind", ["nothing but background", "nothing but void"])
def test_a_batch_without_instances_has_a_finite_loss(kind: str) -> None:
    categories = torch.full((2, 32, 32), VOID if "void" in kind else 0, dtype=torch.uint8)
    instances = torch.zeros(2, 32, 32, dtype=torch.int32)
    answers = {"categories": logits().requires_grad_(), "boxes": torch.zeros(2, 4, 8, 8, requires_grad=True)}
    found = objective_of(answers, categories, instances, STRIDE, LossRecipe(CATEGORY, BOX))
    found.loss.backward()
    assert found.loss.isfinite()
    assert found.losses["box_loss"] == 0
    assert found.losses["category_loss"] == 0 or "void" not in kind
    assert all(answer.grad is not None and answer.grad.isfinite().all() for answer in answers.values())


def test_the_parts_add_up(labels: tuple[Tensor, Tensor]) -> None:
    recipe = LossRecipe(CATEGORY, dataclasses.replace(BOX, weight=0.25))
    both = {"categories": logits().requires_grad_(), "boxes": encoded(labels[1])}
    found = objective_of(both, *labels, STRIDE, recipe)
    losses = found.losses
    torch.testing.assert_close(found.loss.detach(), losses["category_loss"] + 0.25 * losses["box_loss"])
    assert set(losses) == {"category_loss", "box_loss"}
    assert set(found.fractions) == {"kept", "threshold", "box_kept"}
    assert not any(part.requires_grad for part in [*losses.values(), *found.fractions.values()])
    # Alone, as in the paper, each network has its own loss at full weight.
    for name, part in (("categories", "category_loss"), ("boxes", "box_loss")):
        alone = objective_of({name: both[name]}, *labels, STRIDE, recipe)
        torch.testing.assert_close(alone.loss.detach(), losses[part])


def test_a_network_that_follows_the_gradient_of_the_boxes_finds_them(labels: tuple[Tensor, Tensor]) -> None:
    """The loss and the target agree about what is what: descent on free numbers ends at the true boxes."""
    answer = torch.zeros(2, 4, 8, 8, requires_grad=True)
    optimiser = torch.optim.Adam([answer], lr=0.05)
    for _ in range(150):
        optimiser.zero_grad()
        localization_loss(answer, *labels, STRIDE, BOX).loss.backward()
        optimiser.step()
    boxes, present = box_targets(labels[1], STRIDE)
    target = encode(boxes, STRIDE, BOX.scale)
    present &= labels[0][:, ::STRIDE, ::STRIDE] != VOID
    error = (answer.detach() - target).abs().amax(1)[present]
    assert float(error.max()) < 0.05


def giou_by_hand(found: list[float], true: list[float]) -> float:
    """1 less the generalised IoU of two boxes, from its definition."""

    def area(box: list[float]) -> float:
        return max(box[2] - box[0], 0) * max(box[3] - box[1], 0)

    both = area(
        [max(found[0], true[0]), max(found[1], true[1]), min(found[2], true[2]), min(found[3], true[3])]
    )
    around = area(
        [min(found[0], true[0]), min(found[1], true[1]), max(found[2], true[2]), max(found[3], true[3])]
    )
    union = area(found) + area(true) - both
    return 1 - (both / union - (around - union) / around)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("power", [0.0, 0.5])
def test_generalised_iou_by_hand(labels: tuple[Tensor, Tensor], encoding: str, power: float) -> None:
    categories, instances = labels
    recipe = dataclasses.replace(BOX, encoding=encoding, loss="giou", size_power=power)
    boxes, present = box_targets(instances, STRIDE)
    present &= categories[:, ::STRIDE, ::STRIDE] != VOID
    how = ENCODINGS[encoding]
    answer = how.encode(boxes, STRIDE, BOX.scale)
    answer = answer + 0.7 * torch.randn(answer.shape, generator=torch.Generator().manual_seed(3))
    found = how.decode(answer, STRIDE, BOX.scale)
    by_hand = [
        giou_by_hand(f, t) * (BOX.scale**2 / ((t[2] - t[0]) * (t[3] - t[1]))) ** power
        for f, t in zip(
            found.movedim(1, -1)[present].tolist(), boxes.movedim(1, -1)[present].tolist(), strict=True
        )
    ]
    loss = localization_loss(answer, categories, instances, STRIDE, recipe).loss
    assert float(loss) == pytest.approx(sum(by_hand) / len(by_hand), rel=1e-4)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_generalised_iou_has_a_finite_gradient_and_finds_the_boxes(
    labels: tuple[Tensor, Tensor], encoding: str
) -> None:
    categories, instances = labels
    recipe = dataclasses.replace(BOX, encoding=encoding, loss="giou", size_power=0.0)
    answer = torch.zeros(2, 4, 8, 8, requires_grad=True)
    optimiser = torch.optim.Adam([answer], lr=0.05)
    losses = []
    for _ in range(150):
        optimiser.zero_grad()
        loss = localization_loss(answer, categories, instances, STRIDE, recipe).loss
        loss.backward()
        assert answer.grad is not None
        assert answer.grad.isfinite().all()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.05 < losses[0]


def test_generalised_iou_of_a_broken_answer_is_nan(labels: tuple[Tensor, Tensor]) -> None:
    categories, instances = labels
    recipe = dataclasses.replace(BOX, loss="giou")
    broken = torch.full((2, 4, 8, 8), float("nan"))
    assert localization_loss(broken, categories, torch.zeros_like(instances), STRIDE, recipe).loss.isnan()


def test_a_loss_of_no_known_name_is_refused_and_not_taken_for_another() -> None:
    boxes, there = torch.tensor([0.0, 0.0, 4.0, 4.0]).view(1, 4, 1, 1), torch.ones(1, 1, 1, dtype=torch.bool)
    with pytest.raises(ValueError, match="loss is 'l1', expected one of smooth-l1, giou"):
        bootstrapped_box_loss(boxes, boxes, boxes, boxes, there, scale=4.0, loss="l1")
