"""Draws book/images/squared_paper.pdf, chapter 3's squared paper to print: seven masks, and the questions that go with it.

python book/images/squared_paper.py

A4, two pages, black on white. The masks are those of the chapter's cell `tiles`. No answer is on it.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import PdfPages

from bridgeseg.plots.overlays import outline

OUT = Path(__file__).with_suffix(".pdf")
CHAPTER = Path(__file__).parents[1] / "03_how_good_is_it.ipynb"
WIDTH, HEIGHT = 210, 297  # mm of a page
SQUARE = 4.5  # mm
LEFT, RIGHT, TOP, APART = (
    11,
    109,
    42,
    61,
)  # mm: both columns, the first row, and from row to row
ROWS = {
    "is a hit": "2",
    "precision": "3",
    "recall": "3",
    "envelope": "4",
    "is a hit at 0.8": "6",
}
ABOVE = (
    "1  Count, and fill in each mask's IoU with each tile, as a fraction: the squares that both have over the squares\n"
    "    that at least one has. Squares of void count for nothing, wherever they lie.",
)
BELOW = (
    "2  Threshold 0.5. Go from mask 1 to mask 7. Each takes the best tile that is still free, if their IoU is more than\n"
    "    the threshold, and is a hit; else it is a false alarm. Which tile does nobody find?",
    "3  After each mask: precision is hits so far over masks so far; recall is hits so far over tiles.",
    "4  The envelope: at each mask, the best precision there or later.",
    "5  AP is the mean of the envelope at the hits, where a tile that nobody finds counts as 0. How much is it?",
    "6  Threshold 0.8. Which masks change? Can a false alarm become a hit?",
    "7  Suppose that an IoU of exactly the threshold is enough. What is the AP at 0.5 then?",
    "8  Change the order of the scores, and nothing else, so that the AP at 0.5 gets better. By how much?",
)


def of_the_chapter() -> str:
    """Return the chapter's cell that makes the masks."""
    notebook = json.loads(CHAPTER.read_text("utf8"))
    cells = (cell for cell in notebook["cells"] if cell["id"] == "tiles")
    return "".join(next(cells)["source"])


def drawn_from() -> str:
    """Return what stands in the file to tell whether it is drawn from the chapter as it is."""
    text = of_the_chapter() + Path(__file__).read_text("utf8")
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def squared_paper() -> dict[str, Any]:
    """Return the names that the chapter's cell makes: there, masks, scores, void and found."""
    names: dict[str, Any] = {"np": np}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(of_the_chapter(), names)
    return names


def page() -> plt.Figure:
    """Return an empty page of A4."""
    return plt.figure(figsize=(WIDTH / 25.4, HEIGHT / 25.4), facecolor="white")


def place(
    figure: plt.Figure, left: float, top: float, wide: float, high: float
) -> Axes:
    """Return axes without a frame, in mm from the upper left corner of the page, one unit a mm, downwards."""
    ax = figure.add_axes(
        (
            left / WIDTH,
            1 - (top + high) / HEIGHT,
            wide / WIDTH,
            high / HEIGHT,
        )
    )
    ax.set(xlim=(0, wide), ylim=(high, 0))
    ax.axis("off")
    return ax


def write(figure: plt.Figure, left: float, top: float, text: str, **look: Any) -> None:
    """Write on a page, in mm from its upper left corner."""
    look = {"fontsize": 9.5, "va": "top", "color": "black", "linespacing": 1.35} | look
    figure.text(left / WIDTH, 1 - top / HEIGHT, text, **look)


def draw_sheet(
    ax: Axes, there: np.ndarray, void: np.ndarray, masks: Sequence[np.ndarray]
) -> None:
    """Draw squares, dotted tiles with their letters, crossed void, and masks with a thick line."""
    rows, columns = void.shape
    for mask in masks:
        for row, column in np.argwhere(mask):
            ax.fill_between(
                [column * SQUARE, (column + 1) * SQUARE],
                row * SQUARE,
                (row + 1) * SQUARE,
                color="0.84",
                linewidth=0,
            )
    ax.vlines(np.arange(columns + 1) * SQUARE, 0, rows * SQUARE, "0.55", linewidth=0.4)
    ax.hlines(np.arange(rows + 1) * SQUARE, 0, columns * SQUARE, "0.55", linewidth=0.4)
    for row, column in np.argwhere(void) * SQUARE:
        for ends in (
            (row, row + SQUARE),
            (row + SQUARE, row),
        ):
            ax.plot([column, column + SQUARE], ends, color="black", linewidth=0.6)
    for mask in masks:
        for line in outline(mask):
            ax.plot(*line.T * SQUARE, color="black", linewidth=2.0, clip_on=False)
    for letter, tile in zip("ABCDE", there):
        for line in outline(tile):
            ax.plot(*line.T * SQUARE, ":", color="black", linewidth=1.5, clip_on=False)
        # In its first square, where the line of no mask runs.
        row, column = (np.argwhere(tile)[0] + 0.5) * SQUARE
        look = {"ha": "center", "va": "center_baseline", "weight": "bold"}
        ax.text(column, row, letter, fontsize=10.5, **look)


