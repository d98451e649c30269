"""The verbs about data alone: `python -m bridgeseg convert | check | export`. Built in chapter 12."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from bridgeseg.arguments import read_spec
from bridgeseg.data.coco_export import export_coco
from bridgeseg.data.findings import Findings
from bridgeseg.data.open_dataset import open_dataset
from bridgeseg.data.voc_export import export
from bridgeseg.machine.environment import tier
from bridgeseg.machine.progress import Bar
from bridgeseg.machine.streams import complain, warn
from bridgeseg.structures.labels import BadInput
from bridgeseg.system.conversion import convert, locked
from bridgeseg.system.first_look import look_at
from bridgeseg.system.look_table import advice, look_table
from bridgeseg.system.presets import recipe_named
from bridgeseg.system.suited_recipe import suited_recipe
from bridgeseg.system.suspicions import suspicions
from bridgeseg.training.drawn_files import draw_look

SHEET, SHEET_PICTURES = "sheet.png", 12  # what `convert` draws, and of how many pictures
# The part of a data set that must share no picture with it, and the recipes whose cells its objects are counted on.
OTHER = {"train": "val", "val": "train"}
LOOKED_AT = {
    "scenes": ("scenes-fast",),
    "nuclei": ("nuclei-fast", "photos-light"),
    "voc": ("nuclei-fast", "photos-light", "voc"),
    "sbd": ("photos-light", "voc"),
}


def convert_verb(given: argparse.Namespace, began: float) -> int:
    """Write what a labelling tool wrote as a folder of VOC's layout, with a table and a sheet: the verb `convert`.

    given, began: as in `bridgeseg.commands.train`
    returns: 0
    raises: what `convert` raises

    Built in chapter 12.
    """
    findings = Findings()
    bar = Bar(quiet=True)
    try:
        done = convert(
            given.source,
            given.out,
            findings,
            kind=given.format,
            share=given.val,
            seed=given.seed,
            progress=bar,
        )
    finally:
        bar.close()
        for line in findings.lines():
            warn(line)
    print(done.table())
    path = Path(given.out) / SHEET
    with locked(Path(given.out)):  # another conversion into it has the lists away
        look = look_at(open_dataset("voc", given.out, "train", count=SHEET_PICTURES), [])
        draw_look(look, f"voc:{given.out}", path)
    print(f"{given.out}: opens as voc:{given.out}; {path} shows the first pictures")
    return 0


def check(given: argparse.Namespace, began: float) -> int:
    """Look at a data set before anything is trained on it: the verb `check`.

    given, began: as in `bridgeseg.commands.train`
    returns: 0
    raises: BadInput where nothing can be trained from it, and what opening the data raises

    Built in chapter 12.
    """
    if given.sheet and Path(given.sheet).suffix.lower() != ".png":
        raise BadInput(f"sheet: {given.sheet}, expected a file that ends in .png")
    if given.sheet and os.path.lexists(given.sheet):
        raise BadInput(f"sheet: {given.sheet} is there already, expected a new file")
    spec = read_spec(given.data)
    dataset = open_dataset(*spec, given.split, count=given.count, note=warn)
    odd = []
    other = None
    if spec.kind != "scenes" and given.split in OTHER:
        try:
            other = open_dataset(*spec, OTHER[given.split], count=given.count)
        except BadInput as error:
            odd.append(f"no part {OTHER[given.split]!r} to compare with: {error}")
    recipes = [recipe_named(name) for name in LOOKED_AT[spec.kind]]
    bar = Bar(quiet=True)
    try:
        look = look_at(dataset, recipes, other, bar)
    finally:
        bar.close()
    for line in look.unread:
        complain(line)
    print(f"{given.data}, split {given.split}\n\n{look_table(look, recipes)}")
    if odd := suspicions(look) + odd:
        print("\n".join(["", "suspicious", *(f"- {line}" for line in odd)]))
    if not look.pictures:
        raise BadInput(f"data: of {given.data}, split {given.split}, no picture can be read")
    if given.sheet:
        draw_look(look, given.data, Path(given.sheet))
    if not len(look.areas):
        raise BadInput(f"data: no picture of {given.data}, split {given.split}, has an instance to train on")
    print(f"\n{advice(suited_recipe(look, tier() == 'full'), given.data)}")
    if not given.sheet:
        print("  to see the pictures with their objects outlined: the same command with --sheet check.png")
    return 0


def export_verb(given: argparse.Namespace, began: float) -> int:
    """Write a data set as a folder in PASCAL VOC's layout or in COCO's: the verb `export`.

    given, began: as in `bridgeseg.commands.train`
    returns: 0
    raises: what `export`, `export_coco` and reading the data raise

    Built in chapter 10.
    """
    dataset = open_dataset(*read_spec(given.data), given.split, size=given.size, count=given.count, note=warn)
    write = export_coco if given.format == "coco" else export
    write(dataset, given.out, given.split)
    print(f"{given.out}: {len(dataset)} pictures of {given.data}, split {given.split}")
    return 0
