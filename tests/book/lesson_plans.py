"""A half day, a day and a week cut from the chapters: which sections, what students do, and how long it takes.

What is chosen here is the cut, and the minutes of talk, which are ours. The minutes to read and to write are those of
`chapter_minutes.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from chapter_minutes import Section, exercises, in_all, sections
from misconceptions import link, name_of
from notebooks import Chapter

SHORTEST, LONGEST = 195, 215  # minutes of a half day, breaks included
DAY = 360, 400  # of a day, with its breaks and its lunch
TALK = 30  # minutes of a half day of the week: to predict, to talk, and a break


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


Plan = tuple[Part | Pause | Exercise, ...]

HALF_DAY: Plan = (
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

WHOLE_DAY: Plan = (
    Pause("Everybody opens the student's edition of chapter 4 and runs its first cell", 10),
    Part(1, "title", "look at the picture: which objects touch?"),
    Part(1, "question", "predict how many patches there are, and write the number down", talk=5),
    Part(4, "step-1", "write `as_input`", writes=True),
    Part(4, "step-2", "write `layer`", writes=True),
    Part(4, "step-3", "write `small_network`", writes=True),
    Part(4, "step-4", "say what an even guess costs; then write `pixel_loss`", talk=3, writes=True),
    Part(4, "step-5", "predict the mean IoU while it trains", talk=5),
    Part(4, "step-6", "look at the answers: what does it take for what?", talk=5),
    Part(4, "pencil", "seven numbers, forwards and back, with a pencil", talk=10),
    Pause("Break. Pairs open chapter 7 and run its cells as far as step 1", 15),
    Part(7, "step-1", "write `log_right`", writes=True),
    Part(7, "pencil", "mark the kept ones of the sixteen pixels", talk=10),
    Part(7, "step-2", "write `at_least`", writes=True),
    Part(7, "film", "on the projector: predict which pixels are hard when the training ends", talk=3),
    Part(7, "controls", "on the projector: predict, is it the choice or the divisor?", talk=5),
    Pause("Lunch", 60),
    Part(8, "lost", "predict which truth helps more, and write it down", talk=3),
    Part(8, "pencil", "the boxes of a map of six by six, with a pencil", talk=10),
    Part(8, "one-pass", "write `instance_boxes` and `box_map`", writes=True),
    Part(8, "encode-text", "say which box four zeros stand for"),
    Part(8, "cannot-know", "choose one answer for a pixel that cannot know", talk=5),
    Part(8, "border", "on the projector: predict how many answers lie in the middle", talk=3),
    Pause("Break. Pairs open chapter 9 and run its cells as far as the pencil", 15),
    Part(9, "six", "vote and suppress on six by six, with a pencil", talk=10),
    Part(9, "step-candidates", "write `candidates`", writes=True),
    Part(9, "step-stays", "write `stays`", writes=True),
    Part(9, "peaks-text", "write `peaks`", writes=True),
    Part(9, "assign-text", "write `assign`", writes=True),
    Part(9, "chain-text", "on the projector: watch, and ask"),
    Part(10, "sheet-intro", "give ten objects and nine masks their reasons, on paper", talk=10),
    Part(10, "sheet-after", "on the projector: say what the ten worst have in common", talk=5),
    Part(10, "step-5", "on the projector: compare with what was written down before chapter 8", talk=5),
    Pause("The exit quiz, each alone, and its answers together", 25),
)


@dataclass(frozen=True)
class HalfDay:
    """A chapter that takes half a day of the week.

    exercise: the place of the one that all do
    has: what everybody has at the end
    """

    chapter: int
    exercise: int
    has: str


WEEK = (
    HalfDay(1, 2, "objects from boxes and votes, by functions of their own"),
    HalfDay(2, 1, "masks that survive their files, and a list of what loses them"),
    HalfDay(3, 1, "AP$^r$ by hand and by program, and an answer that cheats it"),
    HalfDay(4, 1, "a segmentation by a network of thirty lines, and one of eighteen layers"),
    HalfDay(5, 1, "a measured field of view, and a network that looks up"),
    HalfDay(6, 1, "a training that was killed and went on; six curves told apart"),
    HalfDay(7, 1, "the bootstrapped loss, and what in it helps"),
    HalfDay(8, 1, "a box at every pixel, in two encodings"),
    HalfDay(9, 1, "the paper's grouping and a better one, step by step"),
    HalfDay(10, 5, "the whole system, its failures sorted by reason, and a line on the scoreboard"),
)


def taught(chapters: list[Chapter], plan: Plan) -> dict[Part, Section]:
    """Return the section of each part of a plan. raises: KeyError for a cell in which none begins."""
    begun = {
        (int(chapter.path.stem[:2]), section.cell): section
        for chapter in chapters
        for section in sections(chapter)
    }
    return {part: begun[part.chapter, part.cell] for part in plan if isinstance(part, Part)}


def minutes_of(part: Part, section: Section) -> int:
    """Return how long a part takes, a minute at least."""
    return max(1, section.read + section.write * part.writes + part.talk)


def rows(chapters: list[Chapter], plan: Plan) -> list[tuple[int, str, str]]:
    """Return how long each item of a plan takes, what it is, and what students do."""
    by_number = {int(chapter.path.stem[:2]): chapter for chapter in chapters}
    of_parts, found = taught(chapters, plan), []
    for item in plan:
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


def table(chapters: list[Chapter], plan: Plan) -> str:
    """Return a plan as a table, with the clock."""
    lines = ["| from | minutes | chapter and section | in pairs |", "|---|---|---|---|"]
    clock = 0
    for minutes, what, pairs in rows(chapters, plan):
        lines.append(f"| {clock // 60}:{clock % 60:02} | {minutes} | {what} | {pairs} |")
        clock += minutes
    lines += [f"| {clock // 60}:{clock % 60:02} | – | The end | – |"]
    return "\n".join(lines)


def half_day(chapters: list[Chapter]) -> str:
    """Return the half day as a table, and what it leaves out of the chapters that it is cut from."""
    return "\n".join([table(chapters, HALF_DAY), "", *left_out(chapters, HALF_DAY)])


def whole_day(chapters: list[Chapter]) -> str:
    """Return the day as a table."""
    return table(chapters, WHOLE_DAY)


def half_days(chapters: list[Chapter]) -> list[tuple[HalfDay, Chapter, int]]:
    """Return each half day of the week with its chapter, and the minutes that it takes."""
    by_number = {int(chapter.path.stem[:2]): chapter for chapter in chapters}
    found = []
    for half in WEEK:
        read, write, _ = in_all(by_number[half.chapter])
        exercise = exercises(by_number[half.chapter])[half.exercise - 1].minutes
        found.append((half, by_number[half.chapter], read + write + exercise + TALK))
    return found


def week(chapters: list[Chapter]) -> str:
    """Return the week as a table, a chapter for each half day."""
    lines = [
        "| when | chapter | to read | to write | exercise | in all | what everybody has at the end |",
        "|---|---|---|---|---|---|---|",
    ]
    days = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
    for place, (half, chapter, minutes) in enumerate(half_days(chapters)):
        read, write, _ = in_all(chapter)
        asked = exercises(chapter)[half.exercise - 1]
        when = f"{days[place // 2]}, {('morning', 'afternoon')[place % 2]}"
        exercise = f"{half.exercise}: {asked.title.rstrip('.')} {asked.stars} {asked.minutes}"
        lines.append(
            f"| {when} | *{name_of(chapter)}* | {read} | {write} | {exercise} | {minutes} | {half.has} |"
        )
    return "\n".join(lines)


def left_out(chapters: list[Chapter], plan: Plan) -> list[str]:
    """Return, for each chapter that a plan is cut from, a line with what it skips, and how long that takes to read."""
    kept, cut = (
        set(taught(chapters, plan).values()),
        {item.chapter for item in plan if not isinstance(item, Pause)},
    )
    lines = []
    for chapter in (chapter for chapter in chapters if int(chapter.path.stem[:2]) in cut):
        skipped = [s for s in sections(chapter) if s not in kept and s.read and s.level > 1]
        told = "; ".join(f"{section.title} ({section.read})" for section in skipped)
        total = sum(section.read for section in skipped)
        lines.append(f"- *{name_of(chapter)}*, {total} minutes: {told}.")
    return ["Left out, with the minutes that each takes to read:", "", *lines]
