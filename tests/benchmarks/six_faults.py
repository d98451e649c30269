"""Loss curves with six faults, and one without: `python tests/benchmarks/six_faults.py`.

The first network of chapter 4, eight layers, learns a few scenes, seven times: as it should, and with one fault each.

- rate too high: thirty times the rate
- labels moved: in training, each label map lies a sixth of a picture to the right of its picture
- batches of one kind: the scenes come by the category of most of their pixels, twelve mini-batches in a row of one,
  then twelve of the next, and so on
- frozen by mistake: the last layer alone learns
- leak: the scenes called unseen are some of those that are learned
- not a number: the loss takes the logarithm of a probability that was rounded to float16, in which small ones are 0

Stored are the loss of each step, and every so often the loss on scenes called unseen, with the network in evaluation
mode. What is not a number is stored as null.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from depth import drawn
from stored_result import arguments, origin, publish
from torch import Tensor, nn

from bridgeseg.data.scene_shapes import CATEGORIES
from bridgeseg.networks.preprocessing import normalise
from bridgeseg.networks.stack import STACK_STRIDE, stack
from bridgeseg.structures.cells import sample_labels
from bridgeseg.structures.labels import VOID
from bridgeseg.training.augmentation import orders
from bridgeseg.training.optimiser import rate_at

FAULTS = (
    "none",
    "rate too high",
    "labels moved",
    "batches of one kind",
    "frozen by mistake",
    "leak",
    "not a number",
)
WIDTH, BATCH, RATE, MOMENTUM, DECAY = 24, 16, 0.1, 0.9, 1e-4
WARM_UP, POWER = 0.05, 0.9
TOO_HIGH = 30  # times the rate
MOVED = 16  # pixels of 96
IN_A_ROW = 12  # mini-batches of one kind
ASKED_EVERY = 10  # steps

Pictures = tuple[Tensor, Tensor]


def loss_of(logits: Tensor, categories: Tensor) -> Tensor:
    """Return the cross-entropy at the cells of the network, void left out."""
    wanted = sample_labels(categories, STACK_STRIDE).long()
    return F.cross_entropy(logits, wanted, ignore_index=VOID)


def in_float16(logits: Tensor, categories: Tensor) -> Tensor:
    """Return the same where probabilities are rounded to float16 before the logarithm is taken."""
    wanted = sample_labels(categories, STACK_STRIDE).long()
    p = logits.softmax(1)
    return F.nll_loss((p + (p.half().float() - p).detach()).log(), wanted, ignore_index=VOID)


def by_kind(categories: Tensor, steps: int, seed: int) -> np.ndarray:
    """Return an order in which scenes come by the category of most of their pixels, background left out."""
    shapes = range(1, len(CATEGORIES))
    counts = torch.stack([(categories == category).sum((1, 2)) for category in shapes], 1)
    kind, rng = counts.argmax(1).numpy(), np.random.default_rng(seed)
    parts = [np.flatnonzero(kind == number) for number in np.unique(kind)]
    return np.concatenate([rng.choice(parts[step // IN_A_ROW % len(parts)], BATCH) for step in range(steps)])


def curve(
    fault: str, learned: Pictures, unseen: Pictures, steps: int, seed: int
) -> dict[str, list[float | None]]:
    """Train once, with a fault; return the losses of all steps, and those on the scenes called unseen."""
    torch.manual_seed(seed)
    network = stack(8, WIDTH, len(CATEGORIES), shortcuts=False).train()
    if fault == "frozen by mistake":
        network[:-1].requires_grad_(False)
    if fault == "leak":
        unseen = learned[0][: len(unseen[0])], learned[1][: len(unseen[1])]
    if fault == "labels moved":
        learned = learned[0], learned[1].roll(MOVED, 2)
    order = orders(seed, 0, steps * BATCH, len(learned[0]))
    if fault == "batches of one kind":
        order = by_kind(learned[1], steps, seed)
    loss: Callable[[Tensor, Tensor], Tensor] = in_float16 if fault == "not a number" else loss_of
    rate = RATE * (TOO_HIGH if fault == "rate too high" else 1)
    weights = [each for each in network.parameters() if each.requires_grad]
    optimiser = torch.optim.SGD(weights, rate, momentum=MOMENTUM, weight_decay=DECAY)
    told: dict[str, list[float | None]] = {"learned": [], "unseen": []}
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = rate * rate_at(step / steps, WARM_UP, POWER)
        some = torch.from_numpy(order[step * BATCH : (step + 1) * BATCH])
        found = loss(network(normalise(learned[0][some])), learned[1][some])
        optimiser.zero_grad()
        found.backward()
        optimiser.step()
        told["learned"].append(figure(found))
        if step % ASKED_EVERY == ASKED_EVERY - 1:
            told["unseen"].append(asked(network, unseen))
    return told


@torch.inference_mode()
def asked(network: nn.Module, unseen: Pictures) -> float | None:
    """Return the loss on scenes, in evaluation mode."""
    network.eval()
    logits = torch.cat([network(normalise(some)) for some in unseen[0].split(20)])
    network.train()
    return figure(loss_of(logits, unseen[1]))


def figure(value: Tensor) -> float | None:
    """Return a number to be stored; None where it is none."""
    found = float(value.detach())
    return round(found, 4) if math.isfinite(found) else None


def main() -> None:
    """Train seven times, and publish."""
    parser = arguments(__doc__)
    parser.add_argument("--steps", type=int, default=240)
    parser.add_argument("--scenes", type=int, default=48, help="that are learned")
    parser.add_argument("--pictures", type=int, default=48, help="unseen scenes to measure on")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    learned, unseen = drawn("train", given.scenes), drawn("val", given.pictures)
    curves = {}
    for fault in FAULTS:
        began = time.monotonic()
        curves[fault] = curve(fault, learned, unseen, given.steps, given.seed)
        last = curves[fault]["learned"][-1], *curves[fault]["unseen"][-1:]
        print(f"{fault}: {last}, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    about = {"steps": given.steps, "scenes": given.scenes, "asked every": ASKED_EVERY}
    publish("six-faults", origin(seed=given.seed) | about | {"curves": curves}, given.store)


if __name__ == "__main__":
    main()
