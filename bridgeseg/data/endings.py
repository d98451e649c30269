"""Which files are read, by their endings and names, in any case: one table for pictures, masks and label maps.

Built in chapter 2.
"""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from bridgeseg.data.findings import Findings
from bridgeseg.machine.notes import Note, counted
from bridgeseg.structures.labels import BadInput

# The first that stands there counts where a picture is looked for by its name.
ENDINGS = (
    *(".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp", ".gif"),
    *(".jfif", ".jpe", ".pjpeg", ".pjp", ".dib", ".ppm", ".pgm", ".pbm", ".pnm"),
)
# Those that keep every number as it was; the others blur a mask's border, or might.
LOSSLESS = (".png", ".tif", ".tiff", ".bmp", ".dib", ".gif", ".ppm", ".pgm", ".pbm", ".pnm")

_OF_THE_SYSTEM = ("thumbs.db", "desktop.ini", "__macosx")  # what Windows and macOS leave behind


class Listed(NamedTuple):
    """What stands in a folder: each kind as paths sorted by name.

    read: files with one of the endings asked for
    others: files with other endings
    folders: sub-folders
    dangling: links that lead nowhere
    hidden: hidden files that have one of the endings

    Built in chapter 2.
    """

    read: list[Path]
    others: list[Path]
    folders: list[Path]
    dangling: list[Path]
    hidden: list[Path]


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
    found = Listed([], [], [], [], [])
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if is_hidden(entry.name):
                if has_ending(entry.name, endings):
                    found.hidden.append(folder / entry.name)
            elif entry.is_dir():
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
        >>> passed_over(Listed([], [Path("in/a.heic")], [Path("in/more")], [], []))
        '1 file of another ending (a.heic), 1 sub-folder (more)'

    Built in chapter 2.
    """
    kinds = (
        (found.others, "file of another ending", "files of other endings"),
        (found.folders, "sub-folder", "sub-folders"),
        (found.dangling, "link that leads nowhere", "links that lead nowhere"),
    )
    return ", ".join(counted([path.name for path in paths], *words) for paths, *words in kinds if paths)


def by_name(folder: Path, endings: Iterable[str] = ENDINGS) -> dict[str, list[Path]]:
    """Return the files of a folder by their names without ending, as `composed` writes them.

    folder: where to look
    endings: of the files that are wanted
    returns: mostly one file a name; of several that of the earlier ending first, of one ending that in small letters
    raises: OSError when the folder cannot be listed

    Built in chapter 2.
    """
    order = {ending: place for place, ending in enumerate(endings)}
    found: dict[str, list[Path]] = {}
    for path in listed(folder, order).read:
        found.setdefault(composed(path.stem), []).append(path)
    for paths in found.values():
        paths.sort(key=lambda path: (order[path.suffix.lower()], not path.suffix.islower()))
    return found


def say_seconds(folder: Path, pictures: Iterable[Sequence[Path]], note: Note) -> None:
    """Say which pictures are not read because another one of their name is.

    folder: where they all are
    pictures: of each name its files, the one that is read first
    note: called with one line, where a name has several

    Built in chapter 2.
    """
    if several := [files for files in pictures if len(files) > 1]:
        seconds = [path.name for files in several for path in files[1:]]
        what = counted(seconds, "second picture of one name", "second pictures of one name")
        note(f"{folder}: not read: {what}; the labels are taken for those of {several[0][0].name}")


def composed(name: str) -> str:
    """Return a name in the one form of Unicode by which names that look alike are alike.

    name: as a list or a file system has it; macOS writes é as two characters, e and an accent

    Example:
        >>> composed("cafe\\u0301") == composed("caf\\u00e9")
        True

    Built in chapter 2.
    """
    return unicodedata.normalize("NFC", name)


def alike(name: str) -> str:
    """Return a name such that two that look alike become the same: composed, in small letters.

    name: of a file

    Example:
        >>> alike("Cafe\\u0301.PNG") == alike("caf\\u00e9.png")
        True

    Built in chapter 12.
    """
    return composed(name).casefold()


def say_passed_over(found: Listed, folder: Path, note: Note) -> None:
    """Say what of a folder is not read, if anything.

    found: what stands there
    folder: where
    note: called with one line

    Built in chapter 2.
    """
    if text := passed_over(found):
        note(f"{folder}: not read: {text}")


def walk(root: Path, endings: Sequence[str]) -> Iterator[Path]:
    """Yield the files below a folder that have one of some endings, without hidden files and folders.

    root: where to look
    endings: with their dots, in small letters
    returns: paths that begin with the root, sorted in each folder; a folder to which links lead, or a circle of them,
        comes once, under its own name where it has one below the root
    raises: BadInput when the folder cannot be listed

    Built in chapter 12.
    """

    def refuse(error: OSError) -> None:
        raise BadInput(f"{error.filename}: cannot be listed ({error.strerror})") from None

    waiting, seen = [root], set()
    while waiting:  # links after all that stands there itself
        for folder, inner, files in os.walk(waiting.pop(0), onerror=refuse):
            real = os.path.realpath(folder)
            inner[:] = sorted(name for name in inner if not is_hidden(name)) if real not in seen else []
            waiting += [Path(folder, name) for name in inner if os.path.islink(os.path.join(folder, name))]
            for name in sorted(files) if real not in seen else ():
                if not is_hidden(name) and has_ending(name, endings):
                    yield Path(folder, name)
            seen.add(real)


def folder_named(root: Path, name: str) -> Path | None:
    """Return the sub-folder of that name, in capitals or not; None where there is none.

    root: where to look
    name: in small letters

    Built in chapter 12.
    """
    if (root / name).is_dir():
        return root / name
    return next((path for path in sorted(root.iterdir()) if alike(path.name) == name and path.is_dir()), None)


def standing(folder: Path, endings: Sequence[str], findings: Findings, where: str = "") -> list[Path]:
    """Return the files of a folder that have one of some endings.

    folder: where to look
    endings: with their dots, in small letters
    findings: where files of other endings, hidden ones, folders and dangling links are counted
    where: what to call a folder that is one of many, so that all are counted together
    returns: the paths, sorted
    raises: BadInput when the folder cannot be listed

    Built in chapter 12.
    """
    try:
        found = listed(folder, endings)
    except OSError as error:
        raise BadInput(f"{folder}: cannot be listed ({error.strerror})") from None
    place, before = (where, f"{folder.name}/") if where else (f"{folder.name}/", "")
    for path in found.hidden:
        findings.note(f"hidden files passed over in {place}", before + path.name)
    for path in sorted([*found.others, *found.folders, *found.dangling]):
        findings.note(f"files and folders passed over in {place}", before + path.name)
    return found.read


def by_stem(paths: Iterable[Path], findings: Findings) -> dict[str, Path]:
    """Return paths by their names without ending.

    paths: of files or folders
    findings: where those are counted whose name another has already
    returns: from the name as `alike` has it to the first path

    Built in chapter 12.
    """
    found: dict[str, Path] = {}
    for path in paths:
        if found.setdefault(alike(path.stem), path) is not path:
            findings.note("second files of one name, passed over", path.name)
    return found


def plain_names(paths: Sequence[str]) -> list[str]:
    """Return names under which pictures can stand in one folder and in a list.

    paths: of the pictures below their root, with slashes; any text
    returns: of each the name without ending; where two would be the same, the folders joined to it
    raises: BadInput naming two pictures whose names cannot be told apart

    Example:
        >>> plain_names(["one/a.jpg", "two/a.jpg", "two/b.jpg"])
        ['one_a', 'two_a', 'b']

    Built in chapter 12.
    """
    stems = [_printable(PurePosixPath(path).stem) for path in paths]
    counts = Counter(map(alike, stems))
    names = [
        stem if counts[alike(stem)] == 1 else _printable(path.removesuffix(PurePosixPath(path).suffix))
        for stem, path in zip(stems, paths, strict=True)
    ]
    seen: dict[str, str] = {}
    for name, path in zip(names, paths, strict=True):
        if alike(name) in seen:
            raise BadInput(f"{path}: would be called {name}, as {seen[alike(name)]}; expected another name")
        seen[alike(name)] = path
    return names


def _printable(name: str) -> str:
    """A name of one line, without folders, outer blanks and a leading dot."""
    letters = (letter if letter.isprintable() and letter not in "/\\" else "_" for letter in name)
    return composed("".join(letters).strip().lstrip(".") or "_")