def seven_masks() -> plt.Figure:
    """Return the first page: what is there, and the seven masks."""
    paper, figure = squared_paper(), page()
    write(figure, LEFT, 12, "Seven masks on squared paper", fontsize=16, weight="bold")
    write(
        figure,
        LEFT,
        22,
        "Dotted: what is there, five tiles, A to E. Crossed: void, of which nobody knows what is there.\n"
        "Grey, with a thick line: what was found, mask 1 first, by falling score. The questions are on the other page.",
    )
    drawings = [("what is there", [])]
    for name, (score, mask) in paper["found"].items():
        drawings.append((f"mask {name}, score {score}", [mask]))
    for number, (title, masks) in enumerate(drawings):
        rows, columns = paper["void"].shape
        left, top = (LEFT, RIGHT)[number % 2], TOP + APART * (number // 2)
        write(figure, left, top - 5.5, title, fontsize=10.5, weight="bold")
        ax = place(figure, left, top, columns * SQUARE, rows * SQUARE)
        draw_sheet(ax, paper["there"], paper["void"], masks)
    return figure


def draw_table(
    figure: plt.Figure,
    top: float,
    rows: Sequence[str],
    head: Sequence[str],
    first: float,
    high: float = 8.5,
) -> float:
    """Draw a table with empty cells, its first column so many mm wide, and return where it ends."""
    wide = WIDTH - 2 * LEFT
    each = (wide - first) / len(head)
    ax = place(figure, LEFT, top, wide, high * (len(rows) + 1))
    edges = [0, *(first + each * np.arange(len(head) + 1))]
    ax.vlines(edges, 0, high * (len(rows) + 1), "black", linewidth=0.7, clip_on=False)
    ax.hlines(
        high * np.arange(len(rows) + 2), 0, wide, "black", linewidth=0.7, clip_on=False
    )
    for number, text in enumerate(rows, 1):
        ax.text(2, high * (number + 0.5), text, va="center", fontsize=9.5)
    for number, text in enumerate(head):
        middle = first + each * (number + 0.5)
        ax.text(
            middle,
            high / 2,
            text,
            ha="center",
            va="center",
            fontsize=9.5,
            weight="bold",
        )
    return top + high * (len(rows) + 1)


def questions() -> plt.Figure:
    """Return the second page: what to find out with a pencil, and tables to fill in."""
    paper, figure = squared_paper(), page()
    write(figure, LEFT, 12, "With a pencil", fontsize=16, weight="bold")
    write(figure, LEFT, 22, ABOVE[0])
    names = [f"mask {name}, {score}" for name, (score, _) in paper["found"].items()]
    end = draw_table(figure, 34, names, list("ABCDE"), 30)
    top = end + 7
    for text in BELOW:
        write(figure, LEFT, top, text)
        top += 5.2 * (text.count("\n") + 1) + 1.8
    rows = [f"{question}  {row}" for row, question in ROWS.items()]
    draw_table(figure, top + 3, rows, [f"mask {name}" for name in paper["found"]], 36)
    return figure


def main() -> None:
    """Draw both pages; as a picture, the first alone."""
    matplotlib.use("agg")
    pages = [seven_masks(), questions()]
    if OUT.suffix == ".pdf":
        facts = {
            "Title": "Seven masks on squared paper",
            "Keywords": drawn_from(),
            "CreationDate": None,
            "Producer": None,
            "Creator": None,
        }
        with PdfPages(OUT, metadata=facts) as file:
            for each in pages:
                file.savefig(each)
    else:
        pages[0].savefig(OUT, dpi=100)
    print(f"{OUT.name}: {OUT.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
