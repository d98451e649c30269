"""The house: which room may import which, that there is no circle, and that importing has no effect."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import zipfile
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from notebooks import ROOT

PACKAGE = ROOT / "bridgeseg"
# From the ground up. A room imports from those below it, and never from one beside it.
FLOORS = (
    ("structures",),
    ("machine",),
    ("data", "networks", "losses", "grouping", "measures"),
    ("system", "plots"),
    ("training",),
    ("teaching", "bridgeseg"),  # the modules at the top are the roof
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if (path.parent / "__init__.py").exists()  # wrong answers are read, and not imported
}

# What `import bridgeseg` and its modules do without.
NOT_NEEDED = (
    *(
        "IPython",
        "ipywidgets",
        "jupyter_book",
        "nbformat",
        "pycocotools",
        "pytest",
        "scipy",
        "skimage",
        "sphinx",
        "yaml",
    ),
)


def room_of(module: str) -> str:
    """Return the room of a module, "bridgeseg" for one at the top."""
    return module.partition(".")[0] if "." in module else "bridgeseg"


def imported(text: str, modules: set[str]) -> set[str]:
    """Return the modules of the package that a source imports, at its top or inside a function."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "a relative import hides the room"
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.removeprefix("bridgeseg.") for name in found if name.startswith("bridgeseg.")} & modules


def arrows() -> dict[str, set[str]]:
    """Return for every module those that it imports."""
    return {name: imported(path.read_text("utf8"), set(MODULES)) for name, path in MODULES.items()}


def wrong(graph: dict[str, set[str]]) -> list[str]:
    """Return the imports that run up, or between two rooms of one floor."""
    return [
        f"{module} imports {other}"
        for module, others in graph.items()
        for other in sorted(others)
        if room_of(other) != room_of(module) and FLOOR[room_of(other)] >= FLOOR[room_of(module)]
    ]


def test_every_room_has_a_floor() -> None:
    assert {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()} == (
        set(FLOOR) - {"bridgeseg"}
    )
    assert all(len(name.split(".")) <= 2 for name in MODULES), "a room within a room"


def drawn(page: str) -> list[set[str]]:
    """Return what stands on each floor of a page's picture of the house, from the ground up."""
    (picture,) = re.findall(r"^```text\n(┌─.*?─┘)\n```$", page, re.DOTALL | re.MULTILINE)
    assert len({len(line) for line in picture.splitlines()}) == 1, "a wall is not straight"
    floors: list[set[str]] = [set()]
    for line in picture.splitlines()[1:-1]:
        if line.startswith("├"):
            floors.insert(0, set())
        else:
            names, what = re.split(r" {3,}", line.strip("│ "), maxsplit=1)
            assert what, f"{names}: what does it hold?"
            floors[0] |= set(names.split(", "))
    return floors


def test_the_readme_s_picture_is_the_house() -> None:
    floors = drawn((ROOT / "README.md").read_text("utf8"))
    at_the_top = {name for name in MODULES if "." not in name and not name.startswith("__")}
    assert floors == [
        {name for room in rooms for name in (at_the_top if room == "bridgeseg" else [room])}
        for rooms in FLOORS
    ]


def test_no_arrow_runs_up_and_siblings_do_not_import_one_another() -> None:
    graph = arrows()
    assert sum(map(len, graph.values())) > 100
    assert wrong(graph) == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("structures.boxes", "from bridgeseg.machine.files import write_text"),
        ("losses.hard_pixels", "def f():\n    import bridgeseg.measures.mean_iou"),
        ("networks.fcn", "from bridgeseg.data import scenes"),
        ("system.build", "from bridgeseg.plots.style import INK"),
        ("training.trainer", "from bridgeseg.commands import main"),
    ],
)
def test_an_arrow_that_runs_up_or_aside_is_seen(module: str, line: str) -> None:
    assert len(wrong({module: imported(line, set(MODULES))})) == 1


def test_there_is_no_circle() -> None:
    TopologicalSorter(arrows()).prepare()  # raises CycleError, which names the circle


def test_a_room_s_own_file_is_one_docstring() -> None:
    for name, path in MODULES.items():
        if name.endswith("__init__") and name != "__init__":
            (only,) = ast.parse(path.read_text("utf8")).body
            assert isinstance(only, ast.Expr), (
                f"{name}: expected what the room is and which chapters build it"
            )
            assert "Built in chapter" in ast.get_docstring(ast.parse(path.read_text("utf8"))), name


def test_every_room_is_in_the_wheel(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    assert {f"bridgeseg/{name.replace('.', '/')}.py" for name in MODULES} <= inside


def test_every_module_imports_silently_and_without_what_is_not_needed() -> None:
    names = ["bridgeseg"] + [
        f"bridgeseg.{name.removesuffix('.__init__')}" for name in MODULES if name != "__init__"
    ]
    program = f"""
import importlib, sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {NOT_NEEDED!r}:
            raise ModuleNotFoundError(f"not there, for this test: {{name}}", name=name)
sys.meta_path.insert(0, Absent())
for name in {names!r}:
    importlib.import_module(name)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "", "an import prints"
