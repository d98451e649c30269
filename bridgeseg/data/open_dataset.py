"""Data sets by their kind: drawn scenes, folders of VOC's layout, SBD, nuclei; and the first samples of any of them.

Built in chapter 2.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from bridgeseg.data.nuclei import NucleiFolder
from bridgeseg.data.sbd import SbdFolder
from bridgeseg.data.scenes import Scenes
from bridgeseg.data.voc import VocFolder
from bridgeseg.machine.environment import LAYOUTS, data_folder
from bridgeseg.machine.notes import Note, unsaid
from bridgeseg.structures.labels import BadInput, Labelled, Sample

KINDS = ("scenes", "voc", "sbd", "nuclei")
# SBD's own lists mix pictures of VOC's train and val; the field trains and scores instances on the lists of SDS.
SDS = {"train": "sds_train", "val": "sds_val"}


@dataclass(frozen=True)
class First:
    """The first samples of a data set, itself a data set.

    whole: the data set
    count: how many samples, at most as many as it has

    Example:
        >>> first = First(Scenes("val", size=32), 2)
        >>> len(first), first.names
        (2, ['val-0-00000', 'val-0-00001'])

    Built in chapter 2.
    """

    whole: Labelled
    count: int

    @property
    def kind(self) -> str:
        """What the data set is: "scenes", "voc", "sbd" or "nuclei"."""
        return self.whole.kind

    @property
    def root(self) -> Path | None:
        """The folder that it is read from; None where it is drawn."""
        return self.whole.root

    @property
    def categories(self) -> tuple[str, ...]:
        """The names of the categories; the first is "background"."""
        return self.whole.categories

    @property
    def names(self) -> list[str]:
        """The names of the pictures."""
        return self.whole.names[: self.count]

    def __len__(self) -> int:
        return min(self.count, len(self.whole))

    def __getitem__(self, index: int) -> Sample:
        return self.whole[range(len(self))[index]]


def open_dataset(
    kind: str,
    root: str | Path | None,
    split: str,
    *,
    size: int | None = None,
    count: int | None = None,
    note: Note = unsaid,
) -> Labelled:
    """Open a data set.

    kind: "scenes"; "voc", a folder of PASCAL VOC's layout; "sbd", SBD's folder with VOC 2012 in it or beside it;
        "nuclei", a folder of BBBC038's layout
    root: the folder; None for scenes
    split: "train", "val", or another that the data set knows; of SBD the lists of SDS
    size: side of a scene in pixels; for scenes only
    count: the first so many samples only
    note: called with a line for what is passed over, now and while samples are read
    returns: the data set
    raises: BadInput when the kind, the count or the size is wrong, when there is no such folder, and what the data
        set's reader raises

    Example:
        >>> scenes = open_dataset("scenes", None, "val", size=48, count=3)
        >>> len(scenes), scenes[0].name, scenes[0].picture.shape
        (3, 'val-0-00000', (48, 48, 3))

    Built in chapter 2.
    """
    if kind not in KINDS:
        raise BadInput(f"data: {kind!r}, expected {', '.join(KINDS)}")
    if count is not None and count < 1:
        raise BadInput(f"count: {count}, expected at least 1")
    if size is not None and size < 1:
        raise BadInput(f"size: {size}, expected at least 1")
    if kind == "scenes":
        chosen: dict[str, Any] = {"size": size, "count": count}
        return Scenes(split=split, **{name: value for name, value in chosen.items() if value is not None})
    if size is not None:
        raise BadInput(
            f"size: {size} given with {kind}:{root}, expected with scenes only, whose pictures are drawn to a size"
        )
    # pathlib's own raises, on some Pythons, where a folder above may not be read
    if root is None or not os.path.isdir(root):
        raise BadInput(f"{root}: no folder that can be read, expected the data of {kind}:{root}")
    whole: Labelled
    if kind == "voc":
        whole = VocFolder(root, split, note)
    elif kind == "sbd":
        whole = SbdFolder(root, SDS.get(split, split), voc=voc_beside(root), note=note)
    else:
        whole = NucleiFolder(root, cast(Literal["train", "val", "all"], split), note)  # others it refuses
    return whole if count is None else First(whole, count)


def open_pictures(name: str, split: str) -> Labelled | None:
    """Open a set of real pictures by the name of its folder in BRIDGESEG_DATA.

    name: "pedestrians", "nuclei" or "photos"
    split: "train" or "val"
    returns: the data set; None where the pictures are not at hand
    raises: BadInput for another name, and what the data set's reader raises

    Example:
        >>> pictures = open_pictures("nuclei", "val")
        >>> pictures is None or pictures.categories == ("background", "nucleus")
        True

    Built in chapter 1.
    """
    folder = data_folder(name)
    return None if folder is None else open_dataset(LAYOUTS[name], folder, split)


def voc_beside(sbd: str | Path) -> Path | None:
    """Return the folder VOC2012 whose lists tell SBD's pictures apart: in SBD's folder or beside it.

    sbd: SBD's folder
    returns: the first of VOCdevkit/VOC2012 and VOC2012 that is there, in the folder or in the one that holds it; None
        where there is none

    Built in chapter 2.
    """
    places = [base / name for base in (Path(sbd), Path(sbd).absolute().parent) for name in ("VOCdevkit", ".")]
    return next((place / "VOC2012" for place in places if (place / "VOC2012" / "ImageSets").is_dir()), None)
