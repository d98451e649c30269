"""The cells of a map: which pixel each stands for, and how maps get from cells to pixels and to other sizes.

A cell of stride s in row i, column j stands for the pixel in row i·s, column j·s: it takes that pixel's label, and its
centre is that pixel's, (j·s + 0.5, i·s + 0.5). Every function here keeps to that, so nothing moves when a map is made
coarser or finer.

Built in chapters 2, 5, 7, 8 and 9.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from bridgeseg.structures.preconditions import expect_tensors


def sample_labels(labels: Tensor, stride: int) -> Tensor:
    """Return the labels of the pixels that the cells of a score map stand for.

    labels: (..., H, W) any type
    stride: pixels from cell to cell
    returns: (..., ⌈H / s⌉, ⌈W / s⌉) of the same type, the labels of every s-th row and column, from the first

    Example:
        >>> sample_labels(torch.tensor([[1, 2, 3], [4, 5, 6], [7, 8, 9]]), 2).tolist()
        [[1, 3], [7, 9]]

    The first author's later code samples at the centre of each cell likewise; where a cell's centre lies follows from
    the padding of the network, and in ours it is the pixel i·s. Built in chapter 7.
    """
    expect_tensors(labels=(labels, "(..., H, W) any type"))
    return labels[..., ::stride, ::stride]  # (..., ⌈H / s⌉, ⌈W / s⌉)


def at_borders(labels: Tensor) -> Tensor:
    """Return which cells lie at a border: above, below or beside them is a cell of another label.

    labels: (..., h, w) of any type; void is a label like any other
    returns: (..., h, w) bool; the edge of the map is no border

    Example:
        >>> at_borders(torch.tensor([[1, 1, 2], [1, 1, 1]])).int().tolist()
        [[0, 1, 1], [0, 0, 1]]

    Built in chapter 7.
    """
    expect_tensors(labels=(labels, "(..., h, w) any type"))
    found = torch.zeros_like(labels, dtype=torch.bool)
    for axis in (-2, -1):
        apart = labels.diff(dim=axis) != 0  # one shorter along the axis
        for first in (0, 1) if labels.shape[axis] else ():
            found.narrow(axis, first, apart.shape[axis]).logical_or_(apart)
    return found


def cell_centres(height: int, width: int, stride: int, device: torch.device | None = None) -> Tensor:
    """Return the centres of the cells of a map.

    height, width: of the map, cells
    stride: pixels from cell to cell
    device: where the answer lies
    returns: (2, h, w) float32: x, then y, in pixels of the picture

    Example:
        >>> cell_centres(2, 3, stride=4).tolist()
        [[[0.5, 4.5, 8.5], [0.5, 4.5, 8.5]], [[0.5, 0.5, 0.5], [4.5, 4.5, 4.5]]]

    Built in chapter 8.
    """
    x = torch.arange(width, device=device) * stride + 0.5
    y = torch.arange(height, device=device) * stride + 0.5
    return torch.stack([x.expand(height, width), y[:, None].expand(height, width)])  # (2, h, w)


def enlarge(x: Tensor, factor: int, size: tuple[int, int] | None = None) -> Tensor:
    """Return a map at a stride `factor` times finer, bilinearly, without moving anything.

    Cell j of the coarse map is centred where cell factor · j of the fine one is (see bridgeseg.networks.resnet), so
    corners are aligned; torch's default aligns edges instead, which would move every cell by (factor − 1) /
    2. Cells beyond the last coarse centre repeat the nearest value.

    x: (n, c, h, w) float
    factor: cells of the fine map from coarse cell to coarse cell
    size: of the result, at most the (h · factor, w · factor) that None gives
    returns: (n, c, *size) float; cell (factor · i, factor · j) equals cell (i, j) of x

    Example:
        >>> enlarge(torch.tensor([[[[0.0, 2.0]]]]), 2)[0, 0].tolist()
        [[0.0, 1.0, 2.0, 2.0], [0.0, 1.0, 2.0, 2.0]]

    Where x needs a gradient, it is a matrix product along the rows and one along the columns, and so is the gradient:
    on a processor several times faster than that of torch's interpolation, on a GPU deterministic. Otherwise it is
    torch's own, whose work for a value does not grow with the map; the same up to rounding. Built in chapter 5.
    """
    expect_tensors(x=(x, "(n, c, h, w) float, not empty"))
    rows, columns = (x.shape[-2] * factor, x.shape[-1] * factor) if size is None else size
    if factor == 1:
        return x[..., :rows, :columns]
    if x.requires_grad:
        n, c, h, w = x.shape
        y = x.permute(0, 2, 3, 1).reshape(n, h, w * c)  # as it lies in memory in channels-last order
        y = straight_lines(h, rows, factor, x).expand(n, -1, -1).bmm(y)  # (n, rows, w · c)
        y = straight_lines(w, columns, factor, x).expand(n * rows, -1, -1).bmm(y.view(n * rows, w, c))
        return y.view(n, rows, columns, c).permute(0, 3, 1, 2)  # (n, c, rows, columns)
    # One more cell at the end, a copy of the last.
    x = torch.cat([x, x[..., -1:, :]], dim=-2)  # (n, c, h + 1, w)
    x = torch.cat([x, x[..., -1:]], dim=-1)  # (n, c, h + 1, w + 1)
    reach = ((x.shape[-2] - 1) * factor + 1, (x.shape[-1] - 1) * factor + 1)
    return F.interpolate(x, size=reach, mode="bilinear", align_corners=True)[..., :rows, :columns]


def straight_lines(cells: int, size: int, factor: int, like: Tensor) -> Tensor:
    """Return the matrix that draws straight lines between the values of cells, flat after the last.

    cells: how many there are
    size: how many places the lines are drawn to
    factor: places from cell to cell
    like: float tensor of any shape, whose device and type the matrix takes
    returns: (size, cells) of the same type; row i holds what each cell counts at place i: 1 − |i / factor − j| for cell
        j, and 0 for those farther than one cell away

    Example:
        >>> straight_lines(2, 4, factor=2, like=torch.zeros(())).tolist()
        [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0], [0.0, 1.0]]

    Built in chapter 5.
    """
    expect_tensors(like=(like, "(...,) float"))
    place = torch.arange(size, device=like.device).clamp(max=(cells - 1) * factor)
    distance = (place[:, None] - torch.arange(cells, device=like.device) * factor).abs()  # (size, cells)
    return (factor - distance).clamp(min=0).to(like.dtype) / factor


def interpolate_at(maps: Tensor, place: Tensor, stride: int, size: tuple[int, int]) -> Tensor:
    """Return maps of cells at some pixels of the picture, bilinearly.

    maps: (c, h, w) float
    place: (k,) int64, row · width + column of the pixels
    stride: pixels from cell to cell
    size: height and width of the picture, pixels
    returns: (k, c) float

    Example:
        >>> maps = torch.tensor([[[0.0, 4.0], [8.0, 12.0]]])
        >>> interpolate_at(maps, torch.tensor([0, 1, 8]), stride=4, size=(8, 8)).tolist()
        [[0.0], [1.0], [2.0]]

    The same values as `enlarge` gives there. Every row of cells is first drawn out to the width of the picture; a pixel
    then mixes two of its places, where it would have to mix four cells. Built in chapter 9.
    """
    expect_tensors(maps=(maps, "(c, h, w) float, not empty"), place=(place, "(k,) int64"))
    height, width = maps.shape[1:]
    x = (torch.arange(size[1], device=maps.device) / stride).clamp(max=width - 1)  # (W,)
    y = (place // size[1] / stride).clamp(max=height - 1)  # (k,)
    left, top = x.long(), y.long()
    right, down = (left + 1).clamp(max=width - 1), (top + 1).clamp(max=height - 1)
    cells, across = maps.permute(1, 2, 0).contiguous(), (x - left)[:, None]  # (h, w, c) and (W, 1)
    across, below = across.to(maps.dtype), (y - top)[:, None].to(maps.dtype)
    lines = torch.lerp(cells.index_select(1, left), cells.index_select(1, right), across)  # (h, W, c)
    lines = lines.flatten(0, 1)  # (h · W, c)
    above, under = top * size[1] + place % size[1], down * size[1] + place % size[1]
    first, second = lines.index_select(0, above), lines.index_select(0, under)  # (k, c) each
    return torch.lerp(first, second, below)


def spread_places(cells: int, stride: int, length: int, device: torch.device | None = None) -> Tensor:
    """Return the nearest cell to each pixel along one side of a picture, (length,) int64, rising.

    cells: how many lie along that side
    stride: pixels from cell to cell
    length: of the side, pixels
    device: where the answer lies

    Example:
        >>> spread_places(2, stride=4, length=6).tolist()  # centred on pixels 0 and 4
        [0, 0, 1, 1, 1, 1]

    Built in chapter 9.
    """
    return ((torch.arange(length, device=device) + stride // 2) // stride).clamp(max=cells - 1)


def resized_places(old: int, new: int, device: torch.device | None = None) -> Tensor:
    """Return which pixel of a side holds the centre of each pixel of a longer or shorter one, (new,) int64, rising.

    old, new: how long the two are, pixels
    device: where the answer lies

    Example:
        >>> resized_places(3, 5).tolist()
        [0, 0, 1, 2, 2]

    In whole numbers, so that nothing is rounded. Built in chapter 2.
    """
    return (2 * torch.arange(new, device=device) + 1) * old // (2 * new)


def spread(cells: Tensor, stride: int, size: tuple[int, int]) -> Tensor:
    """Return maps of cells at the picture's size; every pixel takes the nearest cell's value.

    cells: (..., h, w) any type
    stride: pixels from cell to cell
    size: height and width of the picture, pixels
    returns: (..., H, W) of the same type

    Example:
        >>> spread(torch.tensor([[1, 2]]), stride=4, size=(2, 6)).tolist()  # centred on columns 0 and 4
        [[1, 1, 2, 2, 2, 2], [1, 1, 2, 2, 2, 2]]

    Built in chapter 9.
    """
    expect_tensors(cells=(cells, "(..., h, w) any type, not empty"))
    rows = spread_places(cells.shape[-2], stride, size[0], cells.device)
    columns = spread_places(cells.shape[-1], stride, size[1], cells.device)
    return cells.index_select(-2, rows).index_select(-1, columns)  # (..., H, W)


def resized(labels: Tensor, size: tuple[int, int]) -> Tensor:
    """Return maps of labels or masks at another size; every pixel takes the nearest one's.

    labels: (..., h, w) any type
    size: the new height and width, pixels
    returns: (..., *size) of the same type
    raises: ValueError where there is no pixel to take any from

    Example:
        >>> resized(torch.tensor([[1, 2]]), (2, 4)).tolist()
        [[1, 1, 2, 2], [1, 1, 2, 2]]

    Built in chapter 2.
    """
    expect_tensors(labels=(labels, "(..., h, w) any type"))
    if tuple(labels.shape[-2:]) == tuple(size):
        return labels
    if 0 in labels.shape[-2:] and 0 not in size:
        raise ValueError(
            f"labels: {tuple(labels.shape)}, expected some pixels to take those of {tuple(size)} from"
        )
    rows = resized_places(labels.shape[-2], size[0], labels.device)
    columns = resized_places(labels.shape[-1], size[1], labels.device)
    return labels[..., rows[:, None], columns[None]]  # (..., *size)
