"""At least a quarter of the lines of code that a reader sees are the subject, and what that is, is counted right."""

from __future__ import annotations

from pathlib import Path

import pytest
from code_lines import LEAST, folded, in_sight, lines, problems, table
from notebooks import CHAPTERS, Cell, Chapter, each_chapter, none_of
from small_chapter import Break, broken, cell_named, in_cell, tagged


@each_chapter
def test_a_quarter_of_what_a_reader_sees_is_the_subject(path: Path) -> None:
    none_of(problems(Chapter(path)))


def counted(tmp_path: Path, break_it: Break = lambda made: None) -> tuple[int, ...]:
    return tuple(in_sight(broken(break_it, tmp_path)).values())


def test_lines_in_sight_are_of_one_kind_each(tmp_path: Path) -> None:
    # build 3 and claim-run 3 and wrong-run 1; the checkpoint's call; its two imports
    assert counted(tmp_path) == (7, 1, 2)
    chapter = broken(lambda made: None, tmp_path)
    assert folded(chapter) > 20
    assert list(problems(chapter)) == []


@pytest.mark.parametrize(
    ("break_it", "expected"),
    [
        (tagged("claim-run"), (7, 1, 2)),
        (tagged("claim-run", "figure"), (4, 4, 2)),
        (tagged("claim-run", "plumbing"), (4, 1, 2)),
        (in_cell("claim-run", "halves(torch", "torch.sum(torch"), (4, 4, 2)),
        (in_cell("claim-run", "measured = ", "import math\n\nmeasured = "), (7, 1, 3)),
        (in_cell("claim-run", "measured = ", "from math import (\n    pi,\n)\n\nmeasured = "), (7, 1, 5)),
        (in_cell("build", "    return", "    # a remark\n\n    return"), (8, 1, 2)),
        (in_cell("build", "values (n,).", "values (n,).\n\n    More of it.\n\n    And more."), (7, 1, 2)),
        (tagged("build"), (0, 8, 2)),
        (tagged("solution-1"), (7, 3, 2)),
    ],
)
def test_a_line_more_is_counted_where_it_belongs(
    break_it: Break, expected: tuple[int, ...], tmp_path: Path
) -> None:
    assert counted(tmp_path, break_it) == expected


def test_a_set_up_in_sight_is_plumbing(tmp_path: Path) -> None:
    subject, looking, plumbing = counted(tmp_path, tagged("setup", "setup"))
    assert (subject, looking) == (7, 1)
    assert plumbing > 10


def test_a_chapter_that_shows_its_plumbing_is_seen(tmp_path: Path) -> None:
    def unfolded(made: dict) -> None:
        for name in ("setup", "see-figure", "knob", "strip-figure"):
            tags = cell_named(made, name)["metadata"]["tags"]
            tagged(name, *(tag for tag in tags if tag != "plumbing"))(made)

    (found,) = problems(broken(unfolded, tmp_path))
    assert f"expected {LEAST:.0%} at least: 7 of subject" in found


def test_of_a_docstring_the_first_line_counts() -> None:
    source = 'def f(x):\n    """One.\n\n    Two.\n    """\n\n    return x  # so\n'
    assert lines(Cell({"cell_type": "code", "metadata": {}, "source": [source]}, 0)) == 3


def test_the_table_has_a_row_for_each_chapter() -> None:
    rows = table([Chapter(path) for path in CHAPTERS]).splitlines()
    assert len(rows) == len(CHAPTERS) + 2
    assert all(row.count("|") == rows[0].count("|") for row in rows)
