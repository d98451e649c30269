"""Begins a chapter: `python tests/book/new_chapter.py 4 "Why residual"`.

Writes book/04_why_residual.ipynb, which has the whole anatomy, runs, and says TO WRITE wherever its author has not
been, and bridgeseg/teaching/wrong_answers/04_why_residual.py; puts the chapter into _toc.yml. The gates then name what
is still to be written.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

from chapter_minutes import with_minutes
from notebooks import ROOT, Chapter
from pages import loaded
from repository_address import with_addresses
from strip_notebooks import as_text, stripped

TITLE = """# {title}

![TO WRITE: what the picture shows, for those who do not see it](images/segmented.png)

TO WRITE: what the reader sees here and has made by the end."""

CARD = """> **What this chapter gives you.**
>
> **You will be able to** TO WRITE: verbs that can be checked.
>
> **You need** TO WRITE: which chapters, and what else.
>
> **Time** <!-- minutes --><!-- /minutes -->.
> Running all cells takes <!-- time -->as long as python tests/book/timings.py says<!-- /time -->."""

PAPER_BOX = """> **The paper behind this chapter.** TO WRITE: the section, equation, table or claim of
> [Wu et al. 2016](https://arxiv.org/abs/1605.06885) that the chapter rebuilds, each with how it is known: **S** stated,
> **C** read in later code, **I** inferred, **?** not known.
>
> | step | in the paper | here |
> |---|---|---|
> | TO WRITE | what the paper does **S** | the same, or changed and why |"""

PREDICT = """> **Predict.** TO WRITE: a question with an answer that the reader can write down before running the
> next cell."""

CAPTION = "**Figure.** TO WRITE: what to see in it."

HERE = """# @title You are here
import matplotlib.pyplot as plt

from bridgeseg.plots.pipeline import you_are_here

you_are_here("network")  # TO WRITE: the parts that this chapter builds, names out of `PARTS`
plt.show()"""

BUILT = '''def halves(values):
    """Return half of each of the values (n,). TO WRITE.

    Example:
        >>> halves(3)
        1.5
    """
    return values / 2'''

CHECKPOINT = """import torch

from bridgeseg.teaching.checks import agree

agree(halves, lambda values: values * 0.5, [(torch.arange(4.0),), (torch.ones(1),)])"""

FIGURE = """# @title Draw TO WRITE: what this cell draws
import matplotlib.pyplot as plt

from bridgeseg.data.scenes import Scenes
from bridgeseg.plots.label_maps import show_labels, show_picture
from bridgeseg.plots.style import panels

scene = Scenes("val", size=96)[0]
panels(
    [
        ("the picture", lambda ax: show_picture(scene.picture, ax)),
        ("its categories", lambda ax: show_labels(scene.categories, ax)),
    ]
)
plt.show()"""

WIDGET = """# @title Draw the frames of the slider
from bridgeseg.plots.slider import as_png, turned_by_a_slider

frames = []
for step in range(3):
    figure, ax = plt.subplots(figsize=(3.6, 3.6))
    ax.plot(halves(torch.arange(4.0)) * step)
    frames.append(as_png(figure))
names = [f"step {{step}}" for step in range(3)]
turned_by_a_slider("step", names, frames, [f"A line at {{name}}" for name in names])"""

STRIP = """# @title Draw the strip
figure, axes = plt.subplots(1, 3, figsize=(7.2, 2.4), layout="constrained")
for step, ax in enumerate(axes):
    ax.plot(halves(torch.arange(4.0)) * step)
plt.show()"""

CLAIM = f"""## Is the claim true?

TO WRITE: the paper's claim, and how it is tested here.

{PREDICT}"""

CLAIM_RUN = """measured = float(halves(torch.ones(4)).mean())
assert 0 < measured < 1
measured"""

WRONG_ANSWERS = '''"""Wrong answers to the checkpoints of chapter {number}, each a mistake that people make."""


def halves__doubled(values):
    """Multiplies by two instead of dividing."""
    return values * 2


def halves__rounded(values):
    """Divides as integers do, and drops what is left over."""
    return values // 2
'''

# id, kind, tags, text; `{number}` and `{title}` are filled in.
CELLS: list[tuple[str, str, list[str], str]] = [
    ("title", "markdown", [], TITLE),
    ("card", "markdown", [], CARD),
    ("paper-box", "markdown", [], PAPER_BOX),
    ("setup", "code", ["plumbing", "setup"], ""),
    ("here", "code", ["figure", "plumbing"], HERE),
    ("here-caption", "markdown", [], "**Figure.** You are here: at the network. TO WRITE: what it gives to whom."),
    ("question", "markdown", [], "## TO WRITE\n\nTO WRITE: the question in plain words, and a dummy to begin with."),
    ("predict-1", "markdown", [], PREDICT),
    ("build", "code", ["build"], BUILT),
    ("build-check", "markdown", [], "TO WRITE: what the checkpoint asks. Where yours differs, it shows the input."),
    ("build-checkpoint", "code", ["checkpoint"], CHECKPOINT),
    ("see", "markdown", [], "TO WRITE: the question that the figure answers."),
    ("see-figure", "code", ["figure", "plumbing"], FIGURE),
    ("see-figure-caption", "markdown", [], CAPTION),
    ("knob-intro", "markdown", [], "## Turn the knob\n\nTO WRITE: what turning it teaches."),
    ("knob", "code", ["no-figure", "plumbing", "widget"], WIDGET),
    ("strip", "markdown", [], "The same as a strip, for paper:"),
    ("strip-figure", "code", ["figure", "plumbing", "strip"], STRIP),
    ("strip-figure-caption", "markdown", [], CAPTION),
    ("claim", "markdown", [], CLAIM),
    ("claim-run", "code", [], CLAIM_RUN),
    ("claim-after", "markdown", [], "TO WRITE: what was found; what is not measured."),
    ("wrong", "markdown", [], "## What can go wrong\n\nTO WRITE: a mistake of real projects, shown happening."),
    ("wrong-run", "code", [], "halves(torch.arange(3)).dtype"),
    ("summary", "markdown", [], "## Summary\n\nTO WRITE. Three to five sentences. No more.\n\n## Exercises"),
]  # fmt: skip
SOLUTION = '# @title Solution of exercise {n}\nprint("TO WRITE: solution {n}")'
EXERCISE = "**{n}. TO WRITE.** {stars} TO WRITE: what to do, and with what."
FURTHER = """## Further reading

- [Wu et al. 2016](https://arxiv.org/abs/1605.06885), the paper that this book rebuilds. TO WRITE."""
SHOWN = {"image": {"alt": "TO WRITE: what the figure shows"}}
WAY = "The way from a picture to its objects as a row of boxes. Marked: the network. TO WRITE: what is marked"


def file_name(number: int, title: str) -> str:
    """Return what the file of a chapter is called, without its ending."""
    return f"{number:02}_" + "_".join(re.findall(r"[a-z0-9]+", title.lower().replace("'", "")))


def cell(name: str, kind: str, tags: list[str], text: str) -> dict[str, Any]:
    """Return a cell as it is stored."""
    shown: dict[str, Any] = {"image": {"alt": WAY}} if name == "here" else SHOWN if "figure" in tags else {}
    metadata = ({"mystnb": shown} if shown else {}) | ({"tags": tags} if tags else {})
    made: dict[str, Any] = {"cell_type": kind, "id": name, "metadata": metadata, "source": text}
    return made | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def notebook(number: int, title: str, set_up: str) -> dict[str, Any]:
    """Return the notebook of a new chapter.

    set_up: the source of the set-up cell, as every chapter has it
    """
    cells = [
        cell(name, kind, tags, set_up if name == "setup" else text.format(number=number, title=title))
        for name, kind, tags, text in CELLS
    ]
    cells[0]["source"] = with_addresses(cells[0]["source"], ROOT, "book/")
    for n in (1, 2, 3):
        cells.append(cell(f"exercise-{n}", "markdown", ["exercise"], EXERCISE.format(n=n, stars="★" * n)))
        cells.append(cell(f"solution-{n}", "code", ["solution"], SOLUTION.format(n=n)))
    cells.append(cell("further", "markdown", [], FURTHER))
    return in_minutes(stripped({"cells": cells}))


def in_minutes(made: dict[str, Any]) -> dict[str, Any]:
    """Return a notebook with its minutes in the card and beside the stars."""
    written: dict[str, Any] = json.loads(with_minutes(Chapter(Path(), made)))
    return written


def in_contents(contents: str, number: int, name: str) -> str:
    """Return _toc.yml with a chapter at its place, in a part that is made where there is none yet."""
    lines = contents.splitlines()
    parts = loaded(ROOT / "book" / "images" / "map.py").PARTS
    part = next(part for part, chapters in parts.items() if number in chapters)
    entry = f"      - file: book/{name}"
    there = [i for i, line in enumerate(lines) if re.search(r"file: book/\d\d_", line)]
    before = [i for i in there if re.sub(r"\D*(\d\d)_.*", r"\1", lines[i]) < f"{number:02}"]
    if f"  - caption: {part}" in lines:
        start = lines.index(f"  - caption: {part}") + 2  # after `numbered` and `chapters`
        place = max([start, *before]) + 1
        return "\n".join([*lines[:place], entry, *lines[place:], ""])
    head = [f"  - caption: {part}", "    numbered: true", "    chapters:", entry]
    place = before[-1] + 1 if before else lines.index("parts:") + 1
    return "\n".join([*lines[:place], *head, *lines[place:], ""])


def begin(root: Path, number: int, title: str) -> list[Path]:
    """Write a new chapter, its wrong answers and its line in the table of contents; return the files.

    raises: FileExistsError when there is a chapter of that number, StopIteration when the map of the book has none
    """
    if there := list((root / "book").glob(f"{number:02}_*.ipynb")):
        raise FileExistsError(f"chapter {number} is there: {there[0].name}")
    first = min((root / "book").glob("[0-9][0-9]_*.ipynb"))
    set_up = Chapter(first).of("code", "setup")[0].source
    name = file_name(number, title)
    files = {
        root / "book" / f"{name}.ipynb": as_text(notebook(number, title, set_up)),
        root / "bridgeseg" / "teaching" / "wrong_answers" / f"{name}.py": WRONG_ANSWERS.format(number=number),
        root / "_toc.yml": in_contents((root / "_toc.yml").read_text("utf8"), number, name),
    }
    for path, text in files.items():
        path.write_text(text, "utf8")
    return list(files)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("number", type=int)
    parser.add_argument("title")
    asked = parser.parse_args()
    try:
        print(*begin(ROOT, asked.number, asked.title), sep="\n")
    except FileExistsError as error:
        sys.exit(str(error))
