"""Draws book/images/how_good_is_it.png, the first picture of chapter 3, with the network that ships.

python book/images/how_good_is_it.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from bridgeseg.data.scenes import Scenes
from bridgeseg.grouping.suppression import Suppression
from bridgeseg.measures.average_precision import (
    AveragePrecision,
    average_precision,
    precision_recall,
)
from bridgeseg.measures.mask_iou import Overlaps, overlaps
from bridgeseg.plots.cell_maps import faded
from bridgeseg.plots.overlays import instance_colours, outline, show_masks
from bridgeseg.plots.style import INK, LINES, style
from bridgeseg.structures.instances import Instances
from bridgeseg.structures.labels import Sample
from bridgeseg.system.checkpoint import Run, load_run
from bridgeseg.system.evaluation import components
from bridgeseg.system.prediction import group, predict_maps

OUT = Path(__file__).with_suffix(".png")
COUNT = 60  # scenes, those of the chapter
THRESHOLD = 0.5
HIT, FALSE = instance_colours(6)[[2, 5]]  # green and orange
Answers = dict[str, Instances]


def answers_to(run: Run, sample: Sample) -> Answers:
    """Return what three ways to group find in a scene, from the same maps."""
    maps = predict_maps(run.networks, sample.picture, run.recipe)
    return {
        "connected patches": components(maps, sample),
        "suppression": group(maps, Suppression()),
        "votes": group(maps, run.recipe.grouping),
    }


def verdicts(look: Overlaps, classes: int) -> np.ndarray:
    """Return which of the masks of one picture are hits."""
    hits = np.zeros(len(look.scores), bool)
    for number, of_category in enumerate(
        average_precision([look], classes, "sds", [THRESHOLD]).hits, 1
    ):
        hits[look.categories == number] = of_category[:, 0]
    return hits


def missed(sample: Sample, look: Overlaps, sure: np.ndarray) -> np.ndarray:
    """Return the true objects that no sure mask of their category covers by more than the threshold."""
    same = look.categories[sure, None] == look.true_categories
    found = ((look.iou[sure] > THRESHOLD) & same).any(0)
    return look.true_numbers[~found]


def show_answer(run: Run, sample: Sample, answer: Instances, ax: Axes) -> None:
    """Show the masks that are sure enough: hits green, false alarms orange, and a dashed line round what is missed."""
    look = overlaps(answer, sample)
    sure = look.scores >= run.threshold
    hits = verdicts(look, len(run.categories))[sure]
    colours = np.where(hits[:, None], HIT, FALSE)
    show_masks(
        faded(sample.picture),
        answer.masks[look.kept[sure]],
        ax,
        colours=colours,
        fill=0.6,
    )
    lost = missed(sample, look, sure)
    for number in lost:
        for line in outline(sample.instances == number):
            ax.plot(*line.T, color="white", linewidth=2.6, solid_capstyle="butt")
            ax.plot(*line.T, color=INK, linewidth=1.6, linestyle=(0, (2, 1.2)))
    ax.set_xlabel(
        f"{hits.sum()} hits, {(~hits).sum()} false, {len(lost)} missed", fontsize=11
    )


def mean_envelope(result: AveragePrecision) -> tuple[np.ndarray, np.ndarray]:
    """Return a grid of recalls and the mean of the categories' envelopes there; the area below is AP^r."""
    column = result.thresholds.index(THRESHOLD)
    grid = np.linspace(0, 1, 1001)[1:]
    curves = []
    for hits, truths in zip(result.hits, result.truths.tolist()):
        recall, _, envelope = precision_recall(hits[:, column], truths)
        place = np.searchsorted(recall, grid - 1e-9)
        curves.append(np.append(envelope, 0.0)[place])
    return grid, np.mean(curves, 0)


@style()
def draw() -> plt.Figure:
    """Draw one scene with three answers above, and the curves of all scenes below."""
    run, scenes = load_run("scenes"), Scenes("test", 96)
    samples = [scenes[number] for number in range(COUNT)]
    answers = [answers_to(run, sample) for sample in samples]
    chosen = int(np.argmax([len(np.unique(sample.instances)) for sample in samples]))
    figure = plt.figure(figsize=(7.6, 6.6), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1.0, 1.2))
    places = above.subplots(1, 3)
    ax = below.subplots()
    for place, name, colour, dash in zip(
        places, answers[0], (LINES[2], LINES[1], LINES[0]), (":", "--", "-")
    ):
        show_answer(run, samples[chosen], answers[chosen][name], place)
        place.set_title(name, fontsize=13)
        found = [overlaps(each[name], sample) for each, sample in zip(answers, samples)]
        result = average_precision(found, len(run.categories))
        recall, precision = mean_envelope(result)
        label = f"{name}: AP$^r$ {result.ap_r[THRESHOLD]:.2f}"
        ax.plot(recall, precision, dash, color=colour, linewidth=2.6, label=label)
        ax.fill_between(recall, precision, color=colour, alpha=0.07, linewidth=0)
    ax.set(xlim=(0, 1.005), ylim=(0, 1.03))
    ax.set_xlabel(f"recall, {COUNT} scenes", fontsize=12)
    ax.set_ylabel("precision", fontsize=12)
    ax.legend(loc="lower left", fontsize=13)
    return figure


def main() -> None:
    """Draw and write the picture."""
    matplotlib.use("agg")
    draw().savefig(OUT, dpi=100)
    print(f"{OUT.name}: {OUT.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
