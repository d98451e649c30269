"""Every chapter runs by itself: each in a kernel of its own, whatever ran before it.

Two runs of each chapter, one after the other in the same folder, which no chapter shares with another:

1. from the wheel, the notebook alone in the folder, without the repository, the network and the real pictures, and
   with MPLBACKEND=Agg, as CI systems set it, which must cost no figure;
2. from a clone beside the folder (the set-up cell finds the package), with the network, over what the first run left.

The cache of the first run is empty where the chapter is the one of the day. Others are lent the weights that chapters
have trained in this clone, since `make book` has run each of them over an empty cache, and training twice shows
nothing new; whoever changes a line that a training depends on trains anew.

That is: alone, in any order, from a clone and from an installed wheel with the notebook copied elsewhere, with and
without a network, twice in a row. `make test` also runs every chapter from the clone itself, with the real pictures
where they are at hand (nbval).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from chapter_runs import by_itself, executed, in_rotation, printed, unseen_figures
from nbclient.exceptions import CellExecutionError
from notebooks import BOOK, CHAPTERS, ROOT, each_chapter, none_of
from strip_notebooks import NOTEBOOK_METADATA

from bridgeseg.machine.environment import cache_folder

WHERE = "the package stands in"
ABSENT = "no stored result of that name is at hand"
ASK = f"import bridgeseg\nprint({WHERE!r}, bridgeseg.__file__)"


def run_twice(notebook: Path, folder: Path, installed: Path, lent: bool = False) -> Iterator[str]:
    """Yield what goes wrong when a notebook runs from a wheel and then from a clone.

    folder: empty; the notebook is copied to `book` in it
    installed: where the wheel is installed
    lent: begin with the weights that chapters have trained here
    """
    if lent and (trained := cache_folder() / "chapters").is_dir():
        shutil.copytree(trained, folder / "home" / "cache" / "bridgeseg" / "chapters")
    copy = folder / "book" / notebook.name
    copy.parent.mkdir()
    read = nbformat.read(notebook, as_version=4)
    read.cells.append(nbformat.v4.new_code_cell(ASK, id="where-it-stands"))
    nbformat.write(read, copy)
    there = by_itself(folder / "home", ROOT, [installed], offline=True, MPLBACKEND="Agg")
    yield from _run("from the wheel", copy, installed, there)
    for name in ("results", "images"):
        shutil.copytree(BOOK / name, copy.parent / name, dirs_exist_ok=True)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "bridgeseg", folder / "bridgeseg", ignore=ignored)
    yield from _run("from a clone, again", copy, folder, by_itself(folder / "home", ROOT, [], offline=False))


def _run(how: str, notebook: Path, package: Path, environment: dict[str, str]) -> Iterator[str]:
    try:
        done = executed(notebook, environment)
    except CellExecutionError as error:
        yield f"{how}: {error}"
        return
    if f"{WHERE} {package}" not in printed(done):
        yield f"{how}: another package was imported: {printed(done).rpartition(WHERE)[2]}"
    if ABSENT in printed(done):
        yield f"{how}: a stored result was not found: {printed(done).partition(ABSENT)[0][-60:]}{ABSENT}"
    yield from (f"{how}: {problem}" for problem in unseen_figures(done))
    if text := printed(done, "stderr"):
        yield f"{how}: on standard error, which is a warning of the book: {text}"


@each_chapter
@pytest.mark.slow
def test_a_chapter_runs_by_itself_from_a_wheel_and_from_a_clone(
    path: Path, tmp_path: Path, installed: Path
) -> None:
    none_of(run_twice(path, tmp_path, installed, lent=path != in_rotation(CHAPTERS)))


# The test itself, on notebooks that are not whole


def notebook_with(folder: Path, *sources: str) -> Path:
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "id": f"c{i}",
            "metadata": {"tags": ["figure"]} if "plt." in s else {},
            "source": s,
            "outputs": [],
            "execution_count": None,
        }
        for i, s in enumerate(sources)
    ]
    path = folder / "small.ipynb"
    path.write_text(
        json.dumps({"cells": cells, "metadata": NOTEBOOK_METADATA, "nbformat": 4, "nbformat_minor": 5})
    )
    return path


CLONE = "import sys\nfrom pathlib import Path\nsys.path.append(str(Path.cwd().parent))"
BEGIN = "from bridgeseg.teaching.set_up import begin\nbegin()"
FIRST, SECOND = "from the wheel: ", "from a clone, again: "


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("print('whole')", []),
        ("from bridgeseg.teaching.stored_results import stored_result\nstored_result('scenes-fast')", []),
        ("from bridgeseg.teaching.stored_results import stored_result\nstored_result('x')", [FIRST, SECOND]),
        (f"open({str(ROOT / 'README.md')!r})", [FIRST, SECOND]),
        ("open('made', 'x')", [SECOND]),
        ("import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()", [FIRST]),  # without `begin`
        (f"{BEGIN}\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()", []),
        (f"{BEGIN}\nimport matplotlib.pyplot as plt\nplt.close()", [FIRST, SECOND]),
        ("open('results/scenes-fast.json')", [FIRST]),
        ("print('!', file=sys.stderr)", [FIRST, SECOND]),
        ("sys.path.pop()  # finds the package only where it is installed", [SECOND]),
    ],
)
def test_what_needs_more_than_itself_is_seen(
    cell: str, said: list[str], tmp_path: Path, installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(
        "MPLBACKEND", raising=False
    )  # the run from the wheel sets it itself, the other must not have it
    (tmp_path / "runs").mkdir()
    problems = list(run_twice(notebook_with(tmp_path, CLONE, cell), tmp_path / "runs", installed))
    assert [problem.split(": ")[0] + ": " for problem in problems] == said


@pytest.mark.parametrize("lent", [True, False])
def test_what_chapters_have_trained_is_lent_where_that_is_asked(
    lent: bool, tmp_path: Path, installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRIDGESEG_CACHE", str(tmp_path / "cache"))
    for name in ("runs", "cache/chapters"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "cache" / "chapters" / "weights.pt").touch()
    load = "from bridgeseg.machine.environment import cache_folder"
    find = f"assert (cache_folder() / 'chapters/weights.pt').exists() is {lent}"
    notebook = notebook_with(tmp_path, CLONE, load, find)
    none_of(run_twice(notebook, tmp_path / "runs", installed, lent))


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import socket; socket.socket().connect(('192.0.2.1', 80))", "there is no network"),
        ("import urllib.request as r; r.urlopen('http://bridgeseg.invalid')", "there is no network"),
        (f"open({str(ROOT / 'README.md')!r})", "the repository is out of reach"),
        ("import bridgeseg", "No module named 'bridgeseg'"),
        ("import os; os.environ['BRIDGESEG_DATA']", "KeyError: 'BRIDGESEG_DATA'"),
        ("import json, socket; open('a', 'w'); s = socket.socket(); s.bind(('127.0.0.1', 0))", ""),
    ],
)
def test_repository_network_and_pictures_are_out_of_reach(
    program: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRIDGESEG_DATA", str(tmp_path))
    there = by_itself(tmp_path, ROOT, [], offline=True)
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, env=there, cwd=tmp_path, capture_output=True, text=True)
    assert (ran.returncode == 0) == (not said)
    assert said in ran.stderr
