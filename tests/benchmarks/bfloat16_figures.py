"""Whether predicting in bfloat16 changes the figures: `python tests/benchmarks/bfloat16_figures.py --store`.

The networks that ship, on pictures that they have not seen, asked in float32 and in bfloat16 with pictures of one size
together, as a GPU asks large networks. Scenes are drawn; micrographs are those of the folder that BRIDGESEG_DATA names,
and left out where it names none.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from stored_result import arguments, origin, publish

from bridgeseg.data.open_dataset import open_dataset
from bridgeseg.structures.labels import Labelled, Sample
from bridgeseg.system import evaluation
from bridgeseg.system.batched_prediction import PIXELS, predict_together
from bridgeseg.system.checkpoint import Run, load_run
from bridgeseg.system.prediction import Maps


def figures_of(run: Run, unseen: Labelled, bfloat16_from: int | None) -> dict[str, float]:
    """Return the figures of a run whose networks are asked in float32 (None) or in bfloat16 (0)."""

    def together(run: Run, samples: Sequence[Sample]) -> list[Maps]:
        return predict_together(run, [sample.picture for sample in samples], PIXELS, bfloat16_from)

    with mock.patch.object(evaluation, "maps_of_all", together):
        found = evaluation.evaluate(run, unseen)
    return {
        "mean IoU": found["mean_iou"],
        "AP^r 0.5": found["ap_r"]["0.5"],
        "AP^r 0.7": found["ap_r"]["0.7"],
        "AP^r vol": found["ap_r_vol"],
    }


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--scenes", type=int, default=400, help="how many")
    given = parser.parse_args()
    sets: dict[str, Labelled] = {"scenes": open_dataset("scenes", None, "val", count=given.scenes)}
    if "BRIDGESEG_DATA" in os.environ:
        folder = Path(os.environ["BRIDGESEG_DATA"]) / "nuclei"
        sets["nuclei"] = open_dataset("nuclei", folder, "val")
    report: dict[str, Any] = origin()
    for name, unseen in sets.items():
        run = load_run(name)
        plain, rounded = figures_of(run, unseen, None), figures_of(run, unseen, 0)
        report[name] = {
            "pictures": len(unseen),
            "float32": plain,
            "bfloat16": rounded,
            "bfloat16 less float32": {title: rounded[title] - plain[title] for title in plain},
        }
    publish(Path(__file__).stem.replace("_", "-"), report, given.store)


if __name__ == "__main__":
    main()
