"""What each choice about the box at every pixel brings: `python tests/benchmarks/box_choices.py`.

A network of eighteen layers with shortcuts learns the box of every pixel on a thousand scenes, with the package's
encoding, smooth L1 and weight by size, and with a last layer that begins near zero, as the package's do. Then one
choice at a time is another: the encoding, the beginning, the loss, the power of the weight, which pixels count.
Steps, batches and first weights are the same for all of one seed; an encoding takes the better of two rates, tried
with the first seed on the scenes that are reported.

Trainings that are finished stand in `--scratch`, so a study that was interrupted goes on where it was.

Prints JSON: for each choice, over its seeds, on 200 unseen scenes: the IoU of a pixel's box with the true one, its mean
over pixels and over objects, over small, middling and large objects, and near the centre and far from it; at a border
between two objects of one category, the share of the answers near the own box, near the neighbour's and between; and
AP^r with the true categories in place of a category network, grouped by the paper's suppression and by our voting.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from stored_result import arguments, origin, place_of, publish, spread
from torch import Tensor, nn
from torchvision.ops import generalized_box_iou_loss
from training_choices import ALL, CHANGED, groups_of, remembered

from bridgeseg.data.scene_shapes import CATEGORIES
from bridgeseg.data.scenes import Scenes
from bridgeseg.grouping.suppression import Suppression
from bridgeseg.grouping.voting import Voting
from bridgeseg.losses.box_loss import size_weights
from bridgeseg.losses.hard_pixels import hard_pixels, mean_over
from bridgeseg.machine.environment import cache_folder, device
from bridgeseg.measures.average_precision import average_precision
from bridgeseg.measures.mask_iou import overlaps
from bridgeseg.networks.preprocessing import normalise
from bridgeseg.networks.stack import STACK_STRIDE, stack
from bridgeseg.structures.box_encodings import decode_sides, encode_sides
from bridgeseg.structures.boxes import box_targets, decode, encode, iou
from bridgeseg.structures.cells import cell_centres, sample_labels
from bridgeseg.structures.labels import VOID, Sample
from bridgeseg.system.oracles import true_scores
from bridgeseg.system.prediction import Maps, group
from bridgeseg.system.recipe import OptimiserRecipe
from bridgeseg.training.mini_batches import Batches
from bridgeseg.training.optimiser import make_optimiser, rate_at, set_rate
from bridgeseg.training.store import Store, load

LAYERS, WIDTH, SIDE, SCALE, BETA = 18, 24, 96, 24.0, 0.1
RECIPE = dataclasses.replace(ALL, kind="adamw", rate=3e-3, decay=0.02)
RATES = (1e-2, 3e-2)
LOUD_RATE = 3e-2  # the best of 0.001, 0.003, 0.01 and 0.03 for all of those that begin loud
QUIET = 1 / 24  # as the package's last layers begin: near zero
SMALL, LARGE = (
    26.7,
    32.5,
)  # pixels, the root of the area of a box: a third of the objects lie below, and above
FAR = 0.35  # of the box's diagonal, from its centre


class Encoding(NamedTuple):
    """How boxes become four numbers, and back; what one of the numbers counts, for smooth L1's beta."""

    to: Callable[[Tensor], Tensor]
    back: Callable[[Tensor], Tensor]
    beta: float = BETA


def centred(boxes: Tensor, scale: float) -> Tensor:
    """Offset to the centre, height and width, all over a scale."""
    x0, y0, x1, y1 = boxes.unbind(1)
    x, y = cell_centres(boxes.shape[2], boxes.shape[3], STACK_STRIDE, boxes.device)
    return torch.stack([(x0 + x1) / 2 - x, (y0 + y1) / 2 - y, y1 - y0, x1 - x0], 1) / scale


def uncentred(encoded: Tensor, scale: float) -> Tensor:
    """The inverse; a negative size is none."""
    dx, dy, height, width = (encoded.float() * scale).unbind(1)
    x, y = cell_centres(encoded.shape[2], encoded.shape[3], STACK_STRIDE, encoded.device)
    x, y, height, width = x + dx, y + dy, height.clamp(min=0) / 2, width.clamp(min=0) / 2
    return torch.stack([x - width, y - height, x + width, y + height], 1)


