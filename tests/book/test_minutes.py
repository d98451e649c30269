"""The minutes that chapters say are those that their notebooks give; and the computing of them counts what is read."""

from __future__ import annotations

from pathlib import Path

import chapter_minutes
import pytest
from chapter_minutes import Section, exercises, in_all, problems, sections, whole_sections, with_minutes
from notebooks import Chapter, each_chapter, none_of
from small_chapter import Break, broken, cell_named, fits, in_cell, tagged


@each_chapter
def test_a_chapter_says_the_minutes_that_its_notebook_gives(path: Path) -> None:
    none_of(problems(Chapter(path)))


@each_chapter
def test_every_exercise_has_minutes_and_every_minute_a_section(path: Path) -> None:
    chapter = Chapter(path)
    assert len(exercises(chapter)) == len(chapter.of("markdown", "exercise"))
    whole = whole_sections(chapter)
    assert [section.level for section in whole].count(1) == 1
    assert sum(section.read for section in whole) == in_all(chapter)[0]
    assert sum(section.write for section in whole) == in_all(chapter)[1] > 0


# The computing itself


def long_text(made: dict) -> None:
    cell_named(made, "see")["source"] = ["## Words\n", "\n", "word " * 799]


def long_code(made: dict) -> None:
    cell_named(made, "claim-run")["source"] = ["x = 1\n\n" * 90]


def long_answer(made: dict) -> None:
    in_cell("build", "    return", "\n".join(["    values = values + 0"] * 20 + ["    return"]))(made)


def folded(made: dict) -> None:
    long_code(made)
    tagged("claim-run", "plumbing")(made)


def long_solution(made: dict) -> None:
    cell_named(made, "solution-2")["source"] = ["# @title The solution\n", "x = 1\n" * 30]


def section(title: str, chapter: Chapter) -> Section:
    """The section of that title."""
    return next(section for section in sections(chapter) if section.title == title)


def test_two_hundred_words_or_fifteen_lines_take_a_minute(tmp_path: Path) -> None:
    assert section("Words", broken(long_text, tmp_path)).read == 4  # the figure below them is folded
    plain = section("Is the claim true?", broken(lambda made: None, tmp_path))
    claim = section("Is the claim true?", broken(long_code, tmp_path))
    assert (claim.read, claim.write) == (plain.read + 6, 0)
    assert section("Is the claim true?", broken(folded, tmp_path)) == plain


def test_a_line_that_is_written_takes_a_minute(tmp_path: Path) -> None:
    plain, longer = (broken(how, tmp_path) for how in (lambda made: None, long_answer))
    assert in_all(plain)[1] == 1
    assert in_all(longer)[1] == 21
    assert exercises(broken(long_solution, tmp_path))[1].minutes == 30
    assert exercises(plain)[1].minutes == 5  # and no less


def test_a_section_has_the_minutes_of_its_parts(tmp_path: Path) -> None:
    whole = broken(lambda made: None, tmp_path)
    parts = broken(in_cell("build-check", "Here", "### A part\n\nHere"), tmp_path)
    assert section("A part", parts).level == 3
    assert [each.title for each in whole_sections(parts)] == [each.title for each in whole_sections(whole)]


def test_a_heading_within_code_is_none(tmp_path: Path) -> None:
    fenced = "```python\n# no heading\n## nor this\n```\n\nHere"
    assert len(sections(broken(in_cell("see", "Here", fenced), tmp_path))) == len(
        sections(broken(lambda made: None, tmp_path))
    )


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (in_cell("card", "About", "Around"), "the card says"),
        (in_cell("card", "<!-- minutes -->", ""), r"the card says \[\]"),
        (
            in_cell("exercise-2", "5 minutes", "6 minutes"),
            "exercise-2: 6 minutes beside the stars, computed 5",
        ),
        (in_cell("exercise-2", " · 5 minutes.", ""), "exercise-2: None minutes"),
        (long_text, "the card says"),
        (long_solution, "exercise-2: 5 minutes beside the stars, computed 30"),
    ],
)
def test_other_minutes_are_seen_and_put_right(break_it: Break, said: str, tmp_path: Path) -> None:
    chapter = broken(break_it, tmp_path)
    assert fits(list(problems(chapter)), said), list(problems(chapter))
    if "<!-- minutes -->" in chapter.cells[1].source:
        chapter.path.write_text(with_minutes(chapter), "utf8")
        none_of(problems(Chapter(chapter.path)))


def test_all_are_written_or_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = broken(in_cell("card", "About", "Around"), tmp_path).path
    monkeypatch.setattr(chapter_minutes, "CHAPTERS", [path])
    chapter_minutes.main([])
    assert "★★ Here it is written out." in capsys.readouterr().out
    chapter_minutes.main(["--write"])
    assert capsys.readouterr().out == f"{path.name}: written\n"
    chapter_minutes.main(["--write"])
    assert capsys.readouterr().out == ""
    none_of(problems(Chapter(path)))
