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


def number_by_colour(palette: np.ndarray, used: np.ndarray) -> tuple[int, int] | None:
    """Return a number whose colour is that of another in VOC's palette, where all colours used are VOC's.

    A program that saves coloured labels with a palette of its own numbers the colours in its own order: by their
    frequency, or as they come. One's own colours are hardly ever all VOC's.

    palette: (n, 3) uint8
    used: (k,) integer, the numbers that occur, 0…n - 1
    returns: the first such number and the one that its colour has in VOC's palette; None where there is none, where
        two of the numbers have one colour, or where the palette is a ramp of greys

    Example:
        >>> number_by_colour(voc_palette()[[0, 15, 12]], np.array([0, 1, 2]))  # 1 has the person's colour
        (1, 15)
        >>> number_by_colour(voc_palette(), np.array([0, 15, 12])) is None
        True

    Our choice. Built in chapter 2.
    """
    known = {tuple(colour): number for number, colour in enumerate(voc_palette().tolist())}
    if (palette == np.arange(len(palette))[:, None]).all():
        return None
    own = [known.get(tuple(colour)) for colour in palette[used].tolist()]
    if None in own or len(set(own)) < len(own):
        return None
    return next(((int(n), other) for n, other in zip(used, own, strict=True) if other and other != n), None)


def black_elsewhere(palette: np.ndarray, numbers: np.ndarray) -> int | None:
    """Return the number that seems to be the background in a map whose palette begins with another colour than black.

    A program that orders colours by how bright or how frequent they are gives the background any number.

    palette: (n, 3) uint8
    numbers: (h, w) integer, what the map stores
    returns: the number that is black and stands at three or four of the map's corners; None where there is none, or
        where 0 is black or does not occur: black objects on white are nothing strange

    Example:
        >>> black_elsewhere(np.array([[255] * 3, [0] * 3], np.uint8), np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]]))
        1

    Our choice. Built in chapter 2.
    """
    corners = np.bincount(numbers[[0, 0, -1, -1], [0, -1, 0, -1]])
    number = int(corners.argmax())
    if corners[number] < 3 or not 0 < number < len(palette) or palette[number].any():
        return None
    return number if palette[0].any() and (numbers == 0).any() else None


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
