"""The names of the categories of a folder: classes.txt, also as other tools write such a list.

labelme begins a list with `__ignore__` and `_background_`, torchvision with `__background__`; CVAT writes a label map,
`# label:color_rgb:parts:actions` and `name:r,g,b::`. In all of them the background has the number 0.

Built in chapter 2.
"""

from __future__ import annotations

import re
from pathlib import Path

from bridgeseg.structures.labels import VOID, BadInput

CLASSES = "classes.txt"
# Without classes.txt: files of these names, of any ending, hold the names that are wanted.
OTHER_LISTS = (
    *("class_names", "classnames", "class_list", "classes", "class", "labels", "label_names", "labelmap"),
    *("label_map", "label_colors", "categories", "category_names", "names", "obj", "_classes", "class_dict"),
)
_LIST_ENDINGS = ("", ".txt", ".names", ".csv", ".json", ".yaml", ".yml", ".pbtxt")

_BACKGROUND = re.compile(r"_*background_*", re.IGNORECASE)
_IGNORED = re.compile(r"_+(ignore|void)d?_+", re.IGNORECASE)  # labelme's number of it is -1
_LABEL_MAP = re.compile(r"(.*?):(\d+),\s*(\d+),\s*(\d+):[^:]*:[^:]*")  # a line of CVAT's
_CODE = re.compile(r".*[{}]|\[|---|#|//")  # JSON, YAML, a pbtxt, a comment
_WITH_NUMBER = re.compile(
    r"\d+\s*[:,;\t ]\s*\S.*|.*[:,;\t]\s*\d+|.*(\s+\d+){3}"
)  # a number, or a colour, beside


def is_background(name: str) -> bool:
    """Return whether a category's name is what tools call the background: `_background_`, `__background__`.

    name: of a category

    Example:
        >>> is_background("__Background__"), is_background("background noise")
        (True, False)

    Built in chapter 2.
    """
    return _BACKGROUND.fullmatch(name) is not None


def is_ignored(name: str) -> bool:
    """Return whether a category's name is what tools call pixels that do not count: `__ignore__`.

    name: of a category

    Example:
        >>> is_ignored("__ignore__"), is_ignored("void")
        (True, False)

    Built in chapter 2.
    """
    return _IGNORED.fullmatch(name) is not None


def read_names_file(path: Path) -> tuple[tuple[str, ...], tuple[tuple[int, int, int], ...] | None]:
    """Read the names of categories 1, 2, … from classes.txt.

    path: the file, one name a line or a label map as CVAT writes it
    returns: the names, the background's and that of what is ignored left out; the colours of 0, 1, … where it is a
        label map, or None
    raises: BadInput when it is no text, holds something else than names, no name, too many or one twice, or names the
        background or what is ignored where it would take a number

    Built in chapter 2.
    """
    lines = text_lines(path)
    colours = None
    entries = [match for match in map(_LABEL_MAP.fullmatch, lines) if match]
    if entries and len(entries) == len(lines) - lines[0].startswith("#"):
        lines = [entry[1].strip() for entry in entries]
        colours = tuple((int(entry[2]), int(entry[3]), int(entry[4])) for entry in entries)
    else:
        foreign = [line for line in lines if _CODE.match(line)]
        if lines and all(map(_WITH_NUMBER.fullmatch, lines)):
            foreign = lines
        if foreign:
            raise BadInput(f"{path}: {foreign[0][:40]!r}, expected names of categories alone, one a line")
    first = 0
    while first < len(lines) and is_ignored(lines[first]):
        first += 1
    numbered = first < len(lines) and is_background(lines[first])
    names = lines[first + numbered :]
    while names and is_ignored(names[-1]):  # whose number is the highest, and has no name
        names.pop()
    for number, name in enumerate(names, 1):
        if is_background(name) or is_ignored(name):
            raise BadInput(
                f"{path}: {name} in the place of category {number}, expected it before all others; what number it"
                " has is not known"
            )
    if not 1 <= len(names) < VOID:
        raise BadInput(f"{path}: {len(names)} names of categories, expected 1…{VOID - 1}, one a line")
    if len(set(names)) < len(names):
        raise BadInput(f"{path}: the same category twice, expected every name once")
    if colours is not None:
        if not numbered:
            raise BadInput(f"{path}: a label map without a background in its first line, whose number is 0")
        colours = colours[first : first + 1 + len(names)]
    return tuple(names), colours


def other_list(root: Path) -> Path | None:
    """Return a file beside JPEGImages that seems to hold the names of the categories under another name.

    root: the folder
    returns: the first by name; None where there is none

    Built in chapter 2.
    """
    for path in sorted(root.iterdir()):
        name = path.name.lower()
        stem, dot, ending = name.rpartition(".")
        stem, ending = (stem, dot + ending) if dot else (name, "")
        if path.name != CLASSES and stem in OTHER_LISTS and ending in _LIST_ENDINGS and path.is_file():
            return path
    return None


def text_lines(path: Path) -> list[str]:
    """Return the lines of a text file that are not blank, without the byte order mark that some editors write.

    path: the file
    raises: BadInput where it cannot be read as text

    Built in chapter 2.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot be read as text ({error})") from None
    return [line.strip() for line in lines if line.strip()]
