"""What each choice in the grouping is worth: `python tests/benchmarks/grouping_choices.py [--real]`.

Nothing but the grouping changes: each way gets the same maps. On 200 unseen scenes, for the network that ships and for
three that are trained here with the recipe scenes-fast and counted steps: connected components, a watershed, the
paper's suppression and our voting; the voting built up step by step, and with one step left out; the score of an
instance, six ways; top-n; a sweep of the suppression's overlap. And the thresholds: chosen on some scenes and measured
on others, or chosen on those on which it is measured. With `--real` also the nuclei set aside, where they are at hand,
by the network for them that ships.

Networks and figures that are finished stand in `--scratch`, so a study that was interrupted goes on where it was.
Prints JSON: for each network and way AP^r at an IoU of 0.5 and 0.7, its mean over all, the recall at 0.5 and the masks
a picture, and over the networks of scenes the mean of the differences.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stored_result import arguments, origin, publish, spread
from torch import Tensor

from bridgeseg.data.open_dataset import open_pictures
from bridgeseg.data.scenes import Scenes
from bridgeseg.grouping.components import component_instances
from bridgeseg.grouping.hough import candidates, vote_cells
from bridgeseg.grouping.instance_scores import parts_of_score
from bridgeseg.grouping.suppression import Suppression
from bridgeseg.grouping.voting import Voting, find_maxima, gather_votes, refine, weighed
from bridgeseg.machine.environment import cache_folder
from bridgeseg.machine.files import write_text
from bridgeseg.measures.average_precision import average_precision
from bridgeseg.measures.mask_iou import Overlaps, overlaps
from bridgeseg.structures.boxes import iou
from bridgeseg.structures.cells import enlarge, spread_places
from bridgeseg.structures.cells import spread as spread_cells
from bridgeseg.structures.instances import Instances
from bridgeseg.structures.labels import Sample
from bridgeseg.structures.masks import Masks
from bridgeseg.system.checkpoint import load_run
from bridgeseg.system.prediction import Maps, at_size, group, maps_of
from bridgeseg.system.presets import SCENES_FAST
from bridgeseg.teaching.each_chapter import same_scenes
from bridgeseg.training.train_run import train_run

SCORES = ("none", "certain", "agreement", "fit", "certain × fit", "product")
OVERLAPS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
MASK_OVERLAPS = (0.3, 0.5, 0.7)
SEEDS = (1, 2, 3)
DISTANCES = (3, 5, 7, 9, 12, 16)  # pixels between two centres of a watershed
FIGURES = ("AP 0.5", "AP 0.7", "AP vol", "recall", "masks")
AS_IS = Suppression()
Way = Callable[[Maps], Instances]


def scored(parts: Tensor, how: str) -> Tensor:
    """The score of instances of which the three parts (3, n) are known."""
    certain, agreement, fit = parts
    return {
        "none": torch.ones_like(fit),
        "certain": certain,
        "agreement": agreement,
        "fit": fit,
        "certain × fit": certain * fit,
        "product": certain * agreement * fit,
    }[how]


def suppressed(maps: Maps, settings: Suppression = AS_IS, how: str = "certain") -> Instances:
    """The paper's suppression, its masks with another score."""
    found = group(maps, settings)
    if how == "certain" or not len(found):
        return found
    own = spread_cells(maps.boxes, maps.stride, maps.size)  # (4, H, W)
    agreement = torch.stack([iou(own[:, mask].T, box).mean() for mask, box in zip(found.masks, found.boxes)])
    fit = iou(found.masks.boxes(), found.boxes)
    score = scored(torch.stack([found.scores, agreement, fit]), how)
    return dataclasses.replace(found, scores=score).sorted()


def at_pixels(maps: Maps) -> Maps:
    """The same maps at the resolution of the picture, as our voting enlarges them."""
    full = enlarge(torch.cat([weighed(maps.boxes, maps.scores), maps.scores])[None], maps.stride, maps.size)[
        0
    ]
    return Maps(full[5:].contiguous(), full[:4] / full[4:5], 1, maps.size)


