"""Outlines lie on the borders of objects, in the colours asked for, and every picture has its place."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex

from bridgeseg.measures.average_precision import AveragePrecision
from bridgeseg.plots.evaluation_sheets import RIGHT, WRONG, judged_panel, precision_recall_sheet, worst_sheet
from bridgeseg.plots.picture_sheet import DARK, Panel, outlined, picture_sheet

pytestmark = pytest.mark.usefixtures("drawing")
GROUND = np.full((400, 600, 3), 100, np.uint8)


def two() -> np.ndarray:
    """Two objects that touch, one at the picture's border."""
    numbers = np.zeros((400, 600), np.int32)
    numbers[100:200, 100:200], numbers[100:200, 200:300] = 1, 2
    numbers[300:, 500:] = 3
    return numbers


def test_an_outline_is_two_pixels_inside_and_one_dark_outside() -> None:
    colours = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)
    found = outlined(Panel("", GROUND, two(), colours=colours))
    assert found[150, 98:104, :].tolist() == [
        *([100] * 3, [DARK] * 3, [255, 0, 0], [255, 0, 0], [100] * 3, [100] * 3)
    ]
    assert found[150, 197:203].tolist() == [
        [100] * 3,
        [255, 0, 0],
        [255, 0, 0],
        [0, 255, 0],
        [0, 255, 0],
        [100] * 3,
    ]
    assert found[399, 550].tolist() == found[350, 599].tolist() == [0, 0, 255], "the picture's border is one"
    assert (GROUND == 100).all(), "the picture itself stays"


def test_a_small_picture_is_enlarged_and_void_is_pale() -> None:
    void = np.zeros((4, 4), bool)
    void[0, 0] = True
    found = outlined(Panel("", np.full((4, 4, 3), 100, np.uint8), np.zeros((4, 4), np.int32), void))
    assert found.shape == (400, 400, 3)
    assert np.unique(found[:100, :100]).tolist() == [162]
    assert np.unique(found[100:]).tolist() == [100]


def test_every_picture_is_on_the_sheet_under_its_title() -> None:
    panels = [
        Panel(f"name {k}\n{k} objects", GROUND[:, : 100 * (k + 1)], two()[:, : 100 * (k + 1)])
        for k in range(5)
    ]
    figure = picture_sheet(panels, "five", per_row=3)
    figure.draw_without_rendering()
    titled = [ax.get_title(loc="left") for ax in figure.axes if ax.images]
    assert titled == [f"name {k}\n{k} objects" for k in range(5)]
    assert figure.get_suptitle() == "five"
    with pytest.raises(ValueError, match="panels: none"):
        picture_sheet([], "nothing")


def test_a_long_name_keeps_its_beginning_and_its_end() -> None:
    figure = picture_sheet([Panel("a" * 30 + "b" * 30, GROUND, two())], "")
    title = next(ax.get_title(loc="left") for ax in figure.axes)
    assert title == "a" * 21 + "…" + "b" * 12


def test_what_is_right_is_blue_and_what_is_wrong_red() -> None:
    panel = judged_panel("street", GROUND, np.zeros((400, 600), np.uint8), two(), frozenset({2}))
    found = outlined(panel)
    assert found[150, 100].tolist() == list(WRONG)
    assert found[150, 299].tolist() == list(RIGHT)
    assert found[150, 150].tolist() == np.rint(65 + 0.35 * np.array(WRONG)).tolist(), "tinted"
    assert found[150, 250].tolist() == [100] * 3
    figure = worst_sheet([(panel, panel)] * 3, "by F1")
    assert [ax.get_title(loc="left") for ax in figure.axes if ax.images] == ["street"] * 6


def result(categories: int, without: int = 0) -> AveragePrecision:
    """AP of 0.9 and less, the last category the best; some never occur."""
    thresholds = (0.5, 0.7)
    ap = np.linspace(0.1, 0.9, categories)[:, None] * np.array([1.0, 0.5])
    truths = np.full(categories, 4)
    truths[:without], ap[:without] = 0, np.nan
    hits = tuple(np.array([[True, False], [False, True]]) for _ in range(categories))
    return AveragePrecision("sds", thresholds, ap, truths, (np.array([0.9, 0.8]),) * categories, hits)


def test_every_category_has_a_curve_and_its_ap_in_the_legend() -> None:
    names = ["background", *(f"kind {k}" for k in range(1, 31))]
    figure = precision_recall_sheet(result(30, without=2), names)
    legends = [[text.get_text() for text in ax.get_legend().get_texts()] for ax in figure.axes]
    assert [len(one) for one in legends] == [12, 12, 12, 12, 4, 4]
    assert legends[0][0] == "kind 30 0.90"
    assert legends[1][0] == "kind 30 0.45"
    assert legends[4][-1].startswith("kind 3 ")
    assert "kind 1, kind 2" in figure.get_supxlabel()
    looks = {
        (to_hex(line.get_color()), line.get_linestyle())
        for line in figure.axes[0].lines
        if line.get_alpha() is None
    }
    assert len(looks) == 12, "no two curves of a panel look alike"


def test_a_set_without_any_instance_has_empty_panels() -> None:
    figure = precision_recall_sheet(result(2, without=2), ["background", "a", "b"])
    figure.draw_without_rendering()
    assert not any(ax.lines for ax in figure.axes)
    assert "a, b" in figure.get_supxlabel()
