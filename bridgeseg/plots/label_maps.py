"""Pictures and label maps, with axes in the picture's own pixels.

Built in chapters 1 and 2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from bridgeseg.data.palette import clear_palette, voc_palette
from bridgeseg.plots.style import new_axes, style
from bridgeseg.structures.labels import VOID, as_array
from bridgeseg.structures.preconditions import expect_arrays


@style()
def show_picture(picture: np.ndarray, ax: Axes | None = None) -> Axes:
    """Show a picture, with axes in its pixels and without ticks.

    picture: (h, w, 3) uint8 RGB, or float 0…1; or (h, w), shown as grey values of the same ranges
    ax: where to draw; None makes new axes
    returns: the axes
    raises: ValueError for what is no such picture

    Example:
        >>> from matplotlib.figure import Figure
        >>> ax = show_picture(np.zeros((2, 3, 3), np.uint8), Figure().subplots())
        >>> [float(end) for end in (*ax.get_xlim(), *ax.get_ylim())]  # in pixels, the first row on top
        [0.0, 3.0, 2.0, 0.0]

    Built in chapter 1.
    """
    picture = as_array(picture)
    grey = "(h, w) uint8 or float or bool, not empty"
    expect_arrays(picture=(picture, grey if picture.ndim == 2 else "(h, w, 3) uint8 or float, not empty"))
    ax = new_axes(ax)
    height, width = picture.shape[:2]
    high = 255 if picture.dtype == np.uint8 else 1
    ax.imshow(picture, extent=(0, width, height, 0), cmap="gray", vmin=0, vmax=high, interpolation="nearest")
    ax.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[])
    ax.grid(False)
    ax.spines[:].set_visible(False)
    return ax


@style()
def show_labels(
    labels: np.ndarray, ax: Axes | None = None, *, names: Sequence[str] | None = None, palette: str = "voc"
) -> Axes:
    """Show a label map in the colours of a palette.

    labels: (h, w) integer 0…255; numbers of instances above 254 take the colours from 1 on again
    ax: where to draw; None makes new axes
    names: what the labels are called; with it, a legend lists those that occur
    palette: "voc", PASCAL's colours, or "clear", which colour-blind readers can tell apart
    returns: the axes
    raises: ValueError for a palette that does not exist, for labels below 0, and for one without a name

    Example:
        >>> from matplotlib.figure import Figure
        >>> ax = show_labels(np.array([[0, 1, 255]]), Figure().subplots(), names=["ground", "disc"])
        >>> [text.get_text() for text in ax.get_legend().get_texts()]
        ['ground', 'disc', 'void']

    Built in chapter 2.
    """
    palettes = {"voc": voc_palette, "clear": clear_palette}
    if palette not in palettes:
        raise ValueError(f"palette is {palette!r}, expected voc or clear")
    colours = palettes[palette]()
    labels = as_array(labels)
    expect_arrays(labels=(labels, "(h, w) integer or bool, not empty"))
    labels = labels.astype(np.int64)
    if labels.min(initial=0) < 0:
        raise ValueError(f"labels: {labels.min()}, expected 0 or more")
    if labels.max(initial=0) > VOID:  # an instance map, which holds no void
        labels = np.where(labels > 0, (labels - 1) % (VOID - 1) + 1, 0)
    ax = show_picture(colours[labels], ax)  # from (h, w) to (h, w, 3)
    if names is not None:
        nameless = labels[(labels >= len(names)) & (labels != VOID)]
        if nameless.size:
            raise ValueError(f"names: {len(names)}, expected one for label {nameless.max()} too")
        patches = [
            Patch(facecolor=colours[k] / 255, edgecolor="#8a9097", label="void" if k == VOID else names[k])
            for k in np.unique(labels)
        ]
        ax.legend(handles=patches, loc="upper left", bbox_to_anchor=(1.02, 1.0), borderaxespad=0.0)
    return ax
