"""Many pictures with their objects on one sheet, to be looked at before anything is trained.

Built in chapter 12.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from bridgeseg.plots.overlays import blend, instance_colours
from bridgeseg.structures.labels import VOID, Sample

SIDE = 320  # pixels; the longer side of a picture on the sheet
CAPTION, MARGIN = 18, 8


def truth_sheet(samples: Sequence[Sample], columns: int = 4) -> np.ndarray:
    """Return a sheet of pictures with their true objects, each in a colour and with its outline, void in grey.

    samples: at least one; any size, pictures are made smaller
    columns: pictures in a row
    returns: (h, w, 3) uint8, RGB

    Built in chapter 12.
    """
    columns = min(columns, len(samples))
    rows = -(-len(samples) // columns)
    sheet = Image.new(
        "RGB",
        (columns * (SIDE + MARGIN) + MARGIN, rows * (SIDE + CAPTION + MARGIN) + MARGIN),
        "white",
    )
    draw = ImageDraw.Draw(sheet)
    for number, sample in enumerate(samples):
        left = MARGIN + number % columns * (SIDE + MARGIN)
        top = MARGIN + number // columns * (SIDE + CAPTION + MARGIN)
        # Pillow's own font has no other letters.
        count = len(np.unique(sample.instances[sample.instances > 0]))
        name = sample.name.encode("ascii", "replace").decode()
        name = name if len(name) <= 32 else f"{name[:29]}..."
        draw.text((left, top + 2), f"{name}: {count}", fill="black")
        sheet.paste(Image.fromarray(_outlined(sample)), (left, top + CAPTION))
    return np.asarray(sheet)


def _outlined(sample: Sample) -> np.ndarray:
    """A small picture in which every object has its colour and its outline, (h, w, 3) uint8."""
    height, width = sample.categories.shape
    scale = min(1.0, SIDE / max(height, width))
    tall, wide = max(1, round(height * scale)), max(1, round(width * scale))
    picture = np.asarray(Image.fromarray(sample.picture).resize((wide, tall), Image.Resampling.BOX))
    # The labels of the pixels in the middle of the smaller ones: (tall, wide)
    rows, columns = (np.arange(n) * full // n + full // n // 2 for n, full in ((tall, height), (wide, width)))
    rows, columns = np.minimum(rows, height - 1), np.minimum(columns, width - 1)
    instances = sample.instances[np.ix_(rows, columns)]
    categories = sample.categories[np.ix_(rows, columns)]
    grey = np.array([[224, 224, 224]], np.uint8)
    picture = blend(picture, (categories == VOID)[None], grey, 0.75)
    palette = instance_colours(max(int(instances.max()), 1))
    colours = palette[np.maximum(instances - 1, 0)]  # (tall, wide, 3)
    # Half the border lies on either side: a pixel is on it where its right or lower neighbour is another.
    edge = np.zeros(instances.shape, bool)
    edge[:, :-1] |= instances[:, :-1] != instances[:, 1:]
    edge[:-1] |= instances[:-1] != instances[1:]
    covered = (0.65 * picture + 0.35 * colours).astype(np.uint8)
    picture = np.where((instances > 0)[..., None], covered, picture)
    return np.where((edge & (instances > 0))[..., None], colours, picture)
