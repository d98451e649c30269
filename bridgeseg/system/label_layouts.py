"""Which layout labelled pictures are in, as labelling tools and microscopes' programs write them, and their readers.

Built in chapter 12.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import torch

from bridgeseg.data.coco import CocoFolder
from bridgeseg.data.endings import ENDINGS, LOSSLESS, folder_named, is_hidden, standing, walk
from bridgeseg.data.findings import Findings
from bridgeseg.data.json_files import read_json
from bridgeseg.data.label_images import LabelImages, PaletteFolder, is_label_image
from bridgeseg.data.labelme import LabelmeFolder
from bridgeseg.data.mask_files import MaskFiles
from bridgeseg.grouping.components import connected_components
from bridgeseg.structures.labels import BadInput, Labelled

FORMATS = ("labelme", "coco", "palette", "masks", "labels")
LAYOUTS = (
    "NAME.json beside NAME.jpg (labelme), one JSON with images, annotations, categories (coco), images/NAME.* and"
    " labels/NAME.png (palette), masks/NAME/*.png (masks) or masks/NAME.tif, or NAME_masks.tif (labels)"
)
# Folders of the layouts that open as they are.
OPENED = {"voc": {"JPEGImages", "SegmentationObject"}, "sbd": {"img", "cls", "inst"}}


def recognise(source: Path) -> str:
    """Return the format that a folder is in.

    source: the folder, or a JSON file
    returns: one of FORMATS
    raises: BadInput when none fits, or several

    Built in chapter 12.
    """
    if source.is_file():
        if zipfile.is_zipfile(source):
            raise BadInput(f"{source}: is a ZIP archive, expected the folder that is in it, unpacked")
        if _is_labelme(source):
            raise BadInput(f"{source}: is a file of labelme, expected its folder")
        return "coco"
    fits = _fits(source)
    if len(fits) > 1:
        raise BadInput(f"{source}: may be {' or '.join(fits)}, expected --format to say which")
    if not fits:
        raise BadInput(f"{source}: {_what_else(source)}")
    return fits[0]


def open_labels(kind: str, source: Path, findings: Findings) -> Labelled:
    """Return pictures and labels of another layout as a data set.

    kind: one of FORMATS
    source: the folder, or the JSON of a set in COCO's layout
    findings: where everything is counted that cannot be carried over
    raises: BadInput for another kind, when there are several JSON files of COCO's, and what the readers raise

    Built in chapter 12.
    """
    if source.is_file() and kind != "coco":
        raise BadInput(f"{source}: is a file, expected a folder")
    match kind:
        case "labelme":
            return LabelmeFolder(source, findings)
        case "coco":
            root, file = _coco_file(source)
            return CocoFolder(root, file, findings)
        case "palette":
            return PaletteFolder(source, _pieces, findings)
        case "masks":
            return MaskFiles(source, findings)
        case "labels":
            return LabelImages(source, _pieces, findings)
    raise BadInput(f"format: {kind!r}, expected {', '.join(FORMATS)}")


def _fits(source: Path) -> list[str]:
    """The formats that a folder may be in."""
    fits = []
    files = list(walk(source, (".json",)))
    if any(map(_is_labelme, files)):
        fits.append("labelme")
    if any(map(_is_coco, files)):
        fits.append("coco")
    images, masks, labels = (folder_named(source, name) for name in ("images", "masks", "labels"))
    if images and labels and standing(labels, (".png",), Findings()):
        fits.append("palette")
    if images and masks and any(path.is_dir() and path.name[0] != "." for path in masks.iterdir()):
        fits.append("masks")
    in_masks = images and masks and standing(masks, ENDINGS, Findings())
    if in_masks or any(map(is_label_image, standing(source, LOSSLESS, Findings()))):
        fits.append("labels")
    return fits


def _what_else(source: Path) -> str:
    """What a folder in none of the formats is, and what to do with it."""
    folders = [path for path in sorted(source.iterdir()) if path.is_dir() and not is_hidden(path.name)]
    names = {path.name for path in folders}
    for kind, needed in OPENED.items():
        if needed <= names:
            return f"opens as {kind}:{source} as it is, expected labels to convert"
    for place in (source, *folders):
        if any(map(_is_of_nuclei, place.iterdir())):
            return f"opens as nuclei:{place} as it is, expected labels to convert"
    fitting = [f"{path.name} ({', '.join(fits)})" for path in folders if (fits := _fits(path))]
    if fitting:
        return f"none of the known layouts, but its folders {', '.join(fitting)}; expected one of them"
    for path in walk(source, (".json",)):
        try:
            read_json(path)
        except BadInput as error:
            return f"none of the known layouts; {error}"
    files = [path.name.lower() for path in source.rglob("*") if path.is_file() and not is_hidden(path.name)]
    if any(name.endswith("_seg.npy") for name in files):
        return "labels in Cellpose's _seg.npy files, which can run code; expected masks that it saved as PNG or TIFF"
    endings = Counter(Path(name).suffix or "without an ending" for name in files)
    found = ", ".join(f"{count} {ending}" for ending, count in endings.most_common(5)) or "no file"
    return f"none of the known layouts (files: {found}), expected {LAYOUTS}"


def _is_of_nuclei(folder: Path) -> bool:
    """Whether a folder is that of one picture of the 2018 nuclei: ID/images/ID.png and ID/masks."""
    images = folder / "images"
    return (
        (folder / "masks").is_dir()
        and images.is_dir()
        and folder.name in {path.stem for path in images.iterdir()}
    )


def _pieces(categories: np.ndarray) -> np.ndarray:
    """The connected pieces of a category map, (h, w) int32."""
    return connected_components(torch.from_numpy(categories)).to(torch.int32).numpy()


def _coco_file(source: Path) -> tuple[Path, Path]:
    """The folder of the pictures and the JSON of a set in COCO's layout."""
    if source.is_file():
        parent = source.resolve().parent
        return (parent.parent if parent.name == "annotations" else parent), source
    every = list(walk(source, (".json",)))
    files = [path for path in every if _is_coco(path)] or every
    if len(files) > 1:
        names = ", ".join(path.relative_to(source).as_posix() for path in files[:5])
        raise BadInput(
            f"{source}: {len(files)} JSON files ({names}), expected one; name the file in its place"
        )
    if not files:
        raise BadInput(f"{source}: no JSON file, expected one with images, annotations and categories")
    return source, files[0]


def _is_labelme(path: Path) -> bool:
    return _holds(path, b'"shapes"', b'"imagePath"')


def _is_coco(path: Path) -> bool:
    return _holds(path, b'"annotations"', b'"images"', b'"categories"')


def _holds(path: Path, *words: bytes) -> bool:
    """Whether some words stand in a file, which need not be sound JSON; UTF-16 has a zero beside each letter."""
    try:
        content = path.read_bytes().replace(b"\0", b"")
    except OSError:
        return False
    return all(word in content for word in words)
