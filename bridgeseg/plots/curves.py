"""Curves: how a training went, and what precision a ranking has at every recall.

Built in chapter 6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from bridgeseg.measures.average_precision import AveragePrecision, precision_recall
from bridgeseg.plots.style import LINES, new_axes, style
from bridgeseg.structures.preconditions import expect_arrays

_DASHES = ("-", "--", ":", "-.")  # a second way to tell lines apart


@style()
def show_loss(
    log: Sequence[Mapping[str, float]],
    ax: Axes | None = None,
    *,
    key: str = "loss",
    label: str | None = None,
    window: int | None = None,
) -> Axes:
    """Show how a figure of the training log went: every entry faintly, and their running mean.

    log: entries with "step" and the figure; those without the figure are passed over
    ax: where to draw; None makes new axes
    key: the figure's name in the log
    label: the line's name; with it, a legend. Call again on the same axes for a second line
    window: entries in the running mean; None takes a thirtieth of them
    returns: the axes
    raises: ValueError when no entry has the figure

    Example:
        >>> from matplotlib.figure import Figure
        >>> log = [{"step": 0, "loss": 4.0}, {"step": 1, "loss": 2.0}, {"step": 2, "loss": 3.0}]
        >>> ax = show_loss(log, Figure().subplots(), window=3)
        >>> ax.lines[-1].get_ydata().tolist()  # means of two, three and two
        [3.0, 3.0, 2.5]

    Built in chapter 6.
    """
    step, values = series(log, key)
    ax = new_axes(ax, 4.8, 3.0)
    number = len([line for line in ax.lines if line.get_gid() == "mean"])
    colour, dash = LINES[number % len(LINES)], _DASHES[number // len(LINES) % len(_DASHES)]
    window = max(1, round(len(values) / 30)) if window is None else window
    if window > 1:
        ax.plot(step, values, color=colour, alpha=0.25, linewidth=0.8)
    mean = running_mean(values, window)
    ax.plot(step, mean, dash, color=colour, label=label, gid="mean")
    ax.set(xlabel="step", ylabel=key)
    if label is not None:
        ax.legend()
    return ax


@style()
def show_kept(
    log: Sequence[Mapping[str, float]], ax: Axes | None = None, *, label: str | None = None
) -> Axes:
    """Show which share of the pixels online bootstrapping kept, on a scale from 0 to 100 %.

    log: entries with "step" and "kept", 0…1; those without "kept" are passed over
    ax: where to draw; None makes new axes
    label: the line's name; with it, a legend
    returns: the axes
    raises: ValueError when no entry has "kept"

    Built in chapter 7.
    """
    ax = show_loss(log, ax, key="kept", label=label)
    ax.set(ylabel="pixels kept", ylim=(0, 1))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    return ax


@style()
def show_precision_recall(
    result: AveragePrecision,
    ax: Axes | None = None,
    *,
    names: Sequence[str] | None = None,
    threshold: float = 0.5,
    categories: Sequence[int] | None = None,
) -> Axes:
    """Show precision over recall for every category, and the envelope whose area is the average precision.

    result: from `bridgeseg.measures.average_precision`
    ax: where to draw; None makes new axes
    names: of the categories, the background first
    threshold: of IoU, one of the result's
    categories: 1…C, those to show, in this order; None shows all
    returns: the axes
    raises: ValueError for a threshold that the result does not have

    Built in chapter 10.
    """
    if threshold not in result.thresholds:
        raise ValueError(f"threshold is {threshold}, expected one of {result.thresholds}")
    column = result.thresholds.index(threshold)
    ax = new_axes(ax, 4.4, 3.6)
    drawn = 0
    for category in range(1, len(result.truths) + 1) if categories is None else categories:
        truths = int(result.truths[category - 1])
        if not truths:
            continue
        recall, precision, envelope = precision_recall(result.hits[category - 1][:, column], truths)
        colour, dash = LINES[drawn % len(LINES)], _DASHES[drawn // len(LINES) % len(_DASHES)]
        name = f"category {category}" if names is None else names[category]
        ax.plot(recall, precision, color=colour, alpha=0.3, linewidth=0.8)
        # At every recall, the best precision that is left from there on; nothing beyond the last.
        first, last = (envelope[0], recall[-1]) if len(recall) else (0.0, 0.0)
        ax.step(
            np.concatenate([[0.0], recall, [last]]),  # (n + 2,), as the line below
            np.concatenate([[first], envelope, [0.0]]),
            dash,
            where="pre",
            color=colour,
            label=f"{name} {result.ap[category - 1, column]:.2f}",
        )
        drawn += 1
    ax.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02))
    if drawn:
        ax.legend(title=f"AP at IoU {threshold:g}", loc="lower left", alignment="left")
    return ax


def series(log: Sequence[Mapping[str, float]], key: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the steps and the values of a figure of a training log.

    log: entries with "step" and the figure; those without the figure are passed over
    key: the figure's name in the log
    returns: steps and values, (n,) float64 each
    raises: ValueError when no entry has the figure

    Built in chapter 6.
    """
    entries = [(entry["step"], entry[key]) for entry in log if key in entry]
    if not entries:
        raise ValueError(f"log: no entry among {len(log)} has {key!r}")
    step, values = np.array(entries, np.float64).T  # from (n, 2) to (n,) each
    return step, values


def running_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Return the mean of the values round each, over fewer where the ends are near.

    values: (n,) float
    window: how many; an even number counts one more before than after
    returns: (n,) float64
    raises: ValueError for a window below 1

    Example:
        >>> running_mean(np.array([4.0, 2.0, 3.0]), 3).tolist()
        [3.0, 3.0, 2.5]

    Built in chapter 6.
    """
    expect_arrays(values=(values, "(n,) float or integer"))
    if window < 1:
        raise ValueError(f"window is {window}, expected 1 or more")
    total = np.concatenate([[0.0], np.cumsum(values)])  # (n + 1,)
    place = np.arange(len(values))
    first, end = np.maximum(place - window // 2, 0), np.minimum(place + (window + 1) // 2, len(values))
    return (total[end] - total[first]) / (end - first)
