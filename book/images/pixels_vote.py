"""Draws book/images/pixels_vote.png, the first picture of chapter 9, in a quarter of a minute.

python book/images/pixels_vote.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes

from bridgeseg.grouping.components import connected_components
from bridgeseg.grouping.suppression import Suppression
from bridgeseg.grouping.voting import Voting, gather_votes
from bridgeseg.measures.average_precision import average_precision
from bridgeseg.measures.mask_iou import overlaps
from bridgeseg.plots.cell_maps import show_votes
from bridgeseg.plots.overlays import instance_colours, show_masks
from bridgeseg.plots.style import LINES, panels
from bridgeseg.structures.instances import Instances
from bridgeseg.structures.labels import Sample
from bridgeseg.system.checkpoint import load_run
from bridgeseg.system.prediction import group, maps_of
from bridgeseg.teaching.each_chapter import same_scenes

OUT = Path(__file__).with_suffix(".png")
SCENES, KNOB = 60, (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


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
    """Draw votes, two answers and the curve of the suppression's overlap."""
    run, samples = load_run("scenes"), [same_scenes()[k] for k in range(SCENES)]
    maps = [maps_of(run, sample) for sample in samples]
    chosen = max(range(SCENES), key=lambda k: lost(samples[k]))
    sample, its_maps = samples[chosen], maps[chosen]
    votes, _ = gather_votes(*its_maps, Voting())
    by_boxes, by_votes = group(its_maps, Suppression()), group(its_maps, Voting())

    def ap(grouping: Suppression | Voting) -> float:
        looks = [overlaps(group(m, grouping), s) for m, s in zip(maps, samples)]
        return average_precision(looks, 6, "sds", [0.5]).ap_r[0.5]

    curve, level = [ap(Suppression(overlap=overlap)) for overlap in KNOB], ap(Voting())

    def show_curve(ax: Axes) -> None:
        ax.plot(KNOB, curve, "o-", label="suppression")
        ax.axhline(level, color=LINES[1], linestyle="--", label="voting")
        ax.set(ylim=(0, 1), xlabel="overlap", ylabel="AP$^r$ at 0.5")
        ax.legend(loc="lower left")

    figure = panels(
        [
            (
                "votes",
                lambda ax: show_votes(
                    sample.picture, votes.amax(0).numpy(), ax, cell=4, bar=False
                ),
            ),
            (
                f"suppression: {len(by_boxes)}",
                lambda ax: show_answer(sample, by_boxes, ax),
            ),
            (f"voting: {len(by_votes)}", lambda ax: show_answer(sample, by_votes, ax)),
            (f"{SCENES} scenes", show_curve),
        ],
        per_row=4,
        side=2.1,
    )
    return figure


if __name__ == "__main__":
    draw().savefig(OUT)
    print(OUT)
