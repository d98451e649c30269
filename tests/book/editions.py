"""The editions of the chapters, made from their tags: the student's, in which the reader writes, and the teacher's.

`python tests/book/editions.py make` (`make student`) writes `_build/student` and `_build/teacher`;
`python tests/book/editions.py publish REMOTE` commits both to the branch `editions` there;
`python tests/book/editions.py fill FOLDER` writes the student's with the chapters' answers, to be run.

student   functions to write raise NotImplementedError, predictions and exercises have a cell to write in, hints are
          folded, and a way out stands after each checkpoint, folded too; what is stored of outputs is gone
teacher   the whole chapter, with the solutions in sight, minutes below each heading, and below each checkpoint what
          students get wrong there

What only draws, fetches or adapts is folded in both, as in the chapter.
"""

from __future__ import annotations

import argparse
import copy
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import teachers_notes
from chapter_stubs import stubbed
from folds import FOLDS, WRITTEN
from notebooks import CHAPTERS, ROOT, Cell, Chapter
from strip_notebooks import NOTEBOOK_METADATA, as_text
from way_out import way_out

BRANCH = "editions"
ADDED = "edition"  # the tag of what no chapter has
Notebook = dict[str, Any]

PREDICT = re.compile(r"^(?:> \*\*Predict\b|:{3,}\{admonition\} Predict$)", re.MULTILINE)
HINT = re.compile(r"^> \*\*Hint\.?\*\* ?((?:.*)(?:\n>.*)*)", re.MULTILINE)
UNFOLDED = re.compile(r"^<details><summary>Hint</summary>\n\n((?:.*\n)*?)\n</details>", re.MULTILINE)

ABOUT = """> **The student's edition.** You write the functions of this chapter. Where one raises `NotImplementedError`,
> put your lines in the place of the `raise`, and run the cell. The checkpoint after it compares your function with the
> package's. If you are stuck, open the folded cell behind the checkpoint: it lends you the package's version."""
YOURS = "**What I predict:** *(double-click here, and write before you run the next cell)*"


def student(chapter: Chapter) -> Notebook:
    """Return the student's edition of a chapter."""
    cells = []
    for cell in chapter.cells:
        if "setup" in cell.tags:
            cells.append(_added("markdown", "about-this-edition", ABOUT))
        stored = copy.deepcopy(cell.stored) | {"source": _lines(_to_student(cell))}
        if cell.kind == "code":
            stored |= {"outputs": [], "execution_count": None}
        if "solution" in cell.tags:
            stored["metadata"] = {"tags": ["solution"]}
        cells.append(stored)
        if cell.kind == "markdown" and PREDICT.search(cell.source):
            cells.append(_added("markdown", f"{cell.name}-yours", YOURS))
        if "checkpoint" in cell.tags:
            cells.append(_added("code", f"{cell.name}-stuck", way_out(chapter, cell), **FOLDS["plumbing"]))
    return _notebook(cells)


def teacher(chapter: Chapter) -> Notebook:
    """Return the teacher's edition of a chapter: all of it, with notes, and nothing hidden that answers."""
    texts, cells = teachers_notes.with_minutes(chapter), []
    for cell in chapter.cells:
        if "setup" in cell.tags:
            cells.append(_added("markdown", "about-this-edition", teachers_notes.about(chapter)))
        stored = copy.deepcopy(cell.stored)
        if "solution" in cell.tags:
            stored["metadata"] = {key: kept for key, kept in stored["metadata"].items() if key not in WRITTEN}
        if cell.name in texts:
            stored["source"] = _lines(texts[cell.name])
        cells.append(stored)
        if "checkpoint" in cell.tags and (said := teachers_notes.mistakes_at(chapter, cell)):
            cells.append(_added("markdown", f"{cell.name}-mistakes", said))
    return _notebook(cells)


def filled(edition: Notebook, chapter: Chapter) -> Notebook:
    """Return a student's edition with the chapter's answers written where the student writes."""
    answers = {cell.name: cell.source for cell in chapter.cells if {"build", "solution"} & set(cell.tags)}
    made = copy.deepcopy(edition)
    for cell in made["cells"]:
        if cell["id"] in answers:
            cell["source"] = _lines(answers[cell["id"]])
    return made


def own(edition: Notebook) -> list[tuple[str, str, str]]:
    """Return kind, id and text of an edition's cells, without what it adds, hints as in a chapter."""
    kept = (cell for cell in edition["cells"] if ADDED not in cell["metadata"].get("tags", []))
    plain = ((cell, teachers_notes.without("".join(cell["source"]))) for cell in kept)
    return [(cell["cell_type"], cell["id"], _hints(text, fold=False)) for cell, text in plain]