AT: dict[str, Any] = {"stride": STACK_STRIDE, "scale": SCALE}
ENCODINGS = {
    "log": Encoding(partial(encode, **AT), partial(decode, **AT)),
    "raw pixels": Encoding(partial(centred, scale=1.0), partial(uncentred, scale=1.0), BETA * SCALE),
    "over a scale": Encoding(partial(centred, scale=SCALE), partial(uncentred, scale=SCALE)),
    "four sides": Encoding(partial(encode_sides, **AT), partial(decode_sides, **AT)),
}


@dataclass(frozen=True)
class Choice:
    """One training: what is regressed, what it costs, how much an object counts, which pixels are kept.

    keep: "all"; "iou" or "loss": the hardest by it; "chance": any. share: of the pixels with an instance
    begins: the weights of the last layer at the beginning, over PyTorch's
    """

    encoding: str = "log"
    loss: str = "smooth L1"
    power: float = 0.5
    keep: str = "all"
    share: float = 0.5
    rate: float = RECIPE.rate
    begins: float = QUIET


def choices(rates: dict[str, float]) -> dict[str, Choice]:
    """All trainings that are compared, the package's first."""
    rate, found = rates["log"], {"the package's": Choice(rate=rates["log"])}
    found |= {name: Choice(name, rate=rates[name]) for name in ENCODINGS if name != "log"}
    for name in ENCODINGS:
        said = "the package's" if name == "log" else name
        found[f"{said}, loud beginning"] = Choice(name, rate=LOUD_RATE, begins=1.0)
    found |= {loss: Choice(loss=loss, rate=rate) for loss in ("L1", "L2", "GIoU")}
    found["four sides, GIoU"] = Choice("four sides", "GIoU", rate=rates["four sides"])
    found |= {f"power {power:g}": Choice(power=power, rate=rate) for power in (0.0, 1.0)}
    found |= {f"hardest half by {keep}": Choice(keep=keep, rate=rate) for keep in ("iou", "loss")}
    return found | {"half by chance": Choice(keep="chance", rate=rate)}


class Size(NamedTuple):
    """How much is learned, and measured: mini-batches of 16, scenes to learn, unseen scenes."""

    steps: int
    scenes: int
    pictures: int


def pixel_losses(answer: Tensor, boxes: Tensor, choice: Choice) -> tuple[Tensor, Tensor]:
    """The loss of every pixel (N, h, w), and the boxes that were answered (N, 4, h, w)."""
    encoding = ENCODINGS[choice.encoding]
    found = encoding.back(answer)
    if choice.loss == "GIoU":
        corners = found.movedim(1, -1), boxes.movedim(1, -1)  # (N, h, w, 4) each
        return generalized_box_iou_loss(*corners, reduction="none"), found
    wanted = encoding.to(boxes)
    if choice.loss == "L2":
        return (answer.float() - wanted).square().sum(1), found
    beta = encoding.beta if choice.loss == "smooth L1" else 0.0
    values = F.smooth_l1_loss(answer.float(), wanted, reduction="none", beta=beta).sum(1)
    return values / (encoding.beta / BETA), found


def box_loss(answer: Tensor, boxes: Tensor, present: Tensor, choice: Choice) -> Tensor:
    """The loss of a mini-batch."""
    values, found = pixel_losses(answer, boxes, choice)
    values = values * size_weights(boxes, SCALE, choice.power)
    kept, count = present, max(1, int(choice.share * int(present.sum())))
    if choice.keep == "iou":
        kept, _ = hard_pixels(iou(found.detach(), boxes, dim=1), present, exactly=count)
    elif choice.keep == "loss":
        kept, _ = hard_pixels(-values, present, exactly=count)
    elif choice.keep == "chance":
        kept, _ = hard_pixels(torch.rand_like(values), present, exactly=count)
    return mean_over(values, kept)


def targets_of(categories: Tensor, instances: Tensor) -> tuple[Tensor, Tensor]:
    """The true boxes and where there are any; void has none. Elsewhere a box of one pixel, which is finite."""
    boxes, present = box_targets(instances, STACK_STRIDE)
    present &= sample_labels(categories, STACK_STRIDE) != VOID
    unit = torch.tensor([0.0, 0.0, 1.0, 1.0], device=boxes.device)[None, :, None, None]
    return torch.where(present[:, None], boxes, unit), present


