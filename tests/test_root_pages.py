"""What the pages at the root and those of the book tell to run, to open and to import is there."""

from __future__ import annotations

import ast
import importlib
import itertools
import re
import shlex
from collections.abc import Iterator

import pytest
from notebooks import ROOT
from pages import blocks, written

from bridgeseg.arguments import SPECS, read_spec
from bridgeseg.data.open_dataset import KINDS

ROOTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
PAGES = {name: (ROOT / name).read_text("utf8") for name in ROOTS} | written()
CONTRIBUTING = PAGES["CONTRIBUTING.md"]
OURS = ("tests/", "book/", "bridgeseg/", ".ci/", ".github/")
# What is written there stands for something else: a chapter, a room, a module of one's choice.
STANDS_FOR = re.compile(r"[…<]|NN_|04_why_residual")
each_page = pytest.mark.parametrize("name", PAGES)


def expanded(word: str) -> list[str]:
    """Return the words that a shell makes of one with braces: a{b,c} is ab and ac."""
    parts = [
        part[1:-1].split(",") if part.startswith("{") else [part] for part in re.split(r"(\{.*?\})", word)
    ]
    return ["".join(choice) for choice in itertools.product(*parts)]


def commands(page: str) -> list[list[str]]:
    """Return the words of every line of a page's shell blocks, comments left out."""
    lines = "".join(blocks(page, "sh")).replace("\\\n", " ").splitlines()
    return [words for words in (shlex.split(line, comments=True) for line in lines) if words]


def there(path: str) -> bool:
    """Say whether a path, or what a * in it may stand for, is in the repository."""
    return any(ROOT.glob(path.rstrip("/"))) if "*" in path else (ROOT / path).exists()


def lost(page: str) -> Iterator[str]:
    """Yield the paths of ours that a page names in `code` or in its commands, and that do not exist."""
    named = [word for words in commands(page) for word in words]
    named += [word for code in re.findall(r"`([^`\n]+)`", page) for word in code.split()]
    for word in named:
        if word.startswith(OURS) and not STANDS_FOR.search(word):
            yield from (path for path in expanded(word.split("::")[0]) if not there(path))


@each_page
def test_paths_that_a_page_names_are_there(name: str) -> None:
    assert list(lost(PAGES[name])) == []


def test_a_path_that_is_gone_is_seen() -> None:
    page = "See `bridgeseg/cache.py` and `tests/book/chapter_*.py`.\n```sh\npython tests/test_{rooms,house}.py\n```\n"
    assert set(lost(page)) == {"bridgeseg/cache.py", "tests/test_house.py"}


def test_commands_of_contributing_run_files_and_tests_that_are_there() -> None:
    told = commands(CONTRIBUTING)
    assert sum("pytest" in words for words in told) > 5
    for words in told:
        files = [path for word in words if word.startswith(OURS) for path in expanded(word)]
        programs = [
            path for path in files if path.endswith((".py", ".ipynb")) and not STANDS_FOR.search(path)
        ]
        assert all((ROOT / path).is_file() for path in programs), words
        if "-k" in words and not (chosen := words[words.index("-k") + 1]).isdecimal():
            texts = [(ROOT / path).read_text("utf8") for path in files]
            assert any(re.search(rf"def test_\w*{chosen}", text) for text in texts), words


@each_page
def test_what_is_made_by_make_is_in_the_makefile(name: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf8"), re.MULTILINE))
    code = [code for code in re.findall(r"`([^`\n]+)`", PAGES[name]) if code.startswith("make ")]
    told = [words for words in (*commands(PAGES[name]), *(code.split() for code in code)) if "make" in words]
    for words in told:
        assert words[words.index("make") + 1] in targets, words


@each_page
def test_modules_that_a_page_names_can_be_imported(name: str) -> None:
    for dotted in re.findall(r"(?:`|python -m )(bridgeseg(?:\.[A-Za-z_]\w*)+)", PAGES[name]):
        module, _, last = dotted.rpartition(".")
        names = vars(importlib.import_module(module))
        assert last in names or importlib.import_module(dotted), dotted


def test_the_ten_places_define_what_they_are_named_for() -> None:
    table = CONTRIBUTING.split("| a line about | stands in |\n")[1].split("\n\n")[0]
    rows = re.findall(r"^\| (.+?) \| `(bridgeseg/[\w/]+\.py)`: ((?:`\w+`(?:, )?)+) \|$", table, re.MULTILINE)
    assert len(rows) == len(table.splitlines()) - 1 == 10
    for about, path, named in rows:
        defined = set()
        for node in ast.parse((ROOT / path).read_text("utf8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                defined.add(node.name)
            elif isinstance(node, ast.Assign):
                defined |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        assert set(re.findall(r"\w+", named)) <= defined, f"{about}: not in {path}"


def test_the_readme_lists_every_data_set_that_the_command_line_takes() -> None:
    table = PAGES["README.md"].split("| `--data` | reads |\n")[1].split("\n\n")[0]
    listed = re.findall(r"^\| `(\S+)` \|", table, re.MULTILINE)
    assert listed == re.split(r", | or ", SPECS)
    assert sorted(read_spec(spec).kind for spec in listed) == sorted(KINDS)
