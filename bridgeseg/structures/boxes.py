"""The box of the instance that a pixel belongs to: targets, encoding, overlap.

Boxes are x0, y0, x1, y1, half open, in pixels of the picture (see `bridgeseg.structures.labels`). A *box map* holds
one box a cell, (N, 4, h, w); which pixel a cell stands for, `bridgeseg.structures.cells` says.

Built in chapter 8.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bridgeseg.structures.cells import cell_centres, sample_labels


def instance_boxes(instances: Tensor) -> Tensor:
    """Return the tight box of every instance of a map, in one pass whatever their number.

    instances: (h, w) integer, 0 none, 1…n
    returns: (n + 1, 4) float32, half open; row 0 and the rows of numbers that do not occur are zero
    raises: ValueError when the map does not have two dimensions

    Example:
        >>> instance_boxes(torch.tensor([[1, 1, 0], [0, 2, 2]])).tolist()
        [[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 2.0, 1.0], [1.0, 1.0, 3.0, 2.0]]

    Built in chapter 8.
    """
    if instances.ndim != 2:
        raise ValueError(f"instances: {tuple(instances.shape)}, expected (height, width)")
    rows, columns = instances.nonzero(as_tuple=True)  # (k,) and (k,), the pixels with an instance
    count = int(instances.max()) if instances.numel() else 0
    return tight_boxes(instances[rows, columns].long(), rows, columns, count + 1)


def tight_boxes(numbers: Tensor, rows: Tensor, columns: Tensor, count: int) -> Tensor:
    """Return the tight box of every set of pixels, in one pass whatever their number.

    numbers: (k,) int64, 0…count − 1: the set that each pixel belongs to
    rows, columns: (k,) int64, where it lies
    count: how many sets there are
    returns: (count, 4) float32, half open; zero for a set without pixels

    Built in chapter 8.
    """
    # (2, count) each: the smallest and the largest x and y of every set
    low = torch.full((2, count), torch.iinfo(torch.int64).max, device=numbers.device)
    high = torch.zeros_like(low)
    for axis, places in enumerate((columns, rows)):
        low[axis].scatter_reduce_(0, numbers, places, "amin")
        high[axis].scatter_reduce_(0, numbers, places + 1, "amax")  # + 1: half open
    boxes = torch.stack([low[0], low[1], high[0], high[1]], 1)  # (count, 4)
    return boxes.masked_fill((high[0] == 0)[:, None], 0).float()


def box_targets(instances: Tensor, stride: int = 1, most: int | None = None) -> tuple[Tensor, Tensor]:
    """Return at every cell the box of the instance that it belongs to, and where there is one.

    instances: (N, H, W) integer, 0 none, 1…n
    stride: pixels from cell to cell
    most: a number that no instance of these is above, known beforehand: the answer is the same, and a device is never
        waited for; None looks
    returns: boxes (N, 4, h, w) float32, zero where there is no instance; present (N, h, w) bool

    Example:
        >>> boxes, present = box_targets(torch.tensor([[[1, 1, 0], [0, 2, 2]]]))
        >>> tuple(boxes.shape), boxes[0, :, 0, 1].tolist(), boxes[0, :, 1, 2].tolist()
        ((1, 4, 2, 3), [0.0, 0.0, 2.0, 1.0], [1.0, 1.0, 3.0, 2.0])
        >>> present.tolist()
        [[[True, True, False], [False, True, True]]]

    To be called after flips and crops, never before: the box is that of the part in sight. Paper: localization
    network. Built in chapter 8.
    """
    batch = len(instances)
    cells = sample_labels(instances, stride).long()  # (N, h, w)
    if most is not None:
        present = cells > 0
        table = _boxes_up_to(instances.long(), most).flatten(0, 1)  # (N · (most + 1), 4)
        numbers = cells + torch.arange(batch, device=cells.device)[:, None, None] * (most + 1)
        found = table.index_select(0, numbers.flatten()).view(*cells.shape, 4)  # (N, h, w, 4)
        return (found * present[..., None]).permute(0, 3, 1, 2).contiguous(), present
    # One numbering for the whole batch, so that one pass serves all pictures.
    count = int(instances.max()) + 1 if instances.numel() else 1
    shift = torch.arange(batch, device=instances.device)[:, None, None] * count  # (N, 1, 1)
    stacked = (instances.long() + shift) * (instances > 0)
    height, width = instances.shape[-2:]
    boxes = instance_boxes(stacked.reshape(batch * height, width))  # (n + 1, 4), pictures one below the other
    boxes = torch.cat([boxes, boxes.new_zeros(batch * count - len(boxes) + 1, 4)])  # (N · count + 1, 4)
    numbers = (cells + shift) * (cells > 0)
    found = boxes[numbers]  # (N, h, w, 4), rows counted over the whole stack
    top = torch.arange(batch, device=instances.device, dtype=found.dtype) * height
    top = top[:, None, None]  # (N, 1, 1)
    present = cells > 0
    lift = torch.stack([torch.zeros_like(top), top, torch.zeros_like(top), top], -1)  # (N, 1, 1, 4)
    found = (found - lift) * present[..., None]
    return found.permute(0, 3, 1, 2).contiguous(), present  # (N, 4, h, w) and (N, h, w)


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

    boxes: (N, 4, h, w) float, half open, pixels
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
    x0, y0, x1, y1 = boxes.unbind(1)  # (N, h, w) each
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
    dx, dy, height, width = encoded.float().unbind(1)  # (N, h, w) each
    centres = cell_centres(encoded.shape[2], encoded.shape[3], stride, encoded.device)
    x, y = dx * scale + centres[0], dy * scale + centres[1]
    half_height = height.clamp(max=6).exp() * scale / 2
    half_width = width.clamp(max=6).exp() * scale / 2
    return torch.stack([x - half_width, y - half_height, x + half_width, y + half_height], 1)  # (N, 4, h, w)


def iou(first: Tensor, second: Tensor, dim: int = -1) -> Tensor:
    """Return the overlap of boxes, one by one: the area of the intersection over that of the union.

    first, second: float tensors that broadcast, with x0, y0, x1, y1 along dim
    dim: the dimension that holds the four
    returns: float, 0…1, as they broadcast and without that dimension; 0 for two boxes without area

    Example:
        >>> overlap = iou(torch.tensor([0.0, 0.0, 4.0, 2.0]), torch.tensor([2.0, 0.0, 6.0, 2.0]))
        >>> round(overlap.item(), 3)  # 4 pixels in both, 12 in either
        0.333

    Built in chapter 8.
    """
    ax0, ay0, ax1, ay1 = first.unbind(dim)  # (…) each, the four taken apart
    bx0, by0, bx1, by1 = second.unbind(dim)
    width = (torch.minimum(ax1, bx1) - torch.maximum(ax0, bx0)).clamp(min=0)
    height = (torch.minimum(ay1, by1) - torch.maximum(ay0, by0)).clamp(min=0)
    inside = width * height
    union = (ax1 - ax0) * (ay1 - ay0) + (bx1 - bx0) * (by1 - by0) - inside
    return inside / union.clamp(min=1e-6)
