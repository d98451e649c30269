"""Instance maps that look like something else: one number for all objects, the background's, or the categories'.

Built in chapter 12.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Our choice: so many maps of a set are looked at, and of fewer than three nothing is said: one person behind a post is
# in two pieces, and one cat fills a picture.
LOOKED_AT, FEWEST = 8, 3


def doubt(maps: Sequence[np.ndarray], categories: Sequence[np.ndarray]) -> str | None:
    """Return what is doubtful in more than half of some instance maps.

    maps: (h, w) integer each, 0 none
    categories: (h, w) integer each, their categories; empty where there are no such maps
    returns: words, None where all looks well or there are fewer than three maps with an instance

    Example:
        >>> doubt([np.array([[0, 1, 0, 1, 0]])] * 3, [])
        'one number for all that is apart; number the objects of a picture 1, 2, 3 …'

    Our choice. Built in chapter 12.
    """
    held = [map_ for map_ in maps if map_.any()]
    if len(held) < FEWEST:
        return None
    if _most([_at_corners(map_) for map_ in held]):
        return "one instance holds all four corners of the picture; is it the background, whose number is 0?"
    if categories and all(map(np.array_equal, maps, categories)) and any(map(_apart, held)):
        return "the numbers are those of SegmentationClass; number the objects of a picture 1, 2, 3 …"
    if _most([int(map_.max()) == int(map_[map_ > 0].min()) and _apart(map_) for map_ in held]):
        return "one number for all that is apart; number the objects of a picture 1, 2, 3 …"
    return None


def _most(found: Sequence[bool]) -> bool:
    """Whether it is so in more than half."""
    return 2 * sum(found) > len(found)


def _at_corners(map_: np.ndarray) -> bool:
    """Whether one instance holds all four corners."""
    corners = map_[[0, 0, -1, -1], [0, -1, 0, -1]]
    return bool(corners[0] and (corners == corners[0]).all())


def _apart(map_: np.ndarray) -> bool:
    """Whether an instance has an empty row or column within it: quick, and never wrong where it says so."""
    for number in np.unique(map_[map_ > 0]):
        for along in (0, 1):
            filled = np.flatnonzero((map_ == number).any(along))
            if len(filled) <= filled[-1] - filled[0]:
                return True
    return False