def _to_student(cell: Cell) -> str:
    """The text of a chapter's cell as a student gets it."""
    if "build" in cell.tags:
        return stubbed(cell.source)
    if "solution" in cell.tags:
        return "# Your answer. Add cells as you need them."
    return _hints(cell.source, fold=True) if cell.kind == "markdown" else cell.source


def _hints(text: str, fold: bool) -> str:
    """Fold the block quotes that are hints, or make them block quotes again."""

    def folded(found: re.Match[str]) -> str:
        lines = re.sub(r"(?m)^> ?", "", found.group(1))
        return f"<details><summary>Hint</summary>\n\n{lines}\n\n</details>"

    def quoted(found: re.Match[str]) -> str:
        first, *more = found.group(1).removesuffix("\n").split("\n")
        return "\n".join([f"> **Hint.** {first}", *(f"> {line}".rstrip() for line in more)])

    return HINT.sub(folded, text) if fold else UNFOLDED.sub(quoted, text)


def _added(kind: str, name: str, text: str, **metadata: Any) -> dict[str, Any]:
    """A cell that no chapter has."""
    made = {"cell_type": kind, "id": name, "metadata": {**metadata, "tags": [ADDED]}, "source": _lines(text)}
    return made | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _notebook(cells: list[dict[str, Any]]) -> Notebook:
    ordered = [dict(sorted(cell.items())) for cell in cells]
    return {"cells": ordered, "metadata": NOTEBOOK_METADATA, "nbformat": 4, "nbformat_minor": 5}


EDITIONS: dict[str, Callable[[Chapter], Notebook]] = {"student": student, "teacher": teacher}


def make(target: Path, chapters: list[Path] = CHAPTERS) -> list[Path]:
    """Write both editions of chapters into a folder each; return the notebooks."""
    written = []
    for edition, made_of in EDITIONS.items():
        folder = target / edition
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for path in chapters:
            chapter = Chapter(path)
            written.append(folder / path.name)
            written[-1].write_text(as_text(made_of(chapter)), "utf8")
    return written


def fill(folder: Path, chapters: list[Path] = CHAPTERS) -> list[Path]:
    """Write the student's edition of chapters as a student leaves it who has written all; return the notebooks."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for path in chapters:
        chapter = Chapter(path)
        written.append(folder / f"{path.stem}-filled.ipynb")
        written[-1].write_text(as_text(filled(student(chapter), chapter)), "utf8")
    return written


READ_ME = """# The editions of The Bridge

Made by `make student` from the chapters; a change here is lost with the next commit to them.

- `student/`: the reader writes
- `teacher/`: whole chapters, with the solutions in sight, minutes, and what students get wrong
"""


def publish(made: Path, remote: str, clone: Path = ROOT) -> str:
    """Commit what was made to the branch of the editions in a remote, on top of what is there; say what was done.

    made: the folder with the editions
    clone: whose git, whose right to push, and whose last commit it is
    """
    with tempfile.TemporaryDirectory() as place:
        work = Path(place) / "work"
        for edition in EDITIONS:
            shutil.copytree(made / edition, work / edition)
        (work / "README.md").write_text(READ_ME, "utf8")
        index = {"GIT_INDEX_FILE": str(Path(place) / "index")}
        _git(clone, "--work-tree", str(work), "add", "--all", "--force", str(work), **index)
        tree = _git(clone, "write-tree", **index)
    before = _git(clone, "ls-remote", remote, f"refs/heads/{BRANCH}").partition("\t")[0]
    if before:
        _git(clone, "fetch", "--quiet", "--no-tags", remote, f"refs/heads/{BRANCH}")
        if _git(clone, "rev-parse", f"{before}^{{tree}}") == tree:
            return f"{BRANCH}: nothing has changed"
    message = f"The editions of {_git(clone, 'rev-parse', '--short', 'HEAD')}"
    commit = _git(clone, "commit-tree", tree, *(["-p", before] if before else []), "-m", message)
    _git(clone, "push", "--quiet", remote, f"{commit}:refs/heads/{BRANCH}")
    return f"{BRANCH}: {message}"


def _git(clone: Path, *arguments: str, **settings: str) -> str:
    """What git says in a clone; where it fails, RuntimeError says why."""
    command = ["git", "-C", str(clone), *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, env=os.environ | settings)
    if ran.returncode:
        raise RuntimeError(f"git {' '.join(arguments)}: {ran.stderr.strip()}")
    return ran.stdout.strip()


def main(arguments: list[str]) -> int:
    """Make the editions, publish those that were made, or fill the student's."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("make")
    verbs.add_parser("publish").add_argument("remote")
    verbs.add_parser("fill").add_argument("folder", type=Path)
    asked = parser.parse_args(arguments)
    target = ROOT / "_build"
    if asked.verb == "publish":
        print(publish(target, asked.remote))
    elif asked.verb == "fill":
        print(*fill(asked.folder), sep="\n")
    else:
        print(*(path.relative_to(ROOT) for path in make(target)), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
