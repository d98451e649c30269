"""The answers to the printed sheet of seven masks, computed by chapter 3's own functions."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from notebooks import BOOK, Chapter
from pages import loaded
from questions import names_of

QUESTIONED = 3  # the chapter


def answers(chapters: list[Chapter]) -> str:
    """Return the answers, folded, in Markdown."""
    (chapter,) = (chapter for chapter in chapters if chapter.path.stem.startswith(f"{QUESTIONED:02}_"))
    names, paper = names_of(chapter), loaded(BOOK / "images" / "squared_paper.py").squared_paper()
    masks, there, void = (paper[name] for name in ("masks", "there", "void"))
    n, iou = len(there), names["mask_iou"](masks, there, void)
    at = {threshold: names["match"](iou, threshold) for threshold in (0.5, 0.8)}
    hits = at[0.5]
    precision, recall = names["precision_and_recall"](hits, n)
    rows = {
        "2 is a hit": marks(hits),
        "3 precision": [f"{value:.3f}" for value in precision],
        "3 recall": [f"{value:.1f}" for value in recall],
        "4 envelope": [f"{value:.3f}" for value in names["envelope"](precision)],
        "6 is a hit at 0.8": marks(at[0.8]),
    }
    missed = [letter for letter, tile in zip("ABCDE", taken(iou, hits, 0.5).T) if not tile.any()]
    reached = names["area"](names["match_by"](iou, 0.5, "coco"), n)
    orders = (names["match"](iou[list(order)], 0.5) for order in permutations(range(len(iou))))
    ap = names["area"](hits, n)
    best = max(names["area"](np.array(order), n) for order in {tuple(order.tolist()) for order in orders})
    lines = [":::{admonition} Answers to the sheet", ":class: dropdown", ""]
    lines += table("1 IoU", list("ABCDE"), fractions(masks, there, void, list(paper["found"])))
    lines += table("", [f"mask {name}" for name in paper["found"]], rows)
    lines += [
        f"2: nobody finds {' and '.join(missed)}. 5: the AP is {ap:.3f}. 6: {changed(*at.values())}. 7: the AP "
        f"is {reached:.3f}. 8: the best order gives {best:.3f}, which is {best - ap:.3f} more.",
        ":::",
    ]
    return "\n".join(lines)


def marks(hits: np.ndarray) -> list[str]:
    """Return a word for each mask."""
    return ["hit" if hit else "false" for hit in hits]


def changed(before: np.ndarray, after: np.ndarray) -> str:
    """Return which masks change their verdict, in words."""
    lost, won = (np.flatnonzero(which) + 1 for which in (before & ~after, ~before & after))
    return f"no longer a hit: {', '.join(map(str, lost))}; a hit now: {', '.join(map(str, won))}"


def taken(iou: np.ndarray, hits: np.ndarray, threshold: float) -> np.ndarray:
    """Return which tile each hit takes (n, g), as in the chapter: the best that is still free."""
    free, takes = np.ones(iou.shape[1], bool), np.zeros(iou.shape, bool)
    for mask in np.flatnonzero(hits):
        tile = max(np.flatnonzero(free & (iou[mask] > threshold)), key=lambda j: (iou[mask, j], j))
        free[tile], takes[mask, tile] = False, True
    return takes


def fractions(
    masks: np.ndarray, there: np.ndarray, void: np.ndarray, names: list[str]
) -> dict[str, list[str]]:
    """Return for each mask the squares shared with each tile, over those that at least one has."""
    rows = {}
    for name, mask in zip(names, masks & ~void):
        pairs = [(int((mask & tile).sum()), int((mask | tile).sum())) for tile in there & ~void]
        rows[f"mask {name}"] = [f"{shared}/{union}" if shared else "0" for shared, union in pairs]
    return rows


def table(corner: str, head: list[str], rows: dict[str, list[str]]) -> list[str]:
    """Return a table in lines of Markdown, with an empty line behind it."""
    lines = [f"| {' | '.join([corner, *head])} |", "|---" * (len(head) + 1) + "|"]
    return [*lines, *(f"| {' | '.join([name, *cells])} |" for name, cells in rows.items()), ""]
