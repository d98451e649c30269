"""A checkpoint that fails names the known mistake that comes to the same, and nothing where none does."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bridgeseg.teaching import mistakes
from bridgeseg.teaching.checks import agree, difference
from bridgeseg.teaching.mistakes import WRONG_ANSWERS, mistake

KNOWN = '''"""Wrong answers."""


def halves__doubled(values):
    """Multiplies by two
    instead of dividing."""
    return values * 2


def halves__one_more(values):
    """Adds one to the right answer."""
    return halves(values) + one


def halves__stops(values):
    """Divides by nought."""
    return values / 0


def halves__of_another_chapter(values, rest):
    """Takes more."""
    return values * 3


def thirds__doubled(values):
    """Is another function's."""
    return values * 5
'''


def right(values: float) -> float:
    return values / 2


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(mistakes, "WRONG_ANSWERS", tmp_path)
    (tmp_path / "01_a_chapter.py").write_text(KNOWN)
    return tmp_path


def written(answer: str, one: str = "one = 1") -> Callable[..., Any]:
    """A reader's function, among the names of a notebook."""
    names: dict[str, Any] = {}
    exec(f"{one}\n\n\ndef halves(values):\n    return {answer}", names)
    return names["halves"]


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        ("values + values", "Multiplies by two instead of dividing."),
        ("0.5 * values + 1", "Adds one to the right answer."),
        ("[][0] if values == 9 else 1 / 0", ""),
        ("values // 0", "Divides by nought."),
        ("values * 3", ""),
        ("values * 5", ""),
        ("values * 7", ""),
        ("'a'", ""),
    ],
)
@pytest.mark.usefixtures("known")
def test_the_mistake_is_named_that_comes_to_the_same(answer: str, named: str) -> None:
    assert mistake(written(answer), right, [(4.0,), (9.0,)], difference) == named


def test_a_name_that_the_notebook_lacks_is_no_error(known: Path) -> None:
    assert mistake(written("values + 7", one=""), right, [(4.0,)], difference) == ""
    (known / "02_b.py").write_text("def halves__a(values=nowhere):\n    'Not there.'\n")
    assert mistake(written("values + 7"), right, [(4.0,)], difference) == ""


@pytest.mark.usefixtures("known")
def test_what_is_no_function_of_a_notebook_makes_no_known_mistake() -> None:
    assert mistake(abs, right, [(4.0,)], difference) == ""


@pytest.mark.usefixtures("known")
def test_a_checkpoint_says_it() -> None:
    with pytest.raises(AssertionError, match=r"\n  perhaps   Multiplies by two instead of dividing\.$"):
        agree(written("values * 2"), right, [(0.0,), (4.0,)])
    with pytest.raises(AssertionError, match=r"raises ZeroDivision(.*\n)*  perhaps   Divides by nought\.$"):
        agree(written("values / 0"), right, [(4.0,)])
    with pytest.raises(AssertionError, match=r"\n  expected  2\.0$"):
        agree(written("values * 7"), right, [(4.0,)])


def test_the_wrong_answers_are_functions_and_nothing_else() -> None:
    files = sorted(WRONG_ANSWERS.glob("*.py"))
    assert files
    for path in files:
        _, *nodes = ast.parse(path.read_text("utf8")).body
        for node in nodes:
            assert isinstance(node, ast.FunctionDef), f"{path.name}: line {node.lineno} is no wrong answer"
            assert "__" in node.name
