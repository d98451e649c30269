"""What segmenting holds at a time: the pixels that there are, never a mask of the picture's size for each instance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from bridgeseg.grouping.components import component_instances
from bridgeseg.grouping.suppression import Suppression, suppress_and_trace
from bridgeseg.grouping.voting import Voting, vote_and_assign
from bridgeseg.measures.mask_iou import overlaps
from bridgeseg.structures.instances import Instances
from bridgeseg.structures.labels import Sample
from bridgeseg.system.oracles import masks_from_truth, true_boxes, true_scores
from bridgeseg.system.prediction import at_size, without_overlap
from bridgeseg.system.segment_files import describe

SIDE, SPACING = (
    384,
    16,
)  # 576 squares of 12 × 12 pixels: 85 MB as one bool mask of the picture's size for each


class Largest(TorchDispatchMode):
    """While it is entered: the bytes of the largest tensor that any operation makes."""

    bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for part in tree_leaves(made):
            if isinstance(part, Tensor):
                self.bytes = max(self.bytes, part.untyped_storage().nbytes())
        return made


def many() -> Sample:
    """A picture of many small objects."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    inside = (rows % SPACING < 12) & (columns % SPACING < 12)
    numbers = rows // SPACING * (SIDE // SPACING) + columns // SPACING + 1
    instances = np.where(inside, numbers, 0).astype(np.int32)
    return Sample("many", np.zeros((SIDE, SIDE, 3), np.uint8), inside.astype(np.uint8), instances)


@pytest.mark.parametrize(
    "way",
    [
        lambda *maps: vote_and_assign(*maps, Voting()),
        lambda *maps: suppress_and_trace(*maps, Suppression()),
        component_instances,
    ],
    ids=["voting", "suppression", "components"],
)
def test_nothing_is_as_large_as_a_full_mask_of_each_instance(way: Callable[..., Instances]) -> None:
    sample, stride, size = many(), 2, (SIDE, SIDE)
    scores, boxes = true_scores(sample, 2, stride), true_boxes(sample, stride)
    given = (scores, stride, size) if way is component_instances else (scores, boxes, stride, size)
    with Largest() as largest:
        found = way(*given)
        without_overlap(found, 0.5)
        look = overlaps(found, sample)
        entries = describe(found, ("background", "square"), "many", size)
        describe(at_size(found, (500, 500)), ("background", "square"), "many", (600, 600))
        masks_from_truth(sample)
    count = len(found)
    assert count == len(entries) == (SIDE // SPACING) ** 2
    assert (look.iou.max(1) > 0.7).all()
    assert largest.bytes < count * SIDE * SIDE / 4
    with Largest() as largest:
        _ = found.masks[:]
    assert largest.bytes >= count * SIDE * SIDE  # it does see what it looks for
