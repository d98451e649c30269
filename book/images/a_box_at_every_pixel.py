"""Draws book/images/a_box_at_every_pixel.png, the first picture of chapter 8, with the network that ships.

python book/images/a_box_at_every_pixel.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import torch

from bridgeseg.data.scenes import Scenes
from bridgeseg.plots.cell_maps import faded
from bridgeseg.plots.label_maps import show_picture
from bridgeseg.plots.overlays import show_boxes
from bridgeseg.plots.style import panels
from bridgeseg.structures.labels import Sample
from bridgeseg.system.checkpoint import load_run
from bridgeseg.system.prediction import maps_of

OUT = Path(__file__).with_suffix(".png")
SCENES, PIXELS = 60, 9
COLOURS = np.array([[230, 159, 0], [86, 180, 233]], np.uint8)


def touching(sample: Sample, stride: int) -> tuple[int, int, int]:
    """Return how many cells two objects of one category share a border along, and their numbers."""
    cells = sample.instances[::stride, ::stride]
    kinds = sample.categories[::stride, ::stride]
    left, right = cells[:, :-1], cells[:, 1:]
    beside = (
        (left > 0) & (right > 0) & (left != right) & (kinds[:, :-1] == kinds[:, 1:])
    )
    if not beside.any():
        return 0, 0, 0
    pairs, counts = np.unique(
        np.stack([left[beside], right[beside]]), axis=1, return_counts=True
    )
    most = counts.argmax()
    return int(counts[most]), int(pairs[0, most]), int(pairs[1, most])


def draw() -> plt.Figure:
    """Draw the scene with nine pixels of two objects that touch, and the boxes that the network gives there."""
    run = load_run("scenes")
    stride = maps_of(run, Scenes("val", 96)[0]).stride
    samples = [Scenes("val", 96)[index] for index in range(SCENES)]
    sample = max(samples, key=lambda each: touching(each, stride)[0])
    maps = maps_of(run, sample)
    cells = torch.from_numpy(sample.instances)[::stride, ::stride]
    places, colours = [], []
    for number, colour, count in zip(
        touching(sample, stride)[1:], COLOURS, (PIXELS - PIXELS // 2, PIXELS // 2)
    ):
        own = (cells == number).nonzero()
        places += own[np.linspace(0, len(own) - 1, count).astype(int)].tolist()
        colours += [colour] * count
    boxes = np.stack([maps.boxes[:, row, column].numpy() for row, column in places])
    grey = faded(sample.picture, 0.3)

    def dots(ax: plt.Axes) -> None:
        show_picture(sample.picture, ax)
        for (row, column), colour in zip(places, colours):
            ax.plot(
                column * stride,
                row * stride,
                "o",
                ms=6,
                color=colour / 255,
                mec="black",
                mew=0.8,
            )

    def answers(ax: plt.Axes) -> None:
        show_picture(grey, ax)
        show_boxes(boxes, ax, colours=np.stack(colours))

    return panels(
        [("nine pixels of two objects", dots), ("the box at each", answers)], side=2.8
    )


def main() -> None:
    """Draw and write the picture."""
    matplotlib.use("agg")
    draw().savefig(OUT, dpi=100)


if __name__ == "__main__":
    main()
