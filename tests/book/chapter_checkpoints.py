"""The checkpoints of a chapter, taken as a reader takes them: with the right function, and with wrong ones.

`bridgeseg/teaching/wrong_answers/NN_title.py` holds, for every function that a checkpoint of the chapter checks, at
least two wrong versions: plain functions named `<function>__<what_is_wrong>` with the same parameters and a docstring
that says which real mistake it is. They are executed in the chapter's namespace, where the function itself is the right
one. Each has to fail at its checkpoint, with a message that names a mistake, helps and does not give the answer away.
The example of what is built has to be right.
"""

from __future__ import annotations

import ast
import contextlib
import doctest
import inspect
import io
import linecache
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType
from typing import Any
from unittest import mock

import numpy as np
import torch
from chapter_stubs import to_write
from notebooks import Cell, Chapter

from bridgeseg.teaching import checks, mistakes

FEWEST = 2  # wrong versions of a function
LONGEST = 4000  # characters of a message: more, and nobody reads it
SHORTEST = 15  # characters of a line of code that would give something away
DRAWS = {"figure", "no-figure", "widget", "strip"}

Namespace = dict[str, Any]


def unchecked(chapter: Chapter) -> Iterator[str]:
    """Yield each definition of a chapter that is not compared with the package's, and each check of something else."""
    checked = checked_functions(chapter)
    built = {name: cell for cell in chapter.of("code", "build") for name in cell.defined}
    for name, cell in built.items():
        later = [checks_it for checks_it in checked.get(name, []) if checks_it.place > cell.place]
        if not later:
            yield f"cell {cell.name}: {name} is built, and no later checkpoint calls agree({name}, …)"
    for cell in chapter.of("code", "build"):
        if not cell.defined:
            yield f"cell {cell.name}: tagged `build`, and defines no function"
    for name, cells in checked.items():
        if name not in built:
            yield f"cell {cells[0].name}: checks {name}, which no cell with the tag `build` defines"
    for cell in chapter.of("code"):
        calls = any(name == "agree" for name, _ in cell.calls())
        if calls and not {"checkpoint", "solution"} & set(cell.tags):
            yield f"cell {cell.name}: calls agree: tag it `checkpoint`"
        if not calls and "checkpoint" in cell.tags:
            yield f"cell {cell.name}: tagged `checkpoint`, and does not call bridgeseg.teaching.checks.agree"


def checked_functions(chapter: Chapter) -> dict[str, list[Cell]]:
    """Return, by name, what the checkpoints compare, `agree(NAME, …)`, and in which cells."""
    found: dict[str, list[Cell]] = {}
    for cell in chapter.of("code", "checkpoint"):
        for name, call in cell.calls():
            if name == "agree" and call.args:
                cells = found.setdefault(ast.unparse(call.args[0]), [])
                cells += [cell] if cell not in cells else []
    return found


def wrong_versions(path: Path) -> dict[str, list[ast.FunctionDef]]:
    """Return the wrong versions in a file, by the function that they are versions of."""
    found: dict[str, list[ast.FunctionDef]] = {}
    for node in ast.parse(path.read_text("utf8")).body:
        if isinstance(node, ast.FunctionDef) and "__" in node.name:
            found.setdefault(node.name.partition("__")[0], []).append(node)
    return found


def badly_kept(chapter: Chapter, path: Path) -> Iterator[str]:
    """Yield what is wrong with a file of wrong answers before any of them is tried."""
    if not path.exists():
        yield f"no bridgeseg/teaching/wrong_answers/{path.name}, where the wrong versions of what is built are kept"
        return
    checked, versions = checked_functions(chapter), wrong_versions(path)
    defined = {
        node.name: node
        for cell in chapter.of("code", "build")
        for node in cell.tree.body
        if isinstance(node, ast.FunctionDef)
    }
    for name in checked:
        if len(versions.get(name, [])) < FEWEST:
            yield f"{path.name}: {len(versions.get(name, []))} wrong versions of {name}, at least {FEWEST}"
    for name, nodes in versions.items():
        if name not in checked:
            yield f"{path.name}: {nodes[0].name}, and no checkpoint checks {name}"
        for node in nodes:
            if not (ast.get_docstring(node) or "").strip():
                yield f"{path.name}: {node.name} has no docstring that says which mistake it is"
            if name in defined and ast.unparse(node.args) != ast.unparse(defined[name].args):
                takes, should = ast.unparse(node.args), ast.unparse(defined[name].args)
                yield f"{path.name}: {node.name} takes ({takes}), and {name} takes ({should})"


