"""How long a chapter takes, by section and by exercise, computed from its notebook.

    python tests/book/chapter_minutes.py            print the minutes of every section and exercise
    python tests/book/chapter_minutes.py --write    write them into the cards and beside the exercises' stars

Reading is computed from clocked reading: 200 words or 15 lines of code a minute. Code that is folded counts as not
read, and so does the set-up cell, which is the same everywhere. Writing is our choice: a line a minute, for the lines
of a build cell that a student writes and for those of an exercise's solution. Sections are in whole minutes, exercises
and cards in fives. What running takes is measured: `timings.py`.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from chapter_prose import FENCED, words
from chapter_stubs import bodies
from notebooks import CHAPTERS, Cell, Chapter
from strip_notebooks import as_text

WORDS_A_MINUTE, LINES_A_MINUTE = 200, 15
WRITTEN_A_MINUTE = 1  # lines: our choice
NOT_READ = {"setup", "plumbing", "solution", "hide-input", "hide-cell", "remove-input", "remove-cell"}
HEADING = re.compile(r"(?m)^(#{1,3}) (.+)$")
CARD = re.compile(r"(?s)<!-- minutes -->(.*?)<!-- /minutes -->")
STARS = re.compile(r"(?s)\A(\*\*\d+\. ([^*]+)\*\* (★+))(?: · (\d+) minutes\.)?\s")


@dataclass(frozen=True)
class Section:
    """A heading, and what stands between it and the next.

    title: as it is written
    level: 1 for the chapter's title, 2 and 3 below it
    cell: the id of the cell in which it begins
    read, write: whole minutes
    """

    title: str
    level: int
    cell: str
    read: int
    write: int


@dataclass(frozen=True)
class Exercise:
    """An exercise with its stars and minutes, and the id of its cell."""

    title: str
    stars: str
    cell: str
    minutes: int


def sections(chapter: Chapter) -> list[Section]:
    """Return the sections of a chapter, in their order. Exercises are counted by themselves."""
    found: list[tuple[str, int, str]] = []
    read: list[float] = []
    write: list[float] = []
    for cell in chapter.cells:
        if "exercise" in cell.tags:
            continue
        if cell.kind == "markdown":
            for part in _parts(cell):
                if heading := HEADING.match(part):
                    found.append((heading.group(2), len(heading.group(1)), cell.name))
                    read.append(0.0)
                    write.append(0.0)
                read[-1] += _to_read(part)
        elif not NOT_READ & set(cell.tags):
            read[-1] += _lines(cell.source) / LINES_A_MINUTE
            write[-1] += _lines_to_write(cell) / WRITTEN_A_MINUTE
    return [Section(*where, round(r), round(w)) for where, r, w in zip(found, read, write)]


def sections_by_cell(chapter: Chapter) -> dict[str, Section]:
    """Return, by its id, the section in which each cell ends."""
    by_title = {(section.cell, section.title): section for section in sections(chapter)}
    found: dict[str, Section] = {}
    now: Section | None = None
    for cell in chapter.cells:
        for end in headings(cell) if cell.kind == "markdown" and "exercise" not in cell.tags else []:
            title = cell.source[:end].rpartition("\n")[2].lstrip("#").strip()
            now = by_title[cell.name, title]
        if now is not None:
            found[cell.name] = now
    return found


def headings(cell: Cell) -> list[int]:
    """Return where the headings of a text end; what looks like one within code is none."""
    hidden = FENCED.sub(lambda found: found.group().replace("\n#", "\n "), cell.source)
    return [found.end() for found in HEADING.finditer(hidden)]


def whole_sections(chapter: Chapter) -> list[Section]:
    """Return the sections of the first and second level, each with the minutes of those below it."""
    kept: list[Section] = []
    for section in sections(chapter):
        if section.level < 3:
            kept.append(section)
        else:
            above = kept[-1]
            kept[-1] = replace(above, read=above.read + section.read, write=above.write + section.write)
    return kept


def exercises(chapter: Chapter) -> list[Exercise]:
    """Return the exercises of a chapter, as far as each begins with its title and stars."""
    found = []
    for cell in chapter.of("markdown", "exercise"):
        if begins := STARS.match(cell.source):
            lines = 0
            for after in chapter.cells[cell.place + 1 :]:
                if "solution" not in after.tags:
                    break
                lines += _lines(after.source)
            minutes = _to_read(cell.source[begins.end() :]) + lines / WRITTEN_A_MINUTE
            found.append(Exercise(begins.group(2), begins.group(3), cell.name, _fives(minutes)))
    return found


def in_all(chapter: Chapter) -> tuple[int, int, int]:
    """Return the minutes of a chapter to read, to write its functions, and for its exercises."""
    each = sections(chapter)
    to_do = sum(exercise.minutes for exercise in exercises(chapter))
    return sum(section.read for section in each), sum(section.write for section in each), to_do


def in_words(chapter: Chapter) -> str:
    """Return what a card says."""
    read, write, to_do = in_all(chapter)
    return (
        f"About {_fives(read)} minutes to read, {_fives(write)} more if you write the functions yourself, "
        f"and {to_do} for the exercises"
    )


def with_minutes(chapter: Chapter) -> str:
    """Return a chapter's notebook, as text, with the minutes where a reader sees them."""
    beside = {exercise.cell: exercise.minutes for exercise in exercises(chapter)}
    for cell in chapter.of("markdown"):
        text = CARD.sub(f"<!-- minutes -->{in_words(chapter)}<!-- /minutes -->", cell.source)
        if cell.name in beside:
            text = STARS.sub(rf"\1 · {beside[cell.name]} minutes.\n", text)
        cell.stored["source"] = text.splitlines(keepends=True)
    return as_text(chapter.notebook)


