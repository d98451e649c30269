"""Draws book/images/how_far_it_sees.png, the first picture of chapter 5, with two networks that have learned nothing.

python book/images/how_far_it_sees.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from torch import Tensor

from bridgeseg.data.scenes import draw_scene
from bridgeseg.networks.fcn import FCN
from bridgeseg.networks.field_of_view import gradient_map
from bridgeseg.networks.heads import LargeFieldOfViewHead
from bridgeseg.networks.preprocessing import normalise
from bridgeseg.networks.resnet import resnet
from bridgeseg.plots.style import style

OUT = Path(__file__).with_suffix(".png")
CELL, STRIDE = (8, 6), 8
SCENES = 24  # whose gradients are averaged
HEADS = {"one tap": (1, 1), "5 × 5 taps, 3 apart": (5, 3)}  # kernel and dilation


def network(kernel: int, dilation: int) -> FCN:
    """Return a residual network of eight layers with fresh weights."""
    torch.manual_seed(0)
    trunk = resnet(
        18, STRIDE, width=16, layers=(1, 1, 1), stem=3, zero_init_residual=False
    )
    head = LargeFieldOfViewHead(
        trunk.channels, trunk.strides, 3, kernel=kernel, dilation=dilation
    )
    return FCN(trunk, head, {"categories": 3}).eval()


def cross(ax: Axes) -> None:
    """Mark the pixel on which the cell is centred."""
    row, column = (STRIDE * place for place in CELL)
    ax.plot(column, row, "x", color="white", markersize=15, markeredgewidth=6)
    ax.plot(column, row, "x", color="#d55e00", markersize=13, markeredgewidth=3.5)
    ax.set(xticks=[], yticks=[])
    ax.grid(visible=False)


@style()
def draw() -> plt.Figure:
    """Draw a scene, and beside it what one cell sees with one tap and with many."""
    samples = [draw_scene(3, number, sky=True) for number in range(SCENES)]
    pictures: Tensor = normalise(
        torch.stack([torch.from_numpy(each.picture) for each in samples])
    )
    row, column = (STRIDE * place for place in CELL)
    shown = next(
        each for each in samples if each.instances[row, column]
    )  # the cell lies on an object
    figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.5), layout="constrained")
    axes[0].imshow(shown.picture)
    axes[0].set_title("a scene, and a cell", fontsize=14)
    for ax, (title, head) in zip(axes[1:], HEADS.items()):
        seen = gradient_map(network(*head), pictures, CELL)
        ax.imshow((seen / seen.max()).sqrt(), cmap="magma")
        ax.axhline(11.5, color="white", linestyle="--", linewidth=1.5)
        ax.set_title(title, fontsize=14)
    for ax in axes:
        cross(ax)
    return figure


def main() -> None:
    """Draw and write the picture."""
    matplotlib.use("agg")
    draw().savefig(OUT, dpi=100)
    print(f"{OUT.name}: {OUT.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
