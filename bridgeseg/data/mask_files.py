"""Pictures with one mask file an object: `images/NAME.*` and `masks/NAME/*.png`.

Built in chapter 12.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bridgeseg.data.endings import (
    ENDINGS,
    LOSSLESS,
    alike,
    by_stem,
    folder_named,
    has_ending,
    listed,
    plain_names,
    standing,
)
from bridgeseg.data.findings import Findings
from bridgeseg.data.pictures import read_picture
from bridgeseg.data.polygons import NOTHING, Patch
from bridgeseg.data.regions import Region, compose
from bridgeseg.data.stored_numbers import check_size, read_mask
from bridgeseg.structures.labels import BadInput, Sample


class MaskFiles:
    """Pictures with a folder of masks each, as samples of the single category "object".

    root: the folder
    findings: where everything is counted that cannot be carried over
    raises: BadInput when there is no picture with a folder of masks

    Built in chapter 12.
    """

    kind = "masks"
    categories: tuple[str, ...] = ("background", "object")

    def __init__(self, root: str | Path, findings: Findings) -> None:
        self.root = Path(root)
        self._findings = findings
        images, masks = folder_named(self.root, "images"), folder_named(self.root, "masks")
        if images is None or masks is None:
            raise BadInput(
                f"{self.root}: no folders images and masks, expected images/NAME.* and masks/NAME/*.png"
            )
        there = listed(masks)
        for path in [*there.read, *there.others, *there.dangling]:
            findings.note("files passed over in masks/", path.name)
        folders: dict[str, Path] = {}
        for path in there.folders:
            if folders.setdefault(alike(path.name), path) is not path:
                findings.note("second folders of one name, passed over", path.name)
        self._pairs: list[tuple[Path, Path]] = []
        for stem, picture in by_stem(standing(images, ENDINGS, findings), findings).items():
            if stem in folders:
                self._pairs.append((picture, folders.pop(stem)))
            else:
                findings.note("pictures without labels, passed over", picture.name)
        for folder in folders.values():
            findings.note("absent pictures", f"that of masks/{folder.name}")
        if not self._pairs:
            raise BadInput(f"{self.root}: no picture in images with a folder of its name in masks")
        self.names = plain_names([picture.name for picture, _ in self._pairs])

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        """Read one picture and its masks.

        index: 0…len-1
        returns: the sample
        raises: BadInput when a file cannot be read, has another size than the picture or is a mask that was saved with
            losses; IndexError
        """
        path, folder = self._pairs[index]
        picture = read_picture(path, note=self._findings.left_out)
        masks = by_stem(
            standing(folder, ENDINGS, self._findings, "the folders of masks"), self._findings
        ).values()
        for mask in masks:  # an object left out would be background
            if not has_ending(mask.name, LOSSLESS):
                raise BadInput(f"{mask}: {mask.suffix} blurs a mask's border, expected PNG or TIFF")
        regions = [Region(1, _patch(mask, picture)) for mask in masks]
        return compose(self.names[index], picture, regions, self._findings)


def _patch(path: Path, picture: np.ndarray) -> Patch:
    """What a mask holds of a picture."""
    held = read_mask(path)
    check_size(path, held.shape, picture.shape[:2])
    rows, columns = (np.flatnonzero(held.any(axis)) for axis in (1, 0))
    if not len(rows):
        return NOTHING
    cut = held[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Patch(int(rows[0]), int(columns[0]), np.ascontiguousarray(cut))
