"""Pictures made of an instance map, and what perfect networks would answer to them."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from bridgeseg.structures.labels import Sample
from bridgeseg.system.oracles import true_boxes, true_scores


def picture(instances: np.ndarray, kinds: list[int]) -> Sample:
    """A sample from an instance map and the category of each instance."""
    categories = np.array([0, *kinds], np.uint8)[instances]
    return Sample("drawn", np.zeros((*instances.shape, 3), np.uint8), categories, instances.astype(np.int32))


def perfect(sample: Sample, stride: int = 1, classes: int = 3) -> tuple[Tensor, Tensor, int, tuple[int, int]]:
    """The answer of perfect networks, as both ways of grouping take it: scores, boxes, stride, size."""
    height, width = sample.instances.shape
    return true_scores(sample, classes, stride), true_boxes(sample, stride), stride, (height, width)
