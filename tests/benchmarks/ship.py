"""Make a trained run part of the package: half-precision weights and a card with what they measure.

    python tests/benchmarks/ship.py scenes --run RUN --result scenes-fast --data scenes --count 200

The figures on the card are those of the weights that ship, measured here; where the weights come from (command,
hardware, versions, minutes, seed) is taken from the stored result of the same run.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from bridgeseg.arguments import read_spec
from bridgeseg.data.open_dataset import open_dataset
from bridgeseg.machine.files import write_text
from bridgeseg.system.checkpoint import load_run, save_weights
from bridgeseg.system.evaluation import check_unseen, evaluate, evaluate_components

ROOT = Path(__file__).parents[2]
FIGURES = ("mean_iou", "ap_r", "ap_r_vol", "rule", "images", "instances")


def main() -> None:
    """Write `bridgeseg/checkpoints/NAME.pt` and its card."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name")
    parser.add_argument("--run", required=True)
    parser.add_argument("--result", required=True, help="name of a stored result")
    parser.add_argument("--data", required=True)
    parser.add_argument("--count", type=int)
    given = parser.parse_args()
    folder = ROOT / "bridgeseg" / "checkpoints"
    save_weights(load_run(given.run), folder / f"{given.name}.pt", half=True)
    run = load_run(given.name)
    result = json.loads((ROOT / "book" / "results" / f"{given.result}.json").read_text())
    pictures = open_dataset(*read_spec(given.data), "val", count=given.count)
    check_unseen(run, pictures, "val")
    figures, components = evaluate(run, pictures), evaluate_components(run, pictures)
    card = {
        key: result[key]
        for key in ("command", "minutes", "hardware", "versions", "date", "seed", "recipe", "steps")
    }
    card |= {
        "data": given.data.partition(":")[0],
        "pictures": f"the first {given.count} of val" if given.count else "val",
        "figures": {key: figures[key] for key in FIGURES},
        "components": {key: components[key] for key in FIGURES},
    }
    text = json.dumps(card, indent=1) + "\n"
    write_text(folder / f"{given.name}.card.json", text)
    print(json.dumps(card["figures"]))


if __name__ == "__main__":
    main()
