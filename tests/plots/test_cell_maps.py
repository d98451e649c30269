"""Scores, votes and arrows are drawn at the cells that they belong to."""

import numpy as np
import pytest
import torch
from matplotlib.quiver import Quiver
from rendering import cells, noise, rendered

from bridgeseg.grouping.hough import vote_map
from bridgeseg.plots.cell_maps import faded, show_box_field, show_scores, show_votes
from bridgeseg.plots.overlays import instance_colours
from bridgeseg.structures.boxes import box_targets
from bridgeseg.structures.cells import cell_centres

pytestmark = pytest.mark.usefixtures("drawing")


def test_scores_get_lighter_as_they_rise():
    scores = np.linspace(0, 1, 12).reshape(3, 4)
    dots = cells(rendered(lambda ax: show_scores(scores, ax, bar=False), 3, 4)).astype(float)
    lightness = (dots @ (0.299, 0.587, 0.114)).ravel()
    assert (np.diff(lightness) > 0).all()


def test_a_cell_is_drawn_round_its_centre():
    stride = 4
    ax = show_scores(np.zeros((3, 5)), stride=stride)
    left, right, bottom, top = ax.images[-1].get_extent()
    x, y = cell_centres(3, 5, stride).numpy()
    assert left + stride / 2 == x[0, 0]
    assert right - stride / 2 == x[0, -1]
    assert top + stride / 2 == y[0, 0]
    assert bottom - stride / 2 == y[-1, 0]


def test_scores_outside_the_range_are_shown_at_its_ends():
    scores = np.array([[-3.0, 0.2, 0.8, 9.0]])
    dots = cells(rendered(lambda ax: show_scores(scores, ax, low=0.2, high=0.8, bar=False), 1, 4))
    assert np.array_equal(dots[0, 0], dots[0, 1])
    assert np.array_equal(dots[0, 2], dots[0, 3])


def test_colour_bars_come_when_asked_for():
    votes = np.ones((4, 4))
    assert [ax.get_ylabel() for ax in show_votes(noise(4, 4), votes).get_figure().axes][1:] == ["votes"]
    assert len(show_votes(noise(4, 4), votes, bar=False).get_figure().axes) == 1
    assert len(show_scores(votes, bar=False).get_figure().axes) == 1


def test_votes_glow_where_they_are_and_nowhere_else():
    picture = noise(6, 8)
    votes = np.zeros((3, 4))
    votes[1, 2] = 5
    dots = cells(rendered(lambda ax: show_votes(picture, votes, ax, cell=2, bar=False), 6, 8))
    glowing = np.zeros((6, 8), bool)
    glowing[2:4, 4:6] = True
    assert np.array_equal(dots[~glowing], faded(picture)[~glowing])
    assert (dots[glowing][:, 0] > 240).all(), "the most votes are brightest"
    assert (np.ptp(dots[~glowing].astype(int), axis=-1) == 0).all()


def test_a_grid_that_reaches_past_the_picture_keeps_its_size():
    ax = show_votes(noise(5, 5), np.ones((3, 3)), cell=2)
    assert ax.get_xlim() == (0, 5)
    assert ax.get_ylim() == (5, 0)


def test_no_votes_leave_the_picture():
    picture = noise(4, 4)
    dots = cells(rendered(lambda ax: show_votes(picture, np.zeros((4, 4)), ax, bar=False), 4, 4))
    assert np.array_equal(dots, faded(picture))


def test_arrows_end_at_the_centres_that_the_votes_count():
    """Arrows of the true boxes end in the places where the vote map has its votes."""
    instances = torch.zeros(1, 12, 16, dtype=torch.int64)
    instances[0, 1:6, 1:8] = 1
    instances[0, 4:11, 9:14] = 2
    boxes, present = box_targets(instances)
    ax = show_box_field(noise(12, 16), boxes[0], where=present[0], groups=instances[0], every=1)
    arrows = [drawn for drawn in ax.collections if isinstance(drawn, Quiver)][-1]
    assert arrows.N == int(present.sum())
    row, column = present[0].nonzero(as_tuple=True)
    assert np.array_equal(arrows.X, column + 0.5)
    assert np.array_equal(arrows.Y, row + 0.5)
    ends = np.stack([arrows.X + arrows.U, arrows.Y + arrows.V], 1)
    assert {tuple(end) for end in ends.tolist()} == {(4.5, 3.5), (11.5, 7.5)}
    votes = vote_map(boxes[0][:, present[0]], torch.ones(arrows.N), (12, 16))
    x, y = ends.T.astype(int)
    assert np.array_equal(np.unique(y * 16 + x), votes.flatten().nonzero()[:, 0])
    colours = np.rint(arrows.get_facecolor()[:, :3] * 255).astype(int)
    assert np.array_equal(colours, instance_colours(2)[instances[0][row, column] - 1])


def test_some_arrows_only():
    boxes = np.tile(np.array([2.0, 2, 8, 8]).reshape(4, 1, 1), (1, 8, 8))
    ax = show_box_field(noise(32, 32), boxes, stride=4, every=8, outlines=True)
    arrows = [drawn for drawn in ax.collections if isinstance(drawn, Quiver)][-1]
    assert arrows.N == 16
    assert arrows.X.min() == 4.5
    assert len(ax.patches) == 2 * 16
    none = show_box_field(noise(32, 32), boxes, where=np.zeros((8, 8), bool), stride=4)
    none.get_figure().canvas.draw()


def test_maps_of_another_size_are_named():
    with pytest.raises(ValueError, match=r"where: bool \(7, 8\), expected bool \(h, w\) with h = 8, w = 8"):
        show_box_field(noise(8, 8), np.zeros((4, 8, 8)), where=np.ones((7, 8), bool))
    with pytest.raises(ValueError, match=r"groups: int64 \(8, 7\), expected integer"):
        show_box_field(noise(8, 8), np.zeros((4, 8, 8)), groups=np.ones((8, 7), int))


def test_faded_is_grey_and_dim():
    picture = noise(5, 5)
    grey = faded(picture)
    assert (np.ptp(grey.astype(int), axis=-1) == 0).all()
    assert grey.max() <= 181
    assert np.array_equal(faded(picture, 1.0), picture)
