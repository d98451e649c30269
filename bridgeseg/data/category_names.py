"""The names of the categories of a folder: classes.txt, also as other tools write such a list.

labelme begins a list with `__ignore__` and `_background_`, torchvision with `__background__`; CVAT writes a label map,
`# label:color_rgb:parts:actions` and `name:r,g,b::`. In all of them the background has the number 0.

Built in chapter 2.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
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
_CODE = re.compile(  # JSON, YAML, a pbtxt, a comment, a list's marks or quotes, a heading
    r""".*[{}]|\[|---|#|//|[-*•]\s|\w+:\s*(\[.*)?$|(['"]).*\2\s*,?$"""
)
_COMMENT = re.compile(r"#(?!\d+$)|//")
_NUMBERED = re.compile(  # a number beside a name
    r"[(\[]?(\d{1,9})(?:\s*[:,;\t =|)\]]|\.\s)\s*\S.*|.*[:,;\t=|]\s*(\d{1,9})"
)
_WORDS = re.compile(r"[^\W\d_]+")
# Words beside "background" in a line that only means it, and first names that mostly mean number 0.
_BESIDE = {"class", "bg", "label", "id", "index"}
_NOTHING = (
    "bg",
    "unlabeled",
    "unlabelled",
    "unlabel",
    "void",
    "none",
    "nothing",
    "null",
    "ignore",
    "ignored",
)
_COLOURED = re.compile(r".*\D\d+([\s:,;]+\d+){2}")  # a colour beside a name


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


def is_doubtful(name: str) -> bool:
    """Return whether a category is called what is hardly an object, with or without the lines that tools put round it.

    name: of a category

    Example:
        >>> is_doubtful("Void"), is_doubtful("_background_"), is_doubtful("avoided")
        (True, True, False)

    Built in chapter 12.
    """
    return is_background(name) or is_ignored(f"_{name}_")


def read_names_file(path: Path) -> tuple[tuple[str, ...], tuple[tuple[int, int, int], ...] | None]:
    """Read the names of categories 1, 2, … from classes.txt.

    path: the file, one name a line or a label map as CVAT writes it
    returns: the names, the background's and that of what is ignored left out; the colours of 0, 1, … where it is a
        label map, or None
    raises: BadInput when it is no text, holds something else than names, no name, too many or one twice, or names the
        background or what is ignored where it would take a number

    Our choice: a list that begins with the background's name is one of names, whatever they look like. Another is
    refused where they look like code, or have numbers or colours beside them, which would not be the lines' own; where
    the background's name has something beside it; where the first says "unlabeled" or the like, which may be number 0;
    and where all names seem to stand in one line.

    Built in chapter 2.
    """
    return _read(text_lines(path), path)


def names_text(names: Sequence[str]) -> str:
    """Return the text of a classes.txt from which `read_names_file` reads some names.

    names: of categories 1, 2, …
    returns: one name a line; before them the background's where they would be taken for something else without it
    raises: BadInput when no text would do: a name that is none, too many or one twice

    Example:
        >>> names_text(["cell", "nucleus"]), names_text(["[other]"])
        ('cell\\nnucleus\\n', '_background_\\n[other]\\n')

    Built in chapter 2.
    """
    plain = "".join(f"{name}\n" for name in names)
    for text in (plain, f"_background_\n{plain}"):
        try:
            if _read(_lines(text), CLASSES)[0] == tuple(names):
                return text
        except BadInput as error:
            reason = str(error)
        else:
            reason = (
                f"{CLASSES}: a name of several lines or with blanks around it, expected one line for each"
            )
    raise BadInput(reason)


def _read(
    lines: list[str], path: Path | str
) -> tuple[tuple[str, ...], tuple[tuple[int, int, int], ...] | None]:
    """The names and the colours in the lines of a file."""
    colours = None
    entries = [match for match in map(_LABEL_MAP.fullmatch, lines) if match]
    if entries and len(entries) == len(lines) - lines[0].startswith("#"):
        lines = [entry[1].strip() for entry in entries]
        colours = tuple((int(entry[2]), int(entry[3]), int(entry[4])) for entry in entries)
    first = 0
    while first < len(lines) and is_ignored(lines[first]):
        first += 1
    numbered = first < len(lines) and is_background(lines[first])
    if colours is None and (
        foreign := [line for line in lines if (_COMMENT if numbered else _CODE).match(line)]
    ):
        raise BadInput(
            f"{path}: {foreign[0][:40]!r}, expected names of categories alone, one a line"
            + (
                ""
                if numbered or _COMMENT.match(foreign[0])
                else "; where they are, _background_ in the first"
            )
        )
    if colours is None and not numbered:
        _check_first(lines, first, path)
    if (
        colours is None
        and not numbered
        and (_have_numbers(lines) or (len(lines) > 2 and _have_numbers(lines[1:])))
    ):
        raise BadInput(
            f"{path}: {lines[0][:40]!r} and a number or colour in every line, expected names of categories alone, one a"
            " line; where they are, _background_ in the first"
        )
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


def _check_first(lines: list[str], first: int, path: Path | str) -> None:
    """Refuse a list of which it is not sure what number its first name has."""
    for line in lines[first:]:
        words = {word.lower() for word in _WORDS.findall(line)}
        if "background" in words and words <= {"background", *_BESIDE} and not is_background(line):
            raise BadInput(
                f"{path}: {line[:40]!r}, expected names of categories alone, one a line, the background's as"
                " _background_ in the first"
            )
    for line in lines[first : first + 1]:
        if "".join(_WORDS.findall(line)).lower() in _NOTHING or lines == [str(n) for n in range(len(lines))]:
            raise BadInput(
                f"{path}: {line!r} first, which may be number 0 or category 1; expected _background_ in its place where"
                " it is number 0, and in a line before it where it is category 1"
            )
        if len(lines) == 1 and re.search(r"[,;\t]", line):
            raise BadInput(
                f"{path}: {line[:40]!r} in one line, expected one a line; where it is one name, _background_ before it"
            )


def _have_numbers(lines: list[str]) -> bool:
    """Whether every line has a number or a colour beside a name.

    Numbers of categories begin at 0 or 1 and none comes twice; they may have gaps, as COCO's, and any order.
    """
    if lines and all(map(_COLOURED.fullmatch, lines)):
        return True
    found = [match for match in map(_NUMBERED.fullmatch, lines) if match]
    numbers = {int(match[1] or match[2]) for match in found}
    return bool(lines) and len(lines) == len(numbers) and min(numbers) <= 1


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
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise BadInput(f"{path}: cannot be read as text in UTF-8, expected it saved so") from None
    except OSError as error:
        raise BadInput(f"{path}: cannot be read as text ({error})") from None
    return _lines(text)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.removeprefix("\ufeff").splitlines() if line.strip()]
