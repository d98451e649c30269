"""The table of figures in the README, made from the stored results: `python tests/book/readme_figures.py` writes it.

A test compares, so that no figure stands there that was not measured.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
BEGIN, END = "<!-- figures -->", "<!-- /figures -->"
TITLES = {
    "scenes-fast": "drawn scenes, 96 px, five categories",
    "nuclei-fast": "nuclei",
    "pedestrians": "pedestrians in street photographs",
    "photos": "mixed photographs, twenty categories, 264 to train on: too few",
}


def results() -> dict[str, dict[str, Any]]:
    """Return the stored results that the table has a row for, by name."""
    files = {name: ROOT / "book" / "results" / f"{name}.json" for name in TITLES}
    return {name: json.loads(file.read_text()) for name, file in files.items() if file.exists()}


def table() -> str:
    """Return the table in Markdown: a row for each stored result."""
    rows = [
        "| data | minutes | mIoU | AP^r 0.5 / 0.7 / vol | components of the same masks "
        "| with true category masks | ms a picture |",
        "|---|---|---|---|---|---|---|",
    ]
    notes = set()
    for name, result in results().items():
        length = f"{result['steps']:,} steps" if result["minutes"] is None else f"{result['minutes']:g}"
        cells = [TITLES[name], length, f"{result['voting']['mean_iou']:.3f}"]
        for part in ("voting", "components", "true_categories"):
            if (figures := result.get(part)) is None:
                cells.append("not measured")
                continue
            cells.append(
                f"{figures['ap_r']['0.5']:.3f} / {figures['ap_r']['0.7']:.3f} / {figures['ap_r_vol']:.3f}"
            )
        cells.append(f"{1000 * result['voting']['seconds_per_image']:.0f}")
        rows.append("| " + " | ".join(cells) + " |")
        notes.add(f"{result['hardware']}, torch {result['versions']['torch']}")
    rows += [
        "",
        f"One run each, the fast tier, on pictures that were not trained on ({'; '.join(sorted(notes))}).",
    ]
    rows.append(on_a_gpu())
    return "\n".join(rows)


def on_a_gpu() -> str:
    """Return the sentence about what was measured on a GPU."""
    file = ROOT / "book" / "results" / "nuclei-full.json"
    if not file.exists():
        return "Not measured on a GPU."
    result = json.loads(file.read_text())
    figures = result["voting"]
    at = f"{figures['ap_r']['0.5']:.3f} / {figures['ap_r']['0.7']:.3f} / {figures['ap_r_vol']:.3f}"
    return (
        f"On a GPU ({result['hardware']}) nuclei alone, by the recipe `{result['recipe']}` in {result['minutes']:g} "
        f"minutes: mIoU {figures['mean_iou']:.3f}, AP^r {at}."
    )


def with_table(text: str) -> str:
    """Return the README's text with the table between its two marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    readme = ROOT / "README.md"
    readme.write_text(with_table(readme.read_text()))
