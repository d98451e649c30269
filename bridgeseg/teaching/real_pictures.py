"""Real pictures for a chapter: which are at hand, what it lacks without the others, and whether to fetch them.

A chapter asks once, in a folded cell that is a form on Colab. Built in chapter 1.
"""

from __future__ import annotations

import sys

from bridgeseg.data.downloads import download_nuclei, download_pedestrians, text_progress
from bridgeseg.machine.environment import LAYOUTS, data_folder, download_folder
from bridgeseg.structures.labels import BadInput

# Those that a program may fetch; photographs are the reader's own.
FETCHED = {"pedestrians": download_pedestrians, "nuclei": download_nuclei}
MEGABYTES = {"pedestrians": 54, "nuclei": 83}


def real_pictures(fetch: bool = False) -> None:
    """Say which real pictures are at hand and what a chapter lacks without the others, and fetch them when asked to.

    fetch: whether the reader agrees that pedestrians and nuclei are fetched, once, into the cache; what is at hand is
        not fetched, and where there is no network one line says so

    Example:
        >>> real_pictures()  # doctest: +ELLIPSIS
        real pictures at hand: ...

    Built in chapter 1.
    """
    for name, download in FETCHED.items():
        if fetch and data_folder(name) is None:
            try:
                download(download_folder(), text_progress(name, sys.stdout))
            except BadInput as error:
                print(f"{name}: not fetched, {error}")
    missing = [name for name in LAYOUTS if data_folder(name) is None]
    at_hand = [name for name in LAYOUTS if name not in missing]
    print(f"real pictures at hand: {_listed(at_hand) or 'none'}")
    if missing:
        print(f"You miss {_listed(missing)}: drawn scenes stand in for them, or their figures are left out.")
    to_fetch = [name for name in missing if name in FETCHED]
    if to_fetch and not fetch:
        size = sum(MEGABYTES[name] for name in to_fetch)
        print(f"To fetch {_listed(to_fetch)} ({size} MB), set DOWNLOAD in this cell and run it again.")


def _listed(names: list[str]) -> str:
    *others, last = names or [""]
    return f"{', '.join(others)} and {last}" if others else last
