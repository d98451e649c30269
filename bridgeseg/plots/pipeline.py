"""You are here: the way from a picture to its objects, the parts of a chapter marked.

Every chapter shows it once, so that a reader knows which part is being built and what stands before and behind it.
It is drawn by the chapter itself, since a picture beside a notebook is not shown on Colab.

Built in chapter 1.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from bridgeseg.plots.style import INK, LINES, style

# Where each part stands: its column, and its row from above.
PARTS: dict[str, tuple[float, float]] = {
    "picture": (0, 0),
    "network": (1, 0),
    "scores": (2, 0),
    "boxes": (2, 1),
    "votes": (3, 0.5),
    "maxima": (3, 2),
    "masks": (2, 2),
    "measures": (1, 2),
    "labels": (0, 1.5),
    "training": (1, 1),
}
ARROWS = (
    ("picture", "network"),
    ("network", "scores"),
    ("network", "boxes"),
    ("scores", "votes"),
    ("boxes", "votes"),
    ("votes", "maxima"),
    ("maxima", "masks"),
    ("masks", "measures"),
    ("labels", "training"),
    ("labels", "measures"),
    ("training", "network"),
)
WIDE, HIGH = 0.94, 0.4  # of a box, in inches: its word is large enough where the page is 375 pixels wide
STEP_X, STEP_Y = 1.24, 0.62  # from box to box
MARGIN = 0.06
QUIET = "#8a9097"


@style()
def you_are_here(*parts: str) -> Figure:
    """Return a figure of the way from a picture to its objects, with some of its parts marked.

    parts: names out of `PARTS`, at least one
    returns: the figure
    raises: ValueError when no part is named, or one that does not exist

    Example:
        >>> figure = you_are_here("boxes", "votes")
        >>> [text.get_text() for text in figure.axes[0].texts if text.get_fontweight() == "bold"]
        ['boxes', 'votes']
        >>> plt.close(figure)

    Built in chapter 1.
    """
    unknown = [part for part in parts if part not in PARTS]
    if unknown or not parts:
        raise ValueError(f"parts: {', '.join(unknown) or 'none'}, expected some of {', '.join(PARTS)}")
    width = max(x for x, _ in PARTS.values()) * STEP_X + WIDE + 2 * MARGIN
    height = max(y for _, y in PARTS.values()) * STEP_Y + HIGH + 2 * MARGIN
    figure = plt.figure(figsize=(width, height))
    ax = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))  # in inches, from above
    ax.set_axis_off()
    for first, second in ARROWS:
        _arrow(ax, first, second, QUIET if {first, second} - {*parts} else LINES[0])
    for part in PARTS:
        _box(ax, part, part in parts)
    return figure


def _middle(part: str) -> tuple[float, float]:
    """Where the middle of a part's box lies, in inches."""
    column, row = PARTS[part]
    return MARGIN + WIDE / 2 + column * STEP_X, MARGIN + HIGH / 2 + row * STEP_Y


def _box(ax: Axes, part: str, marked: bool) -> None:
    """Draw a part. What is marked is dark, and its word is bold: seen without colours, too."""
    x, y = _middle(part)
    face, edge = (LINES[0], LINES[0]) if marked else ("white", QUIET)
    corner = (x - WIDE / 2, y - HIGH / 2)
    ax.add_patch(Rectangle(corner, WIDE, HIGH, facecolor=face, edgecolor=edge, linewidth=1.2, zorder=2))
    ink, weight = ("white", "bold") if marked else (INK, "normal")
    ax.text(x, y, part, color=ink, weight=weight, fontsize=11.5, ha="center", va="center", zorder=3)


def _arrow(ax: Axes, first: str, second: str, colour: str) -> None:
    """Draw an arrow from edge to edge: sideways where the columns differ, else up or down."""
    (x, y), (to_x, to_y) = _middle(first), _middle(second)
    if x != to_x:
        side = WIDE / 2 if to_x > x else -WIDE / 2
        start, end = (x + side, y), (to_x - side, to_y)
    else:
        side = HIGH / 2 if to_y > y else -HIGH / 2
        start, end = (x, y + side), (to_x, to_y - side)
    looks = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.3, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", end, start, arrowprops=looks, zorder=1)
