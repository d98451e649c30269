"""SBD, the Semantic Boundaries Dataset: 11,355 of VOC's pictures with every object outlined, as MATLAB files.

`img/NAME.jpg` is the picture. `cls/NAME.mat` holds GTcls, whose Segmentation is the category map; `inst/NAME.mat`
holds GTinst, whose Segmentation numbers the instances and whose Categories says of each what it is.

Built in chapter 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bridgeseg.data.mat_files import check_scipy, read_struct
from bridgeseg.data.pictures import read_picture
from bridgeseg.data.splits import read_names, read_paper_lists
from bridgeseg.data.voc import CATEGORIES
from bridgeseg.machine.notes import Note, Once, unsaid
from bridgeseg.structures.labels import VOID, BadInput, Sample

SPLITS = ("train", "val", "sds_train", "sds_val", "all")


class SbdFolder:
    """SBD's folder as samples of VOC's twenty categories.

    root: the folder that holds img, cls and inst
    split: "sds_train" or "sds_val", on which the field trains and scores instances; "train" or "val", SBD's own
        lists, of which both hold pictures of VOC's val; "all" for all in SBD's lists
    voc: the folder VOC2012, needed for the SDS lists, which follow from its ImageSets (`splits.paper_lists`)
    names: read these pictures and no list
    note: called with a line for what is passed over
    raises: BadInput naming what is missing: a list, a picture or one of its two .mat files; when the counts of the
        lists are not the paper's; when scipy is not installed

    Built in chapter 2.
    """

    kind = "sbd"
    categories: tuple[str, ...] = CATEGORIES

    def __init__(
        self,
        root: str | Path,
        split: str = "sds_train",
        *,
        voc: str | Path | None = None,
        names: Sequence[str] | None = None,
        note: Note = unsaid,
    ) -> None:
        self._note = Once(note)
        check_scipy()  # now, and not after an hour's download of pictures
        self.root = Path(root)
        self.names = list(names) if names is not None else self._listed(split, voc)
        if not self.names:
            raise BadInput(f"{self.root}: an empty list of pictures, expected at least one")
        for folder, ending in (("img", "jpg"), ("cls", "mat"), ("inst", "mat")):
            try:
                standing = {path.name for path in (self.root / folder).iterdir()}
            except OSError as error:
                raise BadInput(
                    f"{self.root / folder}: {error.strerror}, expected a folder of SBD's .{ending} files"
                ) from error
            for name in self.names:
                if f"{name}.{ending}" not in standing:
                    raise BadInput(
                        f"{self.root / folder / name}.{ending}: missing, expected as {name} is listed"
                    )

    def _listed(self, split: str, voc: str | Path | None) -> list[str]:
        if split not in SPLITS:
            raise BadInput(f"split: {split!r}, expected one of {', '.join(SPLITS)}")
        if split == "all":
            return sorted(read_names(self.root / "train.txt") + read_names(self.root / "val.txt"))
        if split in ("train", "val"):
            return read_names(self.root / f"{split}.txt")
        if voc is None:
            raise BadInput(
                f"{self.root}: no VOC2012 in it or beside it, expected there: its ImageSets say which of the pictures"
                f" are {split}"
            )
        lists = read_paper_lists(voc, self.root)
        return list(lists.sds_train if split == "sds_train" else lists.sds_val)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        """Read a picture, its categories and its instances.

        Where the two files disagree the instances' file decides, which is our choice: it says both where an object
        is and what it is.

        index: from 0 to len - 1, negative counts from the end
        returns: the sample
        raises: BadInput naming the file that cannot be read, has another size than the picture, or numbers an
            instance without a category
        """
        name = self.names[index]
        picture = read_picture(self.root / "img" / f"{name}.jpg", note=self._note)
        size = picture.shape[:2]
        path = self.root / "cls" / f"{name}.mat"
        categories = _whole(path, _map(path, read_struct(path, "GTcls", ["Segmentation"]), size), np.uint8)
        if (wrong := categories[(categories >= len(CATEGORIES)) & (categories != VOID)]).size:
            raise BadInput(f"{path}: category {wrong[0]}, expected at most {len(CATEGORIES) - 1}")
        path = self.root / "inst" / f"{name}.mat"
        fields = read_struct(path, "GTinst", ["Segmentation", "Categories"])
        instances = _whole(path, _map(path, fields, size), np.int32)
        instances[instances == VOID] = 0
        of_instance = _whole(path, fields.get("Categories", np.zeros(0)), np.int64).ravel()  # (n,)
        if instances.max(initial=0) > len(of_instance):
            raise BadInput(
                f"{path}: instance {instances.max()} without a category, Categories names {len(of_instance)}"
            )
        if ((of_instance < 1) | (of_instance >= len(CATEGORIES))).any():
            raise BadInput(
                f"{path}: Categories holds {of_instance.tolist()}, expected 1…{len(CATEGORIES) - 1}"
            )
        inside = instances > 0
        categories[inside] = of_instance[instances[inside] - 1]
        return Sample(name, picture, categories, instances)


def _map(path: Path, fields: Mapping[str, np.ndarray], size: tuple[int, ...]) -> np.ndarray:
    if "Segmentation" not in fields:
        raise BadInput(f"{path}: a struct without the field Segmentation, expected the map of labels in it")
    labels = fields["Segmentation"]
    if labels.shape != size:
        raise BadInput(f"{path}: Segmentation is {labels.shape}, its picture {size}; expected the same size")
    return labels


def _whole(path: Path, labels: np.ndarray, kind: type) -> np.ndarray:
    """Labels in a type of whole numbers, refused where that would change any; MATLAB's own numbers are doubles."""
    if labels.dtype.kind in "iufb":
        with np.errstate(invalid="ignore"):  # of what is no number at all
            numbers: np.ndarray = labels.astype(kind)
        if (numbers == labels).all():
            return numbers
    raise BadInput(f"{path}: labels of {labels.dtype} that are not whole, or too large; expected 0…255")
