"""From what a labelling tool or a microscope's program wrote to a folder in PASCAL VOC's layout.

Built in chapter 12.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bridgeseg.data.category_names import names_text
from bridgeseg.data.findings import Findings
from bridgeseg.data.voc_export import write_sample
from bridgeseg.data.voc_lists import list_path
from bridgeseg.machine.files import write_text
from bridgeseg.machine.progress import Progress, silent
from bridgeseg.structures.labels import VOID, BadInput, Sample, verify
from bridgeseg.system.label_layouts import LAYOUTS, open_labels, recognise

MARK = "converted.json"  # says what a folder was made from, so that nothing else is written over


@dataclass(frozen=True)
class Converted:
    """What a conversion has written.

    kind: the format it was written from, one of FORMATS
    categories: the names, background first
    train, val: the names of the pictures in each list
    objects: how many there are of each category, by its number
    pictures_with: how many pictures have one of it, by its number
    void: share of all pixels, 0…1
    smallest: the area of the smallest object in pixels, and its picture

    Built in chapter 12.
    """

    kind: str
    categories: tuple[str, ...]
    train: tuple[str, ...]
    val: tuple[str, ...]
    objects: Counter[int]
    pictures_with: Counter[int]
    void: float
    smallest: tuple[int, str]

    def table(self) -> str:
        """Return what was written as lines to read."""
        wide = max(len(name) for name in [*self.categories, "smallest object"])
        lines = [
            f"{'format':{wide}}  {self.kind}",
            f"{'pictures':{wide}}  {len(self.train) + len(self.val)}"
            f" ({len(self.train)} train, {len(self.val)} val)",
            f"{'objects':{wide}}  {self.objects.total()}",
        ]
        for number, name in enumerate(self.categories[1:], 1):
            lines.append(f"{name:{wide}}  {self.objects[number]} in {self.pictures_with[number]} pictures")
        area, picture = self.smallest
        lines.append(f"{'void':{wide}}  {100 * self.void:.1f} % of all pixels")
        lines.append(f"{'smallest object':{wide}}  {area} {'pixel' if area == 1 else 'pixels'} ({picture})")
        return "\n".join(lines)


def convert(
    source: str | Path,
    out: str | Path,
    findings: Findings,
    *,
    kind: str | None = None,
    share: float = 0.2,
    seed: int = 0,
    progress: Progress = silent,
) -> Converted:
    """Write pictures and labels of another layout as a folder of VOC's layout, with lists train and val.

    source: the folder, or the JSON of a set in COCO's layout; it is never changed
    out: the folder to write; new or empty, or one that an earlier call began to make from the same source
    findings: where everything is counted that cannot be carried over
    kind: one of FORMATS; None finds it out
    share: of the pictures that go to val, 0…1 exclusive
    seed: another one gives another val
    progress: called with the share done and a line
    returns: what was written
    raises: BadInput when no format fits or several, when nothing can be read or no object is found, when
        classes.txt cannot hold a category's name, and when `out` has
        something else in it or lies in the source; OSError when writing fails

    The lists are written last: a conversion cut short has none. Built in chapter 12.
    """
    source, out = Path(source), Path(out)
    if not source.exists():
        raise BadInput(f"{source}: no such folder, expected {LAYOUTS}")
    kind = kind or recognise(source)
    _check_out(source, out, kind)
    dataset = open_labels(kind, source, findings)
    categories = names_text(dataset.categories[1:])  # before anything is written, since it may refuse
    write_text(out / MARK, json.dumps(_mark(source, kind)) + "\n")
    for split in ("train", "val"):
        list_path(out, split).unlink(missing_ok=True)
    (out / "classes.txt").unlink(missing_ok=True)
    names: list[str] = []
    held: set[str] = set()  # those with an object
    objects: Counter[int] = Counter()
    pictures_with: Counter[int] = Counter()
    void = pixels = 0
    smallest: tuple[int, str] | None = None
    reason = ""
    for index in range(len(dataset)):
        progress(index / len(dataset), dataset.names[index])
        try:
            sample = verify(dataset[index], dataset.names[index], len(dataset.categories) - 1)
            write_sample(sample, out)
        except BadInput as error:
            reason = reason or f"{dataset.names[index]}: {error}"
            findings.note("pictures that cannot be used", f"{dataset.names[index]}: {error}")
            continue
        names.append(sample.name)
        areas, of = _areas(sample)
        objects.update(of)
        pictures_with.update(set(of))
        void, pixels = (
            void + int(np.count_nonzero(sample.categories == VOID)),
            pixels + sample.categories.size,
        )
        if areas:
            held.add(sample.name)
            least = (min(areas), sample.name)
            smallest = least if smallest is None else min(smallest, least)
        else:
            findings.note("pictures without an object", sample.name)
    if not names:
        raise BadInput(f"{source}: none of {len(dataset)} pictures can be used; the first, {reason}")
    if smallest is None:
        raise BadInput(f"{source}: no object in any of {len(names)} pictures, expected some to learn from")
    train, val = divide(names, share, seed, held=held)
    if not val:
        findings.note("lists left out, as there is one picture only", "val")
    write_text(out / "classes.txt", categories)
    for split, part in (("val", val), ("train", train)):
        if part:
            write_text(list_path(out, split), "".join(f"{name}\n" for name in part))
    return Converted(kind, dataset.categories, train, val, objects, pictures_with, void / pixels, smallest)


def divide(
    names: Sequence[str], share: float, seed: int = 0, *, held: Collection[str] | None = None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Divide pictures into train and val by a hash of each name, so that one more picture moves no other.

    names: of the pictures
    share: of them for val, on average, 0…1
    seed: another one gives another hash
    held: those with an object; None for all
    returns: train and val in the order of the names; each has one where there are two pictures, and each has one with
        an object where two have; where only one has, it is in train

    Example:
        >>> train, val = divide([f"picture {number}" for number in range(100)], 0.2)
        >>> len(train), len(val)
        (82, 18)

    Built in chapter 12.
    """
    ranked = {name: hashlib.sha256(f"{seed} {name}".encode()).digest() for name in names}
    order = sorted(names, key=lambda name: ranked[name])
    wanted = [name for name in order if held is None or name in held]
    kept = (wanted or order)[-1:]  # by train, whatever the share
    bound = int(share * 2**64)
    val = {name for name in names if int.from_bytes(ranked[name][:8], "big") < bound} - {*kept}
    if len(wanted) > 1 and not val & {*wanted}:
        val.add(wanted[0])
    elif not val:
        val |= {*[name for name in order if name not in kept][:1]}
    return tuple(name for name in names if name not in val), tuple(name for name in names if name in val)


def _areas(sample: Sample) -> tuple[list[int], list[int]]:
    """Of every object its pixels and its category."""
    numbers, first, areas = np.unique(sample.instances, return_index=True, return_counts=True)
    held = numbers > 0
    return areas[held].tolist(), sample.categories.reshape(-1)[first[held]].tolist()


def _mark(source: Path, kind: str) -> dict[str, str]:
    return {"from": str(source.resolve()), "format": kind}


def _check_out(source: Path, out: Path, kind: str) -> None:
    """Refuse a folder that holds something else, or that lies in the source."""
    folder = source.resolve() if source.is_dir() else source.resolve().parent
    if out.resolve() == folder or folder in out.resolve().parents:
        raise BadInput(f"{out}: lies in {folder}, which is never changed; expected another folder")
    if out.exists() and not out.is_dir():
        raise BadInput(f"{out}: is no folder, expected one to write to")
    if not out.is_dir() or not any(out.iterdir()):
        return
    try:
        made_from = json.loads((out / MARK).read_text("utf8"))
    except (OSError, ValueError):
        made_from = None
    if made_from != _mark(source, kind):
        raise BadInput(f"{out}: is not empty, and not made from {source} as {kind}; expected a new folder")
