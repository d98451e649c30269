import json

import numpy as np
import pytest

from bridgeseg.structures.labels import BadInput
from bridgeseg.structures.run_lengths import from_run_lengths, to_run_lengths


def masks():
    random = np.random.default_rng(0)
    yield np.zeros((3, 4), bool)
    yield np.ones((3, 4), bool)
    for shape in ((1, 1), (1, 9), (9, 1), (17, 5), (40, 60)):
        for share in (0.1, 0.5, 0.9):
            yield random.random(shape) < share


def by_hand(mask):
    """Run lengths by the definition, one pixel after another."""
    counts, value = [0], False
    for column in mask.T:
        for pixel in column:
            if pixel != value:
                counts.append(0)
                value = pixel
            counts[-1] += 1
    return {"size": list(mask.shape), "counts": counts}


def test_by_the_definition():
    for mask in masks():
        assert to_run_lengths(mask) == by_hand(mask)


def test_a_mask_comes_back():
    for mask in masks():
        back = from_run_lengths(json.loads(json.dumps(to_run_lengths(mask))))
        assert back.dtype == bool
        assert np.array_equal(back, mask)


def test_columns_come_first():
    assert to_run_lengths(np.array([[1, 0], [1, 1]], bool)) == {"size": [2, 2], "counts": [0, 2, 1, 1]}


def test_no_pixels():
    assert from_run_lengths(to_run_lengths(np.zeros((0, 5), bool))).shape == (0, 5)


def test_as_pycocotools():
    coco = pytest.importorskip("pycocotools.mask", reason="pycocotools is an extra of the tests")
    for mask in masks():
        theirs = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
        ours = coco.frPyObjects(to_run_lengths(mask), *mask.shape)
        assert ours["counts"] == theirs["counts"]
        assert np.array_equal(coco.decode(ours).astype(bool), mask)


def test_counts_with_runs_of_nothing():
    assert from_run_lengths({"size": [2, 2], "counts": [1, 0, 1, 2, 0]}).tolist() == [
        [False, True],
        [False, True],
    ]


@pytest.mark.parametrize("counts", [[3], [5], [-1, 5], [], "0Q", b"0Q", [1.5, 2.5], [[4]], ["4"]])
def test_counts_that_are_wrong(counts):
    with pytest.raises(BadInput, match="counts"):
        from_run_lengths({"size": [2, 2], "counts": counts})


@pytest.mark.parametrize("mask", [np.zeros((2, 2), np.uint8), np.zeros((1, 2, 2), bool)])
def test_what_is_no_mask(mask):
    with pytest.raises(ValueError, match="mask"):
        to_run_lengths(mask)


@pytest.mark.parametrize(
    "rle, said",
    [
        ({"counts": [4]}, "run lengths: .*, expected size and counts"),
        ([4], "run lengths: .*, expected size and counts"),
        ({"size": [2], "counts": [4]}, "size: .*, expected height and width"),
        ({"size": [2.0, 2.0], "counts": [4]}, "size: .*, expected height and width"),
        ({"size": [-2, -2], "counts": [4]}, "size: .*, expected height and width"),
        ({"size": [10**6, 10**6], "counts": [10**12]}, "size: .*, expected at most 128 million pixels"),
        ({"size": [2, 2], "counts": [[1], [2, 3]]}, "counts: no plain list"),
        ({"size": [2, 2], "counts": [2**62] * 4 + [4]}, "counts: add up to"),
    ],
)
def test_what_is_no_run_lengths_has_one_line(rle, said):
    with pytest.raises(BadInput, match=said):
        from_run_lengths(rle)
