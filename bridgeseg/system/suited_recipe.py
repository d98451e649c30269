"""Which recipe suits a data set, from a first look at it, and why.

Built in chapter 12.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bridgeseg.system.first_look import FirstLook
from bridgeseg.system.presets import RECIPES, default_recipe
from bridgeseg.system.recipe import Recipe

MANY = 10  # objects in the median picture, from which they count as many
SMALL = 40.0  # pixels; a square with the median object's area has a shorter side where objects are small
LARGE = 0.02  # share of its picture that the median object covers where objects are large


class Suited(NamedTuple):
    """A recipe and the reason for it.

    recipe: the preset
    reason: half a sentence

    Built in chapter 12.
    """

    recipe: Recipe
    reason: str


def suited_recipe(look: FirstLook, full: bool) -> Suited:
    """Return the preset that suits a data set.

    look: at the pictures to train on, of which some have an instance
    full: whether there is a GPU to train on
    returns: what `train` takes by itself for scenes and nuclei; for folders of pictures what their objects are like

    Our choice, by what the presets were tried on (`bridgeseg.system.presets`). Built in chapter 12.
    """
    if look.kind in ("scenes", "nuclei"):
        return Suited(default_recipe(look.kind, full), f"made for {look.kind}")
    side, share = float(np.median(look.areas)) ** 0.5, float(np.median(look.shares))
    many = float(np.median(look.per_picture))
    micrographs = RECIPES["nuclei-full" if full else "nuclei-fast"]
    if np.mean([one.grey for one in look.pictures]) >= 0.5:
        return Suited(
            micrographs,
            "most pictures have no colour, as micrographs; contrast is stretched, all positions shown",
        )
    if many >= MANY and side < SMALL:
        return Suited(
            micrographs,
            f"many small objects: {many:.0f} in the median picture, the median one {side:.0f} pixels wide",
        )
    if len(look.categories) == 2 and share >= LARGE:
        return Suited(
            RECIPES["streets-light"],
            f"colour pictures of one category, the median object {share:.1%} of its picture",
        )
    kinds = len(look.categories) - 1
    what = (
        f"{kinds} categories" if kinds > 1 else f"one category, the median object {share:.1%} of its picture"
    )
    return Suited(RECIPES["photos-light"], f"colour pictures of {what}")
