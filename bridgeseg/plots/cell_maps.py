"""What a network says at every cell, drawn: scores, votes, and the boxes that pixels point at.

A cell of stride s in row i, column j has its centre at (j·s + 0.5, i·s + 0.5), as `bridgeseg.structures.cells` says,
and is drawn as a square of s pixels round it.

Built in chapter 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.image import AxesImage

from bridgeseg.plots.label_maps import show_picture
from bridgeseg.plots.overlays import DARK, instance_colours, show_boxes
from bridgeseg.plots.style import style
from bridgeseg.structures.labels import as_array
from bridgeseg.structures.preconditions import expect_arrays

_GLOW = ListedColormap(
    colormaps["inferno"](np.linspace(0.3, 1.0, 256))
)  # its darkest part hides on a dim picture


@style()
def show_scores(
    scores: np.ndarray,
    ax: Axes | None = None,
    *,
    stride: int = 1,
    low: float = 0.0,
    high: float = 1.0,
    label: str = "probability",
    bar: bool = True,
) -> Axes:
    """Show a score map in shades that also differ in lightness, with a colour bar.

    scores: (h, w) float, one for each cell
    ax: where to draw; None makes new axes
    stride: pixels from cell to cell
    low, high: the scores shown darkest and lightest
    label: what the colour bar is called
    bar: whether there is one
    returns: the axes

    Example:
        >>> from matplotlib.figure import Figure
        >>> ax = show_scores(np.array([[0.1, 0.9]]), Figure().subplots(), stride=4)
        >>> [float(x) for x in ax.get_xlim()]  # two cells of four pixels round the centres 0.5 and 4.5
        [-1.5, 6.5]

    Built in chapter 1.
    """
    scores = as_array(scores)
    expect_arrays(scores=(scores, "(h, w) float, not empty"))
    height, width = scores.shape
    ax = show_picture(np.zeros((height * stride, width * stride, 3), np.uint8), ax)
    near, far = 0.5 - stride / 2, 0.5 + stride / 2
    extent = (near, (width - 1) * stride + far, (height - 1) * stride + far, near)
    image = ax.imshow(
        scores, extent=extent, cmap="cividis", vmin=low, vmax=high, interpolation="nearest", zorder=1
    )
    ax.set(xlim=extent[:2], ylim=extent[2:])
    if bar:
        _bar(image, ax, label)
    return ax


@style()
def show_votes(
    picture: np.ndarray,
    votes: np.ndarray,
    ax: Axes | None = None,
    *,
    cell: int = 1,
    high: float | None = None,
    bar: bool = True,
) -> Axes:
    """Show where votes gathered, glowing over a grey version of the picture, with a colour bar.

    picture: (h, w, 3) uint8
    votes: (⌈h / cell⌉, ⌈w / cell⌉) float, 0 or more; place (i, j) covers the pixels from (i·cell, j·cell) on
    ax: where to draw; None makes new axes
    cell: pixels from place to place
    high: the votes shown brightest; None takes the most that any place has
    bar: whether there is a colour bar
    returns: the axes

    Example:
        >>> from matplotlib.figure import Figure
        >>> picture, votes = np.zeros((4, 8, 3), np.uint8), np.array([[0.0, 3.0]])
        >>> ax = show_votes(picture, votes, Figure().subplots(), cell=4)
        >>> [image.get_clim() for image in ax.images][-1]  # from none to the most
        (0.0, 3.0)

    Built in chapter 9.
    """
    votes = as_array(votes)
    expect_arrays(votes=(votes, "(h, w) float, not empty"))
    votes = votes.astype(np.float64)
    most = float(votes.max()) if high is None else high
    ax = show_picture(faded(picture), ax)
    limits = ax.get_xlim(), ax.get_ylim()
    height, width = votes.shape
    image = ax.imshow(
        votes,
        extent=(0, width * cell, height * cell, 0),
        cmap=_GLOW,
        vmin=0.0,
        vmax=most or 1.0,
        alpha=np.sqrt(np.clip(votes / (most or 1.0), 0.0, 1.0)),  # the root lets a few votes be seen too
        interpolation="nearest",
    )
    ax.set(xlim=limits[0], ylim=limits[1])
    if bar:
        _bar(image, ax, "votes")
    return ax


@style()
def show_box_field(
    picture: np.ndarray,
    boxes: np.ndarray,
    ax: Axes | None = None,
    *,
    where: np.ndarray | None = None,
    groups: np.ndarray | None = None,
    stride: int = 1,
    every: int = 8,
    outlines: bool = False,
) -> Axes:
    """Show an arrow from a pixel to the centre of the box that it votes for, for some of the pixels.

    picture: (h, w, 3) uint8
    boxes: (4, h / stride, w / stride) float, x0, y0, x1, y1, half open, pixels of the picture
    ax: where to draw; None makes new axes
    where: (h / stride, w / stride) bool, which cells have an arrow; None takes all
    groups: (h / stride, w / stride) integer, 1…n; arrows of one group share a colour, such as the true instances
    stride: pixels from cell to cell
    every: pixels from arrow to arrow, at least the stride
    outlines: whether the boxes themselves are drawn too
    returns: the axes
    raises: ValueError when the maps do not have the size of the box map, and for other types

    Example:
        >>> from matplotlib.figure import Figure
        >>> boxes = np.full((4, 8, 8), 2.0)  # every pixel votes for the point (2, 2)
        >>> ax = show_box_field(np.zeros((8, 8, 3), np.uint8), boxes, Figure().subplots(), every=4)
        >>> arrows = ax.collections[-1]
        >>> arrows.X.tolist(), arrows.U.tolist()  # from four of the pixels
        ([2.5, 6.5, 2.5, 6.5], [-0.5, -4.5, -0.5, -4.5])

    Built in chapter 8.
    """
    boxes = as_array(boxes)
    where = np.ones(boxes.shape[1:], bool) if where is None else as_array(where)
    groups = np.ones(boxes.shape[1:], int) if groups is None else as_array(groups)
    expect_arrays(
        boxes=(boxes, "(4, h, w) float"),
        where=(where, "(h, w) bool"),
        groups=(groups, "(h, w) integer"),
    )
    groups = groups.astype(np.int64)
    ax = show_picture(faded(picture, 0.35), ax)
    step = max(1, round(every / stride))
    some = np.zeros_like(where)
    some[step // 2 :: step, step // 2 :: step] = True
    row, column = np.nonzero(where & some)  # (arrows,) each
    chosen = boxes[:, row, column]  # (4, arrows)
    x, y = column * stride + 0.5, row * stride + 0.5
    numbers = groups[row, column]
    colours = instance_colours(max(1, int(numbers.max(initial=1))))[np.maximum(numbers, 1) - 1]
    if outlines:
        show_boxes(chosen.T, ax, colours=colours)  # (arrows, 4)
    to_x, to_y = (chosen[0] + chosen[2]) / 2 - x, (chosen[1] + chosen[3]) / 2 - y
    options: Any = {
        "angles": "xy",
        "scale_units": "xy",
        "scale": 1,
        "headwidth": 3.6,
        "headlength": 4.0,
        "headaxislength": 3.6,
    }
    ax.quiver(x, y, to_x, to_y, color=DARK, width=0.0085, zorder=3, **options)
    ax.quiver(x, y, to_x, to_y, color=colours / 255, width=0.0045, zorder=4, **options)
    return ax


def faded(picture: np.ndarray, kept: float = 0.0) -> np.ndarray:
    """Return a picture in dim greys, so that what is drawn over it stands out.

    picture: (h, w, 3) uint8
    kept: how much of its colour stays, 0…1
    returns: (h, w, 3) uint8

    Example:
        >>> faded(np.array([[[255, 255, 255], [0, 0, 0]]], np.uint8))[0].tolist()
        [[180, 180, 180], [40, 40, 40]]

    Built in chapter 1.
    """
    picture = as_array(picture)
    expect_arrays(picture=(picture, "(h, w, 3) uint8"))
    grey = picture @ np.array([0.299, 0.587, 0.114])  # (h, w)
    mixed = kept * picture + (1 - kept) * (0.55 * grey[..., None] + 40)  # (h, w, 3)
    return np.rint(np.clip(mixed, 0, 255)).astype(np.uint8)


def _bar(image: AxesImage, ax: Axes, label: str) -> None:
    figure = ax.get_figure()
    assert figure is not None
    bar = figure.colorbar(image, ax=ax, fraction=0.045, pad=0.03)
    bar.set_label(label)
    bar.outline.set_visible(False)