def voted(
    maps: Maps,
    *,
    refined: bool = True,
    rule: str = "box",
    fine: bool = True,
    how: str = "product",
    fair: bool = True,
    smooth: bool = True,
) -> Instances:
    """Our voting with steps left out.

    rule: a pixel goes to the maximum with the "box" that agrees best, or to the nearest "centre"
    fine: pixels are given out, instead of cells that pixels copy
    fair: votes are divided by the area of their box
    smooth: a place counts with the eight round it
    """
    settings, (scores, boxes, stride, size) = Voting(), maps
    maxima = find_maxima(*sheet(maps, settings, fair, smooth), settings)
    inside = scores[0] < 0.5
    if refined and len(maxima.votes) and inside.any():
        maxima = refine(maxima, scores[:, inside].T, boxes[:, inside].T, size, settings, stride)
    if not len(maxima.votes):
        return Instances.none(*size)
    if fine:
        full = at_pixels(maps)
        scores, boxes = full.scores, full.boxes
    else:
        rows, columns = (spread_places(n, stride, s) for n, s in zip(scores.shape[1:], size))
        scores, boxes = scores[:, rows][:, :, columns], boxes[:, rows][:, :, columns]
    place = (scores[0] < 0.5).nonzero(as_tuple=True)
    numbers, certains, agreements = [], [], []
    for own, mine in zip(boxes[:, *place].T.split(1 << 15), scores[:, *place].T.split(1 << 15)):
        overlap, certain = iou(own[:, None], maxima.boxes), mine[:, maxima.categories]  # (k, n)
        agreement = overlap * certain.clamp(min=1e-4).sqrt()
        if rule == "centre":
            middles = [(b[:, :2] + b[:, 2:]) / 2 for b in (own, maxima.boxes)]
            agreement = -torch.cdist(*middles)
        best = agreement.max(1, keepdim=True).indices
        overlap, certain = overlap.gather(1, best)[:, 0], certain.gather(1, best)[:, 0]
        numbers.append(torch.where(overlap >= settings.agreement, best[:, 0], -1))
        certains.append(certain)
        agreements.append(overlap)
    number, certain, overlap = (torch.cat(each) for each in (numbers, certains, agreements))
    owner = torch.full(size, -1)
    owner[place] = number
    masks = Masks.from_labels(owner, torch.arange(len(maxima.votes)))
    held, fit = number >= 0, iou(masks.boxes(), maxima.boxes)
    parts = parts_of_score(number[held], certain[held], overlap[held], fit)
    return Instances(masks, maxima.categories, scored(parts, how), maxima.boxes).with_pixels(settings.pixels)


