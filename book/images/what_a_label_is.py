"""Draws book/images/what_a_label_is.png, the first picture of chapter 2: a scene, its two maps, two pixels through all.

python book/images/what_a_label_is.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from matplotlib.transforms import Affine2D

from bridgeseg.data.palette import clear_palette
from bridgeseg.data.scenes import Scenes
from bridgeseg.plots.style import INK, style
from bridgeseg.structures.labels import Sample

OUT = Path(__file__).with_suffix(".png")
SCENE = 1154  # that of the chapter
SIDE = 96
SHEAR, FLAT, STEP = (
    0.55,
    0.52,
    47.0,
)  # how far a sheet leans, how flat it lies, how far below the next one lies
LEFT, RIGHT = (35, 14), (14, 59)  # the pixels to point at, row and column: on two rings


def sheet(level: int) -> Affine2D:
    """Return how the pixels of a sheet, the top one is 0, lie in the drawing."""
    return Affine2D(
        np.array(
            [[1.0, -SHEAR, SHEAR * SIDE], [0.0, FLAT, level * STEP], [0.0, 0.0, 1.0]]
        )
    )


def lay(ax: Axes, pixels: np.ndarray, level: int) -> None:
    """Draw a picture as a sheet that lies flat."""
    place = sheet(level)
    corners = place.transform([(0, 0), (SIDE, 0), (SIDE, SIDE), (0, SIDE)])
    ax.add_patch(
        Polygon(
            corners + (2.0, 2.6),
            facecolor="#c9ced6",
            edgecolor="none",
            zorder=3 * level,
        )
    )
    image = ax.imshow(
        pixels, extent=(0, SIDE, SIDE, 0), interpolation="nearest", zorder=3 * level + 1
    )
    image.set_transform(place + ax.transData)
    ax.add_patch(
        Polygon(corners, fill=False, edgecolor=INK, linewidth=0.9, zorder=3 * level + 2)
    )


def point_at(
    ax: Axes, sample: Sample, pixel: tuple[int, int], names: tuple[str, ...]
) -> None:
    """Draw a line through one pixel of all sheets, and write its values beside them."""
    row, column = pixel
    red, green, blue = sample.picture[pixel].tolist()
    category, instance = int(sample.categories[pixel]), int(sample.instances[pixel])
    words = (
        f"{red}, {green}, {blue}",
        f"{category}: a {names[category]}",
        f"{instance}: object {instance}",
    )
    points = [sheet(level).transform((column + 0.5, row + 0.5)) for level in range(3)]
    (x, top), bottom = points[0], points[-1][1]
    ax.plot(
        [x, x],
        [top - 12, bottom],
        color=INK,
        linestyle=(0, (3, 2)),
        linewidth=1.3,
        zorder=20,
    )
    for level, ((x, y), text) in enumerate(zip(points, words)):
        ax.plot(
            x,
            y,
            "o",
            markersize=8,
            markerfacecolor="white",
            markeredgecolor=INK,
            zorder=21,
        )
        tone = (
            sample.picture[pixel]
            if level == 0
            else clear_palette()[(category, instance)[level - 1]]
        )
        ax.plot(
            x,
            y,
            "o",
            markersize=4.5,
            markerfacecolor=tone / 255,
            markeredgecolor="none",
            zorder=22,
        )
        frame = {
            "facecolor": "white",
            "edgecolor": "#8a9097",
            "boxstyle": "round,pad=0.25",
            "linewidth": 0.7,
        }
        left = pixel == LEFT
        ax.annotate(
            text,
            (x, y),
            (-4.0, y + 9) if left else (153.0, y + 2),
            ha="right" if left else "left",
            va="center",
            fontsize=11.5,
            arrowprops={
                "arrowstyle": "-",
                "color": INK,
                "linewidth": 0.9,
                "shrinkB": 4,
            },
            bbox=frame,
            zorder=23,
        )


@style()
def draw(sample: Sample, names: tuple[str, ...]) -> Figure:
    """Draw the three sheets, their titles and two pixels."""
    figure, ax = plt.subplots(figsize=(9.0, 6.6))
    sheets = (
        ("the picture", "a colour for every pixel", sample.picture),
        ("the category map", "what is it?", clear_palette()[sample.categories]),
        ("the instance map", "which one is it?", clear_palette()[sample.instances]),
    )
    for level, (title, question, pixels) in enumerate(sheets):
        lay(ax, pixels, level)
        y = level * STEP + 1
        ax.text(-74, y, title, fontsize=13.5, weight="bold", va="center")
        ax.text(-74, y + 7, question, fontsize=11.5, va="center")
    for pixel in (LEFT, RIGHT):
        point_at(ax, sample, pixel, names)
    ax.set(xlim=(-76, 190), ylim=(2 * STEP + SIDE * FLAT + 5, -4), aspect="equal")
    ax.axis("off")
    return figure


def main() -> None:
    """Draw and write the picture."""
    matplotlib.use("agg")
    scenes = Scenes("train", SIDE)
    with style():
        draw(scenes[SCENE], scenes.categories).savefig(OUT, dpi=110)
    print(f"{OUT.name}: {OUT.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
