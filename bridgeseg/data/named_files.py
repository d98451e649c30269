"""Files found by what they are called: endings in any case, names in any of Unicode's forms, hidden ones left out.

Built in chapter 12.
"""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from bridgeseg.data.findings import Findings
from bridgeseg.structures.labels import BadInput


def alike(name: str) -> str:
    """Return a name such that two that look alike become the same: composed, in small letters.

    name: of a file

    Example:
        >>> alike("Cafe\\u0301.PNG") == alike("caf\\u00e9.png")
        True

    Built in chapter 12.
    """
    return unicodedata.normalize("NFC", name).casefold()


def walk(root: Path, endings: Sequence[str]) -> Iterator[Path]:
    """Yield the files below a folder that have one of some endings, sorted, without hidden files and folders.

    root: where to look
    endings: with their dots, in small letters
    returns: paths that begin with the root
    raises: BadInput when the folder cannot be listed

    Built in chapter 12.
    """

    def refuse(error: OSError) -> None:
        raise BadInput(f"{error.filename}: cannot be listed ({error.strerror})") from None

    for folder, inner, files in os.walk(root, onerror=refuse):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and Path(name).suffix.lower() in endings:
                yield Path(folder, name)


def folder_named(root: Path, name: str) -> Path | None:
    """Return the sub-folder of that name, in capitals or not; None where there is none.

    root: where to look
    name: in small letters
    """
    if (root / name).is_dir():
        return root / name
    return next((path for path in sorted(root.iterdir()) if alike(path.name) == name and path.is_dir()), None)


def by_stem(folder: Path, endings: Sequence[str], findings: Findings) -> dict[str, Path]:
    """Return the files of a folder, by their names without ending.

    folder: where to look
    endings: with their dots, in small letters
    findings: where files of other endings, hidden ones, folders, dangling links and second files of a name are counted
    returns: from the name as `alike` has it to the path, sorted
    raises: BadInput when the folder cannot be listed

    Built in chapter 12.
    """
    found: dict[str, Path] = {}
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise BadInput(f"{folder}: cannot be listed ({error.strerror})") from None
    for path in paths:
        if path.suffix.lower() not in endings:
            if not path.name.startswith("."):
                findings.note(f"files and folders passed over in {folder.name}/", path.name)
        elif path.name.startswith("."):
            findings.note(f"hidden files passed over in {folder.name}/", path.name)
        elif not path.is_file():
            findings.note(f"files and folders passed over in {folder.name}/", path.name)
        elif alike(path.stem) in found:
            findings.note("second files of one name, passed over", path.name)
        else:
            found[alike(path.stem)] = path
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
    return unicodedata.normalize("NFC", "".join(letters).strip().lstrip(".") or "_")
