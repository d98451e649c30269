"""What looks wrong in a data set, from a first look at it: each thing one line with a count and the first names.

Built in chapter 12.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bridgeseg.data.category_names import is_doubtful
from bridgeseg.structures.labels import VOID
from bridgeseg.system.first_look import FirstLook, PictureLook

NAMED = 3  # names in a line
LETTERS = 24  # of a name
NARROW = 48  # grey values; a picture that uses no more is hardly seen
MOST_VOID = 0.3  # share of all pixels
WHOLE = 0.9  # share of the picture that an object hardly ever covers
SPECK = 4  # pixels; an instance with fewer is no object
PIECES = 3  # separate pieces of the only instance, from which it is likely several objects
HALF = 0.5


def suspicions(look: FirstLook) -> list[str]:
    """Return what looks wrong in a data set.

    look: at it
    returns: lines, none where all looks well; what they say may still be meant so

    Our choice. Built in chapter 12.
    """
    if not look.pictures:
        return []
    return [*_of_labels(look), *_of_objects(look), *_of_pictures(look)]


def _of_labels(look: FirstLook) -> list[str]:
    """Void, categories and their names."""
    lines = []
    labels = sum((one.pixels for one in look.pictures), np.zeros(VOID + 1, np.int64))
    only_void = [one for one in look.pictures if one.pixels[VOID] and not one.pixels[1:VOID].any()]
    if only_void:
        lines.append(
            f"{_pictures(only_void)}: every labelled pixel is void; in masks of 0 and 255 the 255 is read as void, "
            "objects are numbered 1, 2, 3 …"
        )
    if (share := labels[VOID] / labels.sum()) > MOST_VOID:
        lines.append(f"{share:.0%} of all pixels are void, which neither teach nor count")
    counts = np.bincount(look.kinds, minlength=len(look.categories))
    never = [name for k, name in enumerate(look.categories) if k and not labels[k]]
    bare = [name for k, name in enumerate(look.categories) if k and labels[k] and not counts[k]]
    if never:
        lines.append(f"in no picture: {_listed(never)}")
    if bare:
        lines.append(f"with pixels and without any instance: {_listed(bare)}")
    if strange := [name for name in look.categories[1:] if is_doubtful(name)]:
        lines.append(f"a category called {_listed(strange)}: is it an object?")
    return lines


def _of_objects(look: FirstLook) -> list[str]:
    """Instances that are likely none, or several."""
    lines = []
    empty = [one for one in look.pictures if not len(one.areas)]
    if len(empty) > HALF * len(look.pictures):
        lines.append(f"{_pictures(empty)} without any instance")
    if specks := int((look.areas < SPECK).sum()):
        where = [one for one in look.pictures if (one.areas < SPECK).any()]
        what = "1 instance" if specks == 1 else f"{specks} instances"
        lines.append(f"{what} of fewer than {SPECK} pixels, in {_pictures(where)}")
    if whole := [one for one in look.pictures if (one.areas > WHOLE * one.size[0] * one.size[1]).any()]:
        lines.append(
            f"an instance covers more than {WHOLE:.0%} of {_pictures(whole)}; is the mask turned round?"
        )
    joined = [one for one in look.pictures if one.parts >= PIECES]
    if len(joined) > HALF * sum(len(one.areas) == 1 for one in look.pictures):  # some lie behind a post
        lines.append(
            f"the only instance is {PIECES} separate pieces or more in {_pictures(joined)}; "
            "several objects under one number?"
        )
    return lines


def _of_pictures(look: FirstLook) -> list[str]:
    """Contrast, and pictures that are there twice."""
    lines = []
    flat = [one for one in look.pictures if one.span[1] - one.span[0] < NARROW]
    if flat:
        lines.append(
            f"{_pictures(flat)} with fewer than {NARROW} of 256 grey values; the recipes for nuclei stretch contrast"
        )
    first: dict[str, PictureLook] = {}
    twins = []
    for one in look.pictures:
        if first.setdefault(one.digest, one) is not one:
            twins.append(f"{one.name} = {first[one.digest].name}")
    if twins:
        lines.append(f"{_count(len(twins))} the same as another, pixel for pixel: {_listed(twins)}")
    both = [
        f"{one.name} = {look.elsewhere[one.digest]}" for one in look.pictures if one.digest in look.elsewhere
    ]
    if both:
        lines.append(
            f"{_count(len(both))} also in the other part, so that scores would flatter: {_listed(both)}"
        )
    return lines


def _count(number: int) -> str:
    return "1 picture is" if number == 1 else f"{number} pictures are"


def _pictures(looks: Sequence[PictureLook]) -> str:
    """So many pictures and the first names."""
    number = "1 picture" if len(looks) == 1 else f"{len(looks)} pictures"
    return f"{number} ({_listed([one.name for one in looks])})"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    first = [" = ".join(map(_shortened, name.split(" = "))) for name in names[:NAMED]]  # twins are two names
    return ", ".join(first) + more


def _shortened(name: str) -> str:
    """A name that is no hash of a whole line; numbers stand mostly at the end."""
    return name if len(name) <= LETTERS else f"{name[: LETTERS - 9]}…{name[-8:]}"
