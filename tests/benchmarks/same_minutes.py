"""What a newer engine brings in the same minutes: an older commit and this one, trained and measured in turn.

    python tests/benchmarks/same_minutes.py nuclei-fast --data nuclei:DIR --minutes 8 --seeds 3 --old CLONE --store

CLONE is a clone of this repository with the older commit checked out (`git worktree add CLONE d037997`). Both train
by their own recipe of that name, on the same machine, one after the other, seed by seed: machines differ by a third in
steps a minute, and an hour later the same one may too. Runs stand in the folder `--runs`; what stands there already is
not trained again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

from stored_result import arguments, origin, publish

ROOT = Path(__file__).parents[2]
FIGURES = ("mean IoU", "AP^r 0.5", "AP^r 0.7", "AP^r vol")


def command(code: Path, *words: str) -> None:
    """Run the command line of a clone's package."""
    subprocess.run(
        [sys.executable, "-m", "bridgeseg", *words],
        check=True,
        cwd=code,
        env=os.environ | {"PYTHONPATH": str(code)},
    )


def measured(code: Path, run: Path, data: str, words: list[str], count: list[str]) -> dict[str, Any]:
    """Train and measure, where that was not done, and return the steps, the seconds and the figures."""
    if not (run / "weights.pt").exists():
        command(code, "train", "--data", data, *words, "--out", str(run))
    figures = run.with_suffix(".json")
    if not figures.exists():
        command(code, "evaluate", str(run), "--data", data, *count, "--json", str(figures))
    found = json.loads(figures.read_text("utf8"))
    log = [json.loads(line) for line in (run / "log.jsonl").read_text("utf8").splitlines()]
    steps = {line["network"]: line["step"] for line in log}  # the last of each network
    values = (found["mean_iou"], found["ap_r"]["0.5"], found["ap_r"]["0.7"], found["ap_r_vol"])
    return {"steps": sum(steps.values()), **dict(zip(FIGURES, values))}


def commit_of(code: Path) -> str:
    """Return the commit that is checked out, shortened, with a star where files were changed."""
    asked = ["git", "-C", str(code), "describe", "--always", "--abbrev=7", "--exclude=*", "--dirty=*"]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("recipe")
    parser.add_argument("--data", required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seeds", type=int, default=1, help="how many")
    parser.add_argument("--count", type=int, help="the first pictures only, to measure on")
    parser.add_argument("--old", type=Path, required=True, help="clone of the older commit")
    parser.add_argument("--new", type=Path, default=ROOT, help="clone of the newer one; default this")
    parser.add_argument("--runs", type=Path, help="folder of the runs")
    parser.add_argument("--name", help="of the result; default that of the recipe")
    given = parser.parse_args()
    name = given.name or given.recipe
    runs = given.runs or Path(tempfile.mkdtemp())
    count = ["--count", str(given.count)] if given.count else []
    found: dict[str, dict[str, Any]] = {"new": {}, "old": {}}
    for seed in range(given.seeds):
        words = ["--recipe", given.recipe, "--minutes", f"{given.minutes:g}", "--seed", str(seed)]
        for which, code in (("new", given.new), ("old", given.old)):
            run = runs / f"{which}-{name}-{seed}"
            found[which][f"seed {seed}"] = measured(code.resolve(), run.resolve(), given.data, words, count)
    kind, _, place = given.data.partition(":")
    data = f"{kind}:{Path(place).name}" if place else kind
    shown = (
        f"python tests/benchmarks/same_minutes.py {given.recipe} --data {data} --minutes {given.minutes:g}"
    )
    report = origin(f"{shown} --seeds {given.seeds} --old CLONE")
    report |= {"recipe": given.recipe, "minutes": given.minutes}
    report |= {"commits": {"new": commit_of(given.new), "old": commit_of(given.old)}} | found
    report["new less old, mean of all seeds"] = {
        title: mean(found["new"][seed][title] - found["old"][seed][title] for seed in found["new"])
        for title in FIGURES
    }
    publish(f"same-minutes-{name}", report, given.store)


if __name__ == "__main__":
    main()
