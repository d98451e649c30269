"""Chapters run where Colab runs them: with its old notebook packages, torch and its friends, and nothing of ours.

The set-up cell, one and the same in all chapters, runs in a folder without a clone, in an environment that holds torch,
torchvision, numpy, matplotlib, ipywidgets and a kernel, with what these need, and pip with what it builds the package
by. The address that it installs from leads to this clone's last commit, and nothing else is to be had, so that a cell
that fetches more than the package fails. Where the Colab button of a page leads, the check of the built site asks.

One chapter, another from day to day, runs whole with the versions that Colab's list names (`colab_list.py`), without
the real pictures; and so does its student's edition, filled in. The teacher's has the chapter's own cells, as
`test_editions.py` proves. `python3 tests/matrix.py colab` runs all chapters with all versions of the list.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import repository_address
from cdn import NotToBeHad
from chapter_runs import dead_views, environment, executed, in_rotation, printed
from colab_environment import LINKED, fetched, made
from colab_list import LISTED, NEEDED_BY_THEM, NOTEBOOK, SOURCE
from editions import fill
from nbclient.exceptions import CellExecutionError
from notebooks import CHAPTERS, ROOT, Chapter, none_of
from strip_notebooks import NOTEBOOK_METADATA

from bridgeseg.machine.environment import cache_folder

ASK = "import bridgeseg, torch\nprint(bridgeseg.__file__, torch.__file__, sep='\\n')"


@pytest.fixture(scope="module")
def colab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with what Colab has, in the versions of this one."""
    here = (*LINKED, "matplotlib", "ipywidgets", "ipykernel", "tifffile")
    python = made(tmp_path_factory.mktemp("here") / "environment", here)
    assert not list(python.parents[1].glob("lib/python*/site-packages/*bridgeseg*"))
    return python


@pytest.fixture(scope="module")
def colabs_own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with what Colab has, and what a notebook sees first in Colab's versions."""
    try:
        packages = fetched(NOTEBOOK | NEEDED_BY_THEM)
    except NotToBeHad as reason:
        pytest.skip(str(reason))
    return made(tmp_path_factory.mktemp("own") / "environment", LINKED, packages)


@pytest.fixture
def fetched_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment in which git finds this clone at the repository's address, and pip and git find nothing else."""
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("not a git clone: there is no commit to install")
    address = repository_address.configured(ROOT)
    settings = tmp_path / "gitconfig"
    settings.write_text(
        f'[url "{ROOT.as_uri()}"]\n  insteadOf = https://github.com/{address.repository}\n'
        '[protocol "https"]\n  allow = never\n[safe]\n  directory = *\n'
    )
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    return environment(
        tmp_path,
        GIT_CONFIG_GLOBAL=str(settings),
        PIP_CONFIG_FILE=os.devnull,  # no other place to find packages in
        PIP_NO_INDEX="1",
        PIP_NO_BUILD_ISOLATION="0",  # pip's way to say yes: it builds with the setuptools that is there
        PIP_DISABLE_PIP_VERSION_CHECK="1",
    )


def set_up(source: str, folder: Path, python: Path, settings: dict[str, str]) -> list[str]:
    """Run a set-up cell in a folder, with an environment's Python; return what it printed, line by line."""
    notebook = folder / "alone" / "chapter.ipynb"
    notebook.parent.mkdir()
    cells = [nbformat.v4.new_code_cell(text) for text in (source, ASK)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), notebook)
    try:
        return printed(executed(notebook, settings, str(python))).splitlines()
    finally:
        remove = [python, "-m", "pip", "uninstall", "--quiet", "--yes", "bridgeseg"]
        subprocess.run(remove, check=True, env=settings, capture_output=True)


def the_cell() -> str:
    return Chapter(CHAPTERS[0]).of("code", "setup")[0].source


