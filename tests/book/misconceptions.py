"""What students get wrong, chapter by chapter: the wrong answers that the checkpoints find, and where these stand.

Each is kept in `bridgeseg/teaching/wrong_answers` with a sentence, and tried at its checkpoint: so a misconception that
is told of here is one that the chapter shows.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from chapter_checkpoints import checked_functions, wrong_versions
from chapter_minutes import sections_by_cell
from notebooks import Chapter

from bridgeseg.teaching.mistakes import WRONG_ANSWERS


@dataclass(frozen=True)
class Misconception:
    """A mistake that a checkpoint finds.

    function: what is checked
    version: the name of the wrong answer, `<function>__<what_is_wrong>`
    sentence: what is wrong
    checkpoint: the id of the cell that finds it
    section: the title of the section in which that cell stands
    """

    function: str
    version: str
    sentence: str
    checkpoint: str
    section: str


def misconceptions(chapter: Chapter) -> list[Misconception]:
    """Return what is known to go wrong in a chapter, in the order of its checkpoints."""
    file = WRONG_ANSWERS / f"{chapter.path.stem}.py"
    versions = wrong_versions(file) if file.exists() else {}
    where = sections_by_cell(chapter)
    found = []
    for function, cells in checked_functions(chapter).items():
        for node in versions.get(function, []):
            sentence = " ".join((ast.get_docstring(node) or "").split())
            found.append(
                Misconception(function, node.name, sentence, cells[0].name, where[cells[0].name].title)
            )
    return found


def anchor(title: str) -> str:
    """Return what the book calls the place of a heading: `page.ipynb#what-can-go-wrong`."""
    plain = re.sub(r"\$[^$]*\$", "", title).replace("`", "").replace("*", "")
    return re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")


def link(chapter: Chapter, title: str) -> str:
    """Return a link to a section of a chapter, in Markdown, from a page beside it."""
    return f"[{title}]({chapter.path.name}#{anchor(title)})"


def name_of(chapter: Chapter) -> str:
    """Return the number and the title of a chapter."""
    title = chapter.cells[0].source.splitlines()[0].removeprefix("# ")
    return f"{int(chapter.path.stem[:2])}. {title}"


def table(chapters: list[Chapter]) -> str:
    """Return a list of a chapter's misconceptions after the other, a row for each function."""
    lines = []
    for chapter in chapters:
        lines += [f"### {name_of(chapter)}", "", "| where it shows | what students get wrong |", "|---|---|"]
        every = misconceptions(chapter)
        for function in dict.fromkeys(each.function for each in every):
            mine = [each for each in every if each.function == function]
            said = "<br>".join(f"{n}. {each.sentence}" for n, each in enumerate(mine, 1))
            place = f"`{function}`, {link(chapter, mine[0].section)}"
            lines.append(f"| {place} | {said.replace('|', chr(92) + '|')} |")
        lines.append("")
    return "\n".join(lines).rstrip()
