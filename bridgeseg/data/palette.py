"""The colours in which a label map is shown: VOC's palette, and one that colour-blind readers can tell apart.

Built in chapter 2.
"""

from __future__ import annotations

import numpy as np

from bridgeseg.structures.labels import VOID

# Seven hues of Okabe and Ito's set, its black left to the background: colour-blind readers tell them apart.
_HUES = np.array(
    [
        (230, 159, 0),  # orange
        (86, 180, 233),  # sky blue
        (0, 158, 115),  # bluish green
        (240, 228, 66),  # yellow
        (0, 114, 178),  # blue
        (213, 94, 0),  # vermilion
        (204, 121, 167),  # reddish purple
    ],
    dtype=np.float64,
)
# One turn through the hues after another: as they are, darker, lighter, two steps between. 35 colours in all.
_SHADES = (0.0, -0.45, 0.5, -0.25, 0.25)


def voc_palette() -> np.ndarray:
    """Return the palette of PASCAL VOC's label PNGs, in which 255 (void) is a pale cream.

    Three bits of a label at a time go, lowest first, to the highest free bit of red, green and blue, so that
    small labels differ in the bits that the eye sees best.

    returns: (256, 3) uint8, RGB

    Example:
        >>> voc_palette()[[0, 1, 2, 3, 255]].tolist()  # 1 is red's highest bit, 2 green's, 3 both
        [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [224, 224, 192]]

    Built in chapter 2.
    """
    labels = np.arange(256)  # (256,)
    palette = np.zeros((256, 3), dtype=np.uint8)
    for step in range(8):
        for channel in range(3):
            bit = (labels >> (3 * step + channel)) & 1
            palette[:, channel] |= (bit << (7 - step)).astype(np.uint8)
    return palette


def clear_palette() -> np.ndarray:
    """Return a palette whose first colours readers with a colour deficiency can tell apart too.

    Our choice: seven hues by Okabe and Ito, repeated in five shades; from label 36 on the colours repeat. The
    background is black, void a pale grey.

    returns: (256, 3) uint8, RGB

    Example:
        >>> clear_palette()[[0, 1, 36, 255]].tolist()  # 36 is orange again, as 1
        [[0, 0, 0], [230, 159, 0], [230, 159, 0], [224, 224, 224]]

    Built in chapter 2.
    """
    palette = np.zeros((256, 3), dtype=np.uint8)
    for label in range(1, VOID):
        turn, hue = divmod(label - 1, len(_HUES))
        shade = _SHADES[turn % len(_SHADES)]
        colour = _HUES[hue] * (1 + shade) if shade < 0 else _HUES[hue] + (255 - _HUES[hue]) * shade
        palette[label] = np.rint(colour)
    palette[VOID] = 224  # a middle grey would look like the bluish green to a deuteranope
    return palette
