"""Every public name says what it takes, gives and refuses, and where it comes from; every example is right."""

from __future__ import annotations

import ast
import doctest
import importlib
from collections.abc import Iterable
from pathlib import Path

import pytest
from docstring_form import Docstring, index, lacks, public
from notebooks import CHAPTERS, ROOT, Chapter, none_of

PACKAGE = ROOT / "bridgeseg"
MODULES = {
    path.relative_to(PACKAGE).as_posix(): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if (path.parent / "__init__.py").exists()  # wrong answers are read, and not imported
}
TEXTS = {name: path.read_text("utf8") for name, path in MODULES.items()}
OTHERS = index(TEXTS.values())

# Modules that do not yet say all that is asked here. The list only shrinks.
WAITING: tuple[str, ...] = ()


def imported(trees: Iterable[ast.Module]) -> set[tuple[str, str]]:
    """Return what a notebook's cells import from the package: pairs of a module's path in it and a name."""
    found: set[tuple[str, str]] = set()
    modules: dict[str, str] = {}  # by the names that they have in the notebook
    nodes = [node for tree in trees for node in ast.walk(tree)]
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bridgeseg"):
            for alias in node.names:
                if f"{path_of(f'{node.module}.{alias.name}')}.py" in MODULES:
                    modules[alias.asname or alias.name] = path_of(f"{node.module}.{alias.name}")
                else:
                    found.add((path_of(node.module or "") + ".py", alias.name))
        elif isinstance(node, ast.Import):
            modules |= {
                alias.asname or alias.name: path_of(alias.name)
                for alias in node.names
                if alias.name.startswith("bridgeseg.")
            }
    for node in nodes:
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in modules:
            found.add((modules[ast.unparse(node.value)] + ".py", node.attr))
    return found


def path_of(module: str) -> str:
    """Return where a module lies in the package, from its dotted name."""
    return module.removeprefix("bridgeseg").lstrip(".").replace(".", "/")


IMPORTED = {pair for path in CHAPTERS for pair in imported(c.tree for c in Chapter(path).of("code"))}


def lacking(name: str) -> list[str]:
    """Return what a module of the package lacks."""
    return lacks(TEXTS[name], {thing for module, thing in IMPORTED if module == name}, OTHERS)


def examples(module: object, text: str) -> list[doctest.DocTest]:
    """Return the examples of a module's docstrings, to be run with the module's own names.

    doctest's finder would pass over functions that a decorator wraps, as those that draw.
    """
    found = []
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    for node in nodes:
        docstring = ast.get_docstring(node) or ""
        names = {**vars(module), "__name__": "__main__"}
        test = doctest.DocTestParser().get_doctest(docstring, names, node.name, None, node.lineno)
        found += [test] if test.examples else []
    return found


def run(test: doctest.DocTest) -> str:
    """Run an example and return what doctest says, nothing where all is as it shows."""
    said: list[str] = []
    doctest.DocTestRunner(verbose=False).run(test, out=said.append)
    return "".join(said)


@pytest.mark.parametrize("name", [name for name in MODULES if name not in WAITING])
def test_every_docstring_says_all(name: str) -> None:
    none_of(f"{name}: {problem}" for problem in lacking(name))


def test_a_module_that_waits_is_still_not_up_to_it() -> None:
    none_of(f"{name} lacks nothing any more: take it off the list" for name in WAITING if not lacking(name))


