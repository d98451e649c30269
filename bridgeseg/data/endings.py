"""Which files are read, by their endings: one table for pictures, masks and label maps, in any case of letters.

Built in chapter 2.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from bridgeseg.machine.notes import Note, counted

# The first that stands there counts where a picture is looked for by its name.
ENDINGS = (
    *(".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp", ".gif"),
    *(".jfif", ".jpe", ".pjpeg", ".pjp", ".dib", ".ppm", ".pgm", ".pbm", ".pnm"),
)
# Those that keep every number as it was; the others blur a mask's border, or might.
LOSSLESS = (".png", ".tif", ".tiff", ".bmp", ".dib", ".gif", ".ppm", ".pgm", ".pbm", ".pnm")

_OF_THE_SYSTEM = ("thumbs.db", "desktop.ini", "__macosx")  # what Windows and macOS leave behind


class Listed(NamedTuple):
    """What stands in a folder, hidden files left out: each kind as paths sorted by name.

    read: files with one of the endings asked for
    others: files with other endings
    folders: sub-folders
    dangling: links that lead nowhere

    Built in chapter 2.
    """

    read: list[Path]
    others: list[Path]
    folders: list[Path]
    dangling: list[Path]


def has_ending(name: str, endings: Iterable[str] = ENDINGS) -> bool:
    """Return whether a file is one of those that are read, by its name.

    name: of the file
    endings: which; in any case of letters

    Example:
        >>> has_ending("cat.JPG"), has_ending("cat.heic"), has_ending("mask.jpg", LOSSLESS)
        (True, False, False)

    Built in chapter 2.
    """
    return os.path.splitext(name)[1].lower() in endings


def is_hidden(name: str) -> bool:
    """Return whether a file is one that no one put there on purpose: `.DS_Store`, `._cat.png`, `Thumbs.db`.

    name: of the file

    Built in chapter 2.
    """
    return name.startswith(".") or name.lower() in _OF_THE_SYSTEM


def listed(folder: Path, endings: Iterable[str] = ENDINGS) -> Listed:
    """Return what stands in a folder, by what becomes of it.

    folder: where to look
    endings: of the files that are to be read
    raises: OSError when the folder cannot be listed

    Built in chapter 2.
    """
    found = Listed([], [], [], [])
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if is_hidden(entry.name):
                continue
            if entry.is_dir():
                found.folders.append(folder / entry.name)
            elif entry.is_symlink() and not os.path.exists(entry.path):
                found.dangling.append(folder / entry.name)
            elif has_ending(entry.name, endings):
                found.read.append(folder / entry.name)
            else:
                found.others.append(folder / entry.name)
    return found


def passed_over(found: Listed) -> str:
    """Return what of a folder is not read, in words; nothing where all of it is.

    found: what stands there

    Example:
        >>> passed_over(Listed([], [Path("in/a.heic")], [Path("in/more")], []))
        '1 file of another ending (a.heic), 1 sub-folder (more)'

    Built in chapter 2.
    """
    kinds = (
        (found.others, "file of another ending", "files of other endings"),
        (found.folders, "sub-folder", "sub-folders"),
        (found.dangling, "link that leads nowhere", "links that lead nowhere"),
    )
    return ", ".join(counted([path.name for path in paths], *words) for paths, *words in kinds if paths)


def by_name(folder: Path, endings: Iterable[str] = ENDINGS) -> dict[str, Path]:
    """Return the files of a folder by their names without ending, as `composed` writes them.

    folder: where to look
    endings: of the files that are wanted; of two with one name that of the earlier ending counts
    raises: OSError when the folder cannot be listed

    Built in chapter 2.
    """
    order = {ending: place for place, ending in enumerate(endings)}
    read = sorted(listed(folder, order).read, key=lambda path: order[path.suffix.lower()], reverse=True)
    return {composed(path.stem): path for path in read}


def composed(name: str) -> str:
    """Return a name in the one form of Unicode by which names that look alike are alike.

    name: as a list or a file system has it; macOS writes é as two characters, e and an accent

    Example:
        >>> composed("cafe\\u0301") == composed("caf\\u00e9")
        True

    Built in chapter 2.
    """
    return unicodedata.normalize("NFC", name)


def say_passed_over(found: Listed, folder: Path, note: Note) -> None:
    """Say what of a folder is not read, if anything.

    found: what stands there
    folder: where
    note: called with one line

    Built in chapter 2.
    """
    if text := passed_over(found):
        note(f"{folder}: not read: {text}")
