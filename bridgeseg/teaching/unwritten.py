"""A function that a reader has still to write says so: in one line, wherever a notebook needs it.

In the student's edition of a chapter such a function raises NotImplementedError with a sentence that says what to do.

Built in chapter 1.
"""

from __future__ import annotations

import ast
import linecache
import sys
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Any


def unwritten(error: BaseException) -> bool:
    """Return whether an exception says that a function of the notebook is still to be written.

    error: as it was caught
    returns: true for a NotImplementedError that a line of the notebook itself raised, and no library

    Built in chapter 1.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    in_notebook = bool(frames) and frames[-1].f_globals.get("__name__") == "__main__"
    return isinstance(error, NotImplementedError) and in_notebook


def say_in_one_line() -> None:
    """Let a notebook tell in one line, without a traceback, that a cell needs what is still to be written.

    A cell that stops for that reason owes what it would have made. Cells that ask for it say the same, and not that a
    name is not defined. Outside a notebook nothing happens. Built in chapter 1.
    """
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None:
        return
    owed: dict[str, str] = {}  # by name, why it is not there

    def told(
        shell: Any, kind: type, error: BaseException, trace: TracebackType, tb_offset: int | None = None
    ) -> None:
        missing = error.name if isinstance(error, NameError) else ""
        if unwritten(error):
            reason = line = str(error)
        elif missing in owed and missing not in shell.user_ns:
            reason = owed[missing]
            line = f"{missing} is not there yet, for {reason}"
        else:
            shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
            return
        owed.update(dict.fromkeys(_not_made(trace), reason))
        shell._showtraceback(NotImplementedError, NotImplementedError(line), [f"NotImplementedError: {line}"])

    shell.set_custom_exc((NotImplementedError, NameError), told)


def _not_made(trace: TracebackType) -> Iterator[str]:
    """Yield the names that a cell would have made from the statement on that raised."""
    for frame, line in traceback.walk_tb(trace):
        # A cell's own frame. Its code is not called "<module>" in every IPython.
        if frame.f_locals is frame.f_globals and frame.f_globals.get("__name__") == "__main__":
            tree = ast.parse("".join(linecache.getlines(frame.f_code.co_filename)))
            for statement in tree.body:
                if (statement.end_lineno or 0) >= line:
                    yield from made_by(statement)


def made_by(statement: ast.stmt) -> set[str]:
    """Return the names that a statement of a notebook makes, those within functions and brackets left out.

    statement: parsed, at the top of a cell

    Built in chapter 1.
    """
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in statement.names}
    within = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp | ast.Lambda
    made: set[str] = set()
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            made.add(node.id)
        waiting += [] if isinstance(node, within) else ast.iter_child_nodes(node)
    return made
