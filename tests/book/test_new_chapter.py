"""A new chapter is one command away: it runs, and the gates say what is still to be written and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from chapter_anatomy import problems as anatomy
from chapter_checkpoints import badly_kept, unchecked
from chapter_form import problems as form
from chapter_prose import numbers
from chapter_runs import environment, executed
from check_site import pages_of
from new_chapter import begin, file_name, in_contents
from notebooks import CHAPTERS, ROOT, Chapter


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A repository with the first chapter and a new one, the fourth."""
    (tmp_path / "book").mkdir()
    (tmp_path / "bridgeseg" / "teaching" / "wrong_answers").mkdir(parents=True)
    shutil.copy(CHAPTERS[0], tmp_path / "book")
    shutil.copy(ROOT / "_toc.yml", tmp_path)
    begin(tmp_path, 4, "Why residual")
    return tmp_path


def test_the_gates_say_what_is_still_to_be_written_and_nothing_else(begun: Path) -> None:
    chapter = Chapter(begun / "book" / "04_why_residual.ipynb")
    answers = begun / "bridgeseg" / "teaching" / "wrong_answers" / "04_why_residual.py"
    assert [*form(chapter), *unchecked(chapter), *badly_kept(chapter, answers)] == []
    assert list(numbers(chapter, "", begun)) == []
    found = list(anatomy(chapter))
    unwritten = [problem for problem in found if "still to be written" in problem]
    assert len(unwritten) > 15
    (other,) = set(found) - set(unwritten)
    assert "words, expected 1,500" in other


def test_it_is_laid_out_as_the_linter_wants_it(begun: Path) -> None:
    files = [
        begun / "book" / "04_why_residual.ipynb",
        begun / "bridgeseg" / "teaching" / "wrong_answers" / "04_why_residual.py",
    ]
    settings = ["--config", str(ROOT / "pyproject.toml")]
    for verb in (["format", "--check"], ["check", "--ignore", "E402,B018,F821"]):
        ran = subprocess.run(
            [sys.executable, "-m", "ruff", *verb, *settings, *files], capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.slow
def test_it_runs(begun: Path) -> None:
    shutil.copytree(ROOT / "bridgeseg", begun / "bridgeseg", dirs_exist_ok=True)
    executed(begun / "book" / "04_why_residual.ipynb", environment(begun))


def test_a_number_that_is_taken_is_refused(begun: Path) -> None:
    with pytest.raises(FileExistsError, match="chapter 4 is there: 04_why_residual.ipynb"):
        begin(begun, 4, "Another")


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Why residual", "04_why_residual"),
        ("How good is it?", "04_how_good_is_it"),
        ("AP's rules", "04_aps_rules"),
    ],
)
def test_a_file_is_named_after_its_title(title: str, name: str) -> None:
    assert file_name(4, title) == name


CONTENTS = """root: book/intro
parts:
  - caption: I. The question
    numbered: true
    chapters:
      - file: book/01_a
      - file: book/03_c
  - caption: Appendices
    chapters:
      - file: book/references
"""


@pytest.mark.parametrize(
    ("number", "parts"),
    [
        (2, {"I. The question": ["book/01_a", "book/02_new", "book/03_c"]}),
        (4, {"I. The question": ["book/01_a", "book/03_c"], "II. Categories": ["book/04_new"]}),
    ],
)
def test_it_stands_at_its_place_in_the_table_of_contents(number: int, parts: dict[str, list[str]]) -> None:
    written = yaml.safe_load(in_contents(CONTENTS, number, f"{number:02}_new"))
    assert {part["caption"]: list(pages_of(part)) for part in written["parts"]} == {
        **parts,
        "Appendices": ["book/references"],
    }
    assert all(part.get("numbered") for part in written["parts"][:-1])
