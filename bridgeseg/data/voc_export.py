"""Any data set written as a folder in PASCAL VOC's layout.

Built in chapter 2.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from bridgeseg.data.category_names import names_text
from bridgeseg.data.endings import by_name, composed
from bridgeseg.data.label_png import read_label_png, write_label_png
from bridgeseg.data.pictures import read_picture
from bridgeseg.data.voc import read_categories
from bridgeseg.data.voc_lists import list_path, read_list
from bridgeseg.machine.files import write_atomically, write_text
from bridgeseg.structures.labels import VOID, BadInput, Labelled, Sample, verify, verify_types

LONGEST_SIDE = 65500  # pixels; the programs that write JPEGs go no further


def export(dataset: Labelled, out: str | Path, split: str) -> Path:
    """Write a data set in PASCAL VOC's layout, from which `VocFolder` reads the same labels.

    Pictures become JPEGs of quality 95 without colour subsampling, as VOC's readers expect JPEGs: their
    pixels change a little, the labels not at all. Void is written into both maps. Another split can be added
    to the same folder. The list is written last: an export cut short has none, and says so when it is opened.

    dataset: the samples
    out: the folder, made if need be
    split: the name of the list
    returns: the folder
    raises: BadInput when the folder has other categories or classes.txt cannot hold these, when it is the one that the
        samples come from, or when a picture of another split has the same name and other labels or other pixels;
        OSError when writing fails

    Example:
        >>> import tempfile
        >>> from bridgeseg.data.scenes import Scenes
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     out = export(Scenes("val", size=32, count=2), folder, "val")
        ...     sorted(path.name for path in out.iterdir())
        ...     read_list(out, "val")
        ['ImageSets', 'JPEGImages', 'SegmentationClass', 'SegmentationObject', 'classes.txt']
        ['val-0-00000', 'val-0-00001']

    Built in chapter 2.
    """
    out = Path(out)
    check_target(dataset, out, split)
    _write_categories(dataset.categories, out)
    others = _listed_elsewhere(out, split)
    pictures = by_name(out / "JPEGImages") if others and (out / "JPEGImages").is_dir() else {}
    list_path(out, split).unlink(missing_ok=True)
    names: list[str] = []
    for index in range(len(dataset)):
        sample = dataset[index]
        verify(sample, sample.name, len(dataset.categories) - 1)
        if Path(sample.name).name != sample.name:
            raise BadInput(f"{sample.name}: expected a name without folders")
        names.append(sample.name)
        if sample.name in others and (there := pictures.get(composed(sample.name))):
            part = "labels" if not _same_labels(sample, out) else "pixels"
            if part == "labels" or not _same_pixels(sample, there[0]):
                raise BadInput(
                    f"{out}: {sample.name} is in another split there with other {part}, expected another name"
                )
        else:
            write_sample(sample, out)
    text = "".join(f"{name}\n" for name in names)
    write_text(list_path(out, split), text)
    return out


def check_target(dataset: Labelled, out: Path, split: str) -> None:
    """Refuse to export nothing, under a split without a plain name, or over the pictures themselves.

    dataset: the samples
    out: the folder
    split: the name of the list
    raises: BadInput in these cases

    Built in chapter 2.
    """
    if dataset.root is not None and out.exists() and out.resolve() == dataset.root.resolve():
        raise BadInput(f"{out}: is the folder that the pictures come from, expected another")
    if Path(split).name != split or split in ("", ".", ".."):
        raise BadInput(f"split: {split!r}, expected a plain name")
    if len(dataset) == 0:
        raise BadInput(f"{out}: nothing to export, expected at least one picture")


def write_sample(sample: Sample, out: Path) -> None:
    """Write a sample's picture and its two maps into a folder of VOC's layout.

    sample: picture and maps
    out: the folder
    raises: BadInput for a sample of other types or sizes, or a picture too long for a JPEG; OSError when writing fails

    Built in chapter 2.
    """
    verify_types(sample, sample.name)
    write_picture(sample, out / "JPEGImages")
    void = sample.categories == VOID
    write_label_png(out / "SegmentationClass" / f"{sample.name}.png", sample.categories, void)
    write_label_png(out / "SegmentationObject" / f"{sample.name}.png", sample.instances, void)


def write_picture(sample: Sample, folder: Path) -> None:
    """Write a sample's picture as a JPEG.

    sample: the picture, whose maps are not looked at
    folder: where NAME.jpg shall stand
    raises: BadInput when it is too long for a JPEG; OSError when writing fails

    Built in chapter 2.
    """
    content = encode_picture(sample)
    write_atomically(folder / f"{sample.name}.jpg", lambda file: file.write(content))


def encode_picture(sample: Sample) -> bytes:
    """Return a sample's picture as a JPEG of quality 95 without colour subsampling.

    sample: the picture, whose maps are not looked at
    raises: BadInput when a side has more than LONGEST_SIDE pixels

    Built in chapter 2.
    """
    height, width = sample.picture.shape[:2]
    if max(height, width) > LONGEST_SIDE:
        raise BadInput(
            f"{sample.name}: {width} x {height} pixels, expected at most {LONGEST_SIDE} on a side of a JPEG"
        )
    file = io.BytesIO()
    Image.fromarray(sample.picture).save(file, format="JPEG", quality=95, subsampling=0)
    return file.getvalue()


def _write_categories(categories: tuple[str, ...], out: Path) -> None:
    """Write classes.txt, or make sure that the one there says the same."""
    path = out / "classes.txt"
    if path.exists() or list_path(out, "").parent.is_dir():
        there = read_categories(out)
        if there != tuple(categories):
            raise BadInput(
                f"{path}: has categories {', '.join(there[1:])}; expected {', '.join(categories[1:])}"
            )
    write_text(path, names_text(categories[1:]))


def _listed_elsewhere(out: Path, split: str) -> set[str]:
    """The names in the other lists of the folder."""
    lists = list_path(out, split).parent.glob("*.txt")
    return {name for file in lists if file.stem != split for name in read_list(out, file.stem)}


def _same_labels(sample: Sample, out: Path) -> bool:
    void = sample.categories == VOID
    for folder, labels in (
        ("SegmentationClass", sample.categories),
        ("SegmentationObject", sample.instances),
    ):
        there, unknown = read_label_png(out / folder / f"{sample.name}.png")
        if not (np.array_equal(there, np.where(void, 0, labels)) and np.array_equal(unknown, void)):
            return False
    return True


def _same_pixels(sample: Sample, path: Path) -> bool:
    """Whether a file is what would be written of a picture, or holds its very pixels, as one of another maker may."""
    return path.read_bytes() == encode_picture(sample) or np.array_equal(read_picture(path), sample.picture)
