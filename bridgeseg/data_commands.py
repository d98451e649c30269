"""The verbs about data alone: `python -m bridgeseg convert | check | export`. Built in chapter 12."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from bridgeseg.arguments import Spec, read_spec
from bridgeseg.data.as_found import AsFound
from bridgeseg.data.coco_export import export_coco
from bridgeseg.data.findings import Findings
from bridgeseg.data.open_dataset import open_dataset
from bridgeseg.data.voc_export import export
from bridgeseg.data.voc_lists import left_over
from bridgeseg.machine.environment import tier
from bridgeseg.machine.progress import Bar
from bridgeseg.machine.streams import complain, warn
from bridgeseg.structures.labels import BadInput
from bridgeseg.system.bare_look import look_as_found
from bridgeseg.system.conversion import convert, locked
from bridgeseg.system.first_look import look_at
from bridgeseg.system.look_table import advice, look_table
from bridgeseg.system.made_smaller import made_smaller
from bridgeseg.system.presets import recipe_named
from bridgeseg.system.recipe import Recipe
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
    raises: BadInput where nothing can be trained from it, and what opening the data raises; of a folder that does not
        open all that can be read is shown first

    Built in chapter 12.
    """
    if given.sheet and Path(given.sheet).suffix.lower() != ".png":
        raise BadInput(f"sheet: {given.sheet}, expected a file that ends in .png")
    if given.sheet and os.path.lexists(given.sheet):
        raise BadInput(f"sheet: {given.sheet} is there already, expected a new file")
    spec = read_spec(given.data)
    recipes = [recipe_named(name) for name in LOOKED_AT[spec.kind]]
    try:
        dataset = open_dataset(*spec, given.split, count=given.count, note=warn)
    except BadInput as error:
        _check_as_found(given, spec, recipes, error)
        raise
    odd = []
    other = None
    if spec.kind != "scenes" and given.split in OTHER:
        try:
            other = open_dataset(*spec, OTHER[given.split], count=given.count)
        except BadInput as error:
            odd.append(f"no part {OTHER[given.split]!r} to compare with: {error}")
    bar = Bar(quiet=True)
    try:
        look = look_at(dataset, recipes, other, bar)
    finally:
        bar.close()
    if not look.pictures:
        nothing = BadInput(f"data: of {given.data}, split {given.split}, no picture can be read")
        _check_as_found(given, spec, recipes, nothing)
        raise nothing
    for line in look.unread:
        complain(line)
    print(f"{given.data}, split {given.split}\n\n{look_table(look, recipes)}")
    if (
        odd := suspicions(look)
        + odd
        + (left_over(dataset.root) if spec.kind == "voc" and dataset.root else [])
    ):
        print("\n".join(["", "suspicious", *(f"- {line}" for line in odd)]))
    if given.sheet:
        draw_look(look, given.data, Path(given.sheet))
    if not len(look.areas):
        raise BadInput(f"data: no picture of {given.data}, split {given.split}, has an instance to train on")
    suited = suited_recipe(look, tier() == "full")
    print(f"\n{advice(suited, given.data)}")
    for line in made_smaller({one.name: one.size for one in look.pictures}, suited.recipe.pictures):
        print(f"  by it `segment` and `evaluate` show {line}")
    if not given.sheet:
        print("  to see the pictures with their objects outlined: the same command with --sheet check.png")
    return 0


def _check_as_found(
    given: argparse.Namespace, spec: Spec, recipes: Sequence[Recipe], error: BadInput
) -> None:
    """Print what can be seen of a folder that does not open, why it does not the first of what is suspicious."""
    if spec.root is None or not os.path.isdir(spec.root):
        return
    bar = Bar(quiet=True)
    try:
        bare = look_as_found(AsFound(spec.kind, spec.root, given.split), recipes, given.count, bar)
    except OSError:  # it may not be listed, as the error says
        return
    finally:
        bar.close()
    for line in bare.look.unread:
        complain(line)
    there = "\n".join(["files", *(f"  {line}" for line in bare.files)])
    print(f"{given.data}, all that can be read of it\n\n{there}\n\n{look_table(bare.look, recipes)}")
    odd = [str(error), *bare.unlabelled, *suspicions(bare.look)]
    odd += left_over(spec.root) if spec.kind == "voc" else []
    print("\n".join(["", "suspicious", *(f"- {line}" for line in odd)]))
    if given.sheet:
        draw_look(bare.look, given.data, Path(given.sheet))


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
