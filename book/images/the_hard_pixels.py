"""Draws book/images/the_hard_pixels.png, the first picture of chapter 7; trains for a quarter of a minute.

python book/images/the_hard_pixels.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes

from bridgeseg.data.scenes import CATEGORIES, Scenes
from bridgeseg.losses.hard_pixels import bootstrapped_cross_entropy
from bridgeseg.networks.preprocessing import normalise
from bridgeseg.networks.stack import STACK_STRIDE, stack
from bridgeseg.plots.style import LINES, panels
from bridgeseg.structures.cells import sample_labels
from bridgeseg.structures.labels import VOID

OUT = Path(__file__).with_suffix(".png")
STEPS, BATCH, RATE, THRESHOLD, FLOOR = 500, 16, 0.1, 0.6, 512
SHOWN = (20, 50, 150, STEPS)  # after so many steps
SCENE = 4


def hard_cells() -> dict[int, np.ndarray]:
    """Train on the hard cells; return which cells of the scene are hard after some numbers of steps, (24, 24) bool."""
    scenes = [Scenes("train", 96)[index] for index in range(1000)]
    pictures = torch.from_numpy(np.stack([scene.picture for scene in scenes]))
    labels = torch.from_numpy(np.stack([scene.categories for scene in scenes]))
    labels = sample_labels(labels, STACK_STRIDE)
    sample = Scenes("val", 96)[SCENE]
    truth = sample_labels(torch.from_numpy(sample.categories), STACK_STRIDE)
    torch.manual_seed(0)
    network = stack(10, 24, len(CATEGORIES))
    optimiser = torch.optim.SGD(
        network.parameters(), RATE, momentum=0.9, weight_decay=1e-4
    )
    chance, found = torch.Generator().manual_seed(0), {}
    for step in range(STEPS):
        for group in optimiser.param_groups:
            group["lr"] = RATE * min((step + 1) / 20, 1 - step / STEPS)
        some = torch.randint(len(pictures), (BATCH,), generator=chance)
        logits = network.train()(normalise(pictures[some]))
        loss, *_ = bootstrapped_cross_entropy(logits, labels[some], THRESHOLD, FLOOR)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step + 1 in SHOWN:
            with torch.inference_mode():
                logits = network.eval()(
                    normalise(torch.from_numpy(sample.picture)[None])
                )
            entropy = F.cross_entropy(
                logits, truth[None].long(), ignore_index=VOID, reduction="none"
            )
            found[step + 1] = ((-entropy).exp() < THRESHOLD)[0].numpy()
    return found


def lay(picture: np.ndarray, hard: np.ndarray, ax: Axes) -> None:
    """Draw the scene in grey, its hard cells orange."""
    grey = picture.mean(-1, keepdims=True).repeat(3, -1) / 255 * 0.6 + 0.3
    cells = hard.repeat(STACK_STRIDE, 0).repeat(STACK_STRIDE, 1)
    orange = np.array(matplotlib.colors.to_rgb(LINES[4]))
    grey[cells] = 0.25 * grey[cells] + 0.75 * orange
    ax.imshow(grey, interpolation="nearest")
    ax.set_axis_off()


def draw() -> plt.Figure:
    """Draw the scene at four moments of the training."""
    picture = Scenes("val", 96)[SCENE].picture
    return panels(
        [
            (f"step {step}", lambda ax, hard=hard: lay(picture, hard, ax))
            for step, hard in hard_cells().items()
        ],
        side=2.5,
    )


def main() -> None:
    """Draw and write the picture."""
    matplotlib.use("agg")
    draw().savefig(OUT, dpi=100)


if __name__ == "__main__":
    main()