@pytest.mark.slow
def test_the_set_up_cell_fetches_the_package_and_nothing_else(
    colab: Path, fetched_from_here: dict[str, str], tmp_path: Path
) -> None:
    said = set_up(the_cell(), tmp_path, colab, fetched_from_here)
    *lines, ours, torch = said
    packages = str(colab.parent.parent)
    assert ours.startswith(packages), "the package stands in the environment, and not in a clone"
    assert torch.startswith(packages)
    assert any(line.startswith("device") for line in lines), said
    assert any(line.startswith("tier") for line in lines), said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("git+https://github.com/", "git+https://github.com/not-", "CalledProcessError"),
        ('"--quiet", source', '"--quiet", source, "pytest"', "CalledProcessError"),  # more than the package
        ("is None:\n", "is None and False:\n", "No module named 'bridgeseg'"),
    ],
)
def test_a_set_up_cell_that_does_not_fetch_it_is_seen(
    old: str, new: str, said: str, colab: Path, fetched_from_here: dict[str, str], tmp_path: Path
) -> None:
    assert old in the_cell()
    with pytest.raises(CellExecutionError, match=said):
        set_up(the_cell().replace(old, new, 1), tmp_path, colab, fetched_from_here)


def test_the_environment_holds_what_colab_has_and_nothing_of_ours(colab: Path) -> None:
    program = "import torch, torchvision, numpy, matplotlib, ipywidgets, ipykernel, pip\nimport bridgeseg"
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ran = subprocess.run([colab, "-c", program], capture_output=True, text=True, env=clean, cwd=colab.parent)
    assert ran.stderr.splitlines()[-1] == "ModuleNotFoundError: No module named 'bridgeseg'"


# A whole chapter, with Colab's own packages


def run_as_on_colab(notebook: Path, folder: Path, python: Path, installed: Path) -> nbformat.NotebookNode:
    """Run a notebook by itself in a folder, with the package from its wheel; what is trained beforehand is at hand."""
    copy = folder / "content" / notebook.name
    copy.parent.mkdir()
    shutil.copy(notebook, copy)
    there = environment(folder, PYTHONPATH=str(installed), BRIDGESEG_CACHE=str(cache_folder()))
    return executed(copy, there, str(python))


@pytest.mark.slow
@pytest.mark.parametrize("path", [in_rotation(CHAPTERS)], ids=lambda path: path.stem)
@pytest.mark.parametrize("edition", ["chapter", "student's edition, filled in"])
def test_a_chapter_runs_whole_with_colabs_own_packages(
    path: Path, edition: str, tmp_path: Path, colabs_own: Path, installed: Path, record_property
) -> None:
    said = f"{path.stem}, {edition}, runs whole with Colab's list of {LISTED} ({SOURCE})"
    record_property("said", said)
    (notebook,) = [path] if edition == "chapter" else fill(tmp_path / "filled", [path])
    done = run_as_on_colab(notebook, tmp_path, colabs_own, installed)
    none_of(dead_views(done))


def test_a_reader_on_colab_is_asked_once_in_a_chapter_and_told_what_is_missed(
    tmp_path: Path, colabs_own: Path, installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = [[cell for cell in Chapter(path).of("code") if "# @param" in cell.source] for path in CHAPTERS]
    assert all(len(cells) <= 1 for cells in asking)
    (source,) = {cell.source for cells in asking for cell in cells}
    assert re.search(r'(?m)^DOWNLOAD = False  # @param \{type: "boolean"\}$', source)
    assert all("plumbing" in cell.tags for cells in asking for cell in cells)
    monkeypatch.setenv("BRIDGESEG_CACHE", str(tmp_path / "cache"))
    done = run_as_on_colab(notebook_of(tmp_path, source), tmp_path, colabs_own, installed)
    at_hand, missed, how = printed(done).splitlines()
    assert at_hand.endswith("none")
    assert missed.startswith("You miss pedestrians, nuclei and photos")
    assert "set DOWNLOAD" in how


def notebook_of(folder: Path, *sources: str) -> Path:
    cells = [nbformat.v4.new_code_cell(text, metadata={"tags": ["widget"]}) for text in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=NOTEBOOK_METADATA), folder / "small.ipynb")
    return folder / "small.ipynb"


VERSIONS = """import importlib.metadata as there
for name in {names}:
    print(name, there.version(name))"""


