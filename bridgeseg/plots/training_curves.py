"""How a training went, on one sheet: the losses, the share of pixels kept and the learning rate over the steps.

Built in chapter 6.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, PercentFormatter

from bridgeseg.plots.curves import show_loss
from bridgeseg.plots.style import LINES, style
from bridgeseg.structures.labels import as_array

# What a log calls its figures, what a reader is told, and the colour, which is one thing's in every panel.
LOSSES = {"loss": "all together", "category_loss": "categories", "box_loss": "boxes"}
KEPT = {"kept": "categories", "box_kept": "boxes"}
COLOURS = {name: LINES[place] for place, name in enumerate(LOSSES.values())}
WIDTH, DPI = 6.6, 160  # inches; 1056 pixels, which can still be read at 600
STEEP = 10.0  # a loss that falls by such a factor is drawn on a logarithmic axis
SMOOTH = 20  # a running mean is over such a part of the entries, and over three at least


@style()
def show_training(log: Sequence[Mapping[str, Any]]) -> Figure:
    """Show the log of a training: for each network a column with its losses, what share was kept, and its rate.

    log: entries with "network", "step", "seconds", "rate", "loss", the parts of the loss, and "kept" and "box_kept"
        where pixels were chosen
    returns: a figure of its own, which pyplot does not know and nobody need close
    raises: ValueError without an entry

    Faint lines are single mini-batches, strong ones their running mean. Figures that are not finite are left out, and
    the heading says how many. Where hard pixels were never chosen, all shares being 1, there is no panel for them.
    Built in chapter 6.
    """
    if not log:
        raise ValueError("log: no entry, expected at least one")
    columns = {name: [line for line in log if line["network"] == name] for name in _in_order(log)}
    kept = any(line.get(key, 1.0) < 1 for line in log for key in KEPT)
    heights = [2.0, 1.0, 1.0] if kept else [2.0, 1.0]
    figure = Figure(figsize=(WIDTH, 1.5 + 1.15 * sum(heights)), dpi=DPI, layout="constrained")
    grid = figure.subplots(
        len(heights), len(columns), sharex="col", squeeze=False, gridspec_kw={"height_ratios": heights}
    )
    for column, (name, lines) in enumerate(columns.items()):
        axes = grid[:, column]
        _losses(lines, axes[0])
        if kept:
            _shares(lines, axes[1])
        _rate(lines, axes[-1])
        axes[0].set_title(_heading(name, lines))
        for ax in axes[:-1]:
            ax.set_xlabel("")
        if column:
            for ax in axes:
                ax.set_ylabel("")
    figure.align_ylabels(grid[:, 0])
    figure.supxlabel("faint: single mini-batches; strong: their running mean", fontsize=8)
    return figure


def finite(log: Sequence[Mapping[str, Any]], key: str) -> list[dict[str, float]]:
    """Return the steps and the values of a figure of a log, those left out that are not finite numbers.

    log: entries with "step" and mostly the figure
    key: the figure's name
    returns: entries with "step" and the figure, as `bridgeseg.plots.curves.show_loss` takes them

    Example:
        >>> finite([{"step": 1, "loss": 2.0}, {"step": 2, "loss": float("nan")}, {"step": 3}], "loss")
        [{'step': 1, 'loss': 2.0}]

    Built in chapter 6.
    """
    return [
        {"step": line["step"], key: line[key]} for line in log if key in line and math.isfinite(line[key])
    ]


def _in_order(log: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names of the networks, in the order in which they were trained."""
    return list(dict.fromkeys(line["network"] for line in log))


def _heading(name: str, lines: Sequence[Mapping[str, Any]]) -> str:
    title = "one network for both" if name == "both" else f"{name} network"
    steps, seconds = lines[-1]["step"], lines[-1]["seconds"] - lines[0]["seconds"]
    lasted = f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.0f} s"
    heading = f"{title}\n{steps:,} step{'' if steps == 1 else 's'} in {lasted}"
    if bad := sum(not math.isfinite(line["loss"]) for line in lines):
        heading += f"\n{bad} of {len(lines)} losses not finite"
    return heading


def _losses(lines: Sequence[Mapping[str, Any]], ax: Axes) -> None:
    """The loss and, where it is a sum, its parts."""
    there = {key: values for key in LOSSES if (values := finite(lines, key))}
    if len(there) == 2:  # one part, which is the loss itself
        there = {"loss": there["loss"]}
    for key, values in there.items():
        show_loss(values, ax, key=key, window=_window(values))
        _name(ax, LOSSES[key], len(there) > 1)
    means = [
        value
        for line in ax.lines
        if line.get_gid() == "mean"
        for value in as_array(line.get_ydata()).tolist()
    ]
    single = [one[key] for key, values in there.items() for one in values]
    if means and min(single) > 0 and max(means) > STEEP * min(means):
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:g}"))
        ax.yaxis.set_minor_formatter(NullFormatter())
        ax.set_ylabel("loss (log axis)")
    else:
        ax.set_ylim(bottom=0)
        ax.set_ylabel("loss")
    _dots(ax)


def _shares(lines: Sequence[Mapping[str, Any]], ax: Axes) -> None:
    """Which share of the pixels taught, where hard ones were chosen."""
    there = [key for key in KEPT if finite(lines, key)]
    for key in there:
        renamed = [{"step": one["step"], "kept": one[key]} for one in finite(lines, key)]
        show_loss(renamed, ax, key="kept", window=_window(renamed))
        _name(ax, KEPT[key], len(there) > 1)
    ax.set(ylabel="pixels kept", ylim=(0, 1))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    _dots(ax)


def _rate(lines: Sequence[Mapping[str, Any]], ax: Axes) -> None:
    ax.plot([line["step"] for line in lines], [line["rate"] for line in lines], gid="mean")
    ax.set(xlabel="step", ylabel="learning rate", ylim=(0, None))
    ax.yaxis.set_major_locator(MaxNLocator(3))
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:g}"))
    _dots(ax)


def _window(values: Sequence[object]) -> int:
    """Entries in the running mean."""
    return max(3, round(len(values) / SMOOTH)) if len(values) >= 9 else 1


def _name(ax: Axes, name: str, among_others: bool) -> None:
    """Give the line that was drawn last, and the faint one under it, the colour of what it shows, and a legend."""
    mean = ax.lines[-1]
    faint = [line for line in ax.lines[-2:-1] if line.get_gid() != "mean"]
    if among_others:
        for line in (*faint, mean):
            line.set(color=COLOURS[name], linestyle="-")
        mean.set_label(name)
        ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, borderaxespad=0.2, columnspacing=1.2)


def _dots(ax: Axes) -> None:
    """A line of one point is seen as a dot."""
    for line in ax.lines:
        if len(as_array(line.get_xdata())) == 1:
            line.set(marker="o", clip_on=False)  # whole also where it lies on the frame
