"""Any data set written in COCO's layout: the pictures and one JSON.

Built in chapter 12.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from bridgeseg.data.json_files import read_json
from bridgeseg.data.voc_export import check_target, encode_picture, write_picture
from bridgeseg.machine.files import write_text
from bridgeseg.structures.labels import BACKGROUND, VOID, BadInput, Labelled, Sample, verify
from bridgeseg.structures.runs import label_runs_of


def export_coco(dataset: Labelled, out: str | Path, split: str) -> Path:
    """Write a data set in COCO's layout: images/NAME.jpg and instances_SPLIT.json, which is written last.

    Categories have the ids 1…C, pictures and annotations are counted from 1. Masks are uncompressed run lengths, so
    that they are exact; areas are pixels. Our choice for what COCO has no word for: void becomes a crowd of every
    category, because a crowd is where nothing is counted wrong, and pixels of a category without an instance a crowd of
    that one.

    dataset: the samples
    out: the folder, made if need be
    split: the name of the part
    returns: the JSON
    raises: BadInput when the folder is the one that the samples come from, a name has folders, or another JSON there
        has other categories or another picture of one name; OSError when writing fails

    Built in chapter 12.
    """
    out = Path(out)
    check_target(dataset, out, split)
    file = out / f"instances_{split}.json"
    categories = [{"id": number, "name": name} for number, name in enumerate(dataset.categories) if number]
    others = _named_elsewhere(file, categories)
    file.unlink(missing_ok=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for index in range(len(dataset)):
        sample = dataset[index]
        verify(sample, sample.name, len(dataset.categories) - 1)
        if Path(sample.name).name != sample.name:
            raise BadInput(f"{sample.name}: expected a name without folders")
        place = out / "images" / f"{sample.name}.jpg"
        if place.name in others and place.is_file() and place.read_bytes() != encode_picture(sample):
            raise BadInput(f"{place}: is another picture of {others[place.name]}, expected another name")
        write_picture(sample, place.parent)
        height, width = sample.categories.shape
        images.append({"id": index + 1, "file_name": place.name, "height": height, "width": width})
        for one in annotate(sample, len(dataset.categories) - 1):
            annotations.append({"id": len(annotations) + 1, "image_id": index + 1, **one})
    text = {"images": images, "annotations": annotations, "categories": categories}
    return write_text(file, json.dumps(text, separators=(",", ":")))


def annotate(sample: Sample, count: int) -> list[dict[str, Any]]:
    """Return the annotations of a picture: its instances, then crowds.

    sample: the picture with its maps
    count: of categories, without the background
    returns: category_id, segmentation, area, bbox [x, y, w, h] and iscrowd of each

    Built in chapter 12.
    """
    instances, categories = sample.instances, sample.categories
    rest = np.where(instances > 0, BACKGROUND, categories).astype(np.int64)
    # Instances keep their numbers, what has none gets those from -255 on; 0 is nobody's.
    parts = np.where(instances > 0, instances.astype(np.int64), -rest)  # (h, w)
    height, width = parts.shape
    columns = np.ascontiguousarray(parts.T)  # (w, h): runs go down the columns
    start, stop = label_runs_of(columns)
    label = columns.reshape(-1)[start]
    order = np.argsort(label, kind="stable")
    numbers, first = np.unique(label[order], return_index=True)
    entries: list[tuple[bool, dict[str, Any]]] = []
    for number, runs in zip(numbers.tolist(), np.split(order, first[1:]), strict=True):
        if number == BACKGROUND:
            continue
        begin, end = start[runs], stop[runs]
        place = int(begin[0])
        owners = [int(categories[place % height, place // height])]
        if number == -VOID:
            owners = list(range(1, count + 1))
        shape = {
            "segmentation": {"size": [height, width], "counts": _counts(begin, end, height * width)},
            "area": int((end - begin).sum()),
            "bbox": _box(begin, end, height),
            "iscrowd": int(number < 0),
        }
        entries += [(number < 0, {"category_id": owner, **shape}) for owner in owners]
    return [entry for _, entry in sorted(entries, key=lambda one: one[0])]


def _named_elsewhere(file: Path, categories: list[dict[str, Any]]) -> dict[str, str]:
    """The pictures that the other JSONs of the folder name, each with its JSON; all must have the same categories."""
    named: dict[str, str] = {}
    for other in sorted(file.parent.glob("instances_*.json")):
        if other == file:
            continue
        data = read_json(other)
        try:
            there = [(one["id"], one["name"]) for one in data["categories"]]
            named |= {str(image["file_name"]): other.name for image in data["images"]}
        except (KeyError, TypeError):
            raise BadInput(f"{other}: expected images and categories as an export has them") from None
        if there != [(one["id"], one["name"]) for one in categories]:
            names = ", ".join(str(name) for _, name in there)
            wanted = ", ".join(one["name"] for one in categories)
            raise BadInput(f"{other}: has categories {names}; expected {wanted}")
    return named


def _counts(start: np.ndarray, stop: np.ndarray, total: int) -> list[int]:
    """Lengths of zeros, ones, zeros, …, of runs that may go on in the next column."""
    apart = np.append(True, start[1:] != stop[:-1]) if len(start) else np.zeros(0, bool)
    start, stop = start[apart], stop[np.append(apart[1:], True)]
    edges = np.stack([start, stop], 1).reshape(-1)
    counts: list[int] = np.diff(edges, prepend=0, append=total).tolist()
    return counts if counts[-1] else counts[:-1]


def _box(start: np.ndarray, stop: np.ndarray, height: int) -> list[int]:
    """The tight box as x, y, width, height, of runs each in one column."""
    x, y = int(start[0]) // height, int((start % height).min())
    return [x, y, int(start[-1]) // height + 1 - x, int(((stop - 1) % height).max()) + 1 - y]
