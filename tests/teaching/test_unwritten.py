"""A function that is still to be written says so, in one line, and so does what needs what it would have made."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from bridgeseg.teaching.checks import agree
from bridgeseg.teaching.unwritten import made_by, say_in_one_line, unwritten

STUB = "def halves(values):\n    raise NotImplementedError('halves is still to be written.')\n"


def raised(source: str) -> BaseException:
    """What a line of a notebook raises."""
    with pytest.raises(Exception) as caught:  # noqa: PT011
        exec(source, {"__name__": "__main__"})
    return caught.value


@pytest.mark.parametrize(
    ("source", "stub"),
    [
        (f"{STUB}halves(1)", True),
        ("raise NotImplementedError", True),
        ("raise KeyError", False),
        ("import torch\ntorch.nn.Module().forward()", False),  # a library's own
    ],
)
def test_a_stub_is_told_from_what_libraries_raise(source: str, stub: bool) -> None:
    assert unwritten(raised(source)) == stub


def test_an_exception_that_nobody_raised_is_no_stub_s() -> None:
    assert not unwritten(NotImplementedError())


def test_a_checkpoint_says_what_the_stub_says() -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(STUB, names)
    with pytest.raises(NotImplementedError, match="^halves is still to be written.$") as caught:
        agree(names["halves"], lambda values: values / 2, [(1,)])
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("a = b = 1", {"a", "b"}),
        ("a, (b, *c) = d", {"a", "b", "c"}),
        ("for a in b:\n    c = 1", {"a", "c"}),
        ("import a.b, c as d", {"a", "d"}),
        ("from a import b as c, d", {"c", "d"}),
        ("def a():\n    b = 1", {"a"}),
        ("a = [b for b in c]", {"a"}),
        ("a[0] = b", set()),
        ("print(a)", set()),
    ],
)
def test_what_a_statement_makes(statement: str, names: set[str]) -> None:
    assert made_by(ast.parse(statement).body[0]) == names


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A shell of IPython that notes what it shows of exceptions: kind and lines."""
    interactive = pytest.importorskip("IPython.core.interactiveshell")
    shell = interactive.InteractiveShell()
    shell.shown = []
    shell._showtraceback = lambda kind, error, lines: shell.shown.append((kind.__name__, lines))
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: shell)
    shell.user_ns["__name__"] = "__main__"
    say_in_one_line()
    yield shell
    shell.restore_sys_module_state()


STILL = "halves is still to be written."


def test_a_notebook_says_it_in_one_line_and_remembers_what_is_owed(shell: Any) -> None:
    shell.run_cell(f"{STUB}\nbefore = 1\nfound = halves(3)\nlater = found + 1")
    shell.run_cell("print(before)\nmore = later * 2")
    shell.run_cell("more")
    missing = [f"{name} is not there yet, for {STILL}" for name in ("later", "more")]
    assert shell.shown == [
        ("NotImplementedError", [f"NotImplementedError: {line}"]) for line in (STILL, *missing)
    ]


@pytest.mark.parametrize("cell", ["nobody", "found = later = 2\nnobody", "[].x", "1 / 0"])
def test_other_exceptions_are_shown_as_ever(cell: str, shell: Any) -> None:
    shell.run_cell(f"{STUB}\nlater = halves(3)")
    shell.shown.clear()
    shell.run_cell(cell)
    ((kind, lines),) = shell.shown
    assert kind in ("NameError", "AttributeError", "ZeroDivisionError")
    assert len(lines) > 1


def test_once_it_is_written_nothing_is_owed(shell: Any) -> None:
    shell.run_cell(f"{STUB}\nlater = halves(3)")
    shell.run_cell("def halves(values):\n    return values / 2\n\n\nlater = halves(3)")
    shell.run_cell("assert later == 1.5")
    assert len(shell.shown) == 1


def test_outside_a_notebook_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    say_in_one_line()
