"""Draws book/images/pixels_vote.png, the first picture of chapter 9, in some seconds.

python book/images/pixels_vote.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes

from bridgeseg.grouping.components import connected_components
from bridgeseg.grouping.suppression import Suppression
from bridgeseg.grouping.voting import Voting, gather_votes
from bridgeseg.plots.cell_maps import show_votes
from bridgeseg.plots.label_maps import show_picture
from bridgeseg.plots.overlays import instance_colours, show_masks
from bridgeseg.plots.style import panels
from bridgeseg.structures.instances import Instances
from bridgeseg.structures.labels import Sample
from bridgeseg.system.checkpoint import load_run
from bridgeseg.system.prediction import group, maps_of
from bridgeseg.teaching.each_chapter import same_scenes

OUT = Path(__file__).with_suffix(".png")
SCENES = 60  # of these, the one in which patches would lose most


def lost(sample: Sample) -> int:
    """How many objects the patches of the true category map would lose."""
    patches = connected_components(torch.from_numpy(sample.categories.astype(np.int64)))
    return int(sample.instances.max()) - int(patches.max())


def show_answer(sample: Sample, found: Instances, ax: Axes) -> None:
    """Draw masks on a scene, each in the colour of the object that it covers most."""
    there, masks = int(sample.instances.max()), found.masks[:].numpy()
    counts = [np.bincount(sample.instances[m], minlength=there + 1)[1:] for m in masks]
    colours = instance_colours(there)[[int(each.argmax()) for each in counts]]
    show_masks(sample.picture, masks, ax, colours=colours)


def draw() -> plt.Figure:
    """Draw the scene, its votes, and two answers."""
    run, scenes = load_run("scenes"), same_scenes()
    sample = max((scenes[k] for k in range(SCENES)), key=lost)
    maps = maps_of(run, sample)
    votes = gather_votes(*maps, Voting())[0].amax(0).numpy()
    by_boxes, by_votes = group(maps, Suppression()), group(maps, Voting())
    return panels(
        [
            ("the picture", lambda ax: show_picture(sample.picture, ax)),
            (
                "votes",
                lambda ax: show_votes(
                    sample.picture, votes, ax, cell=maps.stride, bar=False
                ),
            ),
            (
                f"suppression: {len(by_boxes)}",
                lambda ax: show_answer(sample, by_boxes, ax),
            ),
            (f"voting: {len(by_votes)}", lambda ax: show_answer(sample, by_votes, ax)),
        ],
        per_row=4,
        side=2.1,
    )


def main() -> None:
    """Draw and write the picture."""
    matplotlib.use("agg")
    draw().savefig(OUT, dpi=100)


if __name__ == "__main__":
    main()
