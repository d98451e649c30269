"""Pictures that a slider turns: plain HTML, alive in a notebook, on Colab and on the page, where no Python runs.

All frames are drawn beforehand and stand in the HTML, each with an alt text; one of them is shown. Three lines of
script, in the slider itself, show another when it is moved. Where no script runs, the one of the start stays.

Built in chapter 1.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from bridgeseg.structures.preconditions import expect_arrays

COLOURS = 192  # in a frame's palette: a third of the bytes, and no difference that a reader would see

# What the browser does when the slider is moved; `this` is the slider. It looks for the frames in its own view and not
# on the whole page, so that several views do not disturb one another. It stands in an attribute: no double quotes.
TURN = """
const frames = this.closest('.turned-by-a-slider').querySelectorAll('.frame');
frames.forEach((frame, number) => { frame.style.display = number === Number(this.value) ? '' : 'none'; });
this.setAttribute('aria-valuetext', frames[this.value].querySelector('b').textContent);
"""

# The label around the slider is what gives it its name. Two attributes are for what is around: `autocomplete`, since on
# a page that is loaded again some browsers would move the slider back and not the frames; `data-lm-suppress-shortcuts`,
# since JupyterLab would take the arrow keys to go from heading to heading.
VIEW = """<div class="turned-by-a-slider" style="max-width: 48rem">
<label style="display: flex; flex-wrap: wrap; gap: 0 0.75em">{name}
<input type="range" min="0" max="{last}" value="{start}" aria-valuetext="{value}" autocomplete="off"
data-lm-suppress-shortcuts="true" style="flex: 0 1 24rem; min-width: 0" oninput="{turn}"></label>
{frames}
</div>"""
FRAME = """<div class="frame"{style}><p style="margin: 0.3em 0"><b>{value}</b></p>{image}</div>"""


@dataclass(frozen=True)
class View:
    """HTML that a notebook shows when a cell ends with it.

    Example:
        >>> View("<b>bold</b>")
        View of 11 characters of HTML

    Built in chapter 1.
    """

    html: str  # whole by itself: pictures and script are in it

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return f"View of {len(self.html):,} characters of HTML"


def as_png(figure: Figure, dpi: int = 110, colours: int = COLOURS) -> bytes:
    """Return a figure as the bytes of a small PNG, and close it.

    figure: drawn whole; its size stays what it is, so that all frames of a slider are alike
    dpi: pixels to the inch
    colours: in the palette of the PNG, 2…256
    returns: a PNG

    Example:
        >>> figure = plt.figure(figsize=(3, 2))
        >>> with Image.open(io.BytesIO(as_png(figure, dpi=50))) as frame:
        ...     print(frame.format, frame.size)
        PNG (150, 100)

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
    expect_arrays(picture=(picture, "(h, w, 3) uint8, not empty"))
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def image_tag(png: bytes, alt: str, style: str = "width:100%;height:auto") -> str:
    """Return HTML that shows a PNG from within the page.

    png: the bytes of the file
    alt: what the picture shows, for readers who do not see it
    style: CSS
    raises: ValueError without an alt text

    Built in chapter 1.
    """
    if not alt.strip():
        raise ValueError("alt: empty, expected what the picture shows")
    data = base64.b64encode(png).decode()
    return f'<img src="data:image/png;base64,{data}" alt="{html.escape(alt)}" style="{style}">'


def turned_by_a_slider(
    name: str, values: Sequence[str], frames: Sequence[bytes], alts: Sequence[str], start: int = 0
) -> View:
    """Return a view: a slider over the values, and below it the frame of the value chosen.

    name: what the slider turns, shown beside it
    values: what each stop is called, shown above its frame
    frames: a PNG for each value, all of one size
    alts: what each frame shows
    start: number of the frame shown first, 0…frames - 1
    returns: HTML, to end a cell with; it needs neither Python nor the network any more
    raises: ValueError when there are no frames, or not as many of one as of the other, or none with the number `start`

    Example:
        >>> frames = [picture_png(np.full((40, 60, 3), grey, np.uint8)) for grey in (0, 128)]
        >>> view = turned_by_a_slider("grey", ["none", "half"], frames, ["all black", "all grey"])
        >>> view.html.count("<img"), view.html.count("display: none")
        (2, 1)

    Built in chapter 1.
    """
    if not frames or not len(values) == len(frames) == len(alts):
        raise ValueError(
            f"{len(values)} values, {len(frames)} frames, {len(alts)} alts; expected as many of each, and some"
        )
    if not 0 <= start < len(frames):
        raise ValueError(f"start: {start}, expected 0…{len(frames) - 1}, the number of a frame")
    shown = [
        FRAME.format(
            style="" if number == start else ' style="display: none"',
            value=html.escape(value),
            image=image_tag(png, alt),
        )
        for number, (value, png, alt) in enumerate(zip(values, frames, alts, strict=True))
    ]
    return View(
        VIEW.format(
            name=html.escape(name),
            last=len(frames) - 1,
            start=start,
            value=html.escape(values[start]),
            turn=TURN,
            frames="\n".join(shown),
        )
    )
