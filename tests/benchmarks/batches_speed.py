"""How fast mini-batches are made on one core: `BRIDGESEG_DATA=DIR python tests/benchmarks/batches_speed.py`.

In turns: picture by picture with chapter 2's functions, as they were made before there was a store, and out of a store
with the same crops, scales and colours (`bridgeseg.training.mini_batches`, what is drawn for a thousand steps
included). Times are seconds of the processor. The bar is a ratio of 1, and 160 mini-batches a second of `scenes-fast`
and 120 of `nuclei-fast`.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np
import torch
from stored_result import arguments, origin, publish

from bridgeseg.data.open_dataset import open_pictures
from bridgeseg.data.scenes import Scenes
from bridgeseg.data.transforms import compact, jitter, random_crop, random_flip, resize
from bridgeseg.networks.preprocessing import stretch_contrast
from bridgeseg.structures.labels import Labelled, Sample
from bridgeseg.system.presets import NUCLEI_FAST, PHOTOS_LIGHT, SCENES_FAST
from bridgeseg.system.recipe import Learner, Recipe
from bridgeseg.training.mini_batches import Batches
from bridgeseg.training.store import load

PICTURES = 200  # of each set


def one_by_one(samples: list[Sample], learner: Learner, step: int) -> list[torch.Tensor]:
    """Make a mini-batch with chapter 2's functions."""
    parts = []
    crops, size = learner.crops, learner.optimiser.batch
    for place in range(size):
        generator = np.random.default_rng([0, 2, step, place])
        low, high = crops.scales
        factor = float(np.exp(generator.uniform(np.log(low), np.log(high)))) if low < high else low
        side = max(1, round(crops.side / factor))
        sample = samples[(step * size + place) % len(samples)]
        window = resize(random_crop(sample, side, side, generator), crops.side, crops.side)
        window = random_flip(window, generator, crops.upright)
        parts.append(compact(jitter(window, generator, crops.jitter, crops.jitter, crops.jitter)))
    maps = zip(*((part.picture, part.categories, part.instances) for part in parts))
    return [torch.from_numpy(np.stack(values)) for values in maps]


def compare(dataset: Labelled, recipe: Recipe, pairs: int, steps: int) -> dict[str, Any]:
    """Make mini-batches in both ways, in turns, and return how many a second."""
    learner = recipe.semantic
    indices = range(0, len(dataset), max(1, len(dataset) // PICTURES))
    samples = [dataset[index] for index in indices]
    if recipe.pictures.stretch:
        stretched = (stretch_contrast(sample.picture) for sample in samples)
        samples = [
            Sample(s.name, picture, s.categories, s.instances) for s, picture in zip(samples, stretched)
        ]
    store = load(samples, range(len(samples)))
    batches = Batches(store, learner.crops, batch=learner.optimiser.batch, seed=0)
    one_by_one(samples, learner, 0)
    before, after = [], []
    for pair in range(pairs):
        numbers = range(pair * steps, (pair + 1) * steps)
        began = time.process_time()
        for step in numbers:
            one_by_one(samples, learner, step)
        between = time.process_time()
        for step in numbers:
            batches(step)
        ended = time.process_time()
        before.append(between - began)
        after.append(ended - between)
    ratios = [old / new for old, new in zip(before, after)]
    return {
        "pictures": len(samples),
        "one by one, a second": round(steps / statistics.median(before), 1),
        "from a store, a second": round(steps / statistics.median(after), 1),
        "ratio": round(statistics.median(ratios), 2),
        "smallest ratio of a pair": round(min(ratios), 2),
    }


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--steps", type=int, default=50, help="of each way in a pair")
    given = parser.parse_args()
    torch.set_num_threads(1)
    report = origin() | {"pairs": given.pairs, "steps of a pair": given.steps}
    for pictures, recipe in (
        (Scenes(count=PICTURES), SCENES_FAST),
        (open_pictures("nuclei", "train"), NUCLEI_FAST),
        (open_pictures("photos", "train"), PHOTOS_LIGHT),
    ):
        report[recipe.name] = (
            compare(pictures, recipe, given.pairs, given.steps) if pictures else "no pictures at hand"
        )
    publish("batches-speed", report, given.store)


if __name__ == "__main__":
    main()
