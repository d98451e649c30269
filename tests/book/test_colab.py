"""The set-up cell works where Colab runs it: torch and its friends are there, nothing of ours is.

A new environment holds torch, torchvision, numpy, matplotlib, ipywidgets and a kernel, with what these need, and pip
with what it builds the package by. The set-up cell, one and the same in all chapters, runs there in a folder without a
clone. The address that it installs from leads to this clone's last commit, and nothing else is to be had, so that a
cell that fetches more than the package fails. Where the Colab button of a page leads, the check of the built site asks.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import venv
from importlib.metadata import distribution
from pathlib import Path

import nbformat
import pytest
import repository_address
from chapter_runs import environment, executed, printed
from nbclient.exceptions import CellExecutionError
from notebooks import CHAPTERS, ROOT, Chapter
from packaging.requirements import Requirement

THERE = ("torch", "torchvision", "numpy", "matplotlib", "ipywidgets", "ipykernel", "pip", "setuptools")
ASK = "import bridgeseg, torch\nprint(bridgeseg.__file__, torch.__file__, sep='\\n')"


def with_what_they_need(names: tuple[str, ...]) -> set[str]:
    """Return the names of distributions and of all that they need, here and now."""
    found: set[tuple[str, str]] = set()  # with an extra of it, or none
    waiting = [(name, "") for name in names]
    while waiting:
        name, extra = waiting.pop()
        name = re.sub(r"[-_.]+", "-", name).lower()
        if (name, extra) not in found:
            found.add((name, extra))
            needs = [Requirement(text) for text in distribution(name).requires or []]
            needed = [need for need in needs if need.marker is None or need.marker.evaluate({"extra": extra})]
            waiting += [(need.name, more) for need in needed for more in ("", *need.extras)]
    return {name for name, _ in found}


@pytest.fixture(scope="module")
def colab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment like Colab's; its packages are links to those of this one."""
    folder = tmp_path_factory.mktemp("colab") / "environment"
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    (packages,) = (folder / "lib").glob("python*/site-packages")
    for name in with_what_they_need(THERE):
        held = distribution(name)
        for top in {file.parts[0] for file in held.files or [] if file.parts[0] not in ("..", "__pycache__")}:
            place, link = Path(str(held.locate_file(top))), packages / top
            if place.exists() and not link.exists():
                link.symlink_to(place)
    assert not list(packages.glob("*bridgeseg*"))
    return python


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