def let_through(chapter: Chapter, path: Path) -> Iterator[str]:
    """Run a chapter to its last checkpoint, try every wrong version, and yield what is wrong with how it went."""
    checked, versions = checked_functions(chapter), wrong_versions(path)
    caught: set[str] = set()
    namespace: Namespace = {"__name__": "__main__"}
    references: list[tuple[Callable[..., Any], Callable[..., Any]]] = []

    def watched(built: Callable[..., Any], reference: Callable[..., Any], *rest: Any, **named: Any) -> None:
        references.append((built, reference))
        agree(built, reference, *rest, **named)

    agree = checks.agree
    known = mock.patch.object(mistakes, "WRONG_ANSWERS", path.parent)
    with known, mock.patch.object(checks, "agree", watched), contextlib.redirect_stdout(io.StringIO()):
        for cell in to_the_last_checkpoint(chapter):
            before, chance = dict(namespace), _chance()
            _run(chapter, cell, namespace)
            after = _chance()
            if "build" in cell.tags:
                yield from _wrong_examples(cell, namespace)
            for name in (name for name, cells in checked.items() if cell in cells):
                wrong = _answers(path, name, namespace)
                for node in versions.get(name, []):
                    _set_chance(chance)
                    references.clear()
                    version = wrong[node.name]
                    version.__name__ = name  # as a reader would have called it
                    message = _tried(chapter, cell, {**before, name: version})
                    if message is None:
                        continue
                    caught.add(node.name)
                    reference = next((second for first, second in references if first is version), None)
                    for problem in unhelpful(message, name, reference):
                        yield f"cell {cell.name}, {node.name}: {problem}\n{message}"
            _set_chance(after)
    for name in checked:
        for node in versions.get(name, []):
            if node.name not in caught:
                yield f"{node.name} passes the checkpoint of {name}"


def unhelpful(message: str, name: str, reference: Callable[..., Any] | None) -> Iterator[str]:
    """Yield what is wrong with the message of a checkpoint that failed."""
    if not message.startswith("AssertionError: "):
        yield "fails with another exception, not with what came out and what was expected"
    elif not re.match(
        rf"AssertionError: {re.escape(name)} differs in case \d+: .+\n  input +\S.*\n  came out +\S.*\n  expected +\S",
        message,
    ):
        yield "does not name the function and show the input, what came out and what was expected"
    if "\n  perhaps   " not in message:
        yield "does not name the mistake"
    if len(message) > LONGEST:
        yield f"{len(message):,} characters, too many to read"
    for line in _code_of(reference):
        if line in message:
            yield f"gives the answer away: {line}"


def to_the_last_checkpoint(chapter: Chapter) -> list[Cell]:
    """Return the cells of code that lead to the checkpoints, without those that only draw."""
    code = chapter.of("code")
    last = max((cell.place for cell in chapter.of("code", "checkpoint")), default=-1)
    kept: list[Cell] = []
    used: set[str] = set()
    for cell in reversed([cell for cell in code if cell.place <= last]):
        names = [node for node in ast.walk(cell.tree) if isinstance(node, ast.Name)]
        imported = (node for node in ast.walk(cell.tree) if isinstance(node, ast.Import | ast.ImportFrom))
        made = {node.id for node in names if isinstance(node.ctx, ast.Store)} | set(cell.defined)
        made |= {(a.asname or a.name).partition(".")[0] for node in imported for a in node.names}
        if DRAWS & set(cell.tags) and not made & used:
            continue
        used |= {node.id for node in names if isinstance(node.ctx, ast.Load)}
        kept.insert(0, cell)
    return kept


def _wrong_examples(cell: Cell, namespace: Namespace) -> Iterator[str]:
    """Yield each example of a build cell that is not as it shows; none of them leaves a name behind."""
    for name, _, docstring in to_write(cell.tree):
        test = doctest.DocTestParser().get_doctest(docstring, namespace, name, None, 0)
        said: list[str] = []
        doctest.DocTestRunner(verbose=False).run(test, out=said.append)
        if said:
            yield f"cell {cell.name}: the example of {name} is not right\n{''.join(said)}"


def _run(chapter: Chapter, cell: Cell, namespace: Namespace) -> None:
    """Execute a cell, so that a traceback and `inspect` find its lines."""
    name = f"<{chapter.path.stem}: {cell.name}>"
    linecache.cache[name] = (len(cell.source), None, cell.source.splitlines(keepends=True), name)
    exec(compile(cell.source, name, "exec"), namespace)


def _tried(chapter: Chapter, cell: Cell, namespace: Namespace) -> str | None:
    """Return the last lines that a reader would see, or nothing where the cell passes."""
    try:
        _run(chapter, cell, namespace)
    except Exception as error:  # whatever a wrong version raises is its result here
        return f"{type(error).__name__}: {error}"
    return None


def _answers(path: Path, function: str, namespace: Namespace) -> Namespace:
    """Execute the wrong versions of one function, with the chapter's names, and return all names."""
    tree = ast.parse(path.read_text("utf8"))
    of_others = [node for name, nodes in wrong_versions(path).items() if name != function for node in nodes]
    names = {node.name for node in of_others}
    tree.body = [node for node in tree.body if getattr(node, "name", "") not in names]
    own = dict(namespace)
    exec(compile(tree, str(path), "exec"), own)
    return own


def _chance() -> tuple[Any, ...]:
    """The state of what draws at random, so that every version meets the same cases."""
    return random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002


def _set_chance(state: tuple[Any, ...]) -> None:
    random.setstate(state[0])
    np.random.set_state(state[1])  # noqa: NPY002
    torch.set_rng_state(state[2])


def _code_of(reference: Callable[..., Any] | None) -> list[str]:
    """The lines of a function that would give it away."""
    if not isinstance(reference, FunctionType):
        return []
    source = inspect.cleandoc(inspect.getsource(reference))
    lines = (line.strip() for line in source.splitlines())
    return [line for line in lines if len(line) >= SHORTEST and not line.startswith(("#", '"""', "def "))]