def sheet(maps: Maps, settings: Voting, fair: bool, smooth: bool) -> tuple[Tensor, Tensor]:
    """The votes and their mean boxes, with the weights or the smoothing left out."""
    scores, boxes, stride, size = maps
    if fair and smooth:
        return gather_votes(scores, boxes, stride, size, settings)
    kinds, cells = candidates(scores, settings.top, settings.score)
    own, count = boxes.flatten(1)[:, cells], len(scores) - 1
    area = ((own[2] - own[0]) * (own[3] - own[1])).clamp(min=stride * stride)
    # Without weights a vote counts as one of an object of the usual size would.
    weight = scores.flatten(1)[kinds, cells] * stride * stride / (area if fair else area.median())
    grid = (-(-size[0] // stride), -(-size[1] // stride))
    places = (kinds - 1) * grid[0] * grid[1] + vote_cells(own, grid, stride)
    sums = torch.zeros(5, count * grid[0] * grid[1])
    sums = sums.index_add_(1, places, torch.cat([weight[None], weight * own])).view(5, count, *grid)
    if smooth:
        sums = torch.nn.functional.avg_pool2d(sums, 3, 1, 1, divisor_override=1)
    return sums[0], (sums[1:] / sums[0].clamp(min=1e-12)).transpose(0, 1)


def watershed(maps: Maps, distance: int) -> Instances:
    """Markers at the deepest places of each category's mask, and a watershed from them, as scikit-image shows it."""
    from scipy.ndimage import distance_transform_edt, label
    from skimage.feature import peak_local_max
    from skimage.segmentation import watershed as flooded

    certain, kinds = enlarge(maps.scores[None], maps.stride, maps.size)[0].max(0)
    masks, categories, scores = [], [], []
    for kind in kinds[kinds > 0].unique().tolist():
        inside = (kinds == kind).numpy()
        depth = distance_transform_edt(inside)
        peaks = peak_local_max(
            depth, min_distance=distance, labels=label(inside)[0], exclude_border=False
        )  # (n, 2)
        markers = np.zeros(inside.shape, int)
        markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
        basins = torch.from_numpy(flooded(-depth, markers, mask=inside))
        for number in range(1, len(peaks) + 1):
            mask = basins == number
            if int(mask.sum()) >= 8:
                masks.append(mask)
                categories.append(kind)
                scores.append(certain[mask].mean())
    if not masks:
        return Instances.none(*maps.size)
    full = Masks.from_full(torch.stack(masks))
    return Instances(full, torch.tensor(categories), torch.stack(scores), full.boxes()).sorted()


def ways(distance: int) -> dict[str, Way]:
    """All ways of grouping that are compared."""
    first: dict[str, Any] = {"refined": False, "rule": "centre", "fine": False, "how": "certain"}
    found: dict[str, Way] = {
        "components": lambda maps: component_instances(maps.scores, maps.stride, maps.size),
        "watershed": lambda maps: watershed(maps, distance),
        "suppression": suppressed,
        "suppression, product": lambda maps: suppressed(maps, how="product"),
        "suppression at pixels": lambda maps: suppressed(at_pixels(maps)),
        "suppression at pixels, product": lambda maps: suppressed(at_pixels(maps), how="product"),
        "voting": lambda maps: group(maps, Voting()),
        "1 gather and peaks, nearest centre, cells": lambda maps: voted(maps, **first),
        "2 by the box": lambda maps: voted(maps, **first | {"rule": "box"}),
        "3 refined": lambda maps: voted(maps, **first | {"rule": "box", "refined": True}),
        "4 pixels": lambda maps: voted(maps, how="certain"),
        "5 product": voted,
        "without box": lambda maps: voted(maps, rule="centre"),
        "without refine": lambda maps: voted(maps, refined=False),
        "without pixels": lambda maps: voted(maps, fine=False),
        "without area": lambda maps: voted(maps, fair=False),
        "without smoothing": lambda maps: voted(maps, smooth=False),
    }
    for how in SCORES:
        found[f"score of suppression: {how}"] = lambda maps, how=how: suppressed(maps, how=how)
        found[f"score of voting: {how}"] = lambda maps, how=how: voted(maps, how=how)
    for top in (1, 2, 3):
        found[f"top {top}, suppression"] = lambda maps, top=top: suppressed(maps, Suppression(top=top))
        found[f"top {top}, voting"] = lambda maps, top=top: group(maps, Voting(top=top))
    for overlap, how in product(OVERLAPS, ("certain", "product")):
        found[f"overlap {overlap}, {how}"] = lambda maps, overlap=overlap, how=how: suppressed(
            maps, Suppression(overlap=overlap), how
        )
    return found


def figures(looks: list[Overlaps], classes: int) -> dict[str, float]:
    """AP^r, the recall at 0.5 and the masks a picture."""
    result = average_precision(looks, classes)
    column = result.thresholds.index(0.5)
    hits = sum(int(each[:, column].sum()) for each in result.hits)
    values = (
        result.ap_r[0.5],
        result.ap_r[0.7],
        result.ap_r_vol,
        hits / int(result.truths.sum()),
        float(np.mean([len(look.scores) for look in looks])),
    )
    return {name: round(float(value), 4) for name, value in zip(FIGURES, values)}


def looked(way: Way, maps: list[Maps], samples: list[Sample]) -> list[Overlaps]:
    """How what a way finds overlaps with the truth, picture by picture."""
    return [overlaps(at_size(way(each), s.instances.shape), s) for each, s in zip(maps, samples)]


def optimism(maps: list[Maps], samples: list[Sample], classes: int, draws: int) -> dict[str, Any]:
    """What AP^r at 0.5 becomes when thresholds are chosen on the pictures on which it is measured.

    Of so many pictures drawn at random one half chooses the setting of the suppression, the other half measures it;
    beside it the setting that the other half would have chosen for itself, and the default.
    """
    settings = [Suppression(overlap=a, mask_overlap=b) for a, b in product(OVERLAPS, MASK_OVERLAPS)]
    looks = [looked(lambda m, s=s: group(m, s), maps, samples) for s in settings]  # type: ignore[misc]
    default, report = settings.index(Suppression()), {}

    def measured(chosen: np.ndarray) -> np.ndarray:
        parts = [[each[k] for k in chosen] for each in looks]
        return np.array([average_precision(p, classes, "sds", [0.5]).ap_r[0.5] for p in parts])

    for count in (10, 30, 100):
        rng, rows = np.random.default_rng(0), []
        for _ in range(draws):
            drawn = rng.permutation(len(samples))[: 2 * count]
            held, test = measured(drawn[:count]), measured(drawn[count:])
            rows.append([test.max(), test[held.argmax()], test[default], held.max()])
        on_test, on_held, by_default, _ = np.transpose(rows)
        report[f"{count} pictures"] = {
            "chosen on the test": spread(on_test.tolist()) | {"each": []},
            "chosen on others": spread(on_held.tolist()) | {"each": []},
            "default": spread(by_default.tolist()) | {"each": []},
            "optimism": spread((on_test - on_held).tolist()) | {"each": []},
        }
    return {"settings": len(settings), "draws": draws, "by pictures": report}


def tuning_pictures(name: str) -> list[Sample]:
    """Pictures to choose the watershed's distance on, which are not measured on: scenes, or small nuclei."""
    if name != "nuclei":
        return [Scenes("train", 96, count=3100)[k] for k in range(3000, 3100)]
    learned = open_pictures("nuclei", "train")
    assert learned is not None
    some = [learned[k] for k in range(min(40, len(learned)))]
    return [sample for sample in some if sample.instances.size < 90_000][:20]


def study(name: str, given: Any) -> dict[str, Any]:
    """All figures of one network, from the scratch folder where they are."""
    kept = given.scratch / f"{name} {given.steps} {given.pictures} {given.draws}.json"
    if kept.exists():
        return dict(json.loads(kept.read_text("utf8")))
    if name == "nuclei":
        run, whole = load_run("nuclei"), open_pictures("nuclei", "val")
        assert whole is not None
        samples = [whole[k] for k in range(min(given.pictures, len(whole)))]
    else:
        if name == "scenes":
            run = load_run("scenes")
        else:
            recipe = dataclasses.replace(SCENES_FAST, name="scenes-counted", steps=given.steps)
            folder, seed = given.scratch / f"steps-{given.steps}-{name}", int(name.removeprefix("seed-"))
            learned = Scenes("train", 96, count=recipe.pictures.scenes)
            run = train_run(learned, folder, recipe, seed=seed, resume=True)
        samples = list(same_scenes())[: given.pictures]
    classes = len(run.categories)
    maps = [maps_of(run, sample) for sample in samples]
    tuned = tuning_pictures(name)
    tuned_maps = [maps_of(run, sample) for sample in tuned]
    volumes = [
        figures(looked(lambda m, d=d: watershed(m, d), tuned_maps, tuned), classes)["AP vol"]  # type: ignore[misc]
        for d in DISTANCES
    ]
    distance = DISTANCES[int(np.argmax(volumes))]
    found: dict[str, Any] = {"pictures": len(samples), "watershed's distance": distance, "ways": {}}
    for title, way in ways(distance).items():
        if name == "nuclei" and (
            "at pixels" in title or title.startswith(("overlap", "score of suppression"))
        ):
            continue  # of hundreds of thousands of pixels a suppression takes minutes
        found["ways"][title] = figures(looked(way, maps, samples), classes)
        print(f"{name}: {title}: {found['ways'][title]}", flush=True)
    if name != "nuclei":
        found["thresholds"] = optimism(maps, samples, classes, given.draws)
    write_text(kept, json.dumps(found))
    return found


def differences(networks: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """For each way how much its AP^r differs from that of our voting, network by network."""
    names = networks[0]["ways"]
    return {
        name: {
            figure: spread([each["ways"][name][figure] - each["ways"]["voting"][figure] for each in networks])
            for figure in FIGURES[:3]
        }
        for name in names
    }


def main() -> None:
    """Train what is not there yet, group, and publish."""
    parser = arguments(__doc__)
    parser.add_argument("--real", action="store_true", help="the nuclei, too, where they are at hand")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--scratch", type=Path, default=cache_folder() / "grouping-choices")
    given = parser.parse_args()
    given.scratch.mkdir(parents=True, exist_ok=True)
    real = " --real" if given.real else ""
    head = origin(f"python tests/benchmarks/grouping_choices.py --steps {given.steps}{real}")
    names = ["scenes", *(f"seed-{seed}" for seed in SEEDS)]
    networks = {name: study(name, given) for name in names}
    report: dict[str, Any] = head | {
        "steps": given.steps,
        "figures": list(FIGURES),
        "networks": networks,
        "minus voting": differences(list(networks.values())),
    }
    if given.real and open_pictures("nuclei", "val") is not None:
        report["nuclei"] = study("nuclei", given)
    publish("grouping-choices", report, given.store)


if __name__ == "__main__":
    main()
