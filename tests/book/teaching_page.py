"""What a program writes on the page *Teaching with this book*: minutes, plans, misconceptions, questions, answers.

`python tests/book/teaching_page.py --write` writes them. Without `--write` it says whether the page is up to date. A
test compares.
"""

from __future__ import annotations

import re
import sys

import lesson_plans
import misconceptions
import questions
import sheet_answers
from chapter_minutes import exercises, in_all, whole_sections
from misconceptions import link, name_of
from notebooks import BOOK, CHAPTERS, Chapter

PAGE = BOOK / "teaching.md"


def minutes(chapters: list[Chapter]) -> str:
    """Return a table for each chapter: the minutes of its sections, and of its exercises."""
    lines = []
    for chapter in chapters:
        lines += [f"### {name_of(chapter)}", "", "| section | to read | to write |", "|---|---|---|"]
        for section in whole_sections(chapter):
            if section.read + section.write and section.level > 1:
                lines.append(
                    f"| {link(chapter, section.title)} | {section.read or '–'} | {section.write or '–'} |"
                )
        read, write, to_do = in_all(chapter)
        each = " · ".join(f"{e.title.rstrip('.')} {e.stars} {e.minutes}" for e in exercises(chapter))
        lines += [f"| **in all**, with title and summary | **{read}** | **{write}** |", ""]
        lines += [f"Exercises, {to_do} minutes: {each}.", ""]
    return "\n".join(lines).rstrip()


BLOCKS = {
    "minutes": minutes,
    "halfday": lesson_plans.half_day,
    "day": lesson_plans.whole_day,
    "week": lesson_plans.week,
    "sheet": sheet_answers.answers,
    "misconceptions": misconceptions.table,
    "questions": questions.asked,
}


def filled(text: str, chapters: list[Chapter]) -> str:
    """Return the page with what a program writes between its marks.

    raises: ValueError where a mark is missing
    """
    for name, made in BLOCKS.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        block = f"{begin}\n\n{made(chapters)}\n\n{end}"
        text, count = re.subn(f"{begin}.*?{end}", lambda _, b=block: b, text, count=1, flags=re.DOTALL)
        if count != 1:
            raise ValueError(f"{PAGE.name}: no {begin} … {end}")
    return text


def main(arguments: list[str]) -> None:
    """Write the page, or say that it is not up to date."""
    before = PAGE.read_text("utf8")
    wanted = filled(before, [Chapter(path) for path in CHAPTERS])
    if "--write" in arguments:
        PAGE.write_text(wanted, "utf8")
    elif wanted != before:
        sys.exit(f"{PAGE.name} is not up to date; run: python tests/book/teaching_page.py --write")


if __name__ == "__main__":
    main(sys.argv[1:])
