"""What a chapter holds, and in which order: what is missing, out of place, too long or too short, line by line.

CONTRIBUTING.md shows the anatomy; `tests/book/new_chapter.py` writes a chapter that has it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from chapter_minutes import sections
from chapter_prose import words
from chapter_sources import linked
from code_lines import lines
from folds import FOLDS
from notebooks import Cell, Chapter

FEWEST_WORDS, MOST_WORDS = 1500, 5000
LONG = (
    3500  # words: a longer chapter is read in parts, and the minutes by section must show parts to read it in
)
LONGEST_PART = 15  # minutes that a part of a long chapter takes to read, from one heading to the next
MOST_LINES = 22  # of a cell of code, empty lines and what follows the first line of a docstring not counted
MOST_FOLDED = 40  # of a cell that is folded
MOST_CELLS = 2  # of code one after the other, without a word between them; folded ones have their title
FEWEST_PREDICTIONS, FEWEST_EXERCISES = 2, 3
SENTENCES = range(3, 6)  # of the summary
TO_WRITE = "TO WRITE"  # stands in a new chapter wherever its author has not yet been
MINUTES, TIME = ("<!-- minutes -->", "<!-- /minutes -->"), ("<!-- time -->", "<!-- /time -->")
IN_THE_CARD = ("**You will be able to**", "**You need**", "**Time**", *MINUTES, *TIME)
MINUTES_TO_READ = re.compile(r"(\d+) minutes to read")
HERE, FEW_PARTS = "you_are_here", 3  # so many are named one by one
HEADINGS = ("Is the claim true?", "What can go wrong", "Summary", "Exercises", "Further reading")
Place = tuple[int, int]  # the number of a cell, and of a character in it


def problems(chapter: Chapter) -> Iterator[str]:
    """Yield what is wrong with the anatomy of a chapter."""
    checks = (_unwritten, _title, _card, _paper_box, _set_up, _here, _order, _predictions, _sections)
    for check in (*checks, _exercises, _built, _views, _lengths):
        yield from check(chapter)


def _unwritten(chapter: Chapter) -> Iterator[str]:
    for cell in chapter.cells:
        if TO_WRITE in cell.source + cell.alt:
            yield f"cell {cell.name}: still to be written, it says {TO_WRITE}"


def _title(chapter: Chapter) -> Iterator[str]:
    first = chapter.cells[0]
    if not first.source.startswith("# "):
        yield "the first cell begins with the title, `# Title`"
    if not re.search(r"!\[[^\]]{15,}\]\([^)]+\)", first.source):
        yield "the first cell shows a picture of what the reader will have at the end, with an alt text"
    titles = [cell.name for cell in chapter.of("markdown") if re.search(r"(?m)^# \S", _outside_code(cell))]
    if len(titles) != 1:
        yield f"one title, found {len(titles)}: {', '.join(titles)}"


def _card(chapter: Chapter) -> Iterator[str]:
    for cell in _titled(chapter, "What this chapter gives you"):
        for part in IN_THE_CARD:
            if part not in cell.source:
                yield f"cell {cell.name}: the card says {part}"
        if not MINUTES_TO_READ.search(cell.source):
            yield f"cell {cell.name}: the card says how long reading takes, as in '45 minutes to read'"


def _paper_box(chapter: Chapter) -> Iterator[str]:
    for cell in _titled(chapter, "The paper behind this chapter"):
        if not any(linked(cell.source)):
            yield f"cell {cell.name}: the paper box cites the paper"
        if not re.search(r"\*\*[SCI?]\*\*", cell.source):
            yield f"cell {cell.name}: the paper box marks how each fact is known: **S**, **C**, **I** or **?**"


def _set_up(chapter: Chapter) -> Iterator[str]:
    tagged = chapter.of("code", "setup")
    if len(tagged) != 1 or chapter.of("code")[:1] != tagged:
        yield "the first cell of code, and no other, is the set-up cell, with the tag `setup`"


def _here(chapter: Chapter) -> Iterator[str]:
    """The way from a picture to its objects, with the parts of this chapter marked, right after the set-up."""
    set_up = [cell.place for cell in chapter.of("code", "setup")]
    asked = [(cell, call) for cell in chapter.of("code") for name, call in cell.calls() if name == HERE]
    if len(asked) != 1 or asked[0][0].place - 1 not in set_up:
        yield f"the cell after the set-up cell, and no other, calls {HERE}: where the chapter stands"
        return
    cell, call = asked[0]
    if not {"figure", "plumbing"} <= set(cell.tags):
        yield f"cell {cell.name}: shows where the chapter stands, folded: tags `figure` and `plumbing`"
    below = "".join(c.caption for c in chapter.cells[cell.place + 1 : cell.place + 2])
    parts = [ast.literal_eval(part) for part in call.args]
    for part in parts if len(parts) <= FEW_PARTS else ():
        if part not in cell.alt or part not in below:
            yield f"cell {cell.name}: the alt text and the caption name what is marked: {part}"


def _order(chapter: Chapter) -> Iterator[str]:
    """The parts that every chapter has, each once, one after the other."""
    parts: list[tuple[str, list[Place]]] = []
    for title in ("What this chapter gives you", "The paper behind this chapter"):
        parts.append((f"the box '{title}'", [(cell.place, 0) for cell in _titled(chapter, title)]))
    parts.append(("the set-up cell", [(cell.place, 0) for cell in chapter.of("code", "setup")]))
    parts += [(f"'## {heading}'", _headings(chapter, heading)) for heading in HEADINGS]
    for what, places in parts:
        if len(places) != 1:
            yield f"{what} stands once in a chapter, found {len(places)}"
    there = [(places[0], what) for what, places in parts if len(places) == 1]
    for (place, what), (after, later) in zip(there, there[1:]):
        if place > after:
            yield f"{what} stands before {later}"


def _predictions(chapter: Chapter) -> Iterator[str]:
    asked = _titled(chapter, "Predict")
    if len(asked) < FEWEST_PREDICTIONS:
        yield f"{len(asked)} boxes 'Predict', expected at least {FEWEST_PREDICTIONS}"
    for cell, following in zip(asked, [*asked[1:], None]):
        until = following.place if following else len(chapter.cells)
        if not any(c.kind == "code" for c in chapter.cells[cell.place + 1 : until]):
            yield f"cell {cell.name}: a prediction stands before the cell that settles it, and no code follows"


def _sections(chapter: Chapter) -> Iterator[str]:
    """What the sections at the end must hold."""
    ends = [places[0] for heading in HEADINGS if len(places := _headings(chapter, heading)) == 1]
    if len(ends) != len(HEADINGS):
        return  # which of them are missing is said elsewhere
    claim, wrong, summary, exercises, _ = ends
    for heading, start, end in (("Is the claim true?", claim, wrong), ("What can go wrong", wrong, summary)):
        if not any(cell.kind == "code" for cell in chapter.cells[start[0] + 1 : end[0] + 1]):
            yield f"'## {heading}' has no cell of code: a claim is tested, a mistake is shown happening"
    text = "\n".join(cell.source for cell in chapter.cells[summary[0] : exercises[0] + 1])
    text = text.partition("## Summary")[2].partition("## Exercises")[0]
    count = len(re.findall(r"[.!?][*\")]*(?=\s|$)", text))
    if count not in SENTENCES:
        yield f"the summary has {count} sentences, expected {SENTENCES[0]} to {SENTENCES[-1]}"


def _exercises(chapter: Chapter) -> Iterator[str]:
    stated = chapter.of("markdown", "exercise")
    if len(stated) < FEWEST_EXERCISES:
        yield f"{len(stated)} exercises, expected at least {FEWEST_EXERCISES}"
    for number, cell in enumerate(stated, 1):
        if not re.match(rf"\*\*{number}\. [^*]+\*\* ★{{1,3}}(?!★)", cell.source):
            yield f"cell {cell.name}: exercise {number} begins '**{number}. Title.** ★', with one to three stars"
        after = chapter.cells[cell.place + 1 : cell.place + 2]
        if not after or after[0].kind != "code" or "solution" not in after[0].tags:
            yield f"cell {cell.name}: the cell after an exercise is its solution, with the tag `solution`"
    for cell in chapter.of(tag="solution"):
        before = chapter.cells[cell.place - 1]
        if not {"exercise", "solution"} & set(before.tags):
            yield f"cell {cell.name}: a solution follows its exercise"


def _built(chapter: Chapter) -> Iterator[str]:
    for tag in ("build", "checkpoint"):
        if not chapter.of("code", tag):
            yield f"no cell has the tag `{tag}`: a chapter builds its part from scratch, and checks it"


def _views(chapter: Chapter) -> Iterator[str]:
    views = chapter.of("code", "widget")
    if not views:
        yield "no interactive view, a cell with the tag `widget`"
    for cell, following in zip(views, [*views[1:], None]):
        until = following.place if following else len(chapter.cells)
        strips = [c for c in chapter.cells[cell.place + 1 : until] if {"strip", "figure"} <= set(c.tags)]
        if not strips:
            yield f"cell {cell.name}: an interactive view is followed by its static strip: tags `strip`, `figure`"


def _lengths(chapter: Chapter) -> Iterator[str]:
    texts = [cell for cell in chapter.of("markdown") if not cell.caption]  # a caption is read with its figure
    count = sum(words(cell) for cell in texts)
    if not FEWEST_WORDS <= count <= MOST_WORDS:
        yield f"{count:,} words, expected {FEWEST_WORDS:,} to {MOST_WORDS:,}"
    if count > LONG:
        for part in sections(chapter):
            if part.read > LONGEST_PART:
                yield (
                    f"{count:,} words: more than {LONG:,} where no part takes more than {LONGEST_PART} minutes to "
                    f"read; '{part.title}' takes {part.read}"
                )
    run: list[Cell] = []
    for cell in chapter.cells:
        folded = cell.kind == "code" and bool(FOLDS.keys() & set(cell.tags))
        if cell.kind == "code" and (count := lines(cell)) > (most := MOST_FOLDED if folded else MOST_LINES):
            yield f"cell {cell.name}: {count} lines of code, expected at most {most}"
        if cell.caption or "plumbing" in cell.tags:
            continue  # it belongs to the figure, or says itself what it does, and says nothing of the next cell
        run = [*run, cell] if cell.kind == "code" and "solution" not in cell.tags else []
        if len(run) == MOST_CELLS + 1:
            yield f"cell {cell.name}: {MOST_CELLS + 1} cells of code with no word between: what does it answer?"


def _titled(chapter: Chapter, title: str) -> list[Cell]:
    """The cells with a box of that title: a block quote that begins with it in bold."""
    pattern = re.compile(rf"(?:\A|\n\n)> \*\*{re.escape(title)}\.\*\*(?=\s|$)")
    return [cell for cell in chapter.of("markdown") if pattern.search(cell.source)]


def _headings(chapter: Chapter, heading: str) -> list[Place]:
    """Where a heading of the second level stands."""
    pattern = re.compile(rf"(?m)^## {re.escape(heading)}$")
    return [(cell.place, m.start()) for cell in chapter.of("markdown") for m in pattern.finditer(cell.source)]


def _outside_code(cell: Cell) -> str:
    return re.sub(r"(?ms)^(```+|~~~+).*?^\1", "", cell.source)
