"""Regions that may overlap, laid into the two maps of a sample, where none does.

Built in chapter 12.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bridgeseg.data.findings import Findings
from bridgeseg.data.polygons import Patch
from bridgeseg.structures.labels import BACKGROUND, VOID, Sample


class Region(NamedTuple):
    """A part of a picture with a category, as a labelling tool has it.

    category: 1…C for an object; 0 where it says that here is none, 255 where it says that nothing is known
    patch: its pixels

    Built in chapter 12.
    """

    category: int
    patch: Patch


def compose(name: str, picture: np.ndarray, regions: Sequence[Region], findings: Findings) -> Sample:
    """Return a sample whose maps hold a picture's regions.

    name: of the picture
    picture: (h, w, 3) uint8
    regions: in the order in which they were drawn
    findings: where overlaps and regions without a pixel are counted
    returns: the sample; objects are numbered in their order, without a gap

    Our choice: a pixel of two objects belongs to the smaller one, of equals to the later, so that what lies on
    something larger is never hidden. Background and void take what was drawn before them, and nothing that comes after.

    Example:
        >>> whole, part = Patch(0, 0, np.ones((1, 3), bool)), Patch(0, 1, np.ones((1, 1), bool))
        >>> regions = [Region(2, part), Region(1, whole)]
        >>> compose("a", np.zeros((1, 3, 3), np.uint8), regions, Findings()).instances.tolist()
        [[2, 1, 2]]

    Built in chapter 12.
    """
    size = picture.shape[:2]
    owner = np.zeros(size, np.int32)  # the object, by its place in the list, from 1
    eraser = np.zeros(size, np.int32)  # the last background or void over a pixel, as well
    for number, (category, patch) in enumerate(regions, 1):
        if category in (BACKGROUND, VOID):
            eraser[patch.place][patch.mask] = number
    objects = [
        number for number, region in enumerate(regions, 1) if region.category not in (BACKGROUND, VOID)
    ]
    shared = 0
    for number in sorted(objects, key=lambda number: -regions[number - 1].patch.area):
        patch = regions[number - 1].patch
        place = owner[patch.place]
        held = patch.mask & (eraser[patch.place] < number)
        shared += int(np.count_nonzero(place[held]))
        place[held] = number
    if shared:
        findings.note("pixels in two objects, given to the smaller one", name, shared)
    pixels = np.bincount(owner.ravel(), minlength=len(regions) + 1)
    kept = [number for number in objects if pixels[number]]
    if len(kept) < len(objects):
        findings.note("objects without a pixel of their own", name, len(objects) - len(kept))
    renumbered = np.zeros(len(regions) + 1, np.int32)
    renumbered[kept] = np.arange(1, len(kept) + 1)
    names = np.array([BACKGROUND, *(region.category for region in regions)], np.uint8)
    categories = names[np.where(owner > 0, owner, eraser)]
    return Sample(name, picture, categories, renumbered[owner])
