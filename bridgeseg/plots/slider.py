"""Pictures that a slider turns, in a notebook and in the published page, where no Python runs.

All frames are drawn beforehand; the browser alone links the slider to them. Each frame is HTML with an `<img>` that
has alt text, since a widget's own image has none. ipywidgets is imported when a slider is made and not before.

Built in chapter 1.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

COLOURS = 192  # in a frame's palette: a third of the bytes, and no difference that a reader would see


def as_png(figure: Figure, dpi: int = 110, colours: int = COLOURS) -> bytes:
    """Return a figure as the bytes of a small PNG, and close it.

    figure: drawn whole; its size stays what it is, so that all frames of a slider are alike
    dpi: pixels to the inch
    colours: in the palette of the PNG, 2…256
    returns: a PNG

    Built in chapter 1.
    """
    figure.set_dpi(dpi)
    buffer = io.BytesIO()
    # No tight bounding box, which would give every frame another size.
    with plt.rc_context({"savefig.bbox": None}):
        figure.savefig(buffer, format="png", dpi=dpi)
    plt.close(figure)
    with Image.open(buffer) as image:
        small = image.convert("RGB").quantize(colours, dither=Image.Dither.NONE)
    packed = io.BytesIO()
    small.save(packed, format="PNG", optimize=True)
    return packed.getvalue()


def picture_png(picture: np.ndarray) -> bytes:
    """Return a picture, (h, w, 3) uint8, as the bytes of a PNG.

    Built in chapter 1.
    """
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def image_tag(png: bytes, alt: str, style: str = "width:100%;height:auto") -> str:
    """Return HTML that shows a PNG from within the page.

    alt: what the picture shows, for readers who do not see it
    raises: ValueError without an alt text

    Built in chapter 1.
    """
    if not alt.strip():
        raise ValueError("alt: empty, expected what the picture shows")
    data = base64.b64encode(png).decode()
    return f'<img src="data:image/png;base64,{data}" alt="{html.escape(alt)}" style="{style}">'


def turned_by_a_slider(
    name: str, values: Sequence[str], frames: Sequence[bytes], alts: Sequence[str], start: int = 0
) -> Any:
    """Return a widget: a slider over the values, and below it the frame of the value chosen.

    name: what the slider turns, shown beside it
    values: what each stop is called
    frames: a PNG for each value, all of one size
    alts: what each frame shows
    start: number of the frame shown first
    returns: an ipywidgets box; the browser links slider and frames, so that it works in a published page too
    raises: ValueError when there are no frames, or not as many of one as of the other

    Built in chapter 1.
    """
    import ipywidgets as widgets

    if not frames or not len(values) == len(frames) == len(alts):
        raise ValueError(
            f"{len(values)} values, {len(frames)} frames, {len(alts)} alts; expected as many of each, and some"
        )
    # A slider over the numbers of the frames and not over the values: its number is what the browser can link.
    slider = widgets.IntSlider(
        value=start,
        min=0,
        max=len(frames) - 1,
        description=name,
        readout=False,
        style={"description_width": "initial"},
        layout=widgets.Layout(width="min(100%, 28rem)"),
    )
    labels = [widgets.HTML(f"<b>{html.escape(value)}</b>") for value in values]
    pictures = [widgets.HTML(image_tag(png, alt)) for png, alt in zip(frames, alts, strict=True)]
    shown = []
    for children in (labels, pictures):
        stack = widgets.Stack(children, selected_index=start, layout=widgets.Layout(overflow="hidden"))
        widgets.jslink((slider, "value"), (stack, "selected_index"))
        shown.append(stack)
    shown[1].layout.width = "100%"
    # On a phone the label goes below the slider.
    row = widgets.HBox([slider, shown[0]], layout=widgets.Layout(flex_flow="row wrap"))
    return widgets.VBox([row, shown[1]], layout=widgets.Layout(width="100%"))
