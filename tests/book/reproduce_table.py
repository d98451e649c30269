"""The tables of the page "Reproduce every number", made from what is stored.

`python tests/book/reproduce_table.py --write` writes them.

A row for each file in book/results and for each network that ships, from the command, hardware and date that it holds,
and a row for all that waits for a GPU: recipes, studies, chapters. Without `--write` it says whether the page is up to
date. A test compares.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from notebooks import CHAPTERS, Chapter
from readme_figures import TITLES

from bridgeseg.system.presets import RECIPES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "book" / "reproduce.md"
RESULTS, CARDS = ROOT / "book" / "results", ROOT / "bridgeseg" / "checkpoints"
TIMINGS = "timings"
ALL_TITLES = TITLES | {
    TIMINGS: "what each chapter takes to run",
    "average-precision-speed": "how fast AP^r is",
    "batches-speed": "how fast mini-batches are made",
    "bfloat16-figures": "does predicting in bfloat16 change the figures?",
    "bootstrapping-helps": "does bootstrapping help?",
    "bootstrapping-speed": "how fast the bootstrapped loss is",
    "box-choices": "encodings, losses, weights and hard pixels of the boxes",
    "depth": "plain and residual networks of growing depth",
    "each-chapter": "what each chapter brought, the chapter run last",
    "fuzz-files": "ten thousand damaged files, and what comes of them",
    "grouping-choices": "what each choice in the grouping is worth",
    "grouping-cost": "what a grouping costs by pixels and by instances",
    "grouping-speed": "how fast grouping is",
    "hard-pixels": "which pixels should teach, on rare categories and wrong labels too",
    "hard-pixels-full": "the same with 34 layers and ten times the steps, on a GPU",
    "hard-pixels-threshold": "the threshold of the hard pixels, other ones and a lowered one",
    "how-far": "depth, stride and field of view, on scenes under a sky",
    "how-far-full": "the same with 50 and 101 layers, on a GPU",
    "instance-table": "the paper's instance table in small, and its bounds",
    "instance-table-full": "the same with 34 and 101 layers, on a GPU",
    "mask-rcnn": "Mask R-CNN beside ours, on scenes",
    "nuclei-findings": "four sides and the generalised IoU on nuclei, by both groupings",
    "reading-memory": "what a set takes of memory that does not fit",
    "same-minutes-nuclei-fast": "nuclei, in the same minutes with the engine before",
    "same-minutes-pedestrians": "pedestrians, in the same minutes with the engine before",
    "same-minutes-photos": "mixed photographs, in the same minutes with the engine before",
    "same-minutes-scenes-fast": "drawn scenes, in the same minutes with the engine before",
    "same-steps-nuclei-fast": "nuclei with the four sides, in as many steps as before",
    "scenes-speed": "how fast scenes are drawn",
    "few-pictures": "over-fitting where pictures are few, two networks and five seeds",
    "six-faults": "loss curves with six faults, and one without",
    "training-choices": "what each part of a training brings",
    "two-networks": "one network for categories and boxes, or two",
    "views": "what several views of a picture bring",
    "segment-memory": "what a large micrograph takes of memory",
    "shared-trunk": "one trunk for both networks, or two",
    "nuclei-full": "nuclei, on a GPU",
    "scenes-tiny": "drawn scenes, half a minute",
    "streets-light": "pedestrians, one trunk",
    "depth-deeper": "the same with 34 and 66 layers, on a GPU",
    "gpu-chapters": "the chapters in their full tier, on a GPU",
    "gpu-steps": "a training step on a GPU, and its memory",
    "gpu-training": "training on a GPU, compiled and recorded",
    "gpu-use": "training and prediction on a GPU",
    "gpu-variants": "a training step on a GPU, one thing otherwise",
    "gpu-why": "where the time of a GPU goes",
}
FOR_A_GPU = {"scenes-full": "scenes", "nuclei-full": "nuclei:stage1_train", "voc": "voc:VOC2012"}
# Studies whose full rows need a GPU, by the result that they would store.
STUDIES_FOR_A_GPU = {
    "depth-deeper": "python tests/benchmarks/depth.py --depths 34 66",
    "hard-pixels-full": "python tests/benchmarks/hard_pixels.py --tier full",
    "how-far-full": "python tests/benchmarks/how_far.py --tier full --runs DIR",
    "instance-table-full": "python tests/benchmarks/instance_table.py --tier full",
}
ON_A_GPU = "gpu-chapters"  # the result of the chapters in their full tier
HEAD = ("| what | command | minutes | hardware | date |", "|---|---|---|---|---|")


def stored() -> dict[str, dict[str, Any]]:
    """Return everything stored with the command that made it, by the file's name without its endings."""
    files = sorted(RESULTS.glob("*.json")) + sorted(CARDS.glob("*.card.json"))
    return {file.name.removesuffix(".json"): read(file) for file in files}


