"""From what a labelling tool or a microscope's program wrote to a folder in PASCAL VOC's layout.

Built in chapter 12.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bridgeseg.data.category_names import names_text
from bridgeseg.data.findings import Findings
from bridgeseg.data.splits import divide
from bridgeseg.data.voc_export import write_sample
from bridgeseg.data.voc_lists import list_path
from bridgeseg.machine.files import UNFINISHED, sweep, write_text
from bridgeseg.machine.lock import held
from bridgeseg.machine.progress import Progress, silent
from bridgeseg.structures.labels import VOID, BadInput, Labelled, Sample, verify
from bridgeseg.system.label_layouts import LAYOUTS, open_labels, recognise

MARK = "converted.json"  # says what a folder was made from, so that nothing else is written over
LOCK = ".lock"


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

    The lists are written last: a conversion cut short has none. Of several processes that write into one folder each
    waits for its turn. Built in chapter 12.
    """
    source, out = Path(source), Path(out)
    if not source.exists():
        raise BadInput(f"{source}: no such folder, expected {LAYOUTS}")
    kind = kind or recognise(source)
    _check_out(source, out, kind)
    dataset = open_labels(kind, source, findings)
    names_text(dataset.categories[1:])  # before anything is written, since it may refuse
    with locked(out):
        _check_out(source, out, kind)
        for folder in (out, *(place for place in out.rglob("*") if place.is_dir())):
            sweep(folder)
        write_text(out / MARK, json.dumps(_mark(source, kind)) + "\n")
        return _write(dataset, source, out, kind, findings, share, seed, progress)


def locked(out: Path) -> AbstractContextManager[None]:
    """Return what keeps other conversions from writing into a folder while it is entered.

    out: the folder, which is made if need be

    Built in chapter 12.
    """
    return held(out / LOCK, f"{out}: another process converts into it; waiting")


def _write(
    dataset: Labelled,
    source: Path,
    out: Path,
    kind: str,
    findings: Findings,
    share: float,
    seed: int,
    progress: Progress,
) -> Converted:
    """Write pictures, labels, names of categories and lists, in this order, into a folder that is locked."""
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
    write_text(out / "classes.txt", names_text(dataset.categories[1:]))
    for split, part in (("val", val), ("train", train)):
        if part:
            write_text(list_path(out, split), "".join(f"{name}\n" for name in part))
    return Converted(kind, dataset.categories, train, val, objects, pictures_with, void / pixels, smallest)


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
    # What a process leaves that is killed, or waits, before it has said what the folder is made from.
    passing = (LOCK, UNFINISHED)
    if not out.is_dir() or all(path.name.startswith(passing) for path in out.iterdir()):
        return
    try:
        made_from = json.loads((out / MARK).read_text("utf8"))
    except (OSError, ValueError):
        made_from = None
    if made_from != _mark(source, kind):
        raise BadInput(f"{out}: is not empty, and not made from {source} as {kind}; expected a new folder")
