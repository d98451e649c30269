"""What a changed recipe brings in as many steps as it took before.

    python tests/benchmarks/same_steps.py nuclei-fast --data nuclei:DIR --store

A result of `same_minutes.py` says how many steps a recipe took in its minutes, seed by seed, and what came of them.
Here the recipe as it stands now takes as many, on a machine of any speed, and is scored on the same pictures: equal
steps and not equal minutes, for changes that leave the cost of a step as it was.

Runs stand in `--runs`; one that was interrupted goes on, one that is finished is not repeated.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

from same_minutes import FIGURES, ROOT, measured
from stored_result import RESULTS, arguments, origin, publish


def main() -> None:
    """Train what is not there yet, score it, publish."""
    parser = arguments(__doc__)
    parser.add_argument("recipe")
    parser.add_argument("--data", required=True)
    parser.add_argument("--seeds", type=int, help="how many; default: all that are stored")
    parser.add_argument("--runs", type=Path, help="folder of the runs")
    given = parser.parse_args()
    stored = json.loads((RESULTS / f"same-minutes-{given.recipe}.json").read_text("utf8"))
    runs = (given.runs or Path(tempfile.mkdtemp())).resolve()
    found: dict[str, dict[str, Any]] = {}
    for title, before in list(stored["new"].items())[: given.seeds]:
        seed = title.removeprefix("seed ")
        words = ["--recipe", given.recipe, "--steps", str(before["steps"]), "--seed", seed]
        run = runs / f"new-{given.recipe}-{seed}"
        again = ["--resume"] if (run / "state.pt").exists() else []
        found[title] = measured(ROOT, run, given.data, [*words, *again], [])
        log = [json.loads(line) for line in (run / "log.jsonl").read_text("utf8").splitlines()]
        found[title]["minutes"] = log[-1]["seconds"] / 60
    kind, _, place = given.data.partition(":")
    data = f"{kind}:{Path(place).name}" if place else kind
    shown = f"python tests/benchmarks/same_steps.py {given.recipe} --data {data}"
    report = origin(shown) | {"recipe": given.recipe, "now": found}
    for title, commit in (("before", "new"), ("first", "old")):
        values = {seed: stored[commit][seed] for seed in found}
        report[title] = {"commit": stored["commits"][commit], "minutes": stored["minutes"]} | values
        report[f"now less {title}, mean of all seeds"] = {
            figure: mean(found[seed][figure] - values[seed][figure] for seed in found) for figure in FIGURES
        }
    publish(f"same-steps-{given.recipe}", report, given.store)


if __name__ == "__main__":
    main()
