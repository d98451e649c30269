"""What each chapter brought: a table that grows by a row or two a chapter, all measured on the same scenes.

A chapter from 4 on ends with the rows of the networks that it trained, and shows them below those of the chapters
before it. `tests/benchmarks/each_chapter.py` runs a chapter and stores its rows.

Built in chapter 4.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bridgeseg.data.scenes import Scenes
from bridgeseg.teaching.stored_results import stored_result

NAME = "each-chapter"  # of the stored result
FULL = "gpu-chapters"  # of the one that was measured on a GPU, by tests/benchmarks/gpu_book.py


@dataclass(frozen=True)
class Row:
    """What a network that a chapter trained is worth, and what it costs.

    what: a few words that say what is new in it
    mean_iou: on the scenes of `same_scenes`, 0…1
    parameters: how many numbers it has learned
    minutes: of training
    ap_r: AP^r by the rule of SDS at an IoU of 0.5, of 0.7 and its mean over all, 0…1; None where there are no instances

    Example:
        >>> Row("all background", mean_iou=0.12, parameters=0, minutes=0.0).parameters
        0

    Built in chapter 4.
    """

    what: str
    mean_iou: float
    parameters: int
    minutes: float
    ap_r: tuple[float, float, float] | None = None


def same_scenes() -> Scenes:
    """Return the 200 scenes on which every chapter measures.

    Example:
        >>> scenes = same_scenes()
        >>> len(scenes), scenes[0].name, scenes[0].categories.shape
        (200, 'val-0-00000', (96, 96))

    Built in chapter 4.
    """
    return Scenes("val", size=96, count=200)


def each_chapter(chapter: int, rows: Sequence[Row]) -> None:
    """Print what each chapter brought: the stored rows up to this chapter's, and those that this run measured.

    chapter: its number
    rows: what it has just measured

    Example:
        >>> import contextlib, io
        >>> with contextlib.redirect_stdout(io.StringIO()) as said:
        ...     each_chapter(1, [Row("all background", 0.12, 0, 0.0)])
        >>> said.getvalue().splitlines()[-1]
        '1, here  all background                  0.120         0     0.0'

    Rows of the full tier are those of `tests/benchmarks/gpu_book.py`, where they are stored. Chapters are those with
    stored rows, and none that is still to come. AP^r has its columns as soon as a row has one.
    Built in chapter 4.
    """
    stored = [kept for kept in (stored_result(NAME) or {"rows": []})["rows"] if kept["chapter"] <= chapter]
    before = [Row(**{name: kept[name] for name in Row.__annotations__ if name in kept}) for kept in stored]
    full = list(_in_full(chapter))
    instances = any(row.ap_r for row in [*before, *(row for _, row in full), *rows])
    head = f"{'chapter':8} {'what':28} {'mean IoU':>8} {'weights':>9} {'minutes':>7}"
    print(head + (f" {'AP^r 0.5':>8} {'0.7':>5} {'vol':>5}" if instances else ""))
    for kept, row in zip(stored, before):
        print(_line(str(kept["chapter"]), row, instances))
    for number, row in full:
        print(_line(f"{number}, full", row, instances))
    for row in rows:
        print(_line(f"{chapter}, here", row, instances))
    if full:
        print(f"full: the full tier, stored, {(stored_result(FULL) or {})['hardware']}")


def _in_full(chapter: int) -> Iterator[tuple[int, Row]]:
    """Yield the stored rows of the full tier, of the chapters up to this one that train."""
    for number, found in (stored_result(FULL) or {"chapters": {}})["chapters"].items():
        if found["trains"] and int(number) <= chapter:
            yield from ((int(number), Row(**row)) for row in found["rows"])


def _line(chapter: str, row: Row, instances: bool) -> str:
    """A row as it is printed, with AP^r, or dashes in its place, where that is asked for."""
    line = f"{chapter:8} {row.what:28} {row.mean_iou:8.3f} {row.parameters:9,} {row.minutes:7.1f}"
    if not instances:
        return line
    shown = [f"{value:.3f}" for value in row.ap_r] if row.ap_r else ["–"] * 3
    return f"{line} {shown[0]:>8} {shown[1]:>5} {shown[2]:>5}"
