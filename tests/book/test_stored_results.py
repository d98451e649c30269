"""Stored results are at hand wherever a chapter runs, and a chapter that misses them says so."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from chapter_form import MACHINE_PATH
from chapter_prose import results_read
from chapter_runs import by_itself, executed, in_rotation, printed
from colab_environment import made
from installing import built_wheel, pip
from notebooks import BOOK, CHAPTERS, ROOT, Chapter, each_chapter, none_of
from small_chapter import broken, cell_named

RESULTS = {path.stem: json.loads(path.read_text("utf8")) for path in (BOOK / "results").glob("*.json")}
READ = [path for path in CHAPTERS if results_read(Chapter(path))]
ABSENT = "no stored result of that name is at hand"
ASK = f"""import json
from bridgeseg.teaching.stored_results import stored_result
print(json.dumps({{name: stored_result(name) for name in {sorted(RESULTS)}}}))"""


def found(python: Path | str, folder: Path, *path: Path) -> dict[str, object]:
    """Ask for every stored result in a folder, with packages from so many places before the interpreter's own."""
    there = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    command = [str(python), "-c", ASK]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=there)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.mark.parametrize("name", sorted(RESULTS))
def test_none_names_a_path_of_a_machine(name: str) -> None:
    lines = (BOOK / "results" / f"{name}.json").read_text("utf8").splitlines()
    none_of(line.strip() for line in lines if MACHINE_PATH.search(line))


def test_a_clone_has_them(tmp_path: Path) -> None:
    assert found(sys.executable, tmp_path, ROOT) == RESULTS


def test_a_wheel_has_them(installed: Path, tmp_path: Path) -> None:
    assert found(sys.executable, tmp_path, installed) == RESULTS


@pytest.mark.slow
def test_a_wheel_made_of_an_sdist_has_them(sources: Path, tmp_path: Path) -> None:
    program = f"import setuptools.build_meta as s; s.build_sdist({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", program], cwd=sources, check=True, capture_output=True)
    (sdist,) = tmp_path.glob("bridgeseg-*.tar.gz")
    pip("install", "--target", str(tmp_path / "there"), str(built_wheel(sdist, tmp_path / "built")))
    assert found(sys.executable, tmp_path, tmp_path / "there") == RESULTS


@pytest.mark.slow
def test_an_editable_installation_has_them(sources: Path, tmp_path: Path) -> None:
    python = made(tmp_path / "environment", ("setuptools",))
    pip("install", "--no-build-isolation", "--editable", str(sources), python=str(python))
    assert found(python, tmp_path) == RESULTS


# What a chapter makes of them


def own_paths(chapter: Chapter) -> Iterator[str]:
    """Yield each place where a chapter looks for a stored result by a path of its own, or for one that is not."""
    for cell in chapter.of("code"):
        for node in ast.walk(cell.tree):
            text = node.value if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and (text.startswith("results/") or text.endswith(".json")):
                yield f"cell {cell.name}: {text!r}, expected stored_result, which finds it everywhere"
    for name in results_read(chapter):
        if name not in RESULTS:
            yield f"stored_result: {name!r}, which is not in book/results"


@each_chapter
def test_a_chapter_asks_the_package_for_them(path: Path) -> None:
    none_of(own_paths(Chapter(path)))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("stored_result('photos')", []),
        ("for name in ('photos', 'cats'):\n    stored_result(name)", ["stored_result: 'cats', which"]),
        ("Path('results') / 'photos.json'", ["cell claim-run: 'photos.json', expected"]),
        ("open('results/photos.txt')", ["cell claim-run: 'results/photos.txt', expected"]),
    ],
)
def test_a_path_of_its_own_is_seen(code: str, said: list[str], tmp_path: Path) -> None:
    def break_it(made: dict) -> None:
        cell_named(made, "claim-run")["source"] = code.splitlines(keepends=True)

    problems = list(own_paths(broken(break_it, tmp_path)))
    assert len(problems) == len(said)
    assert all(problem.startswith(start) for problem, start in zip(problems, said))


@pytest.mark.slow
@pytest.mark.parametrize("path", [in_rotation(READ)], ids=lambda path: path.stem)
def test_without_them_a_chapter_says_so_and_goes_on(path: Path, installed: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    subprocess.run(["cp", "-r", str(installed), str(bare)], check=True)
    for file in (bare / "bridgeseg" / "results").iterdir():
        file.unlink()
    alone = tmp_path / "alone" / path.name
    alone.parent.mkdir()
    alone.write_text(path.read_text("utf8"), "utf8")
    said = printed(executed(alone, by_itself(tmp_path / "home", ROOT, [bare], offline=True)))
    for name in results_read(Chapter(path)):
        assert f"{name}: {ABSENT}\n" in said
