"""What the teacher's edition says beside the chapter: minutes below each heading, misconceptions at each checkpoint."""

from __future__ import annotations

import re

from chapter_minutes import (
    LINES_A_MINUTE,
    WORDS_A_MINUTE,
    WRITTEN_A_MINUTE,
    headings,
    in_all,
    sections,
    whole_sections,
)
from misconceptions import misconceptions
from notebooks import Cell, Chapter

BELOW = re.compile(r"\n\n\*Minutes: [^*\n]*\*(?=\n|\Z)")  # what stands below a heading, and in no chapter


def with_minutes(chapter: Chapter) -> dict[str, str]:
    """Return, by the id of its cell, each text with a heading, the minutes of the section below it."""
    waiting = iter(sections(chapter))
    wholes = {(section.cell, section.title): section for section in whole_sections(chapter)}
    texts = {}
    for cell in chapter.of("markdown"):
        text = cell.source
        ends = [] if "exercise" in cell.tags else headings(cell)
        for end, section in reversed([(end, next(waiting)) for end in ends]):
            whole = wholes.get((section.cell, section.title), section)
            if section.level > 1 and whole.read + whole.write:
                text = f"{text[:end]}\n\n*Minutes: {_said(whole.read, whole.write)}.*{text[end:]}"
        if text != cell.source:
            texts[cell.name] = text
    return texts


def without(text: str) -> str:
    """Return a text of the teacher's edition as the chapter has it."""
    return BELOW.sub("", text)


def about(chapter: Chapter) -> str:
    """Return what the teacher's edition says of itself, and how long the chapter takes."""
    read, write, to_do = in_all(chapter)
    return (
        "> **The teacher's edition.** The whole chapter, with the solutions in sight. Below each heading stand its "
        "minutes, and\n"
        "> below each checkpoint what students get wrong there, as the checkpoint tells it to them.\n"
        ">\n"
        f"> {read} minutes to read, {write} to write, {to_do} for the exercises. Reading is counted at "
        f"{WORDS_A_MINUTE} words or {LINES_A_MINUTE} lines of code\n"
        f"> a minute, without folded cells; writing at {WRITTEN_A_MINUTE} line a minute, which is our choice. Talk "
        "about predictions comes on top.\n"
        "> To plan a lesson, see *Teaching with this book* in the appendices."
    )


def mistakes_at(chapter: Chapter, checkpoint: Cell) -> str:
    """Return what goes wrong at a checkpoint, nothing where it is not known."""
    mine = [each for each in misconceptions(chapter) if each.checkpoint == checkpoint.name]
    if not mine:
        return ""
    lines = [f"> - `{each.function}`: {each.sentence}" for each in mine]
    return "\n".join(
        ["> **What students get wrong here.** The checkpoint finds and names each.", ">", *lines]
    )


def _said(read: int, write: int) -> str:
    return f"{read} to read, {write} to write" if write else f"{read} to read"