@pytest.mark.usefixtures("drawing")
@pytest.mark.parametrize("name", [name for name, text in TEXTS.items() if ">>>" in text])
def test_examples_are_right_and_leave_nothing_behind(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import matplotlib.pyplot as plt

    monkeypatch.chdir(tmp_path)
    dotted = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    tests = examples(importlib.import_module(f"bridgeseg.{dotted}"), TEXTS[name])
    assert TEXTS[name].count(">>>") == sum(len(test.examples) for test in tests), "one stands in no docstring"
    none_of(filter(None, map(run, tests)))
    assert list(tmp_path.iterdir()) == [], "an example leaves a file"
    assert plt.get_fignums() == [], "an example leaves a figure open"


def test_what_chapters_import_stands_where_they_import_it_from() -> None:
    assert len(IMPORTED) > 60
    for module, name in sorted(IMPORTED):
        defined = {thing.name for thing in public(TEXTS[module])}
        for node in ast.parse(TEXTS[module]).body:
            defined |= {
                n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
            }
        assert name in defined, f"a chapter imports {name} from {module}, which only imports it itself"


# The gate sees what it is there for

WHOLE = '''"""Widths.

Built in chapter 2.
"""

def widest(boxes: Tensor, most: float = 9.0) -> Tensor:
    """Return the widest box of each picture.

    boxes: (N, 4, k) float, pixels
    most: pixels; wider ones are
        passed over
    returns: (N, 4) float, pixels
    raises: ValueError where there is no box

    Example:
        >>> widest(torch.tensor([[[0.0], [0.0], [2.0], [1.0]]])).tolist()
        [[0.0, 0.0, 2.0, 1.0]]

    Built in chapter 2.
    """
    if not boxes.numel():
        raise ValueError("boxes: none")
    return boxes
'''


def test_a_whole_docstring_lacks_nothing() -> None:
    assert lacks(WHOLE, {"widest"}) == []


@pytest.mark.parametrize(
    "line, instead, problem",
    [
        ('"""Widths.\n\nBuilt in chapter 2.\n"""', "", "the module: no docstring"),
        ("Widths.\n\nBuilt in chapter 2.", "Widths.", "the module: not said in which chapter it is built"),
        ("Return the widest box of each picture.", "the widest", "does not begin with a sentence"),
        ("each picture.", "each picture", "does not begin with a sentence"),
        ("each picture.", "each picture. It is wide.", "begins with two sentences"),
        ("    boxes: (N, 4, k) float, pixels\n", "", "argument boxes is not explained"),
        ("    most: pixels", "    mos: pixels", "argument most is not explained"),
        ("boxes: (N, 4, k) float", "boxes: float", "argument boxes: no shape"),
        ("boxes: (N, 4, k) float", "boxes: (see above) float", "argument boxes: no shape"),
        ("boxes: (N, 4, k) float", "boxes: (N, 4, k)", "argument boxes: no type"),
        ("returns: (N, 4) float", "returns: float", "returns: no shape"),
        ("returns: (N, 4) float", "returns: (N, 4)", "returns: no type"),
        ("    returns: (N, 4) float, pixels\n", "", "returns: no shape"),
        ("raises: ValueError where", "raises: BadInput where", "raises ValueError and does not say so"),
        ("    raises: ValueError where there is no box\n", "", "raises ValueError and does not say so"),
        ("    Built in chapter 2.\n    ", "    Built in chapter 20.\n    ", "expected 1 to 15"),
        ("    Example:\n", "    For example:\n", "it has no Example:"),
        ("    Example:\n        >>>", "    Example:\n        >>", "it has no Example:"),
        ("        [[0.0, 0.0, 2.0, 1.0]]\n", "", "its example shows no output"),
        ("        >>> w", "        >>> 1\n" * 9 + "        >>> w", "its example is longer"),
    ],
)  # fmt: skip
def test_each_lack_is_seen(line: str, instead: str, problem: str) -> None:
    assert WHOLE.count(line) == 1
    found = lacks(WHOLE.replace(line, instead), {"widest"})
    assert any(problem in one for one in found), found


def test_only_what_chapters_import_needs_an_example() -> None:
    without = WHOLE[: WHOLE.index("    Example:")] + WHOLE[WHOLE.index("    Built in chapter 2.\n    ") :]
    assert lacks(without) == []
    assert lacks(without, {"widest"}) == ["widest: a chapter imports it, and it has no Example:"]


def of_function(signature: str, docstring: str, body: str = "pass", module: str = "2") -> list[str]:
    """Return what one function lacks, in a module that is built in a chapter."""
    text = f'"""A module.\n\nBuilt in chapters {module}.\n"""\ndef {signature}:\n    """{docstring}"""\n    {body}\n'
    return lacks(text)


def test_the_only_argument_may_stand_in_the_first_sentence() -> None:
    assert of_function("area(box: int) -> int", "Return the area of a box.") == []
    assert of_function("area(box: int) -> int", "Return how large it is.") == [
        "area: argument box is not explained"
    ]
    both = of_function("area(box: int, side: int) -> int", "Return the area of a box with a side.")
    assert both == ["area: argument box is not explained", "area: argument side is not explained"]
    assert of_function("area(box: Tensor) -> int", "Return the area of a box.") == [
        "area: argument box: no shape",
        "area: argument box: no type",
    ]
    one = of_function("wide(box: Tensor) -> Tensor", "Return the width of a box, (k,) float.")
    assert one == ["wide: argument box: no shape"]
    assert of_function("wide(box: Tensor) -> Tensor", "Return the width, (k,) float, of a box (k, 4).") == []


def test_an_answer_is_asked_for_where_there_is_one() -> None:
    assert of_function("area(box: int) -> int", "Compute the area of a box.") == ["area: no line returns:"]
    assert of_function("draw(box: int) -> None", "Draw a box.") == []
    assert of_function("area(box: int) -> list[np.ndarray]", "Return the area of a box.") != []
    assert of_function("area(box: Callable[[Tensor], Tensor]) -> None", "Draw a box.") == []


def test_another_docstring_may_explain_what_it_really_explains() -> None:
    other = '    """Return the area.\n\n    box: (4,) float\n    scale: pixels\n    """\n'
    text = f'"""A module.\n\nBuilt in chapter 2.\n"""\ndef area(box: Tensor, scale: int) -> int:\n{other}    pass\n'
    more = 'def wide(box: Tensor, {}: int) -> int:\n    """Return the width.\n\n    box, {}: as in `{}`\n    """\n'
    assert lacks(text + more.format("scale", "scale", "area")) == []
    assert lacks(text + more.format("scale", "scale", "nobody")) != []
    assert lacks(text + more.format("scale", "box", "area")) == []
    assert lacks(text + more.format("side", "box", "area")) == ["wide: argument side is not explained"]


def test_an_error_that_is_passed_on_is_not_asked_for() -> None:
    tried = "try:\n        pass\n    except OSError as error:\n        {}"
    assert of_function("f(box: int) -> None", "Draw a box.", tried.format("raise")) == []
    assert of_function("f(box: int) -> None", "Draw a box.", tried.format("raise error")) == []
    assert of_function(
        "f(box: int) -> None", "Draw a box.", tried.format("raise BadInput('x') from error")
    ) == ["f: raises BadInput and does not say so"]
    inner = "def inner():\n        raise ValueError\n    return inner"
    assert of_function("f(box: int) -> None", "Draw a box.", inner) == []


def test_a_long_function_and_one_of_several_chapters_say_their_own() -> None:
    unsaid = ["f: not said in which chapter it is built"]
    long = "\n    ".join(["pass"] * 13)
    assert of_function("f(box: int) -> None", "Draw a box.", long) == unsaid
    assert of_function("f(box: int) -> None", "Draw a box. Built in chapter 2.", long) == []
    assert of_function("f(box: int) -> None", "Draw a box.", module="2 and 5") == unsaid
    assert of_function("f(box: int) -> None", "Draw a box. Built in chapter 5.", module="2 and 5") == []


def test_classes_explain_what_they_are_made_from() -> None:
    head = '"""A module.\n\nBuilt in chapter 2.\n"""\n'
    made = 'class A:\n    """A thing.{}\n\n    Built in chapter 2.\n    """\n'
    made += "    def __init__(self, box: int) -> None:\n"
    refusing = made + "        raise ValueError\n    def __len__(self) -> int: ...\n"
    assert lacks(head + refusing.format("\n\n    box: pixels\n    raises: ValueError always")) == []
    assert lacks(head + refusing.format("")) == [
        "A: argument box is not explained",
        "A: raises ValueError and does not say so",
    ]
    fields = (
        '@dataclass(frozen=True)\nclass A:\n    """A thing.{}"""\n    box: Tensor{}\n    size: int = 2{}\n'
    )
    built = "\n\n    box: (4,) float\n\n    Built in chapter 2.\n    "
    assert lacks(head + fields.format(built, "", "  # pixels")) == []
    assert lacks(head + fields.format(built, "", "")) == ["A: argument size is not explained"]
    assert lacks(head + fields.format("", "  # (4,)", "  # pixels")) == [
        "A: not said in which chapter it is built"
    ]


def test_methods_and_properties() -> None:
    head = '"""A module.\n\nBuilt in chapter 2.\n"""\nclass A:\n    """A thing. Built in chapter 2."""\n'
    method = '    def wide(self, box: int, side: int) -> int:\n        """Return it."""\n        pass\n'
    assert lacks(head + method) == [
        "A.wide: argument box is not explained",
        "A.wide: argument side is not explained",
    ]
    assert lacks(head + method.replace("wide", "_wide")) == []
    assert lacks(head + method.replace("wide", "forward")) == []
    assert lacks(head + "    def wide(self) -> int:\n        return 1\n") == ["A.wide: no docstring"]
    prop = '    @property\n    def wide(self) -> int:\n        """The width."""\n        {}\n'
    assert lacks(head + prop.format("return 1")) == []
    assert lacks(head + prop.format("if self:\n            raise ValueError\n        return 1")) == [
        "A.wide: raises ValueError and does not say so"
    ]


def test_what_a_notebook_imports_is_found() -> None:
    cell = (
        "from bridgeseg.data import transforms as t\nimport bridgeseg.data.voc\nimport numpy as np\n"
        "def f():\n    from bridgeseg.structures.labels import VOID, Sample\n"
        "    return t.crop(np.zeros(3)), bridgeseg.data.voc.agree\n"
    )
    assert imported([ast.parse(cell)]) == {
        ("data/transforms.py", "crop"),
        ("data/voc.py", "agree"),
        ("structures/labels.py", "VOID"),
        ("structures/labels.py", "Sample"),
    }


def test_a_wrong_example_is_seen_also_behind_a_decorator() -> None:
    text = '@style()\ndef f():\n    """Two.\n\n    Example:\n        >>> f()\n        {}\n    """\n    return 2\n'

    class Module:
        pass

    module = Module()
    module.f = lambda: 2  # type: ignore[attr-defined]
    (right,), (wrong,) = (examples(module, text.format(number)) for number in (2, 3))
    assert run(right) == ""
    assert "Expected:\n    3\nGot:\n    2" in run(wrong)
    assert len(Docstring("Two.\n\nExample:\n    >>> f()\n    2").example) == 1
