"""What the environment says: how long a chapter may take, where trained networks are kept, where pictures are.

    BRIDGESEG_TIER     fast (two cores, minutes) or full (a GPU); else full where there is CUDA
    BRIDGESEG_CACHE    what chapters trained or downloaded; else a folder for caches in the reader's home
    BRIDGESEG_DATA     real pictures in the folders `pedestrians`, `nuclei` and `photos`

Every function asks anew, so that a test or a notebook may set a variable at any time. Built in chapter 1.
"""

from __future__ import annotations

import os
from pathlib import Path

import torch

from bridgeseg.structures.labels import BadInput

TIERS = ("fast", "full")
LAYOUTS = {"pedestrians": "voc", "nuclei": "nuclei", "photos": "voc"}  # the folders of BRIDGESEG_DATA


def tier() -> str:
    """Return the tier that chapters run in: "fast" or "full".

    returns: what BRIDGESEG_TIER says; where it says nothing, "full" with CUDA and "fast" without
    raises: BadInput when BRIDGESEG_TIER says something else

    Example:
        >>> tier() in TIERS
        True

    Our choice. Built in chapter 1.
    """
    chosen = os.environ.get("BRIDGESEG_TIER")
    if not chosen:
        return "full" if torch.cuda.is_available() else "fast"
    if chosen not in TIERS:
        raise BadInput(f"BRIDGESEG_TIER: {chosen!r}, expected {' or '.join(TIERS)}")
    return chosen


def device() -> torch.device:
    """Return where networks compute: the first GPU where there is CUDA, else the processor.

    Built in chapter 1.
    """
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def cache_folder() -> Path:
    """Return the folder for what chapters trained or downloaded; it need not exist yet.

    returns: BRIDGESEG_CACHE, else `bridgeseg` in XDG_CACHE_HOME, else in ~/.cache

    Built in chapter 1.
    """
    named = os.environ.get("BRIDGESEG_CACHE")
    if named:
        return Path(named).expanduser().absolute()
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "bridgeseg"


def download_folder() -> Path:
    """Return the folder that chapters download pictures into; it is searched after BRIDGESEG_DATA.

    Example:
        >>> download_folder() == cache_folder() / "data"
        True

    Built in chapter 1.
    """
    return cache_folder() / "data"


def data_folder(name: str) -> Path | None:
    """Return the folder with a set of real pictures, or None where it is not at hand.

    name: "pedestrians", "nuclei" or "photos"
    returns: the folder in BRIDGESEG_DATA, else the one that a chapter downloaded
    raises: BadInput for another name, and when BRIDGESEG_DATA names no folder

    Example:
        >>> data_folder("cats")
        Traceback (most recent call last):
            ...
        bridgeseg.structures.labels.BadInput: pictures 'cats', expected one of pedestrians, nuclei, photos

    Built in chapter 1.
    """
    if name not in LAYOUTS:
        raise BadInput(f"pictures {name!r}, expected one of {', '.join(LAYOUTS)}")
    places = [download_folder()]
    if named := os.environ.get("BRIDGESEG_DATA"):
        if not os.path.isdir(named):
            raise BadInput(f"BRIDGESEG_DATA: {named} is not a folder, expected one with {', '.join(LAYOUTS)}")
        places.insert(0, Path(named).absolute())
    return next((place / name for place in places if (place / name).is_dir()), None)
