"""Masks, boxes and instances drawn over a picture.

Every function draws on the axes that it is given, or on new ones in the house style, and returns them.

Built in chapter 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle

from bridgeseg.data.palette import clear_palette
from bridgeseg.plots.label_maps import show_picture
from bridgeseg.plots.style import style
from bridgeseg.structures.instances import Instances
from bridgeseg.structures.labels import VOID, Sample, as_array, verify_types
from bridgeseg.structures.masks import Masks
from bridgeseg.structures.preconditions import expect_arrays

DARK = "#16181b"


@style()
def show_masks(
    picture: np.ndarray,
    masks: np.ndarray | Masks,
    ax: Axes | None = None,
    *,
    colours: np.ndarray | None = None,
    fill: float = 0.45,
) -> Axes:
    """Show a picture under translucent masks with crisp outlines.

    picture: (h, w, 3) uint8
    masks: (n, h, w) bool, the first on top; or the `masks` of instances, of which one at a time is made in full
    ax: where to draw; None makes new axes
    colours: (n, 3) uint8; None gives every mask its own
    fill: how much of the picture a mask covers, 0…1
    returns: the axes

    Example:
        >>> from matplotlib.figure import Figure
        >>> masks = np.array([[[True, False], [False, False]], [[True, True], [True, True]]])
        >>> ax = show_masks(np.zeros((2, 2, 3), np.uint8), masks, Figure().subplots())
        >>> len(ax.collections)  # each mask's outline, dark and in its colour
        4

    Built in chapter 1.
    """
    if not isinstance(masks, Masks):
        masks = as_array(masks)
        expect_arrays(masks=(masks, "(n, h, w) bool"))
    colours = instance_colours(len(masks)) if colours is None else colours
    ax = show_picture(blend(picture, masks, colours, fill), ax)
    for number, colour in reversed(list(zip(range(len(masks)), colours, strict=True))):
        mask = as_array(masks[number])
        # A dark edge keeps pale hues readable on a pale picture.
        for tone, width in ((DARK, 2.2), (tuple(colour / 255), 1.3)):
            ax.add_collection(
                LineCollection(list(outline(mask)), colors=[tone], linewidths=width, capstyle="projecting"),
                autolim=False,
            )
    return ax


@style()
def show_boxes(
    boxes: np.ndarray,
    ax: Axes,
    *,
    colours: np.ndarray | None = None,
    texts: Sequence[str] | None = None,
) -> Axes:
    """Draw boxes over what the axes show, the first on top.

    boxes: (n, 4) float, x0, y0, x1, y1, half open, pixels of the picture
    ax: where to draw
    colours: (n, 3) uint8; None gives every box its own
    texts: a word for each, written at its upper left corner
    returns: the axes

    Example:
        >>> from matplotlib.figure import Figure
        >>> ax = show_boxes(np.array([[1.0, 2.0, 5.0, 4.0]]), Figure().subplots(), texts=["disc"])
        >>> [(box.get_xy(), box.get_width(), box.get_height()) for box in ax.patches][-1]
        ((1.0, 2.0), 4.0, 2.0)

    Built in chapter 1.
    """
    boxes = as_array(boxes)
    expect_arrays(boxes=(boxes, "(n, 4) float or integer"))
    colours = instance_colours(len(boxes)) if colours is None else colours
    for number in reversed(range(len(boxes))):
        (x0, y0, x1, y1), colour = boxes[number].tolist(), colours[number]
        tone = tuple(colour / 255)
        for edge, width in ((DARK, 1.9), (tone, 1.0)):
            ax.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=edge, linewidth=width))
        if texts is not None:
            dark = np.dot(colour, (0.299, 0.587, 0.114)) < 140
            ax.text(
                max(x0, 0.0),
                max(y0, 0.0),
                texts[number],
                fontsize=7,
                color="white" if dark else DARK,
                va="top",
                bbox={"facecolor": tone, "edgecolor": "none", "pad": 1.2},
                clip_on=True,
            )
    return ax


@style()
def show_instances(
    picture: np.ndarray,
    instances: Instances,
    ax: Axes | None = None,
    *,
    names: Sequence[str] | None = None,
    boxes: bool = True,
    fill: float = 0.45,
) -> Axes:
    """Show a picture with the instances found in it, the best on top.

    picture: (h, w, 3) uint8
    instances: masks of the picture's size
    ax: where to draw; None makes new axes
    names: of the categories, the background first; with it each instance bears its category and score
    boxes: whether the boxes are drawn too
    fill: how much of the picture a mask covers, 0…1
    returns: the axes

    Built in chapter 1.
    """
    colours = instance_colours(len(instances))
    ax = show_masks(picture, instances.masks, ax, colours=colours, fill=fill)
    if boxes:
        found = zip(instances.categories.tolist(), instances.scores.tolist(), strict=True)
        texts = None if names is None else [f"{names[category]} {score:.2f}" for category, score in found]
        show_boxes(as_array(instances.boxes), ax, colours=colours, texts=texts)
    return ax


@style()
def show_truth(sample: Sample, ax: Axes | None = None, *, fill: float = 0.45) -> Axes:
    """Show a picture with its true instances; void is covered in grey.

    sample: the picture with its maps
    ax: where to draw; None makes new axes
    fill: how much of the picture a mask covers, 0…1
    returns: the axes

    Example:
        >>> from matplotlib.figure import Figure
        >>> categories, instances = np.array([[0, 1, 1]], np.uint8), np.array([[0, 1, 2]], np.int32)
        >>> sample = Sample("tiny", np.zeros((1, 3, 3), np.uint8), categories, instances)
        >>> len(show_truth(sample, Figure().subplots()).collections)  # two instances, two outlines each
        4

    Built in chapter 1.
    """
    verify_types(sample, sample.name)
    numbers = np.unique(sample.instances[sample.instances > 0])
    void = sample.categories == VOID
    picture = blend(sample.picture, void[None], clear_palette()[VOID:], 0.75)
    masks = Masks.from_labels(torch.from_numpy(sample.instances.copy()), torch.from_numpy(numbers))
    return show_masks(picture, masks, ax, fill=fill)


def instance_colours(count: int) -> np.ndarray:
    """Return a colour for each of so many instances; they differ for the first 35.

    count: how many instances
    returns: (count, 3) uint8

    Example:
        >>> instance_colours(2).tolist()  # orange, sky blue
        [[230, 159, 0], [86, 180, 233]]

    Built in chapter 1.
    """
    return clear_palette()[1:VOID][np.arange(count) % (VOID - 1)]


def blend(picture: np.ndarray, masks: np.ndarray | Masks, colours: np.ndarray, fill: float) -> np.ndarray:
    """Return a picture covered by translucent masks; where several lie over a pixel, only the first is seen.

    picture: (h, w, 3) uint8
    masks: (n, h, w) bool, or the `masks` of instances
    colours: (n, 3) uint8
    fill: 0 leaves the picture as it is, 1 hides it
    returns: (h, w, 3) uint8, the picture's own values outside the masks
    raises: ValueError for other types, and where the masks are not as many as the colours or not of the picture's size

    Example:
        >>> picture, red = np.full((1, 2, 3), 100, np.uint8), np.array([[200, 0, 0]])
        >>> blend(picture, np.array([[[True, False]]]), red, fill=0.5).tolist()
        [[[150, 50, 50], [100, 100, 100]]]

    Built in chapter 1.
    """
    picture, colours = as_array(picture), as_array(colours)
    colours = colours if colours.size else colours.reshape(0, 3)  # an empty list has no width
    expect_arrays(picture=(picture, "(h, w, 3) uint8"), colours=(colours, "(n, 3) integer or float"))
    size, many = picture.shape[:2], len(colours)
    if isinstance(masks, Masks):
        found = (len(masks), *masks.size)
    else:
        masks = as_array(masks)
        expect_arrays(masks=(masks, "(n, h, w) bool"))
        found = masks.shape
    if found != (many, *size):
        raise ValueError(f"masks: {found}, expected {(many, *size)} for {many} colours and the picture")
    mixed = picture.copy()
    for number, colour in reversed(list(zip(range(len(masks)), colours, strict=True))):
        mask = as_array(masks[number])  # (h, w) bool
        mixed[mask] = np.rint(picture[mask] * (1 - fill) + colour * fill)  # (pixels of the mask, 3)
    return mixed


def outline(mask: np.ndarray) -> np.ndarray:
    """Return the straight lines between the pixels of a mask and those that are not, or the picture's border.

    mask: (h, w) bool
    returns: (n, 2, 2) float64, for each line both ends as x, y, in pixels of the picture, each as long as it
        goes

    Example:
        >>> outline(np.array([[True, True]])).tolist()  # left and right edge, then top and bottom
        [[[0.0, 0.0], [0.0, 1.0]], [[2.0, 0.0], [2.0, 1.0]], [[0.0, 0.0], [2.0, 0.0]], [[0.0, 1.0], [2.0, 1.0]]]

    Built in chapter 1.
    """
    expect_arrays(mask=(mask, "(h, w) bool"))
    lines = []
    for across in (False, True):
        pixels = np.pad(mask.T if across else mask, 1).astype(np.int8)  # (h + 2, w + 2), or turned over
        # Lines run down between columns; the padding gives both sides of the picture one, and ends
        # every line.
        edges = (pixels[:, 1:] != pixels[:, :-1]).T.astype(np.int8)  # (w + 1, h + 2)
        steps = np.diff(edges, axis=1)  # (w + 1, h + 1): 1 where a line starts, −1 where it ends
        column, start = np.nonzero(steps == 1)  # (lines,) each
        _, end = np.nonzero(steps == -1)
        ends = np.stack([np.stack([column, start], 1), np.stack([column, end], 1)], 1)  # (lines, 2, 2)
        lines.append(ends[..., ::-1] if across else ends)
    return np.concatenate(lines).astype(np.float64)  # (n, 2, 2)