def read(file: Path) -> dict[str, Any]:
    """Return a stored result with its command, minutes, hardware and date.

    raises: ValueError naming the file and what it does not say
    """
    result = json.loads(file.read_text("utf8"))
    if file.stem == TIMINGS:
        result = of_the_chapters(result)
    for key in ("command", "hardware", "date"):
        if not result.get(key):
            raise ValueError(f"{file.name}: no {key!r}, expected each of command, hardware and date")
    return result


def of_the_chapters(timings: dict[str, Any]) -> dict[str, Any]:
    """Return the times of the chapters as one result: their sum, all hardware, the last date."""
    each = [entry for entry in timings.values() if isinstance(entry, dict) and "cold" in entry]
    return {
        "command": timings.get("command", "python tests/book/timings.py"),
        "minutes": sum(entry["cold"] + entry["warm"] for entry in each) / 60,
        "hardware": "; ".join(sorted({entry["hardware"] for entry in each})),
        "date": max((entry["date"] for entry in each), default=""),
    }


def title(name: str) -> str:
    """Return what a result is called in the first column."""
    if name.endswith(".card"):
        return f"the network `{name.removesuffix('.card')}` that ships"
    return ALL_TITLES.get(name, name.replace("-", " ").replace("_", " "))


def seen(result: dict[str, Any]) -> str:
    """Return how many pictures each side of a comparison saw while it was trained; nothing where none was trained."""
    sides = {
        side: part for side, part in result.items() if isinstance(part, dict) and "pictures a step" in part
    }
    seen_by = [f"{side} {part['steps'] * part['pictures a step']:,}" for side, part in sides.items()]
    return f"; pictures seen: {', '.join(seen_by)}" if seen_by else ""


def minutes(result: dict[str, Any]) -> str:
    """Return the minutes of a result, a dash where they are not stored."""
    taken = result.get("minutes")
    return "–" if taken is None else f"{taken:.0f}" if taken >= 10 else f"{taken:.2g}"


def row(*cells: str) -> str:
    """Return a row of a table; bars inside a cell are kept."""
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def measured() -> str:
    """Return the table of what is stored."""
    lines = [
        row(title(name) + seen(each), f"`{each['command']}`", minutes(each), each["hardware"], each["date"])
        for name, each in stored().items()
    ]
    return "\n".join([*HEAD, *lines])


def waiting() -> str:
    """Return the table of the recipes, studies and chapters that need a GPU and of which no result is stored."""
    found = stored()
    there = {result.get("recipe") for result in found.values()}
    lines = []
    for name, data in FOR_A_GPU.items():
        if name not in there:
            recipe = RECIPES[name]
            length = f"{recipe.steps:,} steps" if recipe.steps else f"{recipe.minutes:g}"
            command = f"python -m bridgeseg train --data {data} --recipe {name} --out RUN"
            lines.append(row(f"recipe `{name}`", f"`{command}`", length, "not measured on a GPU", "–"))
    for name, command in STUDIES_FOR_A_GPU.items():
        if name not in found:
            what = f"{ALL_TITLES[name.rpartition('-')[0]]}: {ALL_TITLES[name]}"
            lines.append(row(what, f"`{command}`", "–", "not measured on a GPU", "–"))
    done = found.get(ON_A_GPU, {})
    for chapter in (Chapter(path) for path in CHAPTERS):
        number = chapter.path.name[:2]
        trains = any("tier()" in cell.source for cell in chapter.of("code"))
        if trains and number not in done.get("chapters", {}):
            begun = "begun, and stopped when the minutes ended" if done else "not measured on a GPU"
            command = f"python tests/benchmarks/gpu_book.py --only 'chapter {number}' --work DIR --out DIR"
            lines.append(
                row(
                    f"chapter {int(number)} in its full tier",
                    f"`{command}`",
                    "–",
                    f"{begun}, {done['hardware']}" if done else begun,
                    done.get("date", "–"),
                )
            )
    return "\n".join([*HEAD, *lines]) if lines else "Nothing: all of them have been run."


def with_tables(text: str) -> str:
    """Return the page with both tables between their marks."""
    for name, table in (("measured", measured()), ("waiting", waiting())):
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        text = re.sub(
            f"{begin}.*?{end}", lambda _, t=f"{begin}\n{table}\n{end}": t, text, count=1, flags=re.DOTALL
        )
    return text


if __name__ == "__main__":
    page = PAGE.read_text("utf8")
    wanted = with_tables(page)
    if "--write" in sys.argv[1:]:
        PAGE.write_text(wanted, "utf8")
    elif wanted != page:
        sys.exit(f"{PAGE.name} is not up to date; run: python tests/book/reproduce_table.py --write")
