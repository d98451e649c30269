"""The page *Teaching with this book*: what a program writes there is up to date, and what it says is so."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest
import questions
import sheet_answers
import teaching_page
from chapter_minutes import sections
from lesson_plans import DAY, HALF_DAY, LONGEST, SHORTEST, WHOLE_DAY, Part, Pause, Plan, half_days, rows
from misconceptions import anchor, misconceptions
from notebooks import BOOK, CHAPTERS, ROOT, Chapter, each_chapter, none_of
from pages import blocks, loaded, page
from questions import Bug, Which
from small_chapter import fits

ALL = [Chapter(path) for path in CHAPTERS]
SHEET = BOOK / "images" / "squared_paper.pdf"


def test_what_a_program_writes_on_the_page_is_up_to_date() -> None:
    run = "run: python tests/book/teaching_page.py --write"
    assert teaching_page.filled(page("teaching"), ALL) == page("teaching"), run


def test_a_page_without_its_marks_or_with_other_minutes_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teaching_page, "BLOCKS", {"minutes": teaching_page.minutes})
    monkeypatch.setattr(teaching_page, "PAGE", tmp_path / "teaching.md")
    teaching_page.PAGE.write_text("Hello.\n\n<!-- minutes -->\n<!-- /minutes -->\n\nGo on.\n")
    with pytest.raises(SystemExit, match="not up to date"):
        teaching_page.main([])
    teaching_page.main(["--write"])
    teaching_page.main([])
    text = teaching_page.PAGE.read_text()
    assert text.startswith("Hello.\n\n<!-- minutes -->\n\n### 1. One picture, end to end\n")
    assert text.endswith("\n<!-- /minutes -->\n\nGo on.\n")
    with pytest.raises(ValueError, match="no <!-- minutes -->"):
        teaching_page.filled("Hello.", ALL)


# The half day, the day and the week


@pytest.mark.parametrize(
    ("plan", "shortest", "longest", "breaks"), [(HALF_DAY, SHORTEST, LONGEST, 2), (WHOLE_DAY, *DAY, 3)]
)
def test_a_plan_takes_as_long_as_it_says(plan: Plan, shortest: int, longest: int, breaks: int) -> None:
    took = [minutes for minutes, *_ in rows(ALL, plan)]
    assert shortest <= sum(took) <= longest, f"{sum(took)} minutes: cut, or add"
    pauses = [item for item in plan if isinstance(item, Pause)]
    assert sum(item.what.startswith(("Break", "Lunch")) for item in pauses) == breaks
    places = [(item.chapter, item.cell) for item in plan if isinstance(item, Part)]
    assert len(places) == len(set(places))
    assert places == sorted(places, key=lambda place: place[0]), "chapters come in their order"


@pytest.mark.parametrize("plan", [HALF_DAY, WHOLE_DAY])
def test_what_pairs_write_is_built_there(plan: Plan) -> None:
    by_number = {int(chapter.path.stem[:2]): chapter for chapter in ALL}
    for part in (item for item in plan if isinstance(item, Part) and item.writes):
        chapter = by_number[part.chapter]
        begins = [cell.place for cell in chapter.cells if cell.name == part.cell]
        ends = [cell.place for cell in chapter.cells if cell.name in {s.cell for s in sections(chapter)}]
        last = min((place for place in ends if place > begins[0]), default=len(chapter.cells))
        built = {
            name
            for cell in chapter.of("code", "build")
            if begins[0] <= cell.place < last
            for name in cell.defined
        }
        asked = re.findall(r"`(\w+)`", part.pairs)
        assert asked, part
        assert set(asked) <= built, part


def test_a_chapter_of_the_week_fits_into_a_half_day() -> None:
    assert [half.chapter for half, *_ in half_days(ALL)] == list(range(1, 11))
    long = {half.chapter: minutes for half, _, minutes in half_days(ALL) if minutes > LONGEST}
    assert not long


def test_a_part_of_a_plan_in_no_chapter_is_seen() -> None:
    with pytest.raises(KeyError, match="nowhere"):
        rows(ALL, (*HALF_DAY, Part(1, "nowhere", "–")))


# Misconceptions


@each_chapter
def test_every_wrong_answer_is_on_the_page_with_a_link_to_where_it_is_found(path: Path) -> None:
    chapter = Chapter(path)
    text = page("teaching").split("<!-- misconceptions -->")[1].split("<!-- /misconceptions -->")[0]
    kept = ROOT / "bridgeseg" / "teaching" / "wrong_answers" / path.name.replace(".ipynb", ".py")
    functions = [node for node in ast.parse(kept.read_text("utf8")).body if isinstance(node, ast.FunctionDef)]
    every = misconceptions(chapter)
    assert sorted(each.version for each in every) == sorted(node.name for node in functions)
    titles = {section.title for section in sections(chapter)}
    for each in every:
        assert each.sentence in text
        assert each.section in titles
        assert f"({path.name}#{anchor(each.section)})" in text


def test_places_are_called_as_in_the_book() -> None:
    assert anchor("AP$^r$ from a blank cell") == "ap-from-a-blank-cell"
    assert anchor("Step 1: how much does `a` overlap?") == "step-1-how-much-does-a-overlap"
    assert anchor("Chapter 2's claim, by AP$^r$") == "chapter-2s-claim-by-ap"


# Questions


@each_chapter
def test_the_questions_on_a_chapter_have_one_answer(path: Path) -> None:
    chapter, number = Chapter(path), int(path.name[:2])
    none_of(questions.problems(chapter, number))
    assert questions.BUGS.get(number) or questions.WHICH.get(number), "ask something of each chapter"


BOXES = "torch.tensor([0.0, 0, 2, 2]), torch.tensor([1.0, 0, 3, 2])"
APART = "torch.tensor([0.0, 0, 2, 2]), torch.tensor([4.0, 4, 6, 6])"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Bug("overlap__negative_sides", APART, APART), "is seen on"),
        (Bug("overlap__negative_sides", BOXES, BOXES), "is not seen on"),
        (Bug("overlap__shared_counted_twice", APART, BOXES), "calls the right overlap"),
        (Which("overlap__negative_sides", BOXES), "is not seen on"),
        (Which("suppress__threshold_as_distance", "torch.zeros(1, 4), torch.ones(1), 0.5"), "is not seen on"),
    ],
)
def test_a_question_that_is_none_is_seen(
    asked: Bug | Which, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "BUGS", {1: [asked] if isinstance(asked, Bug) else []})
    monkeypatch.setattr(questions, "WHICH", {1: [asked] if isinstance(asked, Which) else []})
    found = list(questions.problems(ALL[0], 1))
    assert fits(found, said), found


def test_code_with_a_bug_does_not_say_so() -> None:
    for chapter in ALL:
        for bug in questions.BUGS[int(chapter.path.stem[:2])]:
            code = questions.as_code(chapter, bug.version)
            (function,) = ast.parse(code).body
            assert isinstance(function, ast.FunctionDef)
            assert function.name == bug.version.partition("__")[0]
            assert "__" not in code
            assert ast.get_docstring(function) is None


def test_calls_and_results_fit_on_a_page() -> None:
    text = page("teaching").split("<!-- questions -->")[1].split("<!-- /questions -->")[0]
    shown = [line for block in blocks(text, "python") for line in block.splitlines()]
    assert [line for line in shown if len(line) > 88] == []  # as in chapters
    assert questions.call("f", "1, (2, 3)") == ["f(1, (2, 3))"]
    assert questions.call("f", f"[{'1, ' * 30}], 2") == ["f(", f"    [{'1, ' * 30}],", "    2,", ")"]


def test_results_are_shown_on_a_line() -> None:
    assert questions.shown((np.float64(5 / 8), np.array([0.75, np.nan]))) == "(0.625, array([0.75, nan]))"
    assert questions.shown(np.array([True, False])) == "array([True, False])"
    assert questions.shown(ValueError("no")) == "ValueError: no"
    assert questions.compared(np.eye(40), np.zeros((40, 40)))[0].startswith("# wrong: 40 of 1600 numbers")


# The self-test and the exit quiz

SELF_TEST, EXIT_QUIZ = "## Before they come: a self-test", "## Before they leave: an exit quiz"


def asked_and_answered(title: str) -> list[tuple[str, str]]:
    """Return the code of each question below a title, and the result that its answer begins with."""
    text = page("teaching").split(title)[1].split("\n## ")[0]
    found = re.findall(
        r"```python\n(.*?)```\n\n:::\{admonition\} Answer\n:class: dropdown\n`([^`]*)`:", text, re.DOTALL
    )
    assert len(found) == len(blocks(text, "python")) == text.count("\n**") - text.count("\n**Print")
    return found


def given(code: str) -> str:
    """Return what the last line of some code gives, as Python shows it."""
    tree, names = ast.parse(code), {"np": np}
    exec(compile(ast.Module(tree.body[:-1], []), "a question", "exec"), names)
    return repr(eval(compile(ast.Expression(tree.body[-1].value), "a question", "eval"), names))  # type: ignore[attr-defined]


@pytest.mark.parametrize(("title", "count"), [(SELF_TEST, 8), (EXIT_QUIZ, 12)])
def test_answers_are_what_python_says(title: str, count: int) -> None:
    asked = asked_and_answered(title)
    assert len(asked) == count
    assert [(code, given(code), answer) for code, answer in asked if given(code) != answer] == []


# The sheet


def test_the_sheet_is_drawn_from_the_chapter_as_it_is() -> None:
    program = loaded(BOOK / "images" / "squared_paper.py")
    stored = SHEET.read_bytes()
    assert program.drawn_from().encode() in stored, "run: python book/images/squared_paper.py"
    sizes = re.findall(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", stored)
    assert [(round(float(w) / 72 * 25.4), round(float(h) / 72 * 25.4)) for w, h in sizes] == [(210, 297)] * 2
    assert program.SQUARE >= 4  # mm: what a pencil can mark
    assert "images/squared_paper.pdf" in page("teaching")


def test_the_sheet_is_black_on_white_and_on_the_page() -> None:
    program = loaded(BOOK / "images" / "squared_paper.py")
    for made in (program.seven_masks, program.questions):
        figure = made()
        figure.set_dpi(60)
        figure.canvas.draw()
        shown = np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int)
        assert np.ptp(shown, axis=2).max() == 0, "colours"
        edges = np.concatenate(
            [shown[:10].ravel(), shown[-10:].ravel(), shown[:, :10].ravel(), shown[:, -10:].ravel()]
        )
        assert edges.min() == 255, "runs over the edge"


def test_the_answers_to_the_sheet_are_those_of_the_chapter() -> None:
    text = sheet_answers.answers(ALL)
    assert "| mask 1 | 16/20 | 0 | 0 | 0 | 0 |" in text  # the chapter counts it: sixteen of twenty
    assert "| mask 5 | 0 | 0 | 0 | 0 | 9/18 |" in text
    assert "2: nobody finds C and E." in text
    assert "the AP is 0.500" in text
