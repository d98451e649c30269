"""What holds for the repository as a whole: one address, small modules, no logic twice, few dependencies."""

from __future__ import annotations

import ast
import copy
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import repository_address
from notebooks import CHAPTERS, ROOT, Chapter
from packaging.requirements import Requirement
from repository_address import Address

MODULES = [p for p in sorted((ROOT / "bridgeseg").rglob("*.py")) if p.parent.name != "wrong_answers"]
FOLDERS = {".ci", ".github", "book", "bridgeseg", "tests"}

SHORTEST_LOGIC = 60  # characters of a function's body; what is shorter may well be the same by chance

each_module = pytest.mark.parametrize(
    "path", MODULES, ids=lambda path: path.relative_to(ROOT / "bridgeseg").as_posix()
)


def tracked() -> list[Path]:
    """Return the files of the repository, as git knows them: those committed or about to be."""
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("not a git clone")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [Path(line) for line in listed.splitlines() if (ROOT / line).is_file()]


# The address


def test_the_address_is_that_of_the_configuration() -> None:
    found = repository_address.differing(ROOT)
    assert not found, f"another address than _config.yml in {[p.name for p in found]}; run: make address"


def test_the_address_stands_only_where_it_is_written_by_make() -> None:
    address = repository_address.configured(ROOT)
    allowed = {p.relative_to(ROOT) for p in repository_address.files(ROOT)} | {Path("_config.yml")}
    for path in tracked():
        if path in allowed or path.suffix in {".png", ".pt", ".npz", ".gz"}:
            continue
        text = (ROOT / path).read_text("utf8", errors="ignore")
        for spelled in (f"github.com/{address.repository}", address.pages):
            assert spelled not in text, f"{path} names the address; _config.yml is the place for it"


def test_links_to_the_own_repository_agree() -> None:
    address = repository_address.configured(ROOT)
    for path in repository_address.files(ROOT):
        text = path.read_text("utf8")
        for owner, name in re.findall(r"github(?:usercontent)?(?:\.com)?/([\w-]+)/([\w-]+)", text):
            if "bridgeseg" in (owner, name) or address.name in (owner, name):
                assert Address(owner, name) == address, f"{path.name}: {owner}/{name}"


def test_set_up_cells_fetch_the_package_from_the_address() -> None:
    for path in CHAPTERS:
        text = "".join(cell.source for cell in Chapter(path).of("code", "setup"))
        assert f"github.com/{repository_address.configured(ROOT).repository}" in text, path.name


def test_addresses_of_chapters_get_the_address_at_which_they_are_seen(tmp_path: Path) -> None:
    (tmp_path / "book").mkdir()
    (tmp_path / "_config.yml").write_text("repository: {url: https://github.com/ab/cd, branch: main}")
    (tmp_path / "pyproject.toml").write_text('Repository = "https://github.com/ab/cd"\n')
    text = "![A dot](images/a.png) ![Two](https://a.org/b.png) [no picture](images/a.png) [page](b.md#c)"
    for name in ("01_x.ipynb", "intro.md"):
        (tmp_path / "book" / name).write_text(text)
    assert [p.name for p in repository_address.differing(tmp_path, write=True)] == ["01_x.ipynb"]
    seen = "https://raw.githubusercontent.com/ab/cd/main/book/images/a.png"
    wanted = text.replace("images/a.png", seen, 1).replace("b.md", "https://ab.github.io/cd/book/b.html")
    assert (tmp_path / "book" / "01_x.ipynb").read_text() == wanted
    assert (tmp_path / "book" / "intro.md").read_text() == text
    (tmp_path / "_config.yml").write_text("repository: {url: https://github.com/ef/gh, branch: main}")
    repository_address.differing(tmp_path, write=True)
    assert seen.replace("ab/cd", "ef/gh") in (tmp_path / "book" / "01_x.ipynb").read_text()


def test_a_new_address_is_written_everywhere_and_only_there(tmp_path: Path) -> None:
    old = "https://github.com/ab/cd"
    (tmp_path / "book").mkdir()
    (tmp_path / "_config.yml").write_text("repository:\n  url: https://github.com/new-owner/new.name\n")
    (tmp_path / "pyproject.toml").write_text(f'Repository = "{old}"\nBook = "https://ab.github.io/cd"\n')
    (tmp_path / "README.md").write_text(
        f"{old} {old}/blob/main/x.ipynb https://colab.research.google.com/github/ab/cd/blob/main "
        f"git+{old}.git {old}-other https://github.com/lab/cd xab.github.io/cd"
    )
    assert {p.name for p in repository_address.differing(tmp_path)} == {"pyproject.toml", "README.md"}
    repository_address.differing(tmp_path, write=True)
    assert repository_address.differing(tmp_path) == []
    assert 'Book = "https://new-owner.github.io/new.name"' in (tmp_path / "pyproject.toml").read_text()
    new = "https://github.com/new-owner/new.name"
    assert (tmp_path / "README.md").read_text() == (
        f"{new} {new}/blob/main/x.ipynb https://colab.research.google.com/github/new-owner/new.name/blob/main "
        f"git+{new}.git {old}-other https://github.com/lab/cd xab.github.io/cd"
    )


# What lies where


def test_only_the_known_folders_stand_at_the_top() -> None:
    assert {path.parts[0] for path in tracked() if len(path.parts) > 1} <= FOLDERS


def test_no_file_is_a_bin_for_the_rest() -> None:
    bins = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert [path for path in tracked() if path.stem.lower().strip("_") in bins] == []


def test_no_file_is_large() -> None:
    for path in tracked():
        assert (ROOT / path).stat().st_size < 9_000_000, path


