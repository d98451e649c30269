"""Neighbours have colours that differ, outlines go round, and large pictures are drawn smaller."""

from __future__ import annotations

import numpy as np
import pytest

from bridgeseg.system.result_overlay import (
    HUES,
    NEAR,
    draw_overlay,
    neighbour_colours,
    neighbours,
    outline_pixels,
    shrunk,
)


def noisy_labels(seed: int, count: int = 40, side: int = 48) -> np.ndarray:
    """Small squares at random places, later ones over earlier ones."""
    random = np.random.default_rng(seed)
    labels = np.zeros((side, side), np.int32)
    for number in range(1, count + 1):
        y, x = random.integers(0, side - 4, 2)
        labels[y : y + random.integers(1, 9), x : x + random.integers(1, 9)] = number
    return labels


def near_by_brute_force(labels: np.ndarray) -> set[tuple[int, int]]:
    """Pairs with pixels at most NEAR background pixels apart along a row, a column or a diagonal."""
    found = set()
    for y, x in zip(*np.nonzero(labels)):
        for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
            for step in range(1, NEAR + 2):
                row, column = y + step * down, x + step * right
                if row < len(labels) and 0 <= column < labels.shape[1] and labels[row, column]:
                    found.add(tuple(sorted((int(labels[y, x]), int(labels[row, column])))))
    return {pair for pair in found if pair[0] != pair[1]}


@pytest.mark.parametrize("seed", range(4))
def test_neighbours_are_those_of_brute_force_and_differ_in_colour(seed: int) -> None:
    labels = noisy_labels(seed)
    pairs = neighbours(labels, 40)
    assert {tuple(pair) for pair in pairs.tolist()} == near_by_brute_force(labels)
    assert len(pairs) > 40
    colours = neighbour_colours(labels, 40)
    assert (colours[pairs[:, 0] - 1] != colours[pairs[:, 1] - 1]).all()
    # A shade that is harder to tell apart only where neighbours have all of the hues.
    for number in np.flatnonzero(colours >= HUES) + 1:
        beside = pairs[(pairs == number).any(1)]
        assert set(range(HUES)) <= set(colours[beside[beside != number] - 1].tolist())


def test_colours_are_used_evenly_and_the_clear_ones_first() -> None:
    apart = np.kron(np.arange(1, 71).reshape(7, 10), np.pad(np.ones((1, 1), int), ((0, 9), (0, 9))))
    assert np.bincount(neighbour_colours(apart, 70)).tolist() == [10] * HUES
    # Ten that are all neighbours of one another need more than the hues.
    crowd = np.arange(1, 11)[None].repeat(2, 0)
    crowd = np.concatenate([crowd[:, ::2], crowd[:, 1::2]])  # 4 × 5
    colours = neighbour_colours(crowd, 10)
    pairs = neighbours(crowd, 10)
    assert len(pairs) > 30
    assert (colours[pairs[:, 0] - 1] != colours[pairs[:, 1] - 1]).all()
    assert len(neighbour_colours(np.zeros((3, 3), int), 0)) == 0


def test_an_outline_is_what_touches_something_else() -> None:
    labels = noisy_labels(9)
    padded = np.pad(labels, 1, mode="edge")
    around = [padded[1 + y : 49 + y, 1 + x : 49 + x] for y, x in ((0, 1), (1, 0), (0, -1), (-1, 0))]
    expected = (labels > 0) & np.any([other != labels for other in around], 0)
    assert np.array_equal(outline_pixels(labels, 1), expected)
    assert (outline_pixels(labels, 2) >= expected).all()


def test_the_background_stays_as_it_is_and_masks_are_mixed() -> None:
    labels = np.zeros((9, 9), np.int32)
    labels[2:7, 2:7] = 1
    drawn = draw_overlay(np.full((9, 9, 3), 100, np.uint8), labels)
    assert (drawn[labels == 0] == 100).all()
    orange = np.array([230, 159, 0])
    assert (drawn[2, 2:7] == orange).all()
    np.testing.assert_allclose(drawn[4, 4], 0.65 * 100 + 0.35 * orange, atol=1.5)
    bright = draw_overlay(np.full((9, 9, 3), 250, np.uint8), labels)
    assert (bright[2, 2] < orange + (np.arange(3) == 2)).all()  # darker round a pale picture


def test_a_large_picture_is_drawn_smaller_and_a_thin_one_survives() -> None:
    picture, labels = np.zeros((300, 4100, 3), np.uint8), np.zeros((300, 4100), np.int32)
    labels[100:200, 1000:3000] = 1
    drawn = draw_overlay(picture, labels)
    assert drawn.shape == (150, 2048, 3)
    assert drawn[75, 1000].any()
    assert not drawn[10].any()
    assert draw_overlay(np.zeros((1, 5000, 3), np.uint8), np.ones((1, 5000), np.int32)).shape == (1, 2048, 3)
    assert shrunk(picture, 5000) is picture


def test_scores_are_written_on_instances_and_nowhere_else() -> None:
    labels = np.zeros((60, 200), np.int32)
    labels[10:50, 10:90], labels[10:50, 110:190] = 1, 3
    picture = np.zeros((60, 200, 3), np.uint8)
    plain, told = (draw_overlay(picture, labels, texts) for texts in (["", "", ""], [".91", ".50", ""]))
    assert plain.shape == told.shape == (240, 800, 3)  # four times as large
    assert np.array_equal(plain[::4, ::4][labels == 0], draw_overlay(picture, labels)[labels == 0])
    changed = (plain != told).any(-1)
    assert changed[100:140, 180:220].sum() > 50
    changed[100:140, 180:220] = False
    assert not changed.any()
    assert draw_overlay(np.zeros((9, 2000, 3), np.uint8), np.ones((9, 2000), int), [".5"]).shape[1] == 2000


def test_scores_can_be_read_where_there_is_room_and_stay_within_their_instance() -> None:
    """A page shows a picture of 1500 pixels at some 600: of eleven pixels four would be left."""
    labels = np.zeros((1500, 1500), np.int32)
    labels[100:500, 100:500], labels[700:730, 700:730] = 1, 2
    picture = np.zeros((1500, 1500, 3), np.uint8)
    changed = (draw_overlay(picture, labels, ["", ""]) != draw_overlay(picture, labels, [".88", ".88"])).any(
        -1
    )
    heights = [len(np.flatnonzero(changed[place].any(1))) for place in (np.s_[100:500], np.s_[690:740])]
    assert heights[0] >= 20
    assert 8 <= heights[1] < heights[0]
    assert not changed[labels == 0].any()


def test_outlines_are_wider_in_larger_pictures() -> None:
    widths = []
    for side in (200, 1500):
        labels = np.zeros((side, side), np.int32)
        labels[50:150, 50:150] = 1
        drawn = draw_overlay(np.zeros((side, side, 3), np.uint8), labels)
        widths.append(int((drawn[100, 50:100] == drawn[100, 50]).all(-1).sum()))
    assert widths == [1, 3]


@pytest.mark.parametrize("wrong", [-1, 2**31])
def test_labels_that_are_no_numbers_of_instances_are_refused(wrong: int) -> None:
    with pytest.raises(ValueError, match="labels: .*, expected 0, and instances from 1"):
        draw_overlay(np.zeros((1, 2, 3), np.uint8), np.array([[0, wrong]], np.int64))
