"""Data sets by their name on the command line: `scenes`, `voc:DIR`, `nuclei:DIR`.

Built in chapter 2.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from bridgeseg.data.nuclei import NucleiFolder
from bridgeseg.data.scenes import Scenes
from bridgeseg.data.voc import VocFolder
from bridgeseg.structures.labels import BadInput, Labelled, Sample

SPECS = "scenes, voc:DIR or nuclei:DIR"


@dataclass(frozen=True)
class First:
    """The first samples of a data set, itself a data set.

    whole: the data set
    count: how many samples, at most as many as it has

    Built in chapter 2.
    """

    whole: Labelled
    count: int

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


def open_dataset(spec: str, split: str, *, size: int | None = None, count: int | None = None) -> Labelled:
    """Open the data set that a SPEC of the command line names.

    spec: `scenes`, `voc:DIR` (PASCAL VOC's layout) or `nuclei:DIR` (BBBC038's)
    split: `train`, `val`, or another that the data set knows
    size: side of a scene in pixels; for scenes only
    count: the first so many samples only
    returns: the data set
    raises: BadInput when the spec, the count or the size is wrong, and what the data set's reader raises

    Built in chapter 2.
    """
    if count is not None and count < 1:
        raise BadInput(f"count: {count}, expected at least 1")
    if size is not None and size < 1:
        raise BadInput(f"size: {size}, expected at least 1")
    if spec == "scenes":
        chosen: dict[str, Any] = {"size": size, "count": count}
        return Scenes(split=split, **{name: value for name, value in chosen.items() if value is not None})
    kind, colon, folder = spec.partition(":")
    if kind not in ("voc", "nuclei") or not colon or not folder:
        raise BadInput(f"data: {spec!r}, expected {SPECS}")
    if size is not None:
        raise BadInput(
            f"size: {size} given with {spec}, expected with scenes only, whose pictures are drawn to a size"
        )
    root = Path(folder).expanduser()
    if not os.path.isdir(root):  # pathlib's own raises, on some Pythons, where a folder above may not be read
        raise BadInput(f"{root}: no folder that can be read, expected the data of {spec}")
    whole: Labelled
    if kind == "voc":
        whole = VocFolder(root, split)
    else:
        whole = NucleiFolder(root, cast(Literal["train", "val", "all"], split))  # it refuses others itself
    return whole if count is None else First(whole, count)
