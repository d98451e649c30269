"""Shift and interleave: a network with stride s answers at stride s / n, without being changed.

The picture is shown n² times, moved by every multiple of s / n pixels below s. Each pass answers for other
pixels; the answers are interleaved. This is how 1604.04339 (S) and the later code (C) let a low-resolution
network stand in for a high-resolution one. Away from the borders the result is exactly that of the same
network with its strides taken out and its dilations multiplied; what it costs is n² passes, what it saves is
memory.

Built in chapter 5.
"""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from bridgeseg.structures.preconditions import expect_tensors


def interleave(
    network: Callable[[Tensor], dict[str, Tensor]], pictures: Tensor, n: int, stride: int
) -> dict[str, Tensor]:
    """Return a network's outputs at n times its resolution.

    The picture is moved down and to the right, never cropped, so that no pixel is lost at the top and the
    left. What moves in is zero, ImageNet's mean in a normalised picture. Zeros in the picture are not zeros
    in every layer's padding, so within half a field of view of those two borders the result differs a little
    from that of a network with a finer stride; beyond, and at every cell of the pass that is not moved, it is
    equal.

    network: maps (m, 3, h, w) to maps with ceil(h / stride) × ceil(w / stride) cells, cell (i, j) centred on
        pixel (i, j) · stride, as every FCN of this package does
    pictures: (m, c, h, w) float, normalised, c 3 for a network of ours
    n: how many times finer; divides the stride
    stride: that of the network
    returns: the same names, maps (m, channels, ceil(h · n / stride), ceil(w · n / stride)) float
    raises: ValueError when n does not divide the stride

    Example:
        >>> import torch
        >>> picture = torch.arange(8.0).expand(1, 3, 1, 8)
        >>> every_fourth = lambda pictures: {"red": pictures[:, :1, ::4, ::4]}  # a network of stride 4
        >>> every_fourth(picture)["red"].flatten().tolist()
        [0.0, 4.0]
        >>> interleave(every_fourth, picture, n=2, stride=4)["red"].flatten().tolist()
        [0.0, 2.0, 4.0, 6.0]

    Built in chapter 5.
    """
    expect_tensors(pictures=(pictures, "(m, c, h, w) float"))
    if n < 1 or stride % n:
        raise ValueError(f"n is {n}, expected a divisor of the stride {stride}")
    fine = stride // n
    rows, columns = (-(-side // fine) for side in pictures.shape[-2:])
    result: dict[str, Tensor] = {}
    for a in range(min(n, rows)):
        for b in range(min(n, columns)):
            # Moved by stride − a · fine, cell i + 1 is centred on pixel i · stride + a · fine of the picture.
            down, right = (stride - a * fine) % stride, (stride - b * fine) % stride
            answers = network(F.pad(pictures, (right, 0, down, 0)))  # of (m, 3, h + down, w + right)
            for name, answer in answers.items():
                if name not in result:
                    result[name] = answer.new_empty(*answer.shape[:2], rows, columns)  # (m, c, rows, columns)
                result[name][..., a::n, b::n] = answer[..., 1 if a else 0 :, 1 if b else 0 :]
    return result
