"""What a docstring of the package holds, and what one lacks, read from the source.

    Return the labels of the pixels that the cells of a map stand for.        one sentence

    labels: (..., H, W) integer                                               every argument by its name;
    stride: pixels from cell to cell                                          an array with its shape and type
    returns: (..., h, w) integer, the labels of every s-th row and column     unless the sentence begins with Return
    raises: ValueError for a stride below 1                                   each error that the body raises

    Example:                                                                  where a chapter imports it
        >>> sample_labels(torch.tensor([[1, 2], [3, 4]]), 2).tolist()
        [[1]]

    Paper: …. Built in chapter 7.

An argument may be left to another docstring: "as in `other`" or "as `other`" counts where `other` has it. The only
argument of a function may be left to the first sentence, which must then use its name. A field of a dataclass may have
a comment on its line instead. A short companion may leave its chapter to the module, where that names one only.
"""

from __future__ import annotations

import ast
import doctest
import inspect
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

# What nn.Module already documents.
OVERRIDES = {"forward", "train", "extra_repr"}
COMPANION = 12  # lines of a body that its module's chapter may speak for, where the module names only one
LONGEST = 8  # lines of code in an example

ENTRY = re.compile(r"(\*{0,2}\w+(?:, \*{0,2}\w+)*):(?: (.*)|$)")
SECOND_SENTENCE = re.compile(r"[.?!] +[A-Z]")
BUILT = re.compile(r"Built in chapters? (\d+(?:(?:, | and | to | \([^)]*\) and chapter )\d+)*)")
LEFT_TO = re.compile(r"\bas (?:in |for |of |to )?`([\w.]+)`")
TYPE = re.compile(
    r"\b(b?float(16|32|64)?|bool(eans?)?|u?int(8|16|32|64)|integers?|complex|same type|any type)\b"
)
SHAPE = re.compile(
    r"\((?:|\*?[^(),\s][^(),]{0,24},(?:[^(),]{1,24},?)*)\)|\b(?:same shape|any shape|broadcast)\b"
)
CALL = re.compile(r"\b\w+\([^(),]*\)")  # ceil(h / s) in a shape
NOT_ERRORS = {"SystemExit", "KeyboardInterrupt", "StopIteration"}
NO_ANSWER = {"None", "NoReturn", "Never"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Docstring:
    """A docstring, taken apart."""

    text: str
    entries: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.text = inspect.cleandoc(self.text)
        names: list[str] = []
        for line in self.text.splitlines():
            if found := ENTRY.fullmatch(line):
                names = [name.lstrip("*") for name in found[1].split(", ")]
                self.entries |= dict.fromkeys(names, found[2] or "")
            elif names and line.startswith("    "):
                for name in names:
                    self.entries[name] += " " + line.strip()
            else:
                names = []

    @cached_property
    def opening(self) -> str:
        """The first paragraph, without the number of the chapter that a short one ends with."""
        lines: list[str] = []
        for line in self.text.splitlines():
            if not line or (lines and ENTRY.fullmatch(line)):
                break
            lines.append(line)
        return re.sub(r" Built in chapters? [^.]*\.$", "", " ".join(lines))

    @cached_property
    def chapters(self) -> list[int]:
        """The numbers of the chapters that it names as its origin."""
        return [int(n) for found in BUILT.finditer(self.text) for n in re.findall(r"\d+", found[1])]

    @cached_property
    def example(self) -> list[doctest.Example]:
        """The statements below the line "Example:"."""
        _, line, below = self.text.partition("\nExample:\n    >>>")
        return doctest.DocTestParser().get_examples("    >>>" + below) if line else []


@dataclass(frozen=True)
class Public:
    """A public function, class or method of a module, and what its docstring is to speak of."""

    name: str  # "function", "Class" or "Class.method"
    doc: Docstring | None
    parameters: dict[str, ast.expr | None]  # with their annotations
    remarks: set[str]  # those of them, fields of a class, that have a comment on their line
    returns: ast.expr | None
    errors: set[str]
    lines: int
    attribute: bool  # a property whose body is one statement, or a method of a protocol: a name and no more


def public(text: str) -> Iterator[Public]:
    """Yield what is public in a module: functions and classes at its top, and the methods of those classes."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield of_class(node, text.splitlines())
            for inner in node.body:
                if isinstance(inner, Function) and not inner.name.startswith("_"):
                    if inner.name not in OVERRIDES:
                        yield of_function(inner, f"{node.name}.{inner.name}")
        elif isinstance(node, Function) and not node.name.startswith("_"):
            yield of_function(node, node.name)


def of_class(node: ast.ClassDef, source: list[str]) -> Public:
    """Return what a class's docstring is to speak of: what it is made from, and what making it raises."""
    methods = {inner.name: inner for inner in node.body if isinstance(inner, Function)}
    parameters: dict[str, ast.expr | None] = {}
    remarks: set[str] = set()
    if "__init__" in methods:
        parameters = arguments(methods["__init__"])
    elif {"dataclass", "NamedTuple"} & {
        name for at in (*node.decorator_list, *node.bases) for name in names(at)
    }:
        for inner in node.body:
            if isinstance(inner, ast.AnnAssign) and isinstance(inner.target, ast.Name):
                parameters[inner.target.id] = inner.annotation
                remarks |= {inner.target.id} if "  # " in source[(inner.end_lineno or 0) - 1] else set()
        parameters = {name: kind for name, kind in parameters.items() if not name.startswith("_")}
    making = [methods[name] for name in ("__init__", "__post_init__") if name in methods]
    errors = set().union(*map(raised, making))
    lines = max(sum(map(body_lines, methods.values())), COMPANION + 1)  # a class is no companion
    return Public(node.name, documented(node), parameters, remarks, None, errors, lines, False)


def of_function(node: Function, name: str) -> Public:
    """Return what a function's docstring is to speak of."""
    marks = {mark for decorator in node.decorator_list for mark in names(decorator)}
    is_property = bool(marks & {"property", "cached_property"})
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    empty = all(isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant) for s in body)
    parameters = arguments(node)
    if "." in name and "staticmethod" not in marks:
        parameters.pop(next(iter(parameters), ""), None)
    returns = node.returns
    answer = ast.unparse(returns) if returns else "None"
    if is_property or answer in NO_ANSWER or ("contextmanager" in marks and answer == "Iterator[None]"):
        returns = None
    attribute = "." in name and (empty or (is_property and len(body) == 1))
    return Public(
        name, documented(node), parameters, set(), returns, raised(node), body_lines(node), attribute
    )


