"""Draws book/images/a_network_that_answers_at_every_pixel.png, the first picture of chapter 4; trains for seconds.

python book/images/a_network_that_answers_at_every_pixel.py
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F

from bridgeseg.data.scenes import CATEGORIES, Scenes
from bridgeseg.networks.preprocessing import normalise
from bridgeseg.networks.stack import STACK_STRIDE, stack
from bridgeseg.plots.label_maps import show_labels, show_picture
from bridgeseg.plots.style import panels
from bridgeseg.structures.cells import enlarge, sample_labels
from bridgeseg.structures.labels import VOID

OUT = Path(__file__).with_suffix(".png")
STEPS, BATCH, RATE = 300, 16, 0.1  # half as long as the chapter trains
SHOWN = (0, 40, STEPS)  # after so many steps
SCENE = 4


def answers() -> dict[int, np.ndarray]:
    """Train the network of thirty lines, and return what it says of the scene after some numbers of steps."""
    samples = list(Scenes("train", 96, 1000))
    pictures = torch.stack([torch.from_numpy(sample.picture) for sample in samples])
    labels = torch.stack([torch.from_numpy(sample.categories) for sample in samples])
    scene = torch.from_numpy(Scenes("val", 96)[SCENE].picture)[None]
    torch.manual_seed(0)
    network = stack(8, 24, len(CATEGORIES), shortcuts=False)
    optimiser = torch.optim.SGD(
        network.parameters(), RATE, momentum=0.9, weight_decay=1e-4
    )
    chance, found = torch.Generator().manual_seed(0), {}
    for step in range(STEPS + 1):
        if step in SHOWN:
            with torch.inference_mode():
                # By the statistics of the mini-batch: those that are kept lag behind in the first steps.
                logits = network(normalise(torch.cat([scene, pictures[:31]])))[:1]
            found[step] = enlarge(logits, STACK_STRIDE, (96, 96))[0].argmax(0).numpy()
        for group in optimiser.param_groups:
            group["lr"] = RATE * min((step + 1) / 20, 1 - step / (STEPS + 1))
        some = torch.randint(len(pictures), (BATCH,), generator=chance)
        wanted = sample_labels(labels[some], STACK_STRIDE).long()
        loss = F.cross_entropy(
            network(normalise(pictures[some])), wanted, ignore_index=VOID
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return found


def draw() -> plt.Figure:
    """Draw the scene, three answers and the truth."""
    sample = Scenes("val", 96)[SCENE]
    drawings = [("a scene", partial(show_picture, sample.picture))]
    for steps, answer in answers().items():
        drawings.append(
            (f"after {steps} steps", partial(show_labels, answer, palette="clear"))
        )
    drawings.append(
        ("the truth", partial(show_labels, sample.categories, palette="clear"))
    )
    return panels(drawings, side=2.3)


def main() -> None:
    """Draw and write the picture."""
    matplotlib.use("agg")
    figure = draw()
    figure.savefig(OUT, dpi=100)
    print(f"{OUT.name}: {OUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
