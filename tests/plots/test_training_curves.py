"""The sheet of a training shows what its log says, whatever the log lacks."""

from __future__ import annotations

import math
from typing import Any

import pytest
from matplotlib.axes import Axes

from bridgeseg.plots.training_curves import COLOURS, finite, show_training

pytestmark = pytest.mark.usefixtures("drawing")


def entries(network: str = "both", count: int = 40, **more: float) -> list[dict[str, Any]]:
    """A log of a loss that halves every ten entries."""
    return [
        {
            "network": network,
            "step": 20 * k,
            "seconds": 30.0 + k,
            "rate": 0.01 * (1 - k / count),
            "loss": 4 * 0.5 ** (k / 10),
            **more,
        }
        for k in range(count)
    ]


def means(ax: Axes) -> list[Any]:
    """The strong lines."""
    return [line for line in ax.lines if line.get_gid() == "mean"]


def test_a_network_alone_has_its_loss_and_its_rate() -> None:
    loss, rate = show_training(entries()).axes
    faint, strong = loss.lines
    assert faint.get_ydata().tolist() == [entry["loss"] for entry in entries()]
    assert strong.get_ydata()[20] == pytest.approx(entries()[20]["loss"], rel=0.01)
    assert rate.lines[0].get_ydata().tolist() == [entry["rate"] for entry in entries()]
    assert rate.get_xlabel() == "step"
    assert loss.get_title(loc="left") == "one network for both\n780 steps in 39 s"


def test_both_parts_of_the_loss_have_one_colour_in_every_panel() -> None:
    log = entries(category_loss=1.0, box_loss=2.0, kept=0.25, box_kept=0.5)
    loss, kept, _ = show_training(log).axes
    assert [line.get_label() for line in means(loss)] == ["all together", "categories", "boxes"]
    assert [line.get_color() for line in means(kept)] == [COLOURS["categories"], COLOURS["boxes"]]
    assert means(kept)[0].get_ydata() == pytest.approx([0.25] * 40)
    assert kept.get_ylim() == (0, 1)


def test_where_every_pixel_was_kept_there_is_no_panel_for_it() -> None:
    assert len(show_training(entries(kept=1.0, box_kept=1.0)).axes) == 2


def test_two_networks_stand_side_by_side_each_with_its_own_steps() -> None:
    log = entries("semantic", category_loss=1.0) + entries("localization", count=10, box_loss=1.0)
    figure = show_training(log)
    titles = [ax.get_title(loc="left").splitlines()[0] for ax in figure.axes if ax.get_title(loc="left")]
    assert titles == ["semantic network", "localization network"]
    first, second = (ax for ax in figure.axes if ax.get_title(loc="left"))
    assert first.lines[-1].get_xdata()[-1] == 780
    assert second.lines[-1].get_xdata()[-1] == 180
    assert first.get_legend() is None, "one line needs no name"


def test_losses_that_are_not_finite_are_left_out_and_counted() -> None:
    log = entries()
    log[7]["loss"], log[9]["loss"] = math.nan, math.inf
    loss = show_training(log).axes[0]
    strong = means(loss)[0]
    assert len(strong.get_xdata()) == 38
    assert all(map(math.isfinite, strong.get_ydata()))
    assert "2 of 40 losses not finite" in loss.get_title(loc="left")
    assert finite(log, "loss")[7]["step"] == 160


@pytest.mark.parametrize("loss", [1.0, math.nan])
def test_a_single_entry_is_a_dot_or_an_empty_panel(loss: float) -> None:
    (line,) = entries(count=1)
    figure = show_training([{**line, "loss": loss, "step": 1}])
    figure.draw_without_rendering()
    assert [one.get_marker() for one in figure.axes[0].lines] == ["o"] * math.isfinite(loss)
    ticks = figure.axes[-1].get_xticks()
    assert (ticks == ticks.round()).all()  # there is no step between two
    assert "1 step in" in figure.axes[0].get_title(loc="left")


def test_a_loss_that_falls_far_is_on_a_logarithmic_axis_and_says_so() -> None:
    near, far = (show_training(entries(count=count)).axes[0] for count in (20, 80))
    assert (near.get_yscale(), near.get_ylabel()) == ("linear", "loss")
    assert (far.get_yscale(), far.get_ylabel()) == ("log", "loss (log axis)")


def test_a_log_without_an_entry_is_refused() -> None:
    with pytest.raises(ValueError, match="no entry"):
        show_training([])