def documented(node: ast.ClassDef | Function) -> Docstring | None:
    """Return a node's docstring, None where it has none."""
    text = ast.get_docstring(node)
    return None if text is None else Docstring(text)


def arguments(node: Function) -> dict[str, ast.expr | None]:
    """Return a function's arguments with their annotations; that of a method's own object is `self`."""
    listed = [
        *node.args.posonlyargs,
        *node.args.args,
        node.args.vararg,
        *node.args.kwonlyargs,
        node.args.kwarg,
    ]
    found = {argument.arg: argument.annotation for argument in listed if argument is not None}
    found.pop("self", None) if node.name == "__init__" else None
    return found


def body_lines(node: Function) -> int:
    """Return how many lines a function's body has without its docstring."""
    first = node.body[1 if ast.get_docstring(node) is not None else 0 :][:1]
    return (node.end_lineno or 0) - first[0].lineno + 1 if first else 0


def raised(function: Function) -> set[str]:
    """Return the errors that a function's own body raises, those that it only passes on left out."""
    found: set[str] = set()
    passed_on: set[str] = set()
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, Function | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(node, ast.ExceptHandler) and node.name:
            passed_on.add(node.name)
        if isinstance(node, ast.Raise) and node.exc is not None:
            called = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            found |= set(list(names(called))[:1])
        waiting += ast.iter_child_nodes(node)
    return found - passed_on - NOT_ERRORS


