"""The way out of a checkpoint: what lends a reader the package's version, and makes what the cells before owe.

`agree(mine, the_packages, cases)` names both. The cells between a function and its checkpoint stopped where they needed
the function; what later cells need of them is made again.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator

from notebooks import Cell, Chapter

from bridgeseg.teaching.unwritten import made_by

STUCK = """# @title Stuck? Set STUCK to True, run this cell, and go on with the package's version.
STUCK = False  # @param {type: "boolean"}
if STUCK:
"""


def way_out(chapter: Chapter, checkpoint: Cell) -> str:
    """Return the source of the cell that stands after a checkpoint."""
    compared = dict(_compared(checkpoint))
    lines = [_lent(chapter, checkpoint, name, reference) for name, reference in compared.items()]
    owed = list(_owed(chapter, checkpoint, set(compared)))
    if owed:
        lines += ["", "# What the cells above make with it.", *owed]
    return STUCK + textwrap.indent("\n".join(lines), "    ")


def _compared(checkpoint: Cell) -> Iterator[tuple[str, str]]:
    for name, call in checkpoint.calls():
        if name == "agree" and len(call.args) > 1:
            yield ast.unparse(call.args[0]), ast.unparse(call.args[1])


def _lent(chapter: Chapter, checkpoint: Cell, name: str, reference: str) -> str:
    """The line that gives the reference the reader's name: an import, where the chapter imports it."""
    line = f"{name} = {reference}"
    for cell in chapter.of("code"):
        for node in ast.walk(cell.tree) if cell.place <= checkpoint.place else []:
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if (alias.asname or alias.name) == reference:
                        line = f"from {node.module} import {alias.name} as {name}"
            elif isinstance(node, ast.FunctionDef) and node.name == reference:
                line = f"{name} = {reference}"
    return line


def _owed(chapter: Chapter, checkpoint: Cell, names: set[str]) -> Iterator[str]:
    """The statements that could not run, in their order, as far as something later needs what they make."""
    first = min(c.place for c in chapter.of("code", "build") if names & set(c.defined))
    stopped: list[tuple[ast.stmt, str]] = []
    tainted = set(names)
    for cell in chapter.cells[first : checkpoint.place + 1]:
        if cell.kind != "code" or "solution" in cell.tags:
            continue
        running = True
        for statement in cell.tree.body:
            if running and not isinstance(statement, ast.FunctionDef | ast.ClassDef):
                running = not (_used(statement) & tainted)
            if not running and not names & made_by(statement):
                tainted |= _made(statement)
                stopped.append((statement, ast.get_source_segment(cell.source, statement) or ""))
    later = [c for c in chapter.cells[checkpoint.place + 1 :] if c.kind == "code"]
    needed: set[str] = set()
    for statement in reversed([statement for cell in later for statement in cell.tree.body]):
        needed = _before(statement, needed)
    kept = []
    for statement, text in reversed(stopped):
        if _made(statement) & needed:
            needed = _before(statement, needed)
            kept.append(text)
    yield from reversed(kept)


def _before(statement: ast.stmt, needed: set[str]) -> set[str]:
    """The names that are needed before a statement, given those that are after it."""
    always = isinstance(statement, ast.Assign | ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom)
    return (needed - made_by(statement) if always else needed) | _used(statement)


def _used(tree: ast.AST) -> set[str]:
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
    return {node.id for node in nodes if isinstance(node.ctx, ast.Load)}


def _made(statement: ast.stmt) -> set[str]:
    """The names that a statement makes, or what it adds to: `rows.append(…)` in a loop, `ap[k] = …`."""
    added: set[str] = set()
    if isinstance(statement, ast.For | ast.While | ast.With):
        attributes = (node for node in ast.walk(statement) if isinstance(node, ast.Attribute))
        added = {
            node.value.id for node in attributes if node.attr == "append" and isinstance(node.value, ast.Name)
        }
    if isinstance(statement, ast.Assign | ast.AugAssign | ast.For):
        stored = (node for node in ast.walk(statement) if isinstance(node, ast.Subscript))
        added |= {
            node.value.id
            for node in stored
            if isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name)
        }
    return made_by(statement) | added
