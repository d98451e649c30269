"""A look at a folder that does not open as a data set: at what can be read of it all the same.

Built in chapter 12.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bridgeseg.data.as_found import AsFound
from bridgeseg.machine.notes import counted
from bridgeseg.machine.progress import Progress, silent
from bridgeseg.machine.workers import cores, in_workers
from bridgeseg.structures.labels import VOID, BadInput
from bridgeseg.system.first_look import BY_WORKERS, FirstLook, PictureLook, look_at_one, shown_of
from bridgeseg.system.recipe import Recipe

FOLDERS = 12  # in the list of what stands there


class BareLook(NamedTuple):
    """What can be seen of a folder that does not open.

    look: at the pictures, those without labels included
    files: a line for each folder: how many files of which ending
    unlabelled: a line where label files cannot be read

    Built in chapter 12.
    """

    look: FirstLook
    files: tuple[str, ...]
    unlabelled: tuple[str, ...]


def look_as_found(
    found: AsFound, recipes: Sequence[Recipe], count: int | None = None, progress: Progress = silent
) -> BareLook:
    """Look at every picture of a folder, and at its labels as far as they can be read.

    found: what stands there
    recipes: on whose cells the objects are counted
    count: the first so many pictures only
    progress: called with the share done and a line
    returns: what is there

    Our choice. Built in chapter 12.
    """
    count = min(len(found), count or len(found))
    kept = shown_of(count)

    def look(number: int) -> tuple[PictureLook | None, str]:
        try:
            sample, wrong = found.read(number)
        except (BadInput, OSError) as error:
            return None, " ".join(str(error).split())
        return look_at_one(sample, recipes, keep=number in kept), wrong

    pictures, unread, wrong = [], [], {}
    for number, (one, reason) in enumerate(
        in_workers(look, range(count), cores() if count >= BY_WORKERS else 0)
    ):
        if one is None:
            unread.append(reason)
        else:
            pictures.append(one)
            if reason:
                wrong[one.name] = reason
        progress((number + 1) / count, f"{number + 1} of {count} pictures")
    labels = sum((one.pixels for one in pictures), np.zeros(VOID + 1, np.int64))
    highest = int(np.flatnonzero(labels[:VOID]).max(initial=0))
    lines = []
    if wrong:
        what = counted(list(wrong), "picture", "pictures")
        lines = [f"labels that cannot be read, of {what}; of the first: {next(iter(wrong.values()))}"]
    return BareLook(
        FirstLook(found.kind, found.categories(highest), tuple(pictures), tuple(unread), {}),
        _files(found),
        tuple(lines),
    )


def _files(found: AsFound) -> tuple[str, ...]:
    there = sorted((folder or "(itself)", endings) for folder, endings in found.files().items())
    wide = max((len(folder) for folder, _ in there[:FOLDERS]), default=0) + 2
    lines = [
        f"{folder:{wide}}"
        + ", ".join(f"{number:,} {ending or 'without an ending'}" for ending, number in endings.most_common())
        for folder, endings in there[:FOLDERS]
    ]
    return (*lines, *[f"… and {len(there) - FOLDERS} more folders"] * (len(there) > FOLDERS))
