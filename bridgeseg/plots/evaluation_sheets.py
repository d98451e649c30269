"""What an evaluation found, drawn: precision over recall by category, and the worst pictures.

Built in chapter 12.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from bridgeseg.measures.average_precision import AveragePrecision
from bridgeseg.plots.curves import show_precision_recall
from bridgeseg.plots.picture_sheet import Panel, picture_sheet
from bridgeseg.plots.style import style
from bridgeseg.structures.labels import VOID

LEVELS = (0.5, 0.7)  # of IoU, the paper's
TOGETHER = 12  # categories on one pair of axes; more lines cannot be told apart
RIGHT, WRONG = (
    (86, 180, 233),
    (213, 94, 0),
)  # sky blue and vermilion: apart for every kind of eye, on dark and pale


@style()
def precision_recall_sheet(result: AveragePrecision, names: Sequence[str]) -> Figure:
    """Show precision over recall of every category at an IoU of 0.5 and of 0.7, the average precision beside its name.

    result: of a set of pictures
    names: of the categories, the background first
    returns: a figure of its own: a pair of panels for every twelve categories, those with the best AP at 0.5 first;
        categories that never occur in the truth are named under it

    Built in chapter 12.
    """
    there = np.flatnonzero(result.truths) + 1  # (k,)
    ap = result.ap[there - 1, result.thresholds.index(LEVELS[0])]
    order = there[np.argsort(-ap, kind="stable")].tolist()
    groups = [order[first : first + TOGETHER] for first in range(0, len(order), TOGETHER)] or [[]]
    most = max(map(len, groups))
    figure = Figure(figsize=(10.4, max(3.2, 1.0 + 0.23 * most) * len(groups)), dpi=110, layout="constrained")
    grid = figure.subplots(len(groups), len(LEVELS), squeeze=False)
    for row, group in zip(grid, groups, strict=True):
        for ax, level in zip(row, LEVELS, strict=True):
            show_precision_recall(result, ax, names=names, threshold=level, categories=group)
            if (legend := ax.get_legend()) is not None:
                legend.set_loc("upper left")
                legend.set_bbox_to_anchor((1.0, 1.0), ax.transAxes)
            ax.set_title(f"IoU above {level:g}" if result.rule == "sds" else f"IoU of {level:g} or more")
    absent = [name for number, name in enumerate(names) if number and number not in there]
    if absent:
        figure.supxlabel(f"no instance in these pictures: {_wrapped(absent)}", fontsize=8)
    return figure


def worst_sheet(pairs: Sequence[tuple[Panel, Panel]], rule: str) -> Figure:
    """Show pictures with their truth and their answer beside one another, two pictures a row.

    pairs: for each the truth and the answer; see `judged_panel`
    rule: by what they were chosen, for the heading
    returns: a figure of its own, which pyplot does not know and nobody need close
    raises: ValueError without a picture

    Built in chapter 12.
    """
    heading = f"{rule}\nblue: found in the truth, right in the answer; red: missed in the truth, false in the answer"
    return picture_sheet([panel for pair in pairs for panel in pair], heading)


def judged_panel(
    title: str, picture: np.ndarray, categories: np.ndarray, instances: np.ndarray, right: frozenset[int]
) -> Panel:
    """Return a picture whose instances are blue where they are right, and red and tinted where not.

    title: what stands above it
    picture: (h, w, 3) uint8
    categories: (h, w) uint8, of which only void is looked at
    instances: (h, w) int32, the truth or the answer
    right: the numbers of those that are found, or find one

    Built in chapter 12.
    """
    colours = np.tile(np.array(WRONG, np.uint8), (int(instances.max(initial=0)) + 1, 1))
    colours[[number for number in right if number < len(colours)]] = RIGHT
    wrong = frozenset(range(1, len(colours))) - right
    return Panel(title, picture, instances, categories == VOID, colours, wrong)


def _wrapped(names: Sequence[str]) -> str:
    """Names in lines of ten."""
    return ",\n".join(", ".join(names[first : first + 10]) for first in range(0, len(names), 10))
