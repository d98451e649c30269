"""One spelling throughout the book, the package and the tests; and the check sees another."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from notebooks import CHAPTERS, ROOT, Chapter, none_of
from spelling import misspelled, read_in, said_by

LISTED = subprocess.run(
    ["git", "ls-files", "*.md", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True
)
FILES = [path for path in LISTED.stdout.splitlines() if (ROOT / path).exists()]
ITSELF = {"tests/book/spelling.py", "tests/book/test_spelling.py"}


def test_pages_and_programs_have_one_spelling() -> None:
    problems = []
    for path in sorted({*FILES} - ITSELF):
        text = (ROOT / path).read_text("utf8")
        read = read_in(text) if path.endswith(".md") else said_by(text)
        problems += [f"{path}: {problem}" for problem in misspelled(read)]
    assert len(FILES) > 200
    none_of(problems)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_chapters_have_one_spelling(path: Path) -> None:
    for cell in Chapter(path).cells:
        read = read_in(cell.source) if cell.kind == "markdown" else said_by(cell.source)
        none_of(f"cell {cell.name}: {problem}" for problem in misspelled(f"{read}\n{cell.alt}"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A grey centre of its neighbours, coloured and labelled.", []),
        ("The localization network sees the size of a resized prize.", []),
        ("The backward pass; `color` and `optimizer`, color='red', ax.center, center=0", []),
        ("Colors", ["Colors, expected colours"]),
        ("a gray neighbor", ["gray, expected grey", "neighbor, expected neighbour"]),
        ("We normalize, then analyze.", ["normalize, expected normalise", "analyze, expected analyse"]),
        ("centered, modeling", ["centered, expected centred", "modeling, expected modelling"]),
        ("It learnt optimization.", ["learnt, expected learned", "optimization, expected optimisation"]),
        ("```\ngray\n```\n[gray](https://gray.org) `gray`", ["gray, expected grey"]),
    ],
)
def test_another_spelling_is_seen_in_a_text(text: str, said: list[str]) -> None:
    assert list(misspelled(read_in(text))) == said


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("x = {'color': 'gray', 'ha': 'center'}", []),
        ("ax.plot(color=LINES[0])  # a colour", []),
        ("def f():\n    '''Return the gray one.'''", ["gray, expected grey"]),
        ("x = 1  # the center of it", ["center, expected centre"]),
        ("print('all in one color')", ["color, expected colour"]),
        ("def f():\n    '''One.\n\n    >>> to_gray(gray)\n    '''", []),
    ],
)
def test_another_spelling_is_seen_in_a_program(code: str, said: list[str]) -> None:
    assert list(misspelled(said_by(code))) == said
