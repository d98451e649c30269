"""Instances: the order that they come in, and what is refused at the door."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from bridgeseg.structures.instances import Instances
from bridgeseg.structures.masks import Masks


def four() -> Instances:
    """Four instances of 2, 1, 4 and 2 pixels; pixel 5 is in two of them."""
    masks = Masks.from_pixels(
        torch.tensor([0, 0, 1, 2, 2, 2, 2, 3, 3]), torch.tensor([0, 5, 5, 1, 2, 3, 4, 6, 7]), 4, (2, 4)
    )
    scores = torch.tensor([0.3, 0.9, 0.5, 0.3])
    return Instances(masks, torch.tensor([1, 1, 2, 3]), scores, torch.arange(16.0).view(4, 4))


def test_the_best_come_first_and_small_ones_are_dropped() -> None:
    found = four().with_pixels(2)
    assert found.scores.tolist() == pytest.approx([0.5, 0.3, 0.3])
    assert found.categories.tolist() == [2, 1, 3]
    assert torch.equal(found.boxes, four().boxes[[2, 0, 3]])
    assert [mask.flatten().nonzero()[:, 0].tolist() for mask in found.masks] == [[1, 2, 3, 4], [0, 5], [6, 7]]
    assert four().sorted().categories.tolist() == [1, 2, 1, 3]


def test_two_lists_become_one() -> None:
    both = Instances.joined([four(), four().select(torch.tensor([3, 0]))])
    assert torch.equal(both.masks[:], four().masks[[0, 1, 2, 3, 3, 0]])
    assert both.categories.tolist() == [1, 1, 2, 3, 3, 1]
    assert len(Instances.joined([Instances.none(2, 4), four()])) == 4


@pytest.mark.parametrize(
    "part, given, expected",
    [
        ("masks", torch.ones(4, 2, 4) > 0, r"masks: Tensor, expected Masks; Instances.from_masks takes"),
        (
            "scores",
            torch.ones(3),
            r"\(\(4,\), \(3,\), \(4, 4\)\), expected \(4,\), \(4,\), \(4, 4\) for 4 masks",
        ),
        ("categories", torch.ones(4, 1), r"\(\(4, 1\), \(4,\), \(4, 4\)\), expected"),
        ("boxes", torch.ones(4, 5), r"\(\(4,\), \(4,\), \(4, 5\)\), expected"),
    ],
)
def test_parts_that_do_not_fit_are_refused(part: str, given: Any, expected: str) -> None:
    parts = {name: getattr(four(), name) for name in ("masks", "categories", "scores", "boxes")} | {
        part: given
    }
    with pytest.raises(ValueError, match=expected):
        Instances(**parts)