def train(choice: Choice, store: Store, steps: int, seed: int, recipe: OptimiserRecipe = RECIPE) -> nn.Module:
    """Return a trained network of four numbers a cell."""
    torch.manual_seed(seed)
    network = stack(LAYERS, WIDTH, 4).train()
    with torch.no_grad():
        for weights in network[-1].parameters():
            weights *= choice.begins
    network.to(device())
    optimiser = make_optimiser(groups_of(network, recipe.decay), recipe)
    batches = Batches(store, CHANGED, batch=recipe.batch, seed=seed)
    for step in range(steps):
        set_rate(optimiser, choice.rate * rate_at(step / steps, recipe.warm_up, recipe.power))
        batch = batches(step)
        boxes, present = targets_of(batch.categories, batch.instances)
        optimiser.zero_grad(set_to_none=True)
        box_loss(network(normalise(batch.pictures)), boxes, present, choice).backward()
        nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
        optimiser.step()
    return network.eval()


def of_objects(found: Tensor, sample: Sample) -> list[tuple[float, float, float, float]]:
    """Of each object: the root of its box's area, the mean IoU of its pixels' boxes, near its centre, and far."""
    instances = sample_labels(torch.from_numpy(sample.instances), STACK_STRIDE)
    boxes, present = targets_of(
        torch.from_numpy(sample.categories)[None], torch.from_numpy(sample.instances)[None]
    )
    overlap = iou(found[None], boxes, dim=1)[0]
    x, y = cell_centres(*instances.shape, STACK_STRIDE)
    x0, y0, x1, y1 = boxes[0]
    away = torch.hypot(x - (x0 + x1) / 2, y - (y0 + y1) / 2) / torch.hypot(x1 - x0, y1 - y0)
    rows = []
    for number in instances[present[0]].unique():
        own = (instances == number) & present[0]
        size = float(((x1 - x0) * (y1 - y0))[own][0]) ** 0.5
        near, far = overlap[own & (away < FAR)], overlap[own & (away >= FAR)]
        rows.append((size, float(overlap[own].mean()), float(near.mean()), float(far.mean())))
    return rows


def between(found: Tensor, sample: Sample) -> Tensor:
    """Where the answers at a border lie: 0 at the own box, 1 at that of the neighbour on the right, of one category.

    found: (4, h, w) boxes
    returns: (k,), one for each cell beside such a neighbour
    """
    cells = sample_labels(torch.from_numpy(sample.instances), STACK_STRIDE)
    kinds = sample_labels(torch.from_numpy(sample.categories), STACK_STRIDE)
    truth = box_targets(torch.from_numpy(sample.instances)[None], STACK_STRIDE)[0][0]  # (4, h, w)
    left, right = cells[:, :-1], cells[:, 1:]
    beside = (left > 0) & (right > 0) & (left != right) & (kinds[:, :-1] == kinds[:, 1:])
    own, other = truth[:, :, :-1][:, beside], truth[:, :, 1:][:, beside]  # (4, k) each
    way = other - own
    return ((found[:, :, :-1][:, beside] - own) * way).sum(0) / way.square().sum(0)


def mean_of(values: list[float]) -> float:
    """The mean of those that are there: an object may have no pixel far from its centre."""
    there = [value for value in values if value == value]
    return sum(there) / max(len(there), 1)


