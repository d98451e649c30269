"""The house style, pictures and label maps in it, and panels side by side.

One house style serves every figure of the book. Figures are white with a margin, so that they stand on a
light page and on a dark one; hues are Okabe and Ito's, which readers with a colour deficiency can tell apart.
Axes of a picture are in its pixels as `bridgeseg.structures.labels` counts
them: the first pixel covers 0…1, so that half-open boxes and the centres of pixels lie where they belong.

Every function draws on the axes that it is given, or on new ones in the house style, and returns them.
Importing this module changes nothing in matplotlib.

Built in chapter 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib.pyplot as plt
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, FAINT = "#22262b", "#d5d9de"
# Lines have no yellow, which is too pale on white.
LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#44474c")
STYLE: Any = {  # what matplotlib calls rcParams
    "figure.facecolor": "white",
    "figure.dpi": 110,
    "figure.constrained_layout.h_pad": 0.08,
    "figure.constrained_layout.w_pad": 0.08,
    "savefig.facecolor": "white",
    "savefig.dpi": 160,
    "savefig.bbox": "tight",
    "savefig.pad_inches": 0.15,
    "font.size": 10,
    "text.color": INK,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.titlepad": 6,
    "axes.labelsize": 9.5,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#8a9097",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=LINES),
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "xtick.color": "#8a9097",
    "ytick.color": "#8a9097",
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "image.interpolation": "nearest",
}


@contextmanager
def style() -> Iterator[None]:
    """Give what is drawn inside the house style, and leave matplotlib as it was.

    Both a context (`with style():`) and a decorator (`@style()`).

    Built in chapter 1.
    """
    with plt.rc_context(STYLE):
        yield


def new_axes(ax: Axes | None, width: float = 3.6, height: float = 3.6) -> Axes:
    """Return the axes that were given, or those of a new figure.

    ax: the axes, or None
    width, height: of the new figure, in inches

    Built in chapter 1.
    """
    if ax is not None:
        return ax
    return plt.subplots(figsize=(width, height), layout="constrained")[1]


@style()
def panels(
    columns: Sequence[tuple[str, Callable[[Axes], object]]], *, per_row: int | None = None, side: float = 2.7
) -> Figure:
    """Return a figure of titled panels side by side.

    columns: for each panel its title and a function that draws on the axes it is given
    per_row: panels in a row; None puts all in one
    side: width and height of a panel, in inches
    returns: the figure
    raises: ValueError when there is no panel, or none in a row

    Example:
        >>> figure = panels([("a", lambda ax: ax.plot([1, 2])), ("b", lambda ax: ax.plot([2, 1]))])
        >>> [ax.get_title(loc="left") for ax in figure.axes]
        ['a', 'b']
        >>> plt.close(figure)

    Built in chapter 1.
    """
    if not columns:
        raise ValueError("columns: no panel, expected at least one")
    if per_row is not None and per_row < 1:
        raise ValueError(f"per_row is {per_row}, expected 1 or more")
    wide = min(per_row or len(columns), len(columns))
    tall = -(-len(columns) // wide)
    figure, grid = plt.subplots(
        tall, wide, figsize=(side * wide, (side + 0.3) * tall), layout="compressed", squeeze=False
    )
    for ax, (title, drawing) in zip(grid.flat, columns, strict=False):
        drawing(ax)
        ax.set_title(title)
    for ax in grid.flat[len(columns) :]:
        ax.remove()
    return figure
