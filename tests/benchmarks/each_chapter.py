"""What each chapter brought: `python tests/benchmarks/each_chapter.py --chapter 4`.

Runs the cells of a chapter as a reader does, with an empty cache and without the solutions of its exercises, and takes
what `rows` holds at the end: a `bridgeseg.teaching.each_chapter.Row` for each network that the chapter trained. The
rows of other chapters stay as they are stored. Each row says when and where it was measured.
"""

from __future__ import annotations

import linecache
import os
import sys
import tempfile
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import matplotlib
from stored_result import RESULTS, arguments, origin, publish

from bridgeseg.teaching.each_chapter import NAME, Row
from bridgeseg.teaching.stored_results import stored_result

sys.path.insert(0, str(Path(__file__).parents[1] / "book"))
from notebooks import CHAPTERS, Cell, Chapter

OF_ALL = ("chapter", "date", "hardware", "threads", "load when it began")  # what is kept beside a row


def run(cell: Cell, names: dict[str, Any]) -> None:
    """Execute a cell among the names of those before it; its functions show their source."""
    file = f"<{cell.name}>"
    linecache.cache[file] = (len(cell.source), None, cell.source.splitlines(keepends=True), file)
    exec(compile(cell.source, file, "exec"), names)


def measured(chapter: Chapter) -> list[Row]:
    """Run a chapter and return its rows."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in chapter.of("code"):
        if "solution" not in cell.tags:
            print(f"cell {cell.name}", file=sys.stderr, flush=True)
            run(cell, names)
    if not names.get("rows"):
        raise SystemExit(f"{chapter.path.name}: no `rows` at the end, expected a list of Row")
    return list(names["rows"])


def main() -> None:
    """Run, replace, store."""
    parser = arguments(__doc__)
    parser.add_argument("--chapter", type=int, required=True)
    given = parser.parse_args()
    head = origin(f"python tests/benchmarks/each_chapter.py --chapter {given.chapter}")
    path = next(path for path in CHAPTERS if path.name.startswith(f"{given.chapter:02}_"))
    matplotlib.use("agg")
    warnings.filterwarnings("ignore", message=".*non-interactive.*")
    before = (stored_result(NAME) if (RESULTS / f"{NAME}.json").exists() else None) or {"rows": []}
    with tempfile.TemporaryDirectory() as cache:
        os.environ["BRIDGESEG_CACHE"] = cache
        rows = measured(Chapter(path))
    own = [
        {"chapter": given.chapter, **asdict(row)} | {key: head[key] for key in OF_ALL if key in head}
        for row in rows
    ]
    kept = [row for row in before["rows"] if row["chapter"] != given.chapter]
    all_rows = sorted([*kept, *own], key=lambda row: row["chapter"])
    publish(NAME, {**head, "rows": all_rows}, given.store)


if __name__ == "__main__":
    main()