def problems(chapter: Chapter) -> Iterator[str]:
    """Yield each place where a chapter says other minutes than its notebook gives."""
    run = "run: python tests/book/chapter_minutes.py --write"
    said = [found for cell in chapter.of("markdown") for found in CARD.findall(cell.source)]
    if said != [in_words(chapter)]:
        yield f"the card says {said}, computed {in_words(chapter)!r}; {run}"
    beside = {exercise.cell: exercise.minutes for exercise in exercises(chapter)}
    for cell in chapter.of("markdown", "exercise"):
        begins = STARS.match(cell.source)
        minutes = begins.group(4) if begins else None
        if cell.name in beside and minutes != str(beside[cell.name]):
            yield f"cell {cell.name}: {minutes} minutes beside the stars, computed {beside[cell.name]}; {run}"


def _parts(cell: Cell) -> list[str]:
    """The text of a cell, cut before each heading."""
    begins = [cell.source.rfind("\n", 0, end) + 1 for end in headings(cell)]
    cuts = [0, *(start for start in begins if start), len(cell.source)]
    return [cell.source[start:end] for start, end in zip(cuts, cuts[1:])]


def _to_read(text: str) -> float:
    """The minutes that a text takes, and the code that it quotes."""
    quoted = sum(_lines(found.group()) - 2 for found in FENCED.finditer(text))
    cell = Cell({"cell_type": "markdown", "metadata": {}, "source": [text]}, 0)
    return words(cell) / WORDS_A_MINUTE + quoted / LINES_A_MINUTE


def _lines(source: str) -> int:
    """How many lines are not empty; that which names a folded cell, `# @title`, is none of its code."""
    return sum(bool(line.strip()) and not line.startswith("# @") for line in source.splitlines())


def _lines_to_write(cell: Cell) -> int:
    """How many lines of a build cell a student writes: those of functions, without docstrings."""
    if "build" not in cell.tags:
        return 0
    lines, count = cell.source.splitlines(), 0
    for node, _, _ in bodies(cell.tree):
        first = node.body[0].end_lineno if ast.get_docstring(node) is not None else node.body[0].lineno - 1
        count += _lines("\n".join(lines[first : node.end_lineno]))
    return count


def _fives(minutes: float) -> int:
    return max(5, 5 * round(minutes / 5))


def main(arguments: list[str]) -> None:
    """Print the minutes of all chapters, or write them."""
    for path in CHAPTERS:
        chapter = Chapter(path)
        if "--write" in arguments:
            before, text = path.read_text("utf8"), with_minutes(chapter)
            if text != before:
                Path(path).write_text(text, "utf8")
                print(f"{path.name}: written")
            continue
        print(f"{path.stem}: {in_words(chapter)}")
        for section in sections(chapter):
            print(f"  {section.read:3} {section.write:3}  {'#' * section.level} {section.title}")
        for exercise in exercises(chapter):
            print(f"  {exercise.minutes:3}      {exercise.stars} {exercise.title}")


if __name__ == "__main__":
    main(sys.argv[1:])
