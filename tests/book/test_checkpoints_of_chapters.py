"""Checkpoints pass on what the chapter builds and fail, with a message that helps, on the wrong answers kept for it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest
from chapter_checkpoints import badly_kept, let_through, to_the_last_checkpoint, unchecked, unhelpful
from notebooks import CHAPTERS, ROOT, Chapter, each_chapter, none_of
from small_chapter import Break, broken, cell_named, fits, in_cell, tagged

from bridgeseg.teaching.mistakes import WRONG_ANSWERS


@pytest.fixture(autouse=True)
def as_a_reader(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """In the folder of the book, with nothing at hand; the chapter's settings of matplotlib end with the test."""
    monkeypatch.chdir(ROOT / "book")
    monkeypatch.delenv("BRIDGESEG_DATA", raising=False)
    monkeypatch.setenv(
        "BRIDGESEG_CACHE", str(tmp_path_factory.mktemp("cache"))
    )  # a reader's may hold pictures
    monkeypatch.setenv("BRIDGESEG_TIER", "fast")
    with plt.rc_context():
        yield
    plt.close("all")


@each_chapter
def test_all_that_a_chapter_builds_is_compared_with_the_package(path: Path) -> None:
    none_of(unchecked(Chapter(path)))


@each_chapter
def test_a_chapter_has_its_wrong_answers(path: Path) -> None:
    none_of(badly_kept(Chapter(path), WRONG_ANSWERS / f"{path.stem}.py"))


@each_chapter
@pytest.mark.slow
def test_checkpoints_let_the_right_answer_through_and_no_wrong_one(path: Path) -> None:
    none_of(let_through(Chapter(path), WRONG_ANSWERS / f"{path.stem}.py"))


def test_no_wrong_answers_are_kept_of_a_chapter_that_is_not_there() -> None:
    assert {path.stem for path in WRONG_ANSWERS.glob("*.py")} <= {path.stem for path in CHAPTERS}


# The checks themselves, on a chapter that is broken


def test_the_checks_see_nothing_in_what_is_whole(tmp_path: Path) -> None:
    chapter = broken(lambda made: None, tmp_path)
    answers = chapter.path.with_suffix(".py")
    assert [*unchecked(chapter), *badly_kept(chapter, answers), *let_through(chapter, answers)] == []
    assert [cell.name for cell in to_the_last_checkpoint(chapter)] == ["setup", "build", "build-checkpoint"]


def one_more(made: dict) -> None:
    cell_named(made, "build")["source"] += ["\n\n\ndef thirds(values):\n    return values / 3"]


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (one_more, r"cell build: thirds is built, and no later checkpoint calls agree\(thirds, …\)"),
        (in_cell("build", "def halves(values)", "halves = lambda values"), "defines no function"),
        (in_cell("build-checkpoint", "agree(halves", "agree(abs"), "checks abs, which no cell"),
        (tagged("build"), "checks halves, which no cell with the tag `build` defines"),
        (tagged("build-checkpoint"), "cell build-checkpoint: calls agree: tag it `checkpoint`"),
        (tagged("claim-run", "checkpoint"), "claim-run: tagged `checkpoint`, and does not call"),
    ],
)
def test_what_is_not_compared_is_seen(break_it: Break, said: str, tmp_path: Path) -> None:
    if said.startswith("defines"):

        def break_it(made: dict) -> None:
            cell_named(made, "build")["source"] = ["halves = abs"]

    found = list(unchecked(broken(break_it, tmp_path)))
    assert fits(found, said), found


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("def halves__rounded", "def halves_rounded", "1 wrong versions of halves, at least 2"),
        ("def halves__rounded", "def thirds__rounded", "and no checkpoint checks thirds"),
        ('"""Multiplies by two instead of dividing."""', "", "halves__doubled has no docstring"),
        (
            "def halves__rounded(values)",
            "def halves__rounded(value)",
            r"takes \(value\), and halves takes \(values\)",
        ),
    ],
)
def test_wrong_answers_that_are_badly_kept_are_seen(old: str, new: str, said: str, tmp_path: Path) -> None:
    chapter = broken(lambda made: None, tmp_path)
    answers = chapter.path.with_suffix(".py")
    text = answers.read_text()
    assert old in text
    answers.write_text(text.replace(old, new))
    found = list(badly_kept(chapter, answers))
    assert fits(found, said), found
    answers.unlink()
    assert fits(list(badly_kept(chapter, answers)), "no bridgeseg/teaching/wrong_answers/")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("return values * 0.5", "halves__doubled passes the checkpoint of halves"),
        ("return halves(values)", "halves__doubled passes the checkpoint of halves"),
        ("raise KeyError", "halves__doubled: does not name the function and show the input"),
        ("assert False", "halves__doubled: does not name the function and show the input"),
        ("return torch.tensor([0.0, 0.5, 1.0, 9.0])", None),  # names of the chapter are there
        ("return halves(values) + 1e-3", None),
    ],
)
def test_a_checkpoint_that_is_too_kind_or_too_curt_is_seen(
    wrong: str, said: str | None, tmp_path: Path
) -> None:
    chapter = broken(lambda made: None, tmp_path)
    answers = chapter.path.with_suffix(".py")
    answers.write_text(answers.read_text().replace("return values * 2", wrong))
    found = list(let_through(chapter, answers))
    assert bool(found) == bool(said), found
    assert not said or fits(found, said), found


def test_an_example_that_is_not_right_is_seen(tmp_path: Path) -> None:
    chapter = broken(in_cell("build", "        1.5", "        2.5"), tmp_path)
    found = list(let_through(chapter, chapter.path.with_suffix(".py")))
    assert fits(found, "cell build: the example of halves is not right"), found


def test_every_version_meets_the_same_cases(tmp_path: Path) -> None:
    log = tmp_path / "drawn"

    def drawn_at_random(made: dict) -> None:
        noted = f"case = torch.rand(1)\nwith open({str(log)!r}, 'a') as file:\n    print(float(case), file=file)\n"
        in_cell("build-checkpoint", "from bridgeseg", f"{noted}from bridgeseg")(made)
        in_cell("build-checkpoint", "(torch.ones(1),)", "(case,)")(made)

    chapter = broken(drawn_at_random, tmp_path)
    assert list(let_through(chapter, chapter.path.with_suffix(".py"))) == []
    drawn = log.read_text().split()
    assert len(drawn) == 3, "the right version and two wrong ones"
    assert len(set(drawn)) == 1


MESSAGE = """AssertionError: halves differs in case 1: 1 of 1 numbers
  input     [1.]
  came out  [2.]
  expected  [0.5]
  perhaps   Multiplies by two instead of dividing."""


def reference(values: Any) -> Any:
    """Half of it."""
    return values * 0.5


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("", "", None),
        ("AssertionError", "KeyError", "another exception"),
        ("halves", "the function", "does not name the function"),
        ("  perhaps   Multiplies", "Multiplies", "does not name the mistake"),
        ("  came out  [2.]\n", "", "does not name the function and show the input"),
        ("[0.5]", "[0.5]\nreturn values * 0.5", r"gives the answer away: return values \* 0.5"),
        ("[1.]", "[1.]" * 2000, "characters, too many to read"),
    ],
)
def test_a_message_that_does_not_help_is_seen(old: str, new: str, said: str | None) -> None:
    found = list(unhelpful(MESSAGE.replace(old, new) if old else MESSAGE, "halves", reference))
    assert bool(found) == bool(said), found
    assert not said or re.search(said, found[0])
