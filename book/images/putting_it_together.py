"""Draws book/images/putting_it_together.png, the first picture of chapter 10.

python book/images/putting_it_together.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes

from bridgeseg.data.scenes import Scenes
from bridgeseg.measures.failures import Failures, failures
from bridgeseg.plots.cell_maps import faded
from bridgeseg.plots.overlays import instance_colours, outline, show_masks, show_truth
from bridgeseg.plots.style import INK, panels
from bridgeseg.structures.instances import Instances
from bridgeseg.structures.labels import Sample
from bridgeseg.system.checkpoint import load_run
from bridgeseg.system.prediction import category_map, group, maps_of

OUT = Path(__file__).with_suffix(".png")
GREEN, ORANGE = instance_colours(6)[[2, 5]]
SCENES = 200  # the one with most kinds of failure among them is drawn


def answered(sample: Sample) -> tuple[Instances, Failures]:
    """Return what the system finds in a scene, and why it fails there."""
    run = load_run("scenes")
    maps = maps_of(run, sample)
    found = group(maps, run.recipe.grouping)
    why = failures(
        found,
        sample,
        run.threshold,
        category_map(maps).numpy(),
        small=4 * maps.stride**2,
    )
    return found, why


def show_answer(sample: Sample, found: Instances, why: Failures, ax: Axes) -> None:
    """Draw hits in green and false masks in orange, and a word on each missed object."""
    hits = np.array([not word for word in why.false])
    masks = found.masks[torch.from_numpy(why.kept)]
    show_masks(
        faded(sample.picture, 0.35),
        masks,
        ax,
        colours=np.where(hits[:, None], GREEN, ORANGE),
        fill=0.6,
    )
    for number, word in zip(why.true_numbers, why.missed):
        if word:
            mask = sample.instances == number
            for line in outline(mask):
                ax.plot(*line.T, "--", color=INK, linewidth=1.4)
            row, column = np.argwhere(mask).mean(0) + 0.5
            look = {
                "facecolor": "white",
                "alpha": 0.85,
                "edgecolor": "none",
                "pad": 1.2,
            }
            ax.text(column, row, word, ha="center", va="center", fontsize=12, bbox=look)


def draw() -> plt.Figure:
    """Draw the scene whose failures are most of all of different kinds."""
    scenes = [Scenes("val", 96, SCENES)[index] for index in range(SCENES)]
    answers = [answered(scene) for scene in scenes]

    def kinds(index: int) -> tuple[int, int]:
        why = answers[index][1]
        return len({*why.missed, *why.false} - {""}), len(why.missed)

    chosen = max(range(SCENES), key=kinds)
    sample, (found, why) = scenes[chosen], answers[chosen]
    return panels(
        [
            ("what is there", lambda ax: show_truth(sample, ax)),
            ("what is said", lambda ax: show_answer(sample, found, why, ax)),
        ],
        side=4.4,
    )


def main() -> None:
    """Draw and write the picture."""
    matplotlib.use("agg")
    draw().savefig(OUT, dpi=100)


if __name__ == "__main__":
    main()
