"""How much of the picture one cell sees: by the paper's formula, by adding up layers, and by measurement.

Four numbers that are easily taken for one another. The paper's is the head's own: its kernel, spread by its
dilation, in pixels. Adding up every layer of trunk and head gives the whole reach, which is several times
that. The third takes the gradient of one cell with respect to the picture and looks where it is not zero; it
must equal the second. The fourth, the *effective* field of view, asks where most of that gradient lies: on the
pixels near the cell, which many ways through the network lead to.

Built in chapter 5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import NamedTuple

import torch
from torch import Tensor, nn

from bridgeseg.networks.heads import RefinementHead
from bridgeseg.structures.preconditions import expect_tensors


class Step(NamedTuple):
    """What a layer does to the field of view.

    kernel: its side
    stride: inputs from output to output
    dilation: inputs from tap to tap

    Example:
        >>> layer = Step(kernel=3, stride=2, dilation=1)
        >>> tuple(layer), layer.stride
        ((3, 2, 1), 2)

    Built in chapter 5.
    """

    kernel: int
    stride: int
    dilation: int


def nominal_field_of_view(kernel: int, dilation: int, stride: int) -> int:
    """Return the field of view of a classifier as the paper counts it: ((k − 1) · d + 1) · stride.

    The formula is inferred (I): k = 5 and d = 12 at stride 8 give 392, the number that the paper states (S).

    kernel: its side, k
    dilation: cells from tap to tap, d
    stride: pixels from cell to cell
    returns: pixels of the picture

    Example:
        >>> nominal_field_of_view(kernel=5, dilation=12, stride=8)
        392

    Built in chapter 5.
    """
    return ((kernel - 1) * dilation + 1) * stride


def steps(network: nn.Module) -> list[Step]:
    """Return the convolutions and poolings on the longest way through a network, in order.

    network: a trunk, a head or an FCN of this package; its layers are registered in the order in which they
        run
    raises: ValueError for a RefinementHead, whose ways run at several strides at once: measure that one

    Example:
        >>> from bridgeseg.networks.resnet import resnet
        >>> trunk = resnet(18, output_stride=4, width=2, layers=(1, 1))
        >>> [tuple(step) for step in steps(trunk)]  # a stem, a pooling, two blocks of two layers
        [(7, 2, 1), (3, 2, 1), (3, 1, 1), (3, 1, 1), (3, 1, 1), (3, 1, 2)]

    Built in chapter 5.
    """
    if any(isinstance(part, RefinementHead) for part in network.modules()):
        raise ValueError(
            "network has a RefinementHead, expected one way through it; use measured_field_of_view"
        )
    found = []
    for name, part in network.named_modules():
        # The projection beside a block is 1×1: it reaches no further, and its stride is the block's.
        if "downsample" not in name and isinstance(part, (nn.Conv2d, nn.MaxPool2d)):
            found.append(Step(*(single(value) for value in (part.kernel_size, part.stride, part.dilation))))
    return found


def single(value: int | tuple[int, ...]) -> int:
    """Return the first of a pair, or the number itself.

    value: of a layer whose two sides are alike
    """
    return value if isinstance(value, int) else value[0]


def field_of_view(layers: Iterable[Step]) -> int:
    """Return how many pixels in a row can change one cell: 1 + Σ (k − 1) · d · (strides before).

    layers: in the order in which they run, for example `steps(network)`
    returns: pixels of the picture, at least 1

    Example:
        >>> field_of_view([Step(3, stride=2, dilation=1), Step(3, stride=1, dilation=2)])  # 1 + 2 + 2 · 2 · 2
        11

    Built in chapter 5.
    """
    view, stride = 1, 1
    for layer in layers:
        view += (layer.kernel - 1) * layer.dilation * stride
        stride *= layer.stride
    return view


def finer_layers(layers: Iterable[Step], output_stride: int) -> list[Step]:
    """Return layers with strides taken out until a cell is so many pixels, and what follows dilated.

    layers: in the order in which they run
    output_stride: of the result, pixels; 1 or more
    returns: the same kernels. The first strides stay as long as their product is at most the output stride; a layer
        that loses its stride keeps its dilation, and those of all layers after it are multiplied by that stride

    Example:
        >>> layers = [Step(3, 2, 1), Step(3, 2, 1), Step(3, 1, 1)]
        >>> [tuple(layer) for layer in finer_layers(layers, output_stride=2)]
        [(3, 2, 1), (3, 1, 1), (3, 1, 2)]

    Read at every n-th cell the finer layers give what the coarse ones gave, and `field_of_view` is the same for both.
    `bridgeseg.networks.resnet.ResNet` is built by this rule. Paper: strides removed, what follows dilated. Built in
    chapter 5.
    """
    stride, dilation, changed = 1, 1, []
    for layer in layers:
        kept = layer.stride if stride * layer.stride <= output_stride else 1
        changed.append(Step(layer.kernel, kept, layer.dilation * dilation))
        stride, dilation = stride * kept, dilation * layer.stride // kept
    return changed


def measured_field_of_view(network: nn.Module, length: int = 8192) -> tuple[int, int]:
    """Return which pixels change an output cell, found from the gradient of that cell.

    The network is copied and made unable to hide anything: positive weights, so that no two ways cancel; no
    normalisation, dropout or rectifier that could stop a gradient; averages instead of maxima, which pass the
    gradient to one pixel only. The picture is a strip one pixel high, so that deep networks take moments too.

    network: maps (1, 3, 1, w) to a tensor (1, c, 1, cells) or a dictionary of such
    length: of the strip in pixels, a multiple of the stride. Dilation leaves gaps between the pixels
        that are seen, so a strip must not merely be a little longer than what it shows
    returns: how far the gradient reaches to the left and to the right of the pixel on which the cell is
        centred; the field of view is their sum + 1
    raises: ValueError when the gradient reaches an end of the strip

    Example:
        >>> layers = nn.Conv2d(3, 2, 3, stride=2, padding=1), nn.Conv2d(2, 1, 3, padding=2, dilation=2)
        >>> measured_field_of_view(nn.Sequential(*layers), length=64)  # 5 + 5 + 1 pixels
        (5, 5)

    Built in chapter 5.
    """
    strip = torch.zeros(1, 3, 1, length + 1, dtype=torch.float64, requires_grad=True)
    answer = transparent(network)(strip)
    cells = next(iter(answer.values())) if isinstance(answer, dict) else answer  # (1, c, 1, cells)
    middle = cells.shape[-1] // 2
    centre = middle * (length // (cells.shape[-1] - 1))
    (gradient,) = torch.autograd.grad(cells[..., middle].sum(), strip)  # (1, 3, 1, length + 1)
    seen = gradient.sum(dim=(0, 1, 2)).nonzero().flatten()  # (k,), the pixels that change the cell
    first, last = int(seen.min()), int(seen.max())
    if first == 0 or last == length:
        raise ValueError(
            f"length is {length} pixels, expected more: the gradient reaches an end of the strip"
        )
    return centre - first, last - centre


def gradient_map(network: nn.Module, pictures: Tensor, cell: tuple[int, int]) -> Tensor:
    """Return how much each pixel moves an output cell: the size of the gradient of its values.

    network: maps (n, 3, h, w) to a tensor (n, c, rows, columns) or a dictionary of such, of which the first counts; in
        evaluation mode, or the pictures of a batch would see one another
    pictures: (n, 3, h, w) float, as the network takes them
    cell: row and column of the cell, from 0
    returns: (h, w) float, 0 or more: the absolute gradient of each of the c values, summed over them and over the
        colours, the mean over the pictures

    Example:
        >>> layer = nn.Conv2d(3, 1, 3, stride=2, padding=1)
        >>> _ = nn.init.ones_(layer.weight)
        >>> gradient_map(layer, torch.zeros(1, 3, 5, 6), (1, 1))[2].tolist()  # the row on which the cell is centred
        [0.0, 3.0, 3.0, 3.0, 0.0, 0.0]

    As in Luo et al. 2016, arXiv 1701.04128. Built in chapter 5.
    """
    expect_tensors(pictures=(pictures, "(n, 3, h, w) float, not empty"))
    pictures = pictures.detach().clone().requires_grad_()
    answer = network(pictures)
    cells = next(iter(answer.values())) if isinstance(answer, dict) else answer  # (n, c, rows, columns)
    found = torch.zeros_like(pictures[0, 0])
    for value in cells[..., cell[0], cell[1]].sum(0):  # c values, each the sum over the pictures
        (gradient,) = torch.autograd.grad(value, pictures, retain_graph=True)  # (n, 3, h, w)
        found += gradient.abs().sum(1).mean(0)
    return found


def effective_field_of_view(seen: Tensor, centre: tuple[int, int], share: float = 0.9) -> int:
    """Return the side of the smallest square round a pixel that holds a share of what a cell sees.

    seen: (h, w) float, 0 or more, for example a `gradient_map`; some of it above 0
    centre: row and column of the pixel on which the cell is centred
    share: of the sum over the picture, above 0, at most 1
    returns: pixels, odd; a square that reaches over the border counts as large as it is
    raises: ValueError for a share out of range, and where nothing is seen

    Example:
        >>> seen = torch.tensor([[0.0, 1.0, 0.0, 0.0], [1.0, 6.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0]])
        >>> [effective_field_of_view(seen, (1, 1), share) for share in (0.5, 0.9)]
        [1, 3]

    Our choice of a measure: a share is easier to read than a threshold. Built in chapter 5.
    """
    expect_tensors(seen=(seen, "(h, w) float"))
    if not 0 < share <= 1:
        raise ValueError(f"share is {share}, expected above 0 and at most 1")
    seen = seen.detach().double()
    total = float(seen.sum())
    if not total > 0:
        raise ValueError(f"seen: its sum is {total}, expected above 0")
    rows = (torch.arange(seen.shape[0], device=seen.device) - centre[0]).abs()
    columns = (torch.arange(seen.shape[1], device=seen.device) - centre[1]).abs()
    ring = torch.maximum(rows[:, None], columns)  # (h, w), of the square on whose border each pixel lies
    held = torch.zeros(int(ring.max()) + 1, dtype=torch.float64, device=seen.device)
    held = held.index_add(0, ring.flatten(), seen.flatten()).cumsum(0)  # of squares of radius 0, 1 …
    # As many as hold less, with room for rounding: the sum of all is in another order than the sum of squares.
    return 2 * int((held < share * total * (1 - 1e-12)).sum()) + 1


def transparent(network: nn.Module) -> nn.Module:
    """Return a copy of a network in float64 through which every gradient passes."""
    network = deepcopy(network).double().eval()
    return replace(network, averaging)


def averaging(part: nn.Module) -> nn.Module:
    """Return what stands in for a layer: positive weights, an average for a maximum, else nothing.

    part: a layer without layers of its own; a convolution's weights are changed in place
    """
    if isinstance(part, nn.Conv2d):
        fan = part.weight[0].numel()
        nn.init.constant_(part.weight, 1.0 / fan)
        return part
    if isinstance(part, nn.MaxPool2d):
        return nn.AvgPool2d(part.kernel_size, part.stride, part.padding)
    if isinstance(part, (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.ReLU, nn.ReLU6, nn.Dropout)):
        return nn.Identity()
    return part


def replace(module: nn.Module, swap: Callable[[nn.Module], nn.Module]) -> nn.Module:
    """Return the module with every innermost part swapped.

    module: changed in place, unless it is itself an innermost part
    swap: gives what takes a part's place
    """
    if not list(module.children()):
        return swap(module)
    for name, child in module.named_children():
        setattr(module, name, replace(child, swap))
    return module
