"""Connected components against SciPy, a flood fill and the shapes that are hard to label."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bridgeseg.grouping.components import component_instances, connected_components
from bridgeseg.structures.labels import VOID


def flood_fill(categories: np.ndarray) -> np.ndarray:
    """Components by walking from pixel to pixel, numbered by their first pixel in reading order."""
    labels = np.zeros(categories.shape, np.int64)
    count = 0
    for start in np.ndindex(categories.shape):
        if labels[start] or categories[start] in (0, VOID):
            continue
        count += 1
        labels[start] = count
        waiting = [start]
        while waiting:
            y, x = waiting.pop()
            for row, column in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                if (
                    0 <= row < categories.shape[0]
                    and 0 <= column < categories.shape[1]
                    and not labels[row, column]
                    and categories[row, column] == categories[start]
                ):
                    labels[row, column] = count
                    waiting.append((row, column))
    return labels


def random_categories(seed: int, height: int = 33, width: int = 41, share: float = 0.6) -> np.ndarray:
    """Maps near the density at which components become large and crooked, with some void."""
    random = np.random.default_rng(seed)
    categories = (random.random((height, width)) < share) * random.integers(1, 3, (height, width))
    categories = np.where(random.random((height, width)) < 0.8, categories.clip(0, 1), categories).astype(
        np.uint8
    )
    categories[random.random((height, width)) < 0.02] = VOID
    return categories


def ours(categories: np.ndarray) -> np.ndarray:
    return connected_components(torch.from_numpy(categories)).numpy()


@pytest.mark.parametrize("share", [0.1, 0.45, 0.6, 0.9])
@pytest.mark.parametrize("seed", range(4))
def test_random_maps_equal_a_flood_fill(seed: int, share: float) -> None:
    categories = random_categories(seed, share=share)
    np.testing.assert_array_equal(ours(categories), flood_fill(categories))


@pytest.mark.parametrize("seed", range(4))
def test_each_category_equals_scipys_labels(seed: int) -> None:
    ndimage = pytest.importorskip("scipy.ndimage", reason="SciPy is not installed; the extra `sbd` brings it")
    categories = random_categories(seed, 120, 90, share=0.62)
    found = ours(categories)
    total = 0
    for category in (1, 2):
        theirs, count = ndimage.label(categories == category)
        total += count
        # One to one: as many pairs of numbers as there are components.
        pairs = np.unique(np.stack([theirs[theirs > 0], found[theirs > 0]]), axis=1)
        assert pairs.shape[1] == count == len(np.unique(pairs[1]))
    assert found.max() == total


def spiral(side: int) -> np.ndarray:
    """One line of one pixel that winds to the middle: the longest way there is."""
    grid = np.zeros((side, side), np.uint8)
    y, x, dy, dx = 0, 0, 0, 1
    grid[0, 0] = 1
    for _ in range(side * side):
        row, column = y + dy, x + dx
        ahead = (row + dy, column + dx)
        inside = 0 <= row < side and 0 <= column < side
        blocked = 0 <= ahead[0] < side and 0 <= ahead[1] < side and grid[ahead]
        if not inside or grid[row, column] or blocked:
            dy, dx = dx, -dy
            row, column = y + dy, x + dx
            ahead = (row + dy, column + dx)
            inside = 0 <= row < side and 0 <= column < side
            if not inside or grid[row, column] or (0 <= min(ahead) and max(ahead) < side and grid[ahead]):
                break
        y, x = row, column
        grid[y, x] = 1
    return grid


@pytest.mark.parametrize("turned", range(4))
def test_a_spiral_is_one_component(turned: int) -> None:
    grid = np.rot90(spiral(41), turned).copy()
    assert grid.sum() > 600
    np.testing.assert_array_equal(ours(grid), grid)


def test_a_comb_is_one_component_and_a_chessboard_none_bigger_than_a_pixel() -> None:
    comb = np.zeros((20, 31), np.uint8)
    comb[:, ::2] = 1
    comb[-1] = 1
    np.testing.assert_array_equal(ours(comb), comb)
    chess = (np.indices((9, 10)).sum(0) % 2).astype(np.uint8)
    assert ours(chess).max() == chess.sum()  # pixels that share a corner only are apart


def test_void_and_background_belong_to_no_component_and_part_others() -> None:
    categories = np.array([[1, VOID, 1], [0, 0, 0], [2, 2, 1]], np.uint8)
    assert ours(categories).tolist() == [[1, 0, 2], [0, 0, 0], [3, 3, 4]]


@pytest.mark.parametrize("value", [0, VOID])
@pytest.mark.parametrize("shape", [(5, 7), (1, 1)])
def test_a_map_without_categories(value: int, shape: tuple[int, int]) -> None:
    assert not ours(np.full(shape, value, np.uint8)).any()


@pytest.mark.parametrize("shape", [(5, 7), (1, 1), (1, 9), (9, 1)])
def test_a_map_of_one_category(shape: tuple[int, int]) -> None:
    assert (ours(np.full(shape, 3, np.uint8)) == 1).all()


def test_instances_are_the_components_with_their_mean_probability() -> None:
    categories = torch.zeros(12, 16, dtype=torch.int64)
    categories[1:5, 1:5], categories[1:5, 5:9], categories[7:11, 1:9], categories[6, 14] = 1, 2, 1, 1
    scores = torch.nn.functional.one_hot(categories, 3).permute(2, 0, 1).float() * 0.5 + 0.5 / 3
    scores[:, 1:5, 1:5] = torch.tensor([0.05, 0.9, 0.05])[:, None, None]
    scores[:, 1:5, 5:9] = torch.tensor([0.1, 0.1, 0.8])[:, None, None]
    found = component_instances(scores, 1, (12, 16))
    assert found.categories.tolist() == [1, 2, 1]  # and the single pixel is dropped
    assert found.scores.tolist() == pytest.approx([0.9, 0.8, 0.5 + 0.5 / 3])
    assert found.boxes.tolist() == [[1, 1, 5, 5], [5, 1, 9, 5], [1, 7, 9, 11]]
    for mask, category, box in zip(found.masks, found.categories, found.boxes.long().tolist(), strict=True):
        assert mask.sum() == (box[2] - box[0]) * (box[3] - box[1])
        assert (categories[mask] == category).all()
    assert len(component_instances(scores, 1, (12, 16), pixels=1)) == 4
    assert len(component_instances(scores, 1, (12, 16), pixels=17)) == 1


def test_touching_objects_of_one_category_become_one_instance() -> None:
    """What the boxes have to beat."""
    scores = torch.zeros(2, 8, 8)
    scores[0], scores[1, 2:6], scores[0, 2:6] = 1, 1, 0
    assert len(component_instances(scores, 1, (8, 8))) == 1


def test_no_instance_in_a_picture_of_background() -> None:
    scores = torch.zeros(3, 4, 5)
    scores[0] = 1
    found = component_instances(scores, 2, (7, 10))
    assert len(found) == 0
    assert found.masks[:].shape == (0, 7, 10)


def test_components_are_found_at_the_size_of_the_picture() -> None:
    scores = torch.zeros(2, 3, 4)
    scores[0], scores[1, 1, 1:3], scores[0, 1, 1:3] = 1, 1, 0
    found = component_instances(scores, 4, (11, 15))
    assert found.masks[:].shape == (1, 11, 15)
    # Half way to the neighbouring cell centres, two pixels away, the categories tie and the background wins.
    rows, columns = found.masks[0].nonzero(as_tuple=True)
    assert (int(rows.min()), int(rows.max()), int(columns.min()), int(columns.max())) == (3, 5, 3, 9)
