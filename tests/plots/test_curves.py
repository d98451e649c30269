"""Curves go through the figures that they are made from."""

import numpy as np
import pytest

from bridgeseg.measures.average_precision import AveragePrecision, precision_recall
from bridgeseg.plots.curves import running_mean, series, show_kept, show_loss, show_precision_recall

pytestmark = pytest.mark.usefixtures("drawing")
LOG = [{"step": 10.0 * k, "loss": 1 / (k + 1), **({"kept": 0.5} if k % 2 else {})} for k in range(7)]


@pytest.mark.parametrize("window", [1, 2, 3, 5, 50])
def test_the_running_mean_is_that_of_the_values_round_each(window):
    values = np.random.default_rng(0).normal(size=20)
    expected = [values[max(0, k - window // 2) : k + (window + 1) // 2].mean() for k in range(len(values))]
    assert np.allclose(running_mean(values, window), expected)
    assert np.allclose(running_mean(np.full(9, 3.0), window), 3.0), "ends are not pulled down"


def test_a_window_below_one_is_named():
    with pytest.raises(ValueError, match="window is 0"):
        running_mean(np.ones(3), 0)


def test_entries_without_the_figure_are_passed_over():
    step, values = series(LOG, "kept")
    assert step.tolist() == [10, 30, 50]
    assert values.tolist() == [0.5] * 3
    with pytest.raises(ValueError, match="'lost'"):
        series(LOG, "lost")


def test_the_loss_is_drawn_raw_and_as_a_mean():
    ax = show_loss(LOG, window=3)
    raw, mean = ax.lines
    assert raw.get_ydata().tolist() == [entry["loss"] for entry in LOG]
    assert np.allclose(mean.get_ydata(), running_mean(raw.get_ydata(), 3))
    assert raw.get_xdata().tolist() == mean.get_xdata().tolist() == [10.0 * k for k in range(7)]


def test_a_second_line_has_another_colour_and_both_are_named():
    ax = show_loss(LOG, label="plain", window=3)
    assert show_loss(LOG, ax, label="hard", window=3) is ax
    assert len({line.get_color() for line in ax.lines}) == 2
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["plain", "hard"]


def test_kept_is_shown_from_nothing_to_all():
    ax = show_kept(LOG)
    assert ax.get_ylim() == (0, 1)
    ax.get_figure().canvas.draw()
    assert ax.get_yticklabels()[-1].get_text() == "100%"


def test_the_area_under_the_envelope_is_the_average_precision():
    hits = np.array([1, 0, 1, 1, 0, 0, 1, 0], bool)
    recall, precision, envelope = precision_recall(hits, 5)
    assert recall.tolist() == [0.2, 0.2, 0.4, 0.6, 0.6, 0.6, 0.8, 0.8]
    assert np.allclose(precision, [1, 1 / 2, 2 / 3, 3 / 4, 3 / 5, 3 / 6, 4 / 7, 4 / 8])
    assert np.allclose(envelope, [1, 3 / 4, 3 / 4, 3 / 4, 3 / 5, 4 / 7, 4 / 7, 4 / 8])
    ap = 0.2 * (1 + 3 / 4 + 3 / 4 + 4 / 7)
    result = AveragePrecision(
        rule="sds",
        thresholds=(0.5, 0.7),
        ap=np.array([[ap, 0.0], [np.nan, np.nan], [0.0, 0.0]]),
        truths=np.array([5, 0, 2]),
        scores=(np.linspace(1, 0, 8), np.zeros(0), np.zeros(0)),
        hits=(np.stack([hits, np.zeros(8, bool)], 1), np.zeros((0, 2), bool), np.zeros((0, 2), bool)),
    )
    ax = show_precision_recall(result, names=("background", "disc", "ring", "star"))
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == [f"disc {ap:.2f}", "star 0.00"], "a category without truth has no curve"
    stairs = next(line for line in ax.lines if line.get_label().startswith("disc"))
    x, y = stairs.get_xdata(), stairs.get_ydata()
    assert np.sum(np.diff(x) * y[1:]) == pytest.approx(ap), "what is seen has the area that is said"
    assert stairs.get_drawstyle() == "steps-pre"
    with pytest.raises(ValueError, match=r"threshold is 0\.6"):
        show_precision_recall(result, threshold=0.6)
