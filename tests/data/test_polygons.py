"""Outlines become the pixels whose centres lie inside, as COCO's own tools have them up to the border."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.path import Path as Outline
from pycocotools import mask as coco_mask
from whole_masks import whole

from bridgeseg.data.polygons import (
    MOST_CROSSINGS,
    Patch,
    fill_disc,
    fill_polygon,
    join,
    paste,
    reaches_beyond,
    read_points,
)
from bridgeseg.structures.labels import BadInput


def test_a_square_from_0_to_2_has_four_pixels_and_its_neighbour_takes_none_of_them() -> None:
    left = whole(fill_polygon(np.array([[0, 0], [2, 0], [2, 2], [0, 2]]), (4, 5)), (4, 5))
    right = whole(fill_polygon(np.array([[2, 0], [5, 0], [5, 2], [2, 2]]), (4, 5)), (4, 5))
    assert left.sum() == 4
    assert right.sum() == 6
    assert not (left & right).any()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-20, 60), st.floats(-20, 60)), min_size=3, max_size=9).map(np.array),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
)
def test_two_parts_cut_by_a_line_make_the_whole(points: np.ndarray, size: tuple[int, int]) -> None:
    """Cutting an outline from its first corner to its third gives two outlines: of every pixel the parity adds up."""
    first = whole(fill_polygon(points[:3], size), size)
    rest = whole(fill_polygon(np.delete(points, 1, axis=0), size), size)
    assert np.array_equal(first ^ rest, whole(fill_polygon(points, size), size))


def test_centres_inside_are_those_that_matplotlib_finds_inside() -> None:
    random = np.random.default_rng(5)
    centres = np.stack(np.meshgrid(np.arange(50) + 0.5, np.arange(40) + 0.5), -1).reshape(-1, 2)
    for _ in range(30):
        angle = np.sort(random.uniform(0, 2 * np.pi, 11))
        reach = random.uniform(5, 30, 11)
        points = np.stack([25 + reach * np.cos(angle), 20 + reach * np.sin(angle)], 1)
        inside = Outline(points).contains_points(centres).reshape(40, 50)
        assert np.array_equal(whole(fill_polygon(points, (40, 50)), (40, 50)), inside)


def test_cocos_tools_agree_up_to_the_border() -> None:
    random = np.random.default_rng(6)
    for _ in range(40):
        angle = np.sort(random.uniform(0, 2 * np.pi, 14))
        reach = random.uniform(25, 60, 14)
        points = np.stack([90 + reach * np.cos(angle), 70 + reach * np.sin(angle)], 1)
        mine = whole(fill_polygon(points, (140, 180)), (140, 180))
        (rle,) = coco_mask.frPyObjects([points.ravel().tolist()], 140, 180)
        theirs = coco_mask.decode(rle).astype(bool)
        assert (mine & theirs).sum() / (mine | theirs).sum() > 0.95
        rows, columns = np.nonzero(mine != theirs)
        centres = np.stack([columns, rows], 1)[:, None] + 0.5  # (k, 1, 2)
        start, along = points, np.roll(points, -1, 0) - points  # (n, 2) each
        share = (((centres - start) * along).sum(-1) / (along**2).sum(-1)).clip(0, 1)  # (k, n)
        away = np.linalg.norm(start + share[..., None] * along - centres, axis=-1).min(1)
        assert away.max() < 1.2  # pixels; all that differs lies on the border


def test_an_outline_beyond_the_picture_is_cut_off() -> None:
    points = np.array([[-1e8, -1e8], [1e8, -1e8], [1e8, 1e8], [-1e8, 1e8]])
    assert fill_polygon(points, (3, 4)).mask.all()
    assert fill_polygon(points + 3e8, (3, 4)).area == 0
    assert fill_polygon(np.array([[1, 1], [1, 1], [1, 1]]), (3, 4)).area == 0


def test_an_outline_that_would_take_gigabytes_is_refused() -> None:
    zigzag = np.array([[0, 0], [1, 4000]] * (MOST_CROSSINGS // 8000 + 1000))
    with pytest.raises(BadInput, match="crosses"):
        fill_polygon(zigzag, (4000, 4))


def test_a_disc_has_the_pixels_whose_centres_are_near_enough() -> None:
    patch = fill_disc((4.0, 3.0), 2.5, (6, 5))
    expected = [[(x + 0.5 - 4) ** 2 + (y + 0.5 - 3) ** 2 <= 6.25 for x in range(5)] for y in range(6)]
    assert np.array_equal(whole(patch, (6, 5)), np.array(expected))
    assert fill_disc((-50.0, 3.0), 2.5, (6, 5)).area == 0


def test_a_mask_that_sticks_out_is_cut_on_every_side() -> None:
    mask = np.arange(12).reshape(3, 4) % 5 > 0
    for top in range(-4, 7):
        for left in range(-5, 7):
            expected = np.zeros((20, 20), bool)
            expected[8 + top : 11 + top, 8 + left : 12 + left] = mask
            found = whole(paste(mask, top, left, (5, 6)), (5, 6))
            assert np.array_equal(found, expected[8:13, 8:14])


def test_parts_are_joined() -> None:
    one, two = Patch(0, 3, np.ones((1, 2), bool)), Patch(2, 0, np.ones((1, 1), bool))
    expected = whole(one, (4, 6)) | whole(two, (4, 6))
    assert np.array_equal(whole(join([one, two]), (4, 6)), expected)
    assert join([]).area == 0


@pytest.mark.parametrize(
    "given",
    [
        None,
        "abc",
        5,
        [[1, 2], [3]],
        [1, 2, 3],
        [1, None],
        [[1, "2"]],
        [float("nan"), 1.0],
        [1e300, 1],
        [True, 1],
        {},
    ],
)
def test_what_is_no_list_of_points_is_refused(given: object) -> None:
    with pytest.raises(BadInput, match="points"):
        read_points(given)


def test_an_outline_leaves_its_picture_by_more_than_a_rounding_error() -> None:
    size = (8, 10)
    for inside in ([[-1, -1], [11, 9]], [[0, 0], [10, 8]], [[0, 8.9]]):
        assert not reaches_beyond(np.array(inside, float), size)
    for beyond in ([[5, 9.1]], [[11.1, 4]], [[5, 5], [-1.1, 5]], [[5, -1.1]]):
        assert reaches_beyond(np.array(beyond, float), size)
    assert not reaches_beyond(np.zeros((0, 2)), size)
