"""The lists of a folder of VOC's layout, ImageSets/Segmentation/NAME.txt, and the files of the pictures that they name.

Built in chapter 2.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from bridgeseg.data.category_names import text_lines
from bridgeseg.data.endings import alike, by_name, composed, listed, passed_over, say_seconds
from bridgeseg.machine.notes import Note, counted
from bridgeseg.structures.labels import BadInput

# In a line of a list that is no name: an ending, a folder, a second word or quotes
_NO_NAME = re.compile(r"\.\w{2,4}$|[/\\,\"']|\s|^#")


def list_path(root: str | Path, split: str) -> Path:
    """Return where the list of a split stands in a folder of VOC's layout.

    root: the folder
    split: the list's name without its ending
    """
    return Path(root) / "ImageSets" / "Segmentation" / f"{split}.txt"


def read_list(root: str | Path, split: str) -> list[str]:
    """Read the names of a split's pictures.

    root: the folder
    split: the list's name without its ending
    returns: at least one name, none twice
    raises: BadInput when the list is missing, empty, no text, or names a picture twice

    Built in chapter 2.
    """
    path = list_path(root, split)
    if not path.is_file():
        others = sorted(file.stem for file in path.parent.glob("*.txt") if file.name[0] != ".")
        there = f"; lists there: {', '.join(others)}" if others else ""
        raise BadInput(f"{path}: no such list of the pictures of split {split!r}{there}")
    names = text_lines(path)
    if not names:
        raise BadInput(f"{path}: the list is empty, expected the name of a picture in every line")
    if len(set(map(composed, names))) < len(names):
        alike = [composed(name) for name in names]
        twice = next(name for name in alike if alike.count(name) > 1)
        raise BadInput(f"{path}: names {twice} twice, expected every picture once")
    return names


def listed_files(root: str | Path, split: str, maps: Sequence[str], note: Note) -> list[dict[str, Path]]:
    """Find the picture and the maps of every name of a list.

    root: the folder
    split: the list's name without its ending
    maps: the folders of label maps that hold one of every picture
    note: called with a line where two pictures have one name
    returns: for each name, in the order of the list, its files by their folders, JPEGImages among these
    raises: BadInput when a file is missing, or two maps have one name, and as `read_list` does

    Built in chapter 2.
    """
    root, names = Path(root), read_list(root, split)
    standing = {"JPEGImages": by_name(root / "JPEGImages")}
    standing |= {folder: by_name(root / folder, (".png",)) for folder in maps}
    path = list_path(root, split)
    for name in names:
        for folder, files in standing.items():
            if composed(name) not in files:
                ending = "jpg" if folder == "JPEGImages" else "png"
                there = _of_another_ending(root / folder, name)
                if not there and _NO_NAME.search(name):
                    there = "; expected the name of a picture alone in every line, without folder and ending"
                raise BadInput(f"{path}: names {name}, but {folder}/{name}.{ending} is absent{there}")
    wanted = [composed(name) for name in names]
    for folder in maps:
        for name in wanted:
            if len(two := standing[folder][name]) > 1:
                raise BadInput(
                    f"{two[0]}: {two[1].name} beside it has the same name, expected one map of {name}"
                )
    say_seconds(root / "JPEGImages", [standing["JPEGImages"][name] for name in wanted], note)
    return [{folder: files[name][0] for folder, files in standing.items()} for name in wanted]


def left_over(root: str | Path) -> list[str]:
    """Return what stands in JPEGImages and is in no list or not read at all, a line each.

    root: a folder of VOC's layout; where it has no JPEGImages nothing is left over
    returns: a line for each list that is no text, one for pictures in no list, one for what is not read

    Built in chapter 12.
    """
    folder = Path(root) / "JPEGImages"
    if not folder.is_dir():
        return []
    lines, named = [], set()
    for path in sorted(list_path(root, "").parent.glob("[!.]*.txt")):
        try:
            named |= set(map(composed, text_lines(path)))
        except BadInput as error:
            lines.append(str(error))
    alone = [files[0].name for name, files in by_name(folder).items() if name not in named]
    if alone:
        lines.append(f"in no list, and so never read: {counted(alone, 'picture', 'pictures')} in JPEGImages")
    if text := passed_over(listed(folder)):
        lines.append(f"not read in JPEGImages: {text}")
    return lines


def _of_another_ending(folder: Path, name: str) -> str:
    """Words that name a file that would be the one looked for, were its ending another."""
    found = listed(folder, ())
    for paths, reason in ((found.others, "is not read"), (found.dangling, "is a link that leads nowhere")):
        for path in paths:
            if composed(path.stem) == composed(name):
                return f"; {path.name} {reason}"
            if alike(path.stem) == alike(name):
                return f"; {path.name} is written otherwise"
    return ""
