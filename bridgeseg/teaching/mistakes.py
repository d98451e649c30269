"""Which known mistake gives what a reader's function gives?

`wrong_answers/NN_title.py` holds, for every function that a checkpoint of a chapter checks, wrong versions of it: plain
functions named `<function>__<what_is_wrong>` with the same parameters, and a docstring that names the mistake. They use
the names of their chapter, among which the function's own name is the right one.

Built in chapter 1.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FunctionType
from typing import Any

WRONG_ANSWERS = Path(__file__).parent / "wrong_answers"


def mistake(
    built: Callable[..., Any],
    reference: Callable[..., Any],
    cases: Sequence[tuple[Any, ...]],
    differ: Callable[[Any, Any], str],
) -> str:
    """Return the known mistake that comes to the same as a function does, or nothing where none does.

    built: the reader's function, with the names of the notebook around it
    reference: what it should do
    cases: the arguments of each call, the last of which it gets wrong
    differ: says in what one result differs from another, nothing where it does not
    returns: a sentence or two, empty where the function makes no known mistake

    Built in chapter 1.
    """
    if not isinstance(built, FunctionType):
        return ""
    came_out = [_outcome(built, arguments) for arguments in cases]
    for version in _versions(built, reference):
        theirs = (_outcome(version, arguments) for arguments in cases)
        if all(_same(one, other, differ) for one, other in zip(came_out, theirs)):
            return " ".join(inspect.getdoc(version).split())  # type: ignore[union-attr]
    return ""


def _versions(built: FunctionType, reference: Callable[..., Any]) -> Iterator[FunctionType]:
    """Yield the wrong versions of a function, each among the notebook's names."""
    takes = list(inspect.signature(built).parameters)
    for path in sorted(WRONG_ANSWERS.glob("*.py")):
        for node in ast.parse(path.read_text("utf8")).body:
            if not isinstance(node, ast.FunctionDef) or node.name.partition("__")[0] != built.__name__:
                continue
            if [each.arg for each in node.args.args] == takes and ast.get_docstring(node):
                names = {**built.__globals__, built.__name__: reference}
                try:
                    exec(compile(ast.Module([node], []), str(path), "exec"), names)
                except Exception:  # a default that the notebook does not have
                    continue
                yield names[node.name]


def _outcome(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, Any]:
    """What a function returns, or what it raises."""
    try:
        return function(*arguments), None
    except Exception as error:
        return None, type(error)


def _same(one: tuple[Any, Any], other: tuple[Any, Any], differ: Callable[[Any, Any], str]) -> bool:
    if one[1] is not other[1]:
        return False
    try:
        return one[1] is not None or not differ(one[0], other[0])
    except Exception:  # results that are no arrays
        return False