def names(node: ast.AST) -> Iterator[str]:
    """Yield the names in an expression, of `a.b` the last part."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Attribute):
            yield inner.attr
        elif isinstance(inner, ast.Name):
            yield inner.id


def holds_arrays(annotation: ast.expr | None) -> bool:
    """Say whether an annotation is of tensors or arrays, those that a call-back takes left out."""
    if annotation is None:
        return False
    if isinstance(annotation, ast.Subscript) and "Callable" in names(annotation.value):
        return False
    if isinstance(annotation, ast.Name | ast.Attribute):
        return next(names(annotation)) in {"Tensor", "ndarray"}
    children = [child for child in ast.iter_child_nodes(annotation) if isinstance(child, ast.expr)]
    return any(map(holds_arrays, children))


def index(texts: Iterable[str]) -> dict[str, set[str]]:
    """Return for every public name of some modules what its docstring explains: arguments, "returns", "raises"."""
    found: dict[str, set[str]] = {}
    for text in texts:
        for thing in public(text):
            if thing.doc is not None:
                found.setdefault(thing.name.rpartition(".")[2], set()).update(thing.doc.entries)
    return found


def lacks(text: str, imported: Iterable[str] = (), others: dict[str, set[str]] | None = None) -> list[str]:
    """Return what the docstrings of a module lack, a line for each.

    text: the module's source
    imported: the names that chapters import from it
    others: the package's `index`; None for that of this module alone
    """
    others = index([text]) if others is None else others
    of_module = Docstring(ast.get_docstring(ast.parse(text)) or "")
    found = [] if of_module.text else ["the module: no docstring"]
    if not of_module.chapters:
        found += ["the module: not said in which chapter it is built"]
    chapters: dict[str, list[int]] = {}
    for thing in public(text):
        if thing.doc is None:
            found.append(f"{thing.name}: no docstring")
            continue
        chapters[thing.name] = thing.doc.chapters or chapters.get(thing.name.rpartition(".")[0], [])
        wanted = thing.name in imported
        found += [f"{thing.name}: {problem}" for problem in problems(thing, thing.doc, wanted, others)]
        if thing.attribute or chapters[thing.name]:
            continue
        if len(of_module.chapters) != 1 or thing.lines > COMPANION:
            found.append(f"{thing.name}: not said in which chapter it is built")
    return found


def problems(thing: Public, doc: Docstring, wanted: bool, others: dict[str, set[str]]) -> Iterator[str]:
    """Yield what is wrong with one docstring, its chapter apart."""
    if not re.match(r"[A-Z`\"\d]", doc.opening) or not doc.opening.endswith((".", ":", "?")):
        yield "does not begin with a sentence"
    elif found := SECOND_SENTENCE.search(doc.opening):
        yield f"begins with two sentences: {doc.opening[: found.start() + 1]!r} is one"
    if any(not 1 <= chapter <= 15 for chapter in doc.chapters):
        yield f"built in chapter {doc.chapters}, expected 1 to 15"
    if thing.attribute:
        return

    left_to = {name.rpartition(".")[2] for name in LEFT_TO.findall(doc.text)}
    explained = set().union(*(others.get(name, set()) for name in left_to))
    for name, annotation in thing.parameters.items():
        said = doc.entries.get(name)
        if said is None and len(thing.parameters) == 1 and re.search(rf"\b{name}s?\b", doc.opening, re.I):
            # Of two arrays in one sentence, the argument and the answer, each has its shape.
            both = holds_arrays(thing.returns) and "returns" not in doc.entries
            said = SHAPE.sub("", doc.opening, count=1) if both else doc.opening
        if said is not None and LEFT_TO.match(said) and name not in explained:
            yield f"argument {name} is explained where it points to neither"
        elif said is not None:
            yield from missing_of_array(f"argument {name}", said, annotation, name in explained)
        elif name not in explained | thing.remarks:
            yield f"argument {name} is not explained"

    if thing.returns is not None:
        said = doc.entries.get("returns")
        if said is None and doc.opening.startswith("Return "):
            said = doc.opening
        if said is None:
            yield "no line returns:"
        else:
            yield from missing_of_array("returns", said, thing.returns, "returns" in explained)

    for error in sorted(thing.errors):
        if error not in doc.entries.get("raises", "") and "raises" not in explained:
            yield f"raises {error} and does not say so"

    if wanted and not doc.example:
        yield "a chapter imports it, and it has no Example:"
    if doc.text.count(">>>") != len(doc.example):
        yield ">>> outside of a paragraph Example:"
    if doc.example and not any(example.want for example in doc.example):
        yield "its example shows no output"
    if sum(example.source.count("\n") for example in doc.example) > LONGEST:
        yield f"its example is longer than {LONGEST} lines"


def missing_of_array(what: str, said: str, annotation: ast.expr | None, elsewhere: bool) -> Iterator[str]:
    """Yield what a line about a tensor or an array leaves out: its shape, its type."""
    if holds_arrays(annotation) and not (elsewhere and LEFT_TO.search(said)):
        if not SHAPE.search(CALL.sub("x", said)):
            yield f"{what}: no shape"
        if not TYPE.search(said):
            yield f"{what}: no type"