@torch.inference_mode()
def measured(network: nn.Module, encoding: Encoding, count: int) -> dict[str, float]:
    """Return all figures of a network on unseen scenes."""
    scenes, rows, pixels, doubts = Scenes("val", SIDE, count), [], [], []
    groupings = {"suppression": Suppression(), "voting": Voting()}
    answers: dict[str, list[Any]] = {name: [] for name in groupings}
    for index in range(count):
        sample = scenes[index]
        answer = network(normalise(torch.from_numpy(sample.picture)[None].to(device())))
        found = encoding.back(answer)[0].cpu()
        truth, present = targets_of(
            torch.from_numpy(sample.categories)[None], torch.from_numpy(sample.instances)[None]
        )
        pixels.append(iou(found[None], truth, dim=1)[present])
        rows += of_objects(found, sample)
        doubts.append(between(found, sample))
        maps = Maps(true_scores(sample, len(CATEGORIES), STACK_STRIDE), found, STACK_STRIDE, (SIDE, SIDE))
        for name, settings in groupings.items():
            answers[name].append(overlaps(group(maps, settings), sample))
    every, t = torch.cat(pixels), torch.cat(doubts)
    figures = {
        "IoU of a pixel": float(every.mean()),
        "pixels above 0.5": float((every > 0.5).float().mean()),
        "IoU of an object": mean_of([row[1] for row in rows]),
        "small objects": mean_of([row[1] for row in rows if row[0] < SMALL]),
        "middling objects": mean_of([row[1] for row in rows if SMALL <= row[0] < LARGE]),
        "large objects": mean_of([row[1] for row in rows if row[0] >= LARGE]),
        "near the centre": mean_of([row[2] for row in rows]),
        "far from it": mean_of([row[3] for row in rows]),
        "border: own": float((t < 0.25).float().mean()),
        "border: between": float(((t >= 0.25) & (t <= 0.75)).float().mean()),
        "border: the neighbour's": float((t > 0.75).float().mean()),
    }
    for name, found in answers.items():
        result = average_precision(found, len(CATEGORIES))
        figures |= {f"{name} {t}": result.ap_r[t] for t in (0.5, 0.7)} | {f"{name} vol": result.ap_r_vol}
    return {name: float(value) for name, value in figures.items()}


@cache
def learned(scenes: int) -> Store:
    """The scenes that are learned; each process draws them once."""
    return load(Scenes("train", SIDE, scenes), range(scenes), device=device())


def run(name: str, choice: Choice, seed: int, size: Size, scratch: Path) -> dict[str, float]:
    """Train and measure one choice, or read what came out when that was done."""
    torch.set_num_threads(1)
    fixed = {
        "layers": LAYERS,
        "width": WIDTH,
        "side": SIDE,
        "scale": SCALE,
        "beta": BETA,
        "recipe": asdict(RECIPE),
    }
    told = asdict(choice) | {"seed": seed, "borders": 1} | size._asdict() | fixed

    def made() -> dict[str, float]:
        network = train(choice, learned(size.scenes), size.steps, seed)
        return measured(network, ENCODINGS[choice.encoding], size.pictures)

    return remembered(f"seed {seed}, {name}", told, scratch, made)


def main() -> None:
    """Train what is not there yet, and publish."""
    parser = arguments(__doc__)
    parser.add_argument("--steps", type=int, default=400, help="of mini-batches of 16")
    parser.add_argument("--scenes", type=int, default=1000, help="that are learned")
    parser.add_argument("--pictures", type=int, default=200, help="unseen scenes to measure on")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2, help="trainings at a time, one thread each")
    parser.add_argument("--scratch", type=Path, default=cache_folder() / "box-choices")
    given = parser.parse_args()
    given.scratch.mkdir(parents=True, exist_ok=True)
    head = origin(f"python tests/benchmarks/box_choices.py --steps {given.steps} --seeds {given.seeds}")
    head |= {"threads": 1, "side by side": given.workers}
    size = Size(given.steps, given.scenes, given.pictures)
    with ProcessPoolExecutor(given.workers, get_context("spawn")) as pool:
        ask = partial(pool.submit, run, size=size, scratch=given.scratch)
        trials = {
            (name, rate): ask(f"{name} at {rate:g}", Choice(name, rate=rate), 0)
            for name in ENCODINGS
            for rate in RATES
        }
        tried = {
            name: {rate: trials[name, rate].result()["IoU of an object"] for rate in RATES}
            for name in ENCODINGS
        }
        rates = {name: max(found, key=lambda rate: found[rate]) for name, found in tried.items()}
        print(f"rates: {tried}", file=sys.stderr, flush=True)
        asked = {
            (name, seed): ask(name, choice, seed)
            for seed in range(given.seeds)
            for name, choice in choices(rates).items()
        }
        found = {name: [asked[name, seed].result() for seed in range(given.seeds)] for name in choices(rates)}
    report = {
        name: {figure: spread([each[figure] for each in runs]) for figure in runs[0]}
        | {
            "AP^r vol by voting, against the package's": spread(
                [each["voting vol"] - own["voting vol"] for each, own in zip(runs, found["the package's"])]
            )
        }
        for name, runs in found.items()
    }
    about = size._asdict() | {"seeds": given.seeds, "rates tried": tried}
    publish("box-choices", head | place_of(given.scratch) | about | {"choices": report}, given.store)


if __name__ == "__main__":
    main()
