"""What several views of a picture bring: `python tests/benchmarks/views.py --store`.

The networks that ship, on pictures that they have not seen: asked once, mirrored too, at three sizes, and at three
sizes each also mirrored; the mean of the scores of all views is grouped. Scenes are drawn; micrographs are those of the
folder that BRIDGESEG_DATA names; without them nothing is stored.
"""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

from stored_result import arguments, origin, publish

from bridgeseg.data.open_dataset import First, open_dataset, open_pictures
from bridgeseg.structures.labels import Labelled
from bridgeseg.system.checkpoint import Run, load_run
from bridgeseg.system.evaluation import check_unseen, evaluate

SIZES = (0.8, 1.0, 1.25)
VIEWS = {
    "one": ((1.0,), False),
    "mirrored too": ((1.0,), True),
    "three sizes": (SIZES, False),
    "three sizes, mirrored too": (SIZES, True),
}


def figures_of(run: Run, unseen: Labelled, sizes: tuple[float, ...], mirrored: bool) -> dict[str, float]:
    """Return the figures of a run that is asked with some views."""
    pictures = dataclasses.replace(run.recipe.pictures, views=sizes, mirrored=mirrored)
    asked = dataclasses.replace(run, recipe=dataclasses.replace(run.recipe, pictures=pictures))
    found = evaluate(asked, unseen)
    return {
        "mean IoU": found["mean_iou"],
        "AP^r 0.5": found["ap_r"]["0.5"],
        "AP^r 0.7": found["ap_r"]["0.7"],
        "AP^r vol": found["ap_r_vol"],
        "milliseconds a picture": 1000 * found["seconds_per_image"],
    }


def main() -> None:
    """Ask, measure, store."""
    parser = arguments(__doc__)
    parser.add_argument("--scenes", type=int, default=200, help="how many")
    parser.add_argument("--nuclei", type=int, default=48, help="how many")
    given = parser.parse_args()
    report: dict[str, Any] = origin() | {"sizes": SIZES}
    for name, count in (("scenes", given.scenes), ("nuclei", given.nuclei)):
        at_hand = None if name == "scenes" else open_pictures(name, "val")
        if name != "scenes" and at_hand is None:
            if given.store:
                parser.error(f"{name} are not at hand, expected their folder in BRIDGESEG_DATA")
            print(f"{name}: not at hand, left out", file=sys.stderr)
            continue
        unseen = open_dataset(name, at_hand.root if at_hand else None, "val", count=count)
        run = load_run(name)
        check_unseen(run, unseen, "val")
        evaluate(run, First(unseen, 8))  # the first calls take longer
        of_views = {title: figures_of(run, unseen, *views) for title, views in VIEWS.items()}
        report[name] = {"pictures": len(unseen), **of_views}
    publish("views", report, given.store)


if __name__ == "__main__":
    main()
