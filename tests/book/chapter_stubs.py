"""What a reader is to write: taken out of a build cell, and what its docstring must say so that it can be.

A build cell has, for each function, the signature, a docstring with a sentence that says what to do, shapes and an
`Example:`, and then the answer. A stub has all but the answer, and raises NotImplementedError with the sentence.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator

from notebooks import Chapter

WIDEST = 88  # characters of a line of code in a chapter
SHAPE = re.compile(r"\((?:\.\.\.|[^(),\s][^(),]{0,24},(?:[^(),]{1,24},?)*)\)")
EXAMPLE = re.compile(r"\n *Example:\n(?= +>>> )")
# "Return the IoU …", and neither "The IoU …" nor "Boxes (n, 4) -> …".
WHAT_TO_DO = re.compile(r"(?!The |An? |It |Its )[A-Z][a-z]*(?:[a-rt-z]|ss) (?:(?!->)[^.]|\.(?! |$))+\.$")


def problems(chapter: Chapter) -> Iterator[str]:
    """Yield what is missing in the build cells of a chapter, for somebody who is to write what they hold."""
    for cell in chapter.of("code", "build"):
        for name, node, docstring in to_write(cell.tree):
            example = EXAMPLE.search(docstring)
            text = docstring[: example.start()] if example else docstring
            if not docstring:
                yield f"cell {cell.name}: {name} has no docstring: what is a reader to write?"
                continue
            if not WHAT_TO_DO.match(sentence(docstring)):
                yield f"cell {cell.name}: the docstring of {name} begins with what to do, a sentence: 'Return …'"
            if not SHAPE.search(text):
                yield f"cell {cell.name}: the docstring of {name} gives shapes, as in '(n, 4)'"
            if not example and "." not in name:  # a method's is that of its class
                yield f"cell {cell.name}: the docstring of {name} has an 'Example:' with lines that begin '>>> '"
            if isinstance(node, ast.FunctionDef) and len(node.body) < 2:
                yield f"cell {cell.name}: {name} has nothing to write after its docstring"


def to_write(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef | ast.ClassDef, str]]:
    """Yield the functions and classes of a cell by name, and the methods of classes, each with its docstring."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, node, ast.get_docstring(node) or ""
            for method in node.body if isinstance(node, ast.ClassDef) else []:
                if isinstance(method, ast.FunctionDef) and ast.get_docstring(method):
                    yield f"{node.name}.{method.name}", method, ast.get_docstring(method) or ""


def sentence(docstring: str) -> str:
    """Return the first sentence of a docstring, on one line."""
    text = " ".join(docstring.partition("\n\n")[0].split())
    return re.split(r"(?<=[.?!]) +(?=[A-Z])", text)[0]


def stubbed(source: str) -> str:
    """Return the source of a build cell without the answers, and with all else as it is written."""
    lines = source.splitlines()
    tree = ast.parse(source)
    for node, name, said in reversed(list(bodies(tree))):
        has_docstring = ast.get_docstring(node) is not None
        first, last = node.body[has_docstring].lineno - 1, node.end_lineno
        if has_docstring:  # a comment above the first line of the answer is part of it
            first = node.body[0].end_lineno or first
        lines[first:last] = _raised(f"{name} is still to be written. {said}", " " * node.body[0].col_offset)
    return "\n".join(lines) + "\n" * source.endswith("\n")


def bodies(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef, str, str]]:
    """Yield what loses its body, in the order of the lines, with its name and what is to be done."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node, node.name, sentence(ast.get_docstring(node) or "")
        elif isinstance(node, ast.ClassDef):
            for method in node.body:
                if isinstance(method, ast.FunctionDef):
                    said = sentence(ast.get_docstring(method) or ast.get_docstring(node) or "")
                    yield method, node.name, said


def _raised(text: str, indent: str) -> list[str]:
    """The lines that raise NotImplementedError with a text."""
    line = f"{indent}raise NotImplementedError({_quoted(text)})"
    if len(line) <= WIDEST:
        return [line]
    room = WIDEST - len(indent) - 4 - 3
    pieces = textwrap.wrap(text, room, drop_whitespace=True, break_long_words=False, break_on_hyphens=False)
    spaced = [piece + " " for piece in pieces[:-1]] + pieces[-1:]
    quoted = [f"{indent}    {_quoted(piece)}" for piece in spaced]
    return [f"{indent}raise NotImplementedError(", *quoted, f"{indent})"]


def _quoted(text: str) -> str:
    """A literal in double quotes, as the formatter writes it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
