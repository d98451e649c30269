"""How long the grouping takes on one core: `python tests/benchmarks/grouping_speed.py [--quick]`.

Maps as good networks would give them, of a picture of 500 × 375 pixels with 20 instances of 20 categories: boxes that
are off by a few pixels, on the background too, and categories that are unsure near edges. The bar is 30 ms at stride 8
for our clustering. Beside it the paper's suppression, connected components, two networks on the same picture, and how
the time grows with instances and with pixels. Prints JSON; times are milliseconds of the one core that computes, so
that waiting for a busy machine does not count, the median of runs taken in turns and the least.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from stored_result import arguments, origin, publish
from torch import Tensor

from bridgeseg.grouping.components import component_instances
from bridgeseg.grouping.suppression import Suppression, suppress_and_trace
from bridgeseg.grouping.voting import Voting, vote_and_assign
from bridgeseg.networks.preprocessing import normalise
from bridgeseg.structures.boxes import instance_boxes
from bridgeseg.structures.cells import sample_labels
from bridgeseg.system.build import answers, build_networks
from bridgeseg.system.presets import PHOTOS_LIGHT
from bridgeseg.system.recipe import Learner, NetworkRecipe, Recipe

SIZE, STRIDE, INSTANCES, CATEGORIES = (375, 500), 8, 20, 20
SMALL = Recipe(
    name="small",
    semantic=Learner(NetworkRecipe(width=24, output_stride=8, head="large", kernel=3, dilation=6)),
)


def make_maps(size: tuple[int, int], stride: int, instances: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Scores (21, h, w) and boxes (4, h, w) of ellipses over each other, six in ten of one category."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[: size[0], : size[1]]
    numbers, kinds = np.zeros(size, np.int64), np.zeros(instances + 1, np.int64)
    typical = np.sqrt(size[0] * size[1] / max(instances, 1)) / 2
    for number in range(1, instances + 1):
        y, x = random.uniform(0, size[0]), random.uniform(0, size[1])
        tall, wide = random.uniform(0.5, 1.2, 2) * typical
        numbers[((rows - y) / tall) ** 2 + ((columns - x) / wide) ** 2 < 1] = number
        kinds[number] = 15 if random.random() < 0.6 else random.integers(1, CATEGORIES + 1)
    cells = sample_labels(torch.from_numpy(numbers), stride)
    tight = instance_boxes(torch.from_numpy(numbers))
    tight = torch.cat([tight, tight.new_zeros(instances + 1 - len(tight), 4)])
    generator = torch.Generator().manual_seed(seed)
    # On the background a network answers as if the nearest object went on.
    y, x = torch.meshgrid(*(torch.arange(0, side, stride) + 0.5 for side in size), indexing="ij")
    middle = (tight[1:, :2] + tight[1:, 2:]) / 2
    middle[tight[1:, 2] == 0] = 1e6
    nearest = ((x[..., None] - middle[:, 0]) ** 2 + (y[..., None] - middle[:, 1]) ** 2).argmin(-1) + 1
    owner = torch.where(cells > 0, cells, nearest)
    extent = (tight[:, 2:] - tight[:, :2]).clamp(min=8)[owner].permute(2, 0, 1)
    noise = torch.randn(4, *cells.shape, generator=generator) * 0.08
    boxes = tight[owner].permute(2, 0, 1) + noise * extent.repeat(2, 1, 1)
    boxes = torch.cat([torch.minimum(boxes[:2], boxes[2:]), torch.maximum(boxes[:2], boxes[2:]) + 1])
    truth = F.one_hot(torch.from_numpy(kinds)[cells], CATEGORIES + 1).permute(2, 0, 1).float()
    truth = F.avg_pool2d(truth, 3, 1, 1, count_include_pad=False)
    scores = (8 * truth + torch.randn(truth.shape, generator=generator)).softmax(0)
    return scores, boxes.contiguous()


def times(work: dict[str, Callable[[], Any]], runs: int) -> dict[str, Any]:
    """The median and the least milliseconds of each piece of work, in turns so that a busy moment meets all of them."""
    taken: dict[str, list[float]] = {name: [] for name in work}
    for run in range(runs + 2):
        for name, call in work.items():
            start = time.process_time()
            call()
            if run >= 2:
                taken[name].append(1000 * (time.process_time() - start))
    least = {name: round(min(each), 2) for name, each in taken.items()}
    return {name: round(statistics.median(each), 2) for name, each in taken.items()} | {"least": least}


def groupings(
    size: tuple[int, int], stride: int, instances: int
) -> tuple[dict[str, Callable[[], Any]], dict[str, int]]:
    """The ways of grouping on the same maps, and how many instances each finds."""
    scores, boxes = make_maps(size, stride, instances)
    ways: dict[str, Callable[[], Any]] = {
        "voting": lambda: vote_and_assign(scores, boxes, stride, size, Voting()),
        "suppression": lambda: suppress_and_trace(scores, boxes, stride, size, Suppression()),
        "components": lambda: component_instances(scores, stride, size),
    }
    return ways, {name: len(way()) for name, way in ways.items()}


@torch.inference_mode()
def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--quick", action="store_true", help="few runs: to see that it works")
    given = parser.parse_args()
    runs = 3 if given.quick else 25
    torch.set_num_threads(1)
    report: dict[str, Any] = origin() | {"runs": runs, "unit": "ms of one core"}

    picture = normalise(torch.randint(0, 256, (1, *SIZE, 3), dtype=torch.uint8))
    fine = PHOTOS_LIGHT.semantic.network.stride
    for name, recipe, stride in (("small", SMALL, 8), ("photos-light", PHOTOS_LIGHT, fine)):
        built = build_networks(recipe, CATEGORIES, pretrained=False).eval()
        ways, found = groupings(SIZE, stride, INSTANCES)
        taken = times({"network": lambda built=built: answers(built, picture), **ways}, runs)  # type: ignore[misc]
        report[f"{SIZE[1]} × {SIZE[0]}, {INSTANCES} instances, stride {stride}, network {name}"] = taken | {
            "voting / network": round(taken["voting"] / taken["network"], 3),
            "voting / suppression": round(taken["voting"] / taken["suppression"], 3),
            "instances found": found,
        }
    report["bar for voting at stride 8"] = 30.0

    by_instances = {}
    for count in (5, 20, 80):
        ways, found = groupings(SIZE, STRIDE, count)
        by_instances[count] = times(ways, runs) | {"instances found": found}
    by_pixels = {}
    for factor in (1, 2, 4):
        side = factor**0.5
        size = (round(SIZE[0] * side), round(SIZE[1] * side))
        ways, found = groupings(size, STRIDE, INSTANCES)
        by_pixels[size[0] * size[1]] = times(ways, runs) | {"instances found": found}
    report["by instances"], report["by pixels"] = by_instances, by_pixels
    report["voting, 80 instances / 5"] = round(by_instances[80]["voting"] / by_instances[5]["voting"], 2)
    first, *_, last = by_pixels.values()
    report["voting, 4 × the pixels"] = round(last["voting"] / first["voting"], 2)
    publish("grouping-speed", report, given.store)


if __name__ == "__main__":
    main()
