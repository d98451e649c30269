"""Draws book/images/map.png, the map of the book on the welcome page: its parts, its chapters, and what each part adds.

    python book/images/map.py

Chapters in _toc.yml are filled, the others outlined. The pictures are those of one scene, with the truth; beside "Real
pictures" stands a micrograph of nuclei (BBBC038, CC0) where BRIDGESEG_DATA has them, else another scene.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes

from bridgeseg.data.open_dataset import open_pictures
from bridgeseg.data.scenes import Scenes
from bridgeseg.data.transforms import compact
from bridgeseg.plots.cell_maps import show_box_field
from bridgeseg.plots.label_maps import show_labels, show_picture
from bridgeseg.plots.overlays import show_boxes, show_masks
from bridgeseg.plots.style import FAINT, INK, LINES, style
from bridgeseg.structures.boxes import box_targets, instance_boxes
from bridgeseg.structures.labels import Sample

OUT = Path(__file__).with_suffix(".png")
ROOT = Path(__file__).parents[2]
DPI = 200  # twice what is shown on a wide page, nearly three times on a telephone
WIDTH, BAND, SIDE, MARGIN = 5.0, 1.48, 1.24, 0.1  # inches
COLOURS = (*LINES[:4], LINES[6])
CORNER = 256  # pixels of a micrograph that are shown

PARTS: dict[str, dict[int, str]] = {
    "I. The question": {
        1: "One picture, end to end",
        2: "What a label is",
        3: "How good is it?",
    },
    "II. Categories": {
        4: "A network that answers at every pixel",
        5: "How far it sees",
        6: "Training it",
        7: "The hard pixels",
    },
    "III. Instances": {
        8: "A box at every pixel",
        9: "Pixels vote",
        10: "Putting it together",
    },
    "IV. Real pictures": {11: "Photographs: PASCAL VOC", 12: "Your own pictures"},
    "V. Where it stands": {13: "The rival road", 14: "What came after", 15: "How fast"},
}


def chapters_here() -> list[int]:
    """Return the numbers of the chapters in the table of contents."""
    return [
        int(number)
        for number in re.findall(
            r"file: book/(\d+)_", (ROOT / "_toc.yml").read_text("utf8")
        )
    ]


def micrograph() -> Sample:
    """Return the corner of a micrograph with 8 to 25 nuclei that fill it most, or a scene where none is at hand."""
    plates = open_pictures("nuclei", "val")
    if plates is None:
        return Scenes("val", 96)[11]
    corners = [corner(plates[number]) for number in range(len(plates))]
    few = [part for part in corners if 8 <= part.instances.max() <= 25]
    return max(few, key=lambda part: (part.instances > 0).mean())


def corner(sample: Sample) -> Sample:
    """Return the upper left corner of a sample, its instances numbered anew."""
    parts = (sample.picture, sample.categories, sample.instances)
    return compact(Sample(sample.name, *(part[:CORNER, :CORNER] for part in parts)))


def masks_of(sample: Sample) -> np.ndarray:
    """Return the true masks of a sample, (n, h, w) bool."""
    return np.stack(
        [sample.instances == number for number in np.unique(sample.instances) if number]
    )


def drawings() -> list[Callable[[Axes], object]]:
    """Return what draws the picture of each part."""
    scene, plate = Scenes("val", 96)[10], micrograph()
    instances = torch.from_numpy(scene.instances)
    boxes, present = box_targets(instances[None])
    return [
        partial(show_picture, scene.picture),
        partial(show_labels, scene.categories, palette="clear"),
        partial(
            show_box_field,
            scene.picture,
            boxes[0],
            where=present[0],
            groups=instances,
            stride=1,
            every=7,
        ),
        partial(show_masks, plate.picture, masks_of(plate)),
        lambda ax: show_boxes(
            instance_boxes(instances)[1:], show_picture(scene.picture, ax)
        ),
    ]


@style()
def draw(here: list[int]) -> plt.Figure:
    """Draw a band for each part: its picture, its name and its chapters, joined by a road."""
    height = BAND * len(PARTS) - (BAND - SIDE) + 2 * MARGIN
    figure = plt.figure(figsize=(WIDTH, height))
    # Everything in inches from the lower left corner.
    page = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(0, height), zorder=-1)
    page.set_axis_off()
    page.plot(
        [MARGIN + SIDE / 2] * 2,
        [MARGIN + SIDE, height - MARGIN - SIDE],
        color=FAINT,
        lw=8,
    )
    left = MARGIN + SIDE + 0.24
    for number, ((part, chapters), drawing) in enumerate(
        zip(PARTS.items(), drawings(), strict=True)
    ):
        colour, top = COLOURS[number], height - MARGIN - number * BAND
        ax = figure.add_axes(
            (MARGIN / WIDTH, (top - SIDE) / height, SIDE / WIDTH, SIDE / height)
        )
        drawing(ax)
        ax.set_aspect("auto")
        ax.spines[:].set(visible=True, color=colour, linewidth=2.5)
        page.text(left - 0.06, top, part, color=INK, size=14, weight="bold", va="top")
        for line, (chapter, title) in enumerate(chapters.items()):
            y = top - 0.4 - line * 0.25
            filled = colour if chapter in here else "white"
            page.plot(
                left, y, "o", ms=8.5, mew=1.7, color=colour, markerfacecolor=filled
            )
            page.text(
                left + 0.14,
                y,
                f"{chapter}. {title}",
                color=INK,
                size=11,
                va="center_baseline",
            )
    return figure


def main() -> None:
    """Draw and write the picture; which chapters are filled stands in the file too."""
    matplotlib.use("agg")
    here = chapters_here()
    with plt.rc_context({"savefig.bbox": None}):  # all of the canvas, to the pixel
        draw(here).savefig(
            OUT,
            dpi=DPI,
            metadata={"Chapters": " ".join(map(str, here)), "Software": None},
        )
    print(f"{OUT.name}: chapters {here}, {OUT.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
