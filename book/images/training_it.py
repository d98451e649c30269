"""Draws book/images/training_it.png, the first picture of chapter 6, from the stored curves.

python book/images/training_it.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from bridgeseg.plots.style import INK, LINES, style
from bridgeseg.teaching.stored_results import stored_result

OUT = Path(__file__).with_suffix(".png")


def show_curve(ax: Axes, curve: dict[str, list[Any]], steps: int, every: int) -> None:
    """Draw both losses of a training; what is no number is left out."""
    own, other = (np.array(curve[name], float) for name in ("learned", "unseen"))
    ax.plot(own, color=LINES[0], linewidth=0.9)
    places = np.arange(1, len(other) + 1) * every
    ax.plot(places, other, color=LINES[1], linewidth=1.8)
    end = int(np.isfinite(own).sum())
    if end < len(own):
        ax.plot(end - 1, own[end - 1], "x", color=INK, markersize=8, markeredgewidth=2)
    ax.set(xlim=(-5, steps + 5), ylim=(0.0, 2.0), xticks=[], yticks=[])


@style()
def main() -> None:
    """Draw the healthy training large, and beside it those with a fault."""
    study = stored_result("six-faults")
    assert study is not None
    figure = plt.figure(figsize=(8.4, 3.6), layout="constrained")
    grid = figure.add_gridspec(2, 5)
    places = [
        grid[:, :2],
        *(grid[row, column] for row in (0, 1) for column in (2, 3, 4)),
    ]
    for place, (name, curve) in zip(places, study["curves"].items(), strict=True):
        ax = figure.add_subplot(place)
        show_curve(ax, curve, study["steps"], study["asked every"])
        if name == "none":
            ax.set(xlabel="step", ylabel="loss")
            ax.text(20, 1.75, "learned", color=LINES[0], fontsize=12)
            ax.text(120, 0.75, "unseen", color=LINES[1], fontsize=12)
    figure.savefig(OUT)
    plt.close(figure)


if __name__ == "__main__":
    matplotlib.use("agg")
    main()
