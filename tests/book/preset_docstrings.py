"""What the docstring of each preset says of its command, its minutes and its figures, from the stored results.

    python tests/book/preset_docstrings.py --write

writes the lines between a preset's first sentence and the end of its docstring; a test compares.
"""

from __future__ import annotations

import ast
import json
import sys
import textwrap
from pathlib import Path
from typing import Any

from bridgeseg.system.presets import RECIPES

ROOT = Path(__file__).resolve().parents[2]
PRESETS = ROOT / "bridgeseg" / "system" / "presets.py"
RESULTS = ROOT / "book" / "results"
WIDTH = 120

# What each preset is for, where nothing is stored; {} is the preset's name.
COMMANDS = {
    "scenes": "python -m bridgeseg train --data scenes --recipe {} --out RUN",
    "nuclei": "python -m bridgeseg train --data nuclei:stage1_train --recipe {} --out RUN",
    "streets": "python -m bridgeseg train --data voc:pedestrians --recipe {} --out RUN",
    "photos": "python -m bridgeseg train --data voc:pedestrians --recipe {} --out RUN",
    "voc": "python -m bridgeseg train --data voc:VOC2012 --recipe {} --out RUN",
}


def results_of(preset: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the stored results of a preset: the names of their files and what they hold."""
    found = [(path.name, json.loads(path.read_text("utf8"))) for path in sorted(RESULTS.glob("*.json"))]
    return [(name, result) for name, result in found if result.get("recipe") == preset and "voting" in result]


def lines(preset: str) -> list[str]:
    """Return the lines that the docstring of a preset holds after its first sentence."""
    said = []
    for name, result in results_of(preset):
        figures, taken = result["voting"], result["minutes"]
        seconds = result["train_seconds"]
        length = f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"
        length = length if taken is None else f"{taken:g} minutes"
        at = " / ".join(f"{figures['ap_r'][level]:.3f}" for level in ("0.5", "0.7"))
        said += [
            f"Command: {result['command']}",
            f"Takes: {length} on {result['hardware']}",
            f"Expect: mean IoU {figures['mean_iou']:.3f}, AP^r {at} / {figures['ap_r_vol']:.3f} at 0.5 / 0.7 / vol on "
            f"{figures['images']} unseen pictures (results/{name})",
        ]
    if not said:
        gpu = preset == "voc" or preset.endswith("-full")
        command = COMMANDS[preset.partition("-")[0]].format(preset)
        recipe = RECIPES[preset]
        length = f"{recipe.steps:,} steps" if recipe.steps else f"{recipe.minutes:g} minutes"
        said = [
            f"Command: {command}",
            f"Takes: {length} on {'a GPU' if gpu else '2 cores'}",
            f"Expect: not measured{' on a GPU' if gpu else ''}",
        ]
    wrapped = (textwrap.wrap(line, WIDTH, subsequent_indent="    ", break_long_words=False) for line in said)
    return [line for each in wrapped for line in each]


def docstrings(source: str) -> dict[str, tuple[ast.Expr, str]]:
    """Return for each preset the expression that is its docstring, and its text."""
    found, body = {}, ast.parse(source).body
    for statement, following in zip(body, body[1:]):
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call):
            name = next((k.value for k in statement.value.keywords if k.arg == "name"), None)
            if isinstance(name, ast.Constant):
                text = following.value if isinstance(following, ast.Expr) else None
                if not isinstance(text, ast.Constant) or not isinstance(text.value, str):
                    raise ValueError(f"{name.value}: no docstring follows")
                found[name.value] = (following, text.value)
    return found


def written(source: str) -> str:
    """Return the module with the docstrings as they should be."""
    rows = source.splitlines()
    for preset, (node, text) in reversed(docstrings(source).items()):
        first = text.strip().splitlines()[0]
        rows[node.lineno - 1 : node.end_lineno] = [f'"""{first}', "", *lines(preset), '"""']
    return "\n".join(rows) + "\n"


def main() -> int:
    """Compare, or with --write bring the module up to date."""
    source = PRESETS.read_text("utf8")
    if "--write" in sys.argv[1:]:
        PRESETS.write_text(written(source), "utf8")
    elif written(source) != source:
        print(f"{PRESETS.name} is out of date; run: python tests/book/preset_docstrings.py --write")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
