"""Which pictures of a set the networks are shown smaller than they are.

Built in chapter 12.
"""

from __future__ import annotations

from collections.abc import Mapping

from bridgeseg.machine.notes import counted
from bridgeseg.system.prediction import shrinking
from bridgeseg.system.recipe import PictureRecipe


def made_smaller(sizes: Mapping[str, tuple[int, ...]], pictures: PictureRecipe) -> list[str]:
    """Return a line that counts and names the pictures that are made smaller before a network sees them.

    sizes: by the name of a picture its height and width, pixels; what follows them is not looked at
    pictures: of the recipe
    returns: no line or one

    Example:
        >>> made_smaller({"a": (480, 640), "b": (3000, 4000)}, PictureRecipe(long_side=640))
        ['1 picture (b) made smaller, to 640 pixels at most: small objects may be lost']

    Built in chapter 12.
    """
    names = [name for name, size in sizes.items() if shrinking(size[0], size[1], pictures)]
    if not names:
        return []
    what = counted(names, "picture", "pictures")
    return [f"{what} made smaller, to {pictures.long_side} pixels at most: small objects may be lost"]
