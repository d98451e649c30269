"""Many pictures on one sheet, each object under an outline, read from instance maps.

Built in chapter 12.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure

from bridgeseg.data.palette import clear_palette
from bridgeseg.plots.label_maps import show_picture
from bridgeseg.plots.overlays import instance_colours
from bridgeseg.plots.style import style
from bridgeseg.structures.labels import VOID

ENLARGED = 400  # pixels; a picture that is smaller is enlarged, so that outlines are thin beside its objects
DARK = 24  # grey value of the edge that keeps pale outlines readable on pale ground
TINT = 0.35  # of the colour of an instance that is filled
LETTERS = 34  # of a title


@dataclass(frozen=True)
class Panel:
    """A picture of a sheet.

    title: what stands above it, one line or two
    picture: (h, w, 3) uint8
    instances: (h, w) int32, 0 none, 1…n
    void: (h, w) bool, shown pale; None where there is none
    colours: (n + 1, 3) uint8, of each instance, row 0 unused; None gives every instance its own
    filled: the numbers of the instances that are tinted too, so that they leap to the eye

    Built in chapter 12.
    """

    title: str
    picture: np.ndarray
    instances: np.ndarray
    void: np.ndarray | None = None
    colours: np.ndarray | None = None
    filled: frozenset[int] = frozenset()


@style()
def picture_sheet(panels: Sequence[Panel], heading: str, per_row: int = 4, side: float = 2.6) -> Figure:
    """Return a sheet of pictures with outlined objects.

    panels: at least one
    heading: one line or more above all
    per_row: pictures in a row
    side: width of a picture, in inches
    returns: a figure of its own, which pyplot does not know and nobody need close
    raises: ValueError without a panel

    Built in chapter 12.
    """
    if not panels:
        raise ValueError("panels: none, expected at least one")
    wide = min(per_row, len(panels))
    rows = [panels[first : first + wide] for first in range(0, len(panels), wide)]
    # A row is as high as its tallest picture is.
    tall = [
        min(1.6, max(one.picture.shape[0] / one.picture.shape[1] for one in row)) * side + 0.45
        for row in rows
    ]
    figure = Figure(
        figsize=(max(wide * side, 5.2), sum(tall) + 0.7), dpi=120, layout="constrained", facecolor="white"
    )
    grid = figure.subplots(len(rows), wide, squeeze=False, gridspec_kw={"height_ratios": tall})
    for ax in grid.flat:
        ax.set(anchor="N")
        ax.set_axis_off()
    for place, panel in enumerate(panels):
        ax = grid[place // wide, place % wide]
        show_picture(outlined(panel), ax)
        ax.set_title("\n".join(map(_shortened, panel.title.splitlines())), fontsize=8)
    figure.suptitle(heading, fontsize=9.5, x=0.01, ha="left")
    return figure


def outlined(panel: Panel) -> np.ndarray:
    """Return a picture with its objects outlined inside their border and edged darkly outside, void made pale.

    panel: the picture, its instances and its void

    returns: (h · k, w · k, 3) uint8, where k enlarges a small picture

    Example:
        >>> one = Panel("", np.zeros((400, 400, 3), np.uint8), np.ones((400, 400), np.int32))
        >>> outlined(one)[200, 0].tolist(), outlined(one)[200, 200].tolist()  # orange round nothing
        ([230, 159, 0], [0, 0, 0])

    Built in chapter 12.
    """
    times = max(1, round(ENLARGED / max(panel.instances.shape)))
    picture, instances = _enlarged(panel.picture, times).copy(), _enlarged(panel.instances, times)
    if panel.void is not None:
        void = _enlarged(panel.void, times)
        picture[void] = picture[void] // 2 + clear_palette()[VOID] // 2
    numbers = torch.from_numpy(instances.astype(np.float64))[None, None]
    # The border of the picture is one too: beyond it lies nothing.
    around = F.pad(numbers, (2, 2, 2, 2))
    highest, lowest = F.max_pool2d(around, 5, 1), -F.max_pool2d(-around, 5, 1)
    nearest = F.max_pool2d(F.pad(numbers, (1, 1, 1, 1)), 3, 1)
    inside = ((numbers > 0) & ((highest != numbers) | (lowest != numbers)))[0, 0].numpy()
    outside = ((numbers == 0) & (nearest > 0))[0, 0].numpy()
    colours = panel.colours
    if colours is None:
        colours = np.concatenate(
            [np.zeros((1, 3), np.uint8), instance_colours(int(instances.max(initial=0)))]
        )
    tinted = np.isin(instances, list(panel.filled))
    picture[tinted] = np.rint(picture[tinted] * (1 - TINT) + colours[instances[tinted]] * TINT)
    picture[outside] = DARK
    picture[inside] = colours[instances[inside]]
    return picture


def _enlarged(values: np.ndarray, times: int) -> np.ndarray:
    return values.repeat(times, 0).repeat(times, 1)


def _shortened(line: str) -> str:
    """A line that fits above its picture; the end of a name tells more than its middle."""
    return line if len(line) <= LETTERS else f"{line[: LETTERS - 13]}…{line[-12:]}"
