"""The box of the instance that a pixel belongs to: targets, encoding, overlap.

Boxes are x0, y0, x1, y1, half open, in pixels of the picture (see `bridgeseg.structures.labels`). A *box map* holds
one box a cell, (N, 4, h, w); which pixel a cell stands for, `bridgeseg.structures.cells` says.

Built in chapter 8.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bridgeseg.structures.cells import cell_centres, sample_labels
from bridgeseg.structures.preconditions import expect_tensors
from bridgeseg.structures.runs import label_runs

# Of a table with a row of 16 bytes for every number: 16 MB.
MOST_ROWS = 1 << 20


def instance_boxes(instances: Tensor) -> Tensor:
    """Return the tight box of every instance of a map, in one pass whatever their number.

    instances: (h, w) integer, 0 none, 1…n
    returns: (n + 1, 4) float32, half open; row 0 and the rows of numbers that do not occur are zero
    raises: ValueError for a map of other dimensions or type, and for a number of 2²⁰ or more: for numbers with large
        gaps there is `Masks.from_labels(instances, numbers).boxes()`

    Example:
        >>> instance_boxes(torch.tensor([[1, 1, 0], [0, 2, 2]])).tolist()
        [[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 2.0, 1.0], [1.0, 1.0, 3.0, 2.0]]

    Built in chapter 8.
    """
    expect_tensors(instances=(instances, "(h, w) integer or bool"))
    start, stop = label_runs(instances)
    label = instances.flatten()[start].long()  # (r,)
    most = int(label.max()) if len(label) else 0
    if most >= MOST_ROWS:
        raise ValueError(f"instances: number {most}, expected below {MOST_ROWS}; Masks.from_labels takes any")
    held = label > 0
    return tight_boxes(label[held], start[held], stop[held], most + 1, instances.shape[1])


def tight_boxes(number: Tensor, start: Tensor, stop: Tensor, count: int, width: int) -> Tensor:
    """Return the tight box of every set of runs, in one pass whatever their number.

    number: (r,) int64, 0…count − 1: the set that each run belongs to
    start, stop: (r,) int64, where it lies, as `bridgeseg.structures.runs.label_runs` says
    count: how many sets there are
    width: of the picture, pixels
    returns: (count, 4) float32, half open; zero for a set without runs

    Built in chapter 8.
    """
    expect_tensors(number=(number, "(r,) int64"), start=(start, "(r,) int64"), stop=(stop, "(r,) int64"))
    row = start // width
    # (2, count) each: the smallest and the largest x and y of every set
    low = torch.full((2, count), torch.iinfo(torch.int64).max, device=number.device)
    high = torch.zeros_like(low)
    for axis, (first, last) in enumerate(((start - row * width, stop - row * width), (row, row + 1))):
        low[axis].scatter_reduce_(0, number, first, "amin")
        high[axis].scatter_reduce_(0, number, last, "amax")
    boxes = torch.stack([low[0], low[1], high[0], high[1]], 1)  # (count, 4)
    return boxes.masked_fill((high[0] == 0)[:, None], 0).float()


def box_targets(instances: Tensor, stride: int = 1, most: int | None = None) -> tuple[Tensor, Tensor]:
    """Return at every cell the box of the instance that it belongs to, and where there is one.

    instances: (N, H, W) integer, 0 none, 1…n
    stride: pixels from cell to cell
    most: a number that no instance of these is above, known beforehand: the answer is the same, and a device is never
        waited for. None looks, and numbers may then be as large as they like
    returns: boxes (N, 4, h, w) float32, zero where there is no instance; present (N, h, w) bool
    raises: ValueError for a number above `most`, on a processor; on another device that is not looked at

    Example:
        >>> boxes, present = box_targets(torch.tensor([[[1, 1, 0], [0, 2, 2]]]))
        >>> tuple(boxes.shape), boxes[0, :, 0, 1].tolist(), boxes[0, :, 1, 2].tolist()
        ((1, 4, 2, 3), [0.0, 0.0, 2.0, 1.0], [1.0, 1.0, 3.0, 2.0])
        >>> present.tolist()
        [[[True, True, False], [False, True, True]]]

    To be called after flips and crops, never before: the box is that of the part in sight. Paper: localization
    network. Built in chapter 8.
    """
    expect_tensors(instances=(instances, "(N, H, W) integer or bool"))
    cells = sample_labels(instances, stride)  # (N, h, w)
    present = cells > 0
    if most is None or not instances.numel():
        boxes, numbers = _boxes_there(instances, stride)  # (m, 4) and (N, h, w)
    else:
        # Elsewhere than on a processor a number above `most` would have to be waited for.
        if instances.device.type == "cpu" and (instances > most).any():
            raise ValueError(f"instances: number {int(instances.max())}, expected at most `most`, {most}")
        boxes = _boxes_up_to(instances.long(), most).flatten(0, 1)  # (N · (most + 1), 4)
        numbers = cells + torch.arange(len(cells), device=cells.device)[:, None, None] * (most + 1)
    found = boxes.index_select(0, numbers.flatten()).view(*cells.shape, 4)  # (N, h, w, 4)
    return (found * present[..., None]).permute(0, 3, 1, 2).contiguous(), present


def _boxes_there(instances: Tensor, stride: int) -> tuple[Tensor, Tensor]:
    """The boxes (m, 4) of the instances that there are in a batch, and the row of each cell's, (N, h, w) int64."""
    batch, height, width = instances.shape
    start, stop = label_runs(instances.reshape(batch * height, width))
    picture = start // max(height * width, 1)
    # A number for each pair of picture and label that occurs, so that one pass serves all pictures.
    label = instances.flatten()[start].long()  # (r,)
    span = int(label.max()) + 1 if len(label) else 1
    pairs, number = (picture * span + label).unique(return_inverse=True)
    boxes = tight_boxes(number, start, stop, len(pairs), width)
    boxes[:, 1::2] -= (pairs // span * height)[:, None]  # rows were counted over the whole batch
    numbers = number.repeat_interleave(stop - start, output_size=instances.numel()).view(instances.shape)
    return boxes, sample_labels(numbers, stride)


def _boxes_up_to(instances: Tensor, most: int) -> Tensor:
    """The boxes of the instances 0…most of every picture, (N, most + 1, 4), without waiting for a device.

    instances: (N, H, W) int64

    For each instance a table says in which rows it has pixels, another in which columns; the first and the last place
    that holds a one are the box's edges.
    """
    edges = []
    for lines in (instances, instances.transpose(1, 2)):  # (N, H, W): columns; (N, W, H): rows
        batch, _, side = lines.shape
        table = torch.zeros(batch, most + 1, side, dtype=torch.uint8, device=lines.device)
        table.scatter_(1, lines, 1)  # table[picture, instance, place] = 1
        edges += [table.argmax(2), side - table.flip(2).argmax(2)]
    return torch.stack([edges[0], edges[2], edges[1], edges[3]], 2).float()


def encode(boxes: Tensor, stride: int, scale: float) -> Tensor:
    """Return the four numbers that the network regresses for a box at every cell.

    boxes: (N, 4, h, w) float, half open, pixels; half precision is computed in float32
    stride: pixels from cell to cell
    scale: pixels; a usual size of an object
    returns: (N, 4, h, w) float: offset from the cell's centre to the box's in x and y, over scale; log of the box's
        height and width over scale. Boxes without extent are taken as one pixel wide

    Example:
        >>> box = torch.tensor([0.0, 0.0, 8.0, 4.0]).view(1, 4, 1, 1)  # centre (4, 2); the cell's (0.5, 0.5)
        >>> [round(x, 2) for x in encode(box, stride=1, scale=10.0).flatten().tolist()]
        [0.35, 0.15, -0.92, -0.22]

    Paper: offset to the centre, height and width. The normalisation is not known; ours is one scale for the offsets,
    so that equal errors in pixels cost the same everywhere in the box, and a logarithm for the sizes, so that a
    factor costs the same for small and large boxes. Built in chapter 8.
    """
    expect_tensors(boxes=(boxes, "(N, 4, h, w) float"))
    x0, y0, x1, y1 = in_single(boxes).unbind(1)  # (N, h, w) each
    centres = cell_centres(boxes.shape[2], boxes.shape[3], stride, boxes.device)
    return torch.stack(
        [
            ((x0 + x1) / 2 - centres[0]) / scale,
            ((y0 + y1) / 2 - centres[1]) / scale,
            ((y1 - y0).clamp(min=1) / scale).log(),
            ((x1 - x0).clamp(min=1) / scale).log(),
        ],
        1,
    )  # (N, 4, h, w)


def decode(encoded: Tensor, stride: int, scale: float) -> Tensor:
    """Return the boxes that a network's four numbers a cell stand for; the inverse of `encode`.

    encoded: (N, 4, h, w) float
    stride: pixels from cell to cell
    scale: pixels, as in `encode`
    returns: (N, 4, h, w) float32, half open, pixels; may reach beyond the picture. Sizes are held below
        e⁶ ≈ 400 scales, so that an untrained network gives no infinity

    Example:
        >>> box = torch.tensor([0.0, 0.0, 8.0, 4.0]).view(1, 4, 1, 1)
        >>> decode(encode(box, 1, 10.0), 1, 10.0).flatten().round().int().tolist()
        [0, 0, 8, 4]

    Built in chapter 8.
    """
    expect_tensors(encoded=(encoded, "(N, 4, h, w) float"))
    dx, dy, height, width = encoded.float().unbind(1)  # (N, h, w) each
    centres = cell_centres(encoded.shape[2], encoded.shape[3], stride, encoded.device)
    x, y = dx * scale + centres[0], dy * scale + centres[1]
    half_height = height.clamp(max=6).exp() * scale / 2
    half_width = width.clamp(max=6).exp() * scale / 2
    return torch.stack([x - half_width, y - half_height, x + half_width, y + half_height], 1)  # (N, 4, h, w)


def iou(first: Tensor, second: Tensor, dim: int = -1) -> Tensor:
    """Return the overlap of boxes, one by one: the area of the intersection over that of the union.

    first, second: float tensors that broadcast, with x0, y0, x1, y1 along dim; half precision is computed in float32,
        since the area of 300 × 300 pixels is beyond float16
    dim: the dimension that holds the four
    returns: float32 or float64, 0…1, as they broadcast and without that dimension; 0 for two boxes without area
    raises: ValueError for what is no float tensor with four numbers along dim

    Example:
        >>> overlap = iou(torch.tensor([0.0, 0.0, 4.0, 2.0]), torch.tensor([2.0, 0.0, 6.0, 2.0]))
        >>> round(overlap.item(), 3)  # 4 pixels in both, 12 in either
        0.333

    Built in chapter 8.
    """
    expect_tensors(first=(first, "(...,) float"), second=(second, "(...,) float"))
    for name, boxes in (("first", first), ("second", second)):
        if not -boxes.ndim <= dim < boxes.ndim or boxes.shape[dim] != 4:
            raise ValueError(f"{name}: {tuple(boxes.shape)}, expected four numbers along dimension {dim}")
    if any(a != b and 1 not in (a, b) for a, b in zip(first.shape[::-1], second.shape[::-1])):
        raise ValueError(f"second: {tuple(second.shape)}, expected a shape that fits {tuple(first.shape)}")
    ax0, ay0, ax1, ay1 = in_single(first).unbind(dim)  # (…) each, the four taken apart
    bx0, by0, bx1, by1 = in_single(second).unbind(dim)
    width = (torch.minimum(ax1, bx1) - torch.maximum(ax0, bx0)).clamp(min=0)
    height = (torch.minimum(ay1, by1) - torch.maximum(ay0, by0)).clamp(min=0)
    inside = width * height
    union = (ax1 - ax0) * (ay1 - ay0) + (bx1 - bx0) * (by1 - by0) - inside
    return inside / union.where(union > 0, 1)


def in_single(boxes: Tensor) -> Tensor:
    """Return boxes in which areas can be counted: in half precision 300 × 300 pixels are infinite.

    boxes: (...,) float
    returns: (...,) float32 or float64

    Example:
        >>> in_single(torch.tensor([300.0], dtype=torch.float16)).square().item()
        90000.0

    Built in chapter 8.
    """
    expect_tensors(boxes=(boxes, "(...,) float"))
    return boxes.float() if boxes.dtype.itemsize < 4 else boxes
