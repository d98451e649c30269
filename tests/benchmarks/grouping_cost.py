"""What a grouping costs by pixels and by instances: `python tests/benchmarks/grouping_cost.py`.

Squares in rows, drawn as maps without a network, boxes off by a little, a cell every four pixels. The paper's
suppression, our voting, connected components, and a loop over instances that looks at the whole picture each time, as
projects have shipped it; the loop only says which pixel goes where, the others make instances. One thread, all in
turn, the median of the turns in milliseconds. Prints JSON.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from stored_result import arguments, origin, publish
from torch import Tensor

from bridgeseg.grouping.components import component_instances
from bridgeseg.grouping.suppression import Suppression
from bridgeseg.grouping.voting import Voting, find_maxima, gather_votes, weighed
from bridgeseg.structures.boxes import iou
from bridgeseg.structures.cells import enlarge
from bridgeseg.system.prediction import Maps, group

STRIDE, SIDE, COUNT = 4, 384, 36
COUNTS, SIDES = (4, 36, 144, 324), (192, 384, 768)


def crowd(side: int, count: int) -> Maps:
    """Maps of a square picture in which so many squares stand in rows."""
    generator = torch.Generator().manual_seed(0)
    wide = side / round(count**0.5)
    cells = torch.arange(0, side, STRIDE) + 0.5
    left = (cells / wide).floor() * wide + 0.05 * wide
    inside = (cells > left) & (cells < left + 0.9 * wide)
    x0 = left.expand(len(cells), -1)
    edges = torch.stack([x0, x0.T, x0 + 0.9 * wide, x0.T + 0.9 * wide])
    boxes = edges + 0.03 * wide * torch.randn(edges.shape, generator=generator)
    certain = torch.where(inside & inside[:, None], 0.9, 0.05)
    return Maps(torch.stack([1 - certain, certain]), boxes, STRIDE, (side, side))


def loop_over_instances(maps: Maps) -> Tensor:
    """The maximum of each pixel (H, W), or -1, one instance after the other."""
    maxima = find_maxima(*gather_votes(*maps, Voting()), Voting())
    stacked = torch.cat([weighed(maps.boxes, maps.scores), maps.scores])
    full = enlarge(stacked[None], maps.stride, maps.size)[0]
    scores, boxes = full[5:], full[:4] / full[4:5]
    best, owner = torch.zeros(maps.size), torch.full(maps.size, -1)
    for number, (kind, box) in enumerate(zip(maxima.categories.tolist(), maxima.boxes)):
        agreement = iou(boxes, box[:, None, None], dim=0) * scores[kind].sqrt()
        better = (agreement > best) & (scores[0] < 0.5)
        best[better], owner[better] = agreement[better], number
    return owner


def times(maps: Maps, turns: int) -> dict[str, Any]:
    """The median milliseconds of each way, in turns, and how many instances the voting finds."""
    work: dict[str, Callable[[], Any]] = {
        "suppression": lambda: group(maps, Suppression()),
        "voting": lambda: group(maps, Voting()),
        "components": lambda: component_instances(maps.scores, maps.stride, maps.size),
        "loop": lambda: loop_over_instances(maps),
    }
    taken: dict[str, list[float]] = {name: [] for name in work}
    for turn in range(turns + 1):
        for name, call in work.items():
            began = time.process_time()
            call()
            if turn:
                taken[name].append(1000 * (time.process_time() - began))
    medians = {name: round(statistics.median(each), 2) for name, each in taken.items()}
    return medians | {"found": len(group(maps, Voting()))}


@torch.inference_mode()
def main() -> None:
    """Measure, and publish."""
    parser = arguments(__doc__)
    parser.add_argument("--turns", type=int, default=15)
    given = parser.parse_args()
    torch.set_num_threads(1)
    report: dict[str, Any] = origin() | {"turns": given.turns, "unit": "ms of one core", "stride": STRIDE}
    report["by instances"] = {count: times(crowd(SIDE, count), given.turns) for count in COUNTS}
    report["by pixels"] = {side**2: times(crowd(side, COUNT), given.turns) for side in SIDES}
    for title in ("by instances", "by pixels"):
        first, *_, last = report[title].values()
        report[f"{title}, last over first"] = {
            name: round(last[name] / first[name], 2)
            for name in ("suppression", "voting", "components", "loop")
        }
    publish("grouping-cost", report, given.store)


if __name__ == "__main__":
    main()