def test_a_notebook_finds_the_versions_of_the_list(tmp_path: Path, colabs_own: Path, installed: Path) -> None:
    notebook = notebook_of(tmp_path, VERSIONS.format(names=list(NOTEBOOK)))
    said = printed(run_as_on_colab(notebook, tmp_path, colabs_own, installed)).splitlines()
    assert said == [f"{name} {version}" for name, version in NOTEBOOK.items()]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("import ipywidgets as widgets\nwidgets.Stack([widgets.IntSlider()])", "no attribute 'Stack'"),
        (
            "from bridgeseg.teaching.checks import agree\nagree(lambda x: x[2], lambda x: 0, [([1, 2],)])",
            "raises IndexError in case 1: list index out of range\n  input     1, 2",
        ),
    ],
)
def test_what_ends_a_chapter_on_colab_is_seen(
    cell: str, said: str, tmp_path: Path, colabs_own: Path, installed: Path
) -> None:
    with pytest.raises(CellExecutionError, match=re.escape(said)):
        run_as_on_colab(notebook_of(tmp_path, cell), tmp_path, colabs_own, installed)


def test_what_is_still_to_be_written_is_one_line_on_colab(
    tmp_path: Path, colabs_own: Path, installed: Path
) -> None:
    set_up = "from bridgeseg.teaching.set_up import begin\nbegin()\n"
    stub = "def halves(x):\n    raise NotImplementedError('halves is still to be written.')\n\n\n"
    with pytest.raises(CellExecutionError, match="NotImplementedError: halves is still to be") as caught:
        run_as_on_colab(
            notebook_of(tmp_path, f"{set_up}{stub}a = halves(1)"), tmp_path, colabs_own, installed
        )
    assert "Traceback" not in str(caught.value)


SLIDER = "from bridgeseg.plots.slider import turned_by_a_slider\n"
TURNED = "turned_by_a_slider('x', ['1'], [b'a'], ['a'])"


@pytest.mark.parametrize(
    ("cell", "dead"),
    [
        (SLIDER + TURNED, False),
        (SLIDER + f"view = {TURNED}", True),
        (SLIDER + f"print({TURNED})", True),
        ("import ipywidgets as widgets\nwidgets.interactive(lambda x: x, x=(0, 3))", False),
        ("import ipywidgets as widgets\nview = widgets.interactive(lambda x: x, x=(0, 3))", True),
    ],
)
def test_a_view_that_is_not_shown_is_seen(
    cell: str, dead: bool, tmp_path: Path, colabs_own: Path, installed: Path
) -> None:
    done = run_as_on_colab(notebook_of(tmp_path, cell), tmp_path, colabs_own, installed)
    assert bool(list(dead_views(done))) == dead


# The packages from the index


def test_a_version_that_the_index_does_not_have_is_an_error_and_no_excuse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = tmp_path / "simple" / "small"
    index.mkdir(parents=True)
    (index / "small-1.0-py3-none-any.whl").write_bytes(b"")
    (index / "index.html").write_text('<a href="small-1.0-py3-none-any.whl">small-1.0-py3-none-any.whl</a>')
    the_only_index(monkeypatch, tmp_path, index.parent.as_uri())
    with pytest.raises(LookupError, match=r"small==2\.0 \(from versions: 1\.0\)"):
        fetched({"small": "2.0"})


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/simple", ""])
def test_without_an_index_the_reason_is_told(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    the_only_index(monkeypatch, tmp_path, address)
    with pytest.raises(NotToBeHad, match=r"pip install: (.*\n)*.*small==2\.0"):
        fetched({"small": "2.0"})


def test_packages_are_fetched_once(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    the_only_index(monkeypatch, tmp_path, "")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    version = wheel.name.split("-")[1]
    folder = fetched({"bridgeseg": version})
    assert (folder / "bridgeseg" / "__init__.py").exists()
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert fetched({"bridgeseg": version}) == folder
    with pytest.raises(FileNotFoundError):
        fetched({"bridgeseg": version, "small": "2.0"})


def the_only_index(monkeypatch: pytest.MonkeyPatch, folder: Path, address: str) -> None:
    """Let pip find packages at one address, or at none, and let the cache be an empty one."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv(*(("PIP_INDEX_URL", address) if address else ("PIP_NO_INDEX", "1")))
    monkeypatch.setenv("BRIDGESEG_CACHE", str(folder / "cache"))
