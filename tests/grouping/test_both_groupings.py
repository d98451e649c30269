"""What holds of the paper's grouping and of ours alike: on perfect maps both find each object, whatever its shape."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from perfect_maps import perfect, picture

from bridgeseg.grouping.suppression import suppress_and_trace
from bridgeseg.grouping.voting import vote_and_assign
from bridgeseg.structures.instances import Instances

Group = Callable[..., Instances]
both_ways = pytest.mark.parametrize("group", [suppress_and_trace, vote_and_assign])


@both_ways
def test_two_touching_squares_of_one_category_are_told_apart(group: Group) -> None:
    instances = np.zeros((12, 24), int)
    instances[2:10, 4:12], instances[2:10, 12:20] = 1, 2
    found = group(*perfect(picture(instances, [1, 1])))
    masks = {tuple(mask.flatten().nonzero()[:, 0].tolist()) for mask in found.masks}
    assert masks == {tuple(np.flatnonzero(instances == number).tolist()) for number in (1, 2)}
    assert found.scores.tolist() == pytest.approx([1.0, 1.0], abs=1e-5)


@both_ways
def test_a_ring_whose_centre_is_not_its_own(group: Group) -> None:
    y, x = np.mgrid[:30, :30]
    away = np.hypot(y - 14.5, x - 14.5)
    instances = ((away > 8) & (away < 13)).astype(int)
    found = group(*perfect(picture(instances, [2])))
    assert found.categories.tolist() == [2]
    assert torch.equal(found.masks[0], torch.from_numpy(instances) > 0)
    assert not found.masks[0][14, 14]
    torch.testing.assert_close(found.boxes[0], torch.tensor([2.0, 2, 28, 28]), rtol=0, atol=1e-2)


@both_ways
def test_an_object_cut_in_two_by_another_is_one_instance(group: Group) -> None:
    instances = np.zeros((16, 30), int)
    instances[4:12, 2:28] = 1
    instances[0:16, 12:18] = 2
    found = group(*perfect(picture(instances, [1, 2])))
    assert sorted(found.categories.tolist()) == [1, 2]
    assert torch.equal(found.masks[found.categories == 1][0], torch.from_numpy(instances) == 1)


@both_ways
def test_a_picture_of_background_has_no_instance(group: Group) -> None:
    found = group(*perfect(picture(np.zeros((7, 9), int), [])))
    assert len(found) == 0
    assert found.masks[:].shape == (0, 7, 9)
    assert found.boxes.shape == (0, 4)


@both_ways
@pytest.mark.parametrize(
    "scores, boxes",
    [((3, 4, 5), (4, 4, 6)), ((3, 4, 5), (3, 4, 5)), ((4, 5), (4, 4, 5)), ((1, 3, 4, 5), (1, 4, 4, 5))],
)
def test_maps_that_do_not_fit_are_refused(
    group: Group, scores: tuple[int, ...], boxes: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match="expected"):
        group(torch.rand(scores), torch.rand(boxes), 1, (4, 5))
