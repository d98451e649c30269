"""What the networks would answer if they were perfect, to see which of the two costs how much.

The grouping takes category scores and a box at every cell. Putting the truth in the place of one of them, or
of both, tells what is lost where:

- true scores, the network's boxes: what better category masks could still bring (the paper's comparison)
- the network's scores, true boxes: what a better localization network could still bring
- true scores, true boxes: what the stride and the grouping themselves lose

Built in chapter 10.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from bridgeseg.grouping.voting import weighed
from bridgeseg.measures.mask_iou import true_instances
from bridgeseg.structures.boxes import box_targets
from bridgeseg.structures.cells import enlarge, resized, sample_labels
from bridgeseg.structures.instances import Instances
from bridgeseg.structures.labels import BACKGROUND, VOID, Sample
from bridgeseg.structures.masks import Masks
from bridgeseg.system.prediction import Maps


def true_scores(sample: Sample, classes: int, stride: int) -> Tensor:
    """Return the scores of a perfect semantic network: 1 for the true category of a cell, 0 for the others.

    sample: the picture with its maps, (H, W)
    classes: number of categories with the background
    stride: pixels from cell to cell
    returns: (classes, ⌈H / stride⌉, ⌈W / stride⌉) float32, 0 or 1; a void cell counts as background, since
        nothing can be found there that would be scored
    raises: ValueError when the map holds a category out of range

    Example:
        >>> import numpy as np
        >>> categories, instances = np.array([[0, 1, 255]], np.uint8), np.array([[0, 1, 0]], np.int32)
        >>> sample = Sample("tiny", np.zeros((1, 3, 3), np.uint8), categories, instances)
        >>> true_scores(sample, 2, stride=1).tolist()
        [[[1.0, 0.0, 1.0]], [[0.0, 1.0, 0.0]]]

    Paper: the experiment with true category masks. Built in chapter 10.
    """
    labels = sample_labels(torch.from_numpy(sample.categories), stride).long()
    labels = labels.masked_fill(labels == VOID, BACKGROUND)  # (h, w)
    if labels.numel() and int(labels.max()) >= classes:
        raise ValueError(f"{sample.name}: category {int(labels.max())}, expected 0…{classes - 1} or {VOID}")
    # (h, w, classes) to (classes, h, w)
    return torch.nn.functional.one_hot(labels, classes).permute(2, 0, 1).float().contiguous()


def true_boxes(sample: Sample, stride: int) -> Tensor:
    """Return the boxes of a perfect localization network.

    sample: the picture with its maps, (H, W)
    stride: pixels from cell to cell
    returns: (4, ⌈H / stride⌉, ⌈W / stride⌉) float32: x0, y0, x1, y1 of the cell's instance, half open, in
        pixels of the picture; zero at cells without an instance

    Example:
        >>> import numpy as np
        >>> instances = np.array([[0, 1, 1]], np.int32)
        >>> sample = Sample("tiny", np.zeros((1, 3, 3), np.uint8), instances.astype(np.uint8), instances)
        >>> true_boxes(sample, stride=1)[:, 0].T.tolist()  # of each of three cells
        [[0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 3.0, 1.0], [1.0, 0.0, 3.0, 1.0]]

    Our addition to the paper's experiment with true category masks. Built in chapter 10.
    """
    return box_targets(torch.from_numpy(sample.instances)[None], stride)[0][0]


def masks_from_truth(sample: Sample) -> Instances:
    """Return the perfect answer for a picture: its true instances, each with the score 1.

    sample: the picture with its maps
    returns: the instances by rising number; AP^r of this answer is 1 at every threshold below 1

    Example:
        >>> import numpy as np
        >>> categories, instances = np.array([[4, 4, 2]], np.uint8), np.array([[7, 7, 3]], np.int32)
        >>> found = masks_from_truth(Sample("tiny", np.zeros((1, 3, 3), np.uint8), categories, instances))
        >>> found.categories.tolist(), found.boxes.tolist()  # instance 3, then 7
        ([2, 4], [[2.0, 0.0, 3.0, 1.0], [0.0, 0.0, 2.0, 1.0]])

    Built in chapter 10.
    """
    numbers, categories = true_instances(sample)
    masks = Masks.from_labels(torch.from_numpy(sample.instances), torch.from_numpy(numbers))
    return Instances(masks, torch.from_numpy(categories), torch.ones(len(numbers)), masks.boxes())


def at_every_pixel(maps: Maps) -> Maps:
    """Return maps with a cell at every pixel: scores and boxes enlarged, as our clustering enlarges them.

    maps: of one picture
    returns: maps of stride 1 and of the same size

    Example:
        >>> maps = Maps(torch.full((2, 1, 2), 0.5), torch.full((4, 1, 2), 7.0), stride=3, size=(2, 6))
        >>> fine = at_every_pixel(maps)
        >>> tuple(fine.scores.shape), tuple(fine.boxes.shape), fine.stride
        ((2, 2, 6), (4, 2, 6), 1)

    Our choice. Built in chapter 10.
    """
    # (5, H, W), a box times its weight, and the weight
    full = enlarge(weighed(maps.boxes, maps.scores)[None], maps.stride, maps.size)[0]
    scores = enlarge(maps.scores[None], maps.stride, maps.size)[0]
    return Maps(scores, full[:4] / full[4:], 1, maps.size)


def with_truth(
    maps: Maps, sample: Sample, *, scores: bool = False, boxes: bool = False, certain: bool = False
) -> Maps:
    """Return what the networks say of a picture, the truth in the place of the scores, of the boxes, or of both.

    maps: of the picture
    sample: the picture with its maps
    scores: whether the true category takes the place of the scores
    boxes: whether the true box takes the place of the box, wherever a cell lies in an instance; elsewhere there is no
        true box, and the network's stays
    certain: whether every true score is 1; otherwise it is (1 + p) / 2 where the network gave the truth the probability
        p: still the best of the cell, and as sure as the network was
    returns: maps of the same cells, on the same device

    Example:
        >>> import numpy as np
        >>> categories, instances = np.array([[0, 1]], np.uint8), np.array([[0, 1]], np.int32)
        >>> sample = Sample("tiny", np.zeros((1, 2, 3), np.uint8), categories, instances)
        >>> maps = Maps(torch.full((2, 1, 2), 0.5), torch.full((4, 1, 2), 7.0), 1, (1, 2))
        >>> with_truth(maps, sample, scores=True).scores.tolist()
        [[[1.0, 0.25]], [[0.0, 0.75]]]
        >>> with_truth(maps, sample, boxes=True).boxes[:, 0].T.tolist()
        [[7.0, 7.0, 7.0, 7.0], [1.0, 0.0, 2.0, 1.0]]

    Where all scores are 1, nothing says which of an object's boxes is to be trusted and which instance comes first:
    suppression needs both. What the paper did with its true masks is not known.

    The truth is taken at the cells, so that true categories and true boxes lose alike by the stride;
    `at_every_pixel` of the maps first, and neither does. Paper: the experiment with true category masks; our addition:
    its like with true boxes. Built in chapter 10.
    """
    at_work = dataclasses.replace(
        sample,
        categories=resized(torch.from_numpy(sample.categories), maps.size).numpy(),
        instances=resized(torch.from_numpy(sample.instances), maps.size).numpy(),
    )
    if scores:
        true = true_scores(at_work, len(maps.scores), maps.stride).to(maps.scores)
        sure = (1 + (true * maps.scores).sum(0)) / 2  # (h, w)
        sure = torch.where(true[BACKGROUND] > 0, 1.0, sure)
        kept = true * sure
        kept[BACKGROUND] += (1 - sure) * (true[BACKGROUND] == 0)
        maps = maps._replace(scores=true if certain else kept)
    if boxes:
        there_are = true_boxes(at_work, maps.stride).to(maps.boxes)
        there = (there_are[2:] > there_are[:2]).all(0)  # (h, w)
        maps = maps._replace(boxes=there_are.where(there, maps.boxes))
    return maps
