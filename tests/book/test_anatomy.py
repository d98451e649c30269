"""Every chapter holds what chapters hold, in their order; and the check of it sees what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from chapter_anatomy import LONG, problems
from chapter_prose import words
from notebooks import Chapter, each_chapter, none_of
from small_chapter import Break, broken, cell_named, fits, in_cell, moved, tagged, without


@each_chapter
def test_a_chapter_has_the_anatomy_of_all(path: Path) -> None:
    none_of(problems(Chapter(path)))


def test_the_check_sees_nothing_in_what_is_whole(tmp_path: Path) -> None:
    none_of(problems(broken(lambda made: None, tmp_path)))


def long_in_parts(made: dict) -> None:
    in_cell("question", "and so on.", "and so on " * 5)(made)
    cell = cell_named(made, "question")
    words = "".join(cell["source"]).split(" ")
    for place in (1000, 2000, 3000, 3800):
        words[place] = "\n\n### A part\n\n"
    cell["source"] = [" ".join(words)]


def test_a_chapter_may_be_long_where_it_is_read_in_parts(tmp_path: Path) -> None:
    chapter = broken(long_in_parts, tmp_path)
    assert sum(words(cell) for cell in chapter.of("markdown")) > LONG
    none_of(problems(chapter))


def crowded(name: str, before: str, count: int = 22) -> Break:
    indent = "    " if name == "build" else ""
    lines = f"\n{indent}".join(f"line_{n} = {n}" for n in range(count))
    return in_cell(name, before, f"{lines}\n{indent}{before}")


def unmarked(made: dict) -> None:
    for mark in "SCI?":
        in_cell("paper-box", f"**{mark}**", mark)(made)


def wordless(made: dict) -> None:
    for name in ("build-check", "see"):
        without(name)(made)
    tagged("see-figure", "figure")(made)


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (in_cell("title", "# A small", "A small"), "the first cell begins with the title"),
        (in_cell("title", "![", "["), "the first cell shows a picture"),
        (in_cell("see", "Here", "# Here"), "one title, found 2: title, see"),
        (without("card"), "the box 'What this chapter gives you' stands once in a chapter, found 0"),
        (in_cell("card", "**You need**", "You need"), r"the card says \*\*You need\*\*"),
        (in_cell("card", "<!-- time -->", ""), "the card says <!-- time -->"),
        (in_cell("card", "<!-- minutes -->", ""), "the card says <!-- minutes -->"),
        (in_cell("card", " minutes to read", " minutes"), "how long reading takes"),
        (without("paper-box"), "the box 'The paper behind this chapter' stands once"),
        (in_cell("paper-box", "1605.06885", "1605.06886"), "the paper box cites the paper"),
        (unmarked, "marks how each fact is known"),
        (in_cell("paper-box", "**", ""), "the box 'The paper behind this chapter' stands once"),
        (in_cell("paper-box", "> **The", "**The"), "the box 'The paper behind this chapter' stands once"),
        (in_cell("predict-1", "> **Predict.**", "> **Predict**"), "1 boxes 'Predict', expected at least 2"),
        (tagged("setup"), "the first cell of code, and no other, is the set-up cell"),
        (moved("setup", 12), "the first cell of code, and no other, is the set-up cell"),
        (without("here"), "the cell after the set-up cell, and no other, calls you_are_here"),
        (moved("here", 9), "the cell after the set-up cell, and no other, calls you_are_here"),
        (in_cell("build", "return", "you_are_here('boxes')\n    return"), "and no other, calls you_are_here"),
        (tagged("here", "figure"), "cell here: shows where the chapter stands, folded"),
        (
            in_cell("here", "network", "votes"),
            "cell here: the alt text and the caption name what is marked: votes",
        ),
        (moved("paper-box", 1), "'What this chapter gives you' stands before the box 'The paper behind"),
        (moved("summary", 4), "'## What can go wrong' stands before '## Summary'"),
        (in_cell("wrong", "## What can go wrong", "## Mistakes"), "'## What can go wrong' stands once"),
        (without("further"), "'## Further reading' stands once in a chapter, found 0"),
        (without("predict-1"), "1 boxes 'Predict', expected at least 2"),
        (moved("claim", 30), "the cell that settles it, and no code follows"),
        (without("claim-run"), r"'## Is the claim true\?' has no cell of code"),
        (without("wrong-run"), "'## What can go wrong' has no cell of code"),
        (in_cell("summary", "No more.", ""), "the summary has 2 sentences, expected 3 to 5"),
        (in_cell("summary", "No more.", "And so on. And so on. And so on. Once more."), "has 6 sentences"),
        (tagged("exercise-3"), "2 exercises, expected at least 3"),
        (in_cell("exercise-2", "**2.", "**3."), "exercise 2 begins"),
        (in_cell("exercise-3", "★★★", "★★★★"), "with one to three stars"),
        (without("solution-2"), "exercise-2: the cell after an exercise is its solution"),
        (tagged("solution-2"), "exercise-2: the cell after an exercise is its solution"),
        (tagged("claim-run", "solution"), "cell claim-run: a solution follows its exercise"),
        (tagged("build"), "no cell has the tag `build`"),
        (tagged("build-checkpoint"), "no cell has the tag `checkpoint`"),
        (tagged("knob", "no-figure"), "no interactive view"),
        (tagged("strip-figure", "figure"), "cell knob: an interactive view is followed by its static strip"),
        (moved("strip-figure", 4), "cell knob: an interactive view is followed by its static strip"),
        (in_cell("question", "A word and a half, and so on.", "A."), r"\d words, expected 1,500 to 5,000"),
        (in_cell("question", "and so on.", "and so on " * 7), "words, expected 1,500"),
        (in_cell("question", "and so on.", "and so on " * 5), "words: more than 3,500 where no part"),
        (wordless, "cell see-figure: 3 cells of code with no word between"),
        (crowded("build", "return"), "cell build: 25 lines of code, expected at most 22"),
        (crowded("see-figure", "scene = ", 40), "see-figure: 5. lines of code, expected at most 40"),
        (in_cell("see", "Here", "TO WRITE: Here"), "cell see: still to be written"),
    ],
)
def test_the_check_sees_what_is_broken(break_it: Break, said: str, tmp_path: Path) -> None:
    found = list(problems(broken(break_it, tmp_path)))
    assert fits(found, said), found
