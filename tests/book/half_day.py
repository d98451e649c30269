"""A half day cut from the chapters: which sections, in which order, what students do, and how long it takes.

What is chosen here is the cut, and the minutes of talk, which are ours. The minutes to read and to write are those of
`chapter_minutes.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from chapter_minutes import Section, exercises, sections
from misconceptions import link, name_of
from notebooks import Chapter

SHORTEST, LONGEST = 195, 215  # minutes of a half day, breaks included


@dataclass(frozen=True)
class Part:
    """A section that is taught.

    chapter: its number
    cell: the id of the cell in which the section begins
    pairs: what students do, two and two
    talk: minutes for that, beside reading and writing
    writes: do the students write its functions? Otherwise the teacher runs the cells
    """

    chapter: int
    cell: str
    pairs: str
    talk: int = 0
    writes: bool = False


@dataclass(frozen=True)
class Pause:
    """What is in no chapter."""

    what: str
    minutes: int


@dataclass(frozen=True)
class Exercise:
    """An exercise of a chapter, by its place."""

    chapter: int
    number: int
    pairs: str


PLAN = (
    Pause("Everybody opens the student's edition of chapter 1 and runs its first cell", 10),
    Part(1, "title", "look at the picture: which objects touch?"),
    Part(1, "question", "predict how many patches there are, and write the number down", talk=5),
    Part(1, "stage-1", "watch, and ask"),
    Part(1, "stage-2", "predict how two neighbours' boxes agree; then write `overlap`", talk=5, writes=True),
    Part(1, "stage-3", "write `count_votes`", writes=True),
    Part(1, "stage-4", "follow the six boxes by hand: who survives?", talk=5),
    Part(1, "in-short", "predict both ends of the slider, then turn it", talk=3),
    Pause(
        "Break. Pairs open chapter 3, run its cells one by one as far as step 1, with STUCK = True at both checkpoints",
        15,
    ),
    Part(2, "fates-intro", "give the eight objects of the sheet their fates, with a pencil", talk=5),
    Part(3, "whole-set-after", "look at the seven masks on paper: which would you call right?", talk=5),
    Part(3, "step-1", "count two of the overlaps on paper; then write `mask_iou`", talk=5, writes=True),
    Part(3, "step-2", "mark the seven masks on paper; then write `match`", talk=5, writes=True),
    Part(3, "step-3", "fill in the table on paper; then write `precision_and_recall`", talk=5, writes=True),
    Part(3, "step-4", "write `envelope`, one line", writes=True),
    Part(3, "step-5", "write `area`, and compare with the paper", writes=True),
    Pause("Break", 15),
    Part(3, "step-6", "watch, and ask"),
    Part(3, "rules", "predict what the other two rules say of the seven masks", talk=5),
    Part(3, "cheat", "invent an answer that a measure likes and nobody wants; every pair tells one", talk=15),
    Exercise(3, 1, "work it out on paper first, then check it"),
    Pause("Three questions of 'Find the bug', and a last round: what would you measure tomorrow?", 15),
)


def taught(chapters: list[Chapter]) -> dict[Part, Section]:
    """Return the section of each part of the plan. raises: KeyError for a cell in which none begins."""
    begun = {
        (int(chapter.path.stem[:2]), section.cell): section
        for chapter in chapters
        for section in sections(chapter)
    }
    return {part: begun[part.chapter, part.cell] for part in PLAN if isinstance(part, Part)}


def minutes_of(part: Part, section: Section) -> int:
    """Return how long a part takes, a minute at least."""
    return max(1, section.read + section.write * part.writes + part.talk)


def rows(chapters: list[Chapter]) -> list[tuple[int, str, str]]:
    """Return how long each item of the plan takes, what it is, and what students do."""
    by_number = {int(chapter.path.stem[:2]): chapter for chapter in chapters}
    of_parts, found = taught(chapters), []
    for item in PLAN:
        if isinstance(item, Pause):
            found.append((item.minutes, item.what, "–"))
            continue
        chapter = by_number[item.chapter]
        if isinstance(item, Exercise):
            asked = exercises(chapter)[item.number - 1]
            what = f"{link(chapter, 'Exercises')}, {item.number}: {asked.title.rstrip('.')} {asked.stars}"
            found.append((asked.minutes, f"{item.chapter} · {what}", item.pairs))
            continue
        section = of_parts[item]
        found.append(
            (minutes_of(item, section), f"{item.chapter} · {link(chapter, section.title)}", item.pairs)
        )
    return found


def table(chapters: list[Chapter]) -> str:
    """Return the plan as a table, with the clock, and what it leaves out."""
    lines = ["| from | minutes | chapter and section | in pairs |", "|---|---|---|---|"]
    clock = 0
    for minutes, what, pairs in rows(chapters):
        lines.append(f"| {clock // 60}:{clock % 60:02} | {minutes} | {what} | {pairs} |")
        clock += minutes
    lines += [f"| {clock // 60}:{clock % 60:02} | – | The end | – |", "", *left_out(chapters)]
    return "\n".join(lines)


def left_out(chapters: list[Chapter]) -> list[str]:
    """Return, for each chapter, a line with the sections that the plan skips, and how long they take to read."""
    kept = set(taught(chapters).values())
    lines = []
    for chapter in chapters:
        skipped = [s for s in sections(chapter) if s not in kept and s.read and s.level > 1]
        told = "; ".join(f"{section.title} ({section.read})" for section in skipped)
        total = sum(section.read for section in skipped)
        lines.append(f"- *{name_of(chapter)}*, {total} minutes: {told}.")
    return ["Left out, with the minutes that each takes to read:", "", *lines]