@each_module
def test_a_module_is_one_idea_with_the_lines_that_it_needs(path: Path) -> None:
    assert len(path.read_text("utf8").splitlines()) <= 350


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_what_a_page_points_to_is_there(name: str) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)\s]+)\)", (ROOT / name).read_text("utf8")):
        assert (ROOT / target.split("#")[0]).exists(), f"{name} points to {target}"


# No logic stands twice


def same_logic(files: list[Path]) -> list[set[str]]:
    """Return the functions of different files that do the same, whatever they call their variables."""
    found: dict[str, set[tuple[Path, str]]] = {}
    for path in files:
        for node in ast.walk(ast.parse(path.read_text("utf8"))):
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("test_"):
                text = logic(copy.deepcopy(node))
                if len(text) >= SHORTEST_LOGIC:
                    found.setdefault(text, set()).add((path, node.name))
    groups = [places for places in found.values() if len({path for path, _ in places}) > 1]
    return [{f"{path.name}: {name}" for path, name in places} for places in groups]


def logic(function: ast.FunctionDef) -> str:
    """Return what a function does, without its name and docstring, and with its own variables numbered."""
    nodes = list(ast.walk(function))
    own = [n.arg for n in nodes if isinstance(n, ast.arg)]
    own += [n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    numbers = {name: f"own{number}" for number, name in enumerate(dict.fromkeys(own))}
    for node in nodes:
        if isinstance(node, ast.Name):
            node.id = numbers.get(node.id, node.id)
        elif isinstance(node, ast.arg):
            node.arg, node.annotation = numbers[node.arg], None
    body = function.body[1:] if ast.get_docstring(function, clean=False) else function.body
    return "\n".join(ast.unparse(statement) for statement in body)


def test_no_logic_stands_twice() -> None:
    files = [ROOT / path for path in tracked() if path.suffix == ".py" and "wrong_answers" not in path.parts]
    assert same_logic(files) == []


def test_logic_that_stands_twice_is_seen(tmp_path: Path) -> None:
    one = """def area(box):
    'Of a box.'
    width, height = box[2] - box[0], box[3] - box[1]
    return width * height
"""
    (tmp_path / "one.py").write_text(one)
    (tmp_path / "other.py").write_text(one)
    (tmp_path / "same.py").write_text(
        one.replace("width", "w").replace("box", "b").replace("def area", "def of")
    )
    (tmp_path / "not.py").write_text(one.replace("box[0]", "box[1]"))
    files = sorted(tmp_path.glob("*.py"))
    assert same_logic(files) == [{"one.py: area", "other.py: area", "same.py: of"}]
    assert same_logic([tmp_path / "one.py", tmp_path / "not.py"]) == []


# Versions and requirements


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["project"]


def test_the_version_is_said_once_and_cited() -> None:
    from importlib.metadata import version

    import bridgeseg

    assert "version" in project()["dynamic"]
    assert f"\nversion: {bridgeseg.__version__}\n" in (ROOT / "CITATION.cff").read_text("utf8")
    assert version("bridgeseg") == bridgeseg.__version__, "make installs the package anew"


def test_the_requirements_are_those_of_the_package_and_its_extras() -> None:
    lines = (ROOT / "requirements.txt").read_text("utf8").splitlines()
    listed = {str(Requirement(line.split("#")[0])) for line in lines if line.split("#")[0].strip()}
    extras = project()["optional-dependencies"].values()
    named = {
        str(Requirement(r)) for r in [*project()["dependencies"], *(r for extra in extras for r in extra)]
    }
    assert {r for r in listed if not r.startswith("setuptools")} == named


def test_the_package_alone_needs_five_floors() -> None:
    needs = [Requirement(text) for text in project()["dependencies"]]
    assert {need.name for need in needs} == {"torch", "torchvision", "numpy", "matplotlib", "tifffile"}
    assert all({bound.operator for bound in need.specifier} == {">="} for need in needs)
    floors = {need.name: str(need.specifier) for need in needs}
    assert floors["torch"] == ">=2.11"
    assert floors["torchvision"] == ">=0.26"


def test_the_package_installs_alone_with_all_its_files(wheel: Path) -> None:
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("bridgeseg/")}
    files = [p.relative_to(ROOT) for p in (ROOT / "bridgeseg").rglob("*") if p.is_file()]
    ours = {p.as_posix() for p in files if "__pycache__" not in p.parts and not p.name.startswith(".")}
    stored = {f"bridgeseg/results/{p.name}" for p in (ROOT / "book" / "results").glob("*.json")}
    assert inside == ours | stored


def test_jupyter_book_is_the_one_that_reads_our_configuration() -> None:
    assert "jupyter-book==1.0.4.post1" in project()["optional-dependencies"]["book"]


@pytest.mark.parametrize("folder", ["tests", "tests/book", "tests/benchmarks"])
def test_a_script_finds_what_it_imports_when_it_is_run_by_itself(folder: str) -> None:
    scripts = [ROOT / p for p in tracked() if p.parent == Path(folder) and p.match("*.py")]
    scripts = [p for p in scripts if not p.name.startswith("test_")]
    scripts = [str(p) for p in scripts if '__name__ == "__main__"' in p.read_text("utf8")]
    assert scripts
    program = (
        "import os, runpy, sys\n"
        "for path in sys.argv[1:]:\n"
        "    sys.path.insert(0, os.path.dirname(path))\n"
        "    runpy.run_path(path, run_name='imported')\n"
    )
    ran = subprocess.run([sys.executable, "-P", "-c", program, *scripts], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
