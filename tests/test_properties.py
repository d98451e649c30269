"""What holds whatever is given: of labels, masks, boxes, transforms, measures and both groupings.

hypothesis draws the cases, the same ones every time (`conftest.py`), and makes one that fails as small as it can.
Where a module's own tests compare with an oracle already, they are not repeated here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from perfect_maps import perfect, picture
from pycocotools import mask as coco_masks

from bridgeseg.data.label_png import read_label_png, write_label_png
from bridgeseg.data.splits import held_out
from bridgeseg.data.transforms import compact, crop, flip, pad, resize, turn
from bridgeseg.data.voc import VocFolder
from bridgeseg.data.voc_export import export
from bridgeseg.grouping.components import connected_components
from bridgeseg.grouping.suppression import Suppression, suppress_and_trace
from bridgeseg.grouping.voting import Voting, vote_and_assign
from bridgeseg.losses.hard_pixels import hard_pixels, hardest_of_each
from bridgeseg.measures.mask_iou import overlaps, true_instances
from bridgeseg.measures.mean_iou import class_accuracy, confusion, mean_iou, pixel_accuracy
from bridgeseg.structures.box_encodings import ENCODINGS
from bridgeseg.structures.boxes import box_targets, instance_boxes, iou
from bridgeseg.structures.instances import Instances
from bridgeseg.structures.labels import VOID, Sample, verify
from bridgeseg.structures.masks import Masks
from bridgeseg.structures.run_lengths import from_run_lengths, to_run_lengths

SIZES = st.tuples(st.integers(1, 9), st.integers(1, 9))
BITS = hnp.arrays(bool, SIZES)
few = settings(max_examples=12)  # where an example takes long


def maps(kind: type, highest: int, size: st.SearchStrategy = SIZES) -> st.SearchStrategy[np.ndarray]:
    return hnp.arrays(kind, size, elements=st.integers(0, highest))


@st.composite
def samples(draw: st.DrawFn, highest: int = 4) -> Sample:
    """A sample whose instances have one category each, some of it void."""
    instances = draw(maps(np.int32, highest))
    categories = np.where(instances > 0, instances % 3 + 1, 0).astype(np.uint8)
    void = draw(hnp.arrays(bool, instances.shape))
    categories[void], instances[void] = VOID, 0
    colours = draw(st.integers(0, 200))
    drawn = np.arange(instances.size * 3).reshape(*instances.shape, 3) + colours
    return Sample("drawn", drawn.astype(np.uint8), categories, instances)


def equal(first: Sample, second: Sample) -> bool:
    return all(
        np.array_equal(getattr(first, part), getattr(second, part))
        for part in ("picture", "categories", "instances")
    )


# Masks


@given(BITS)
def test_run_lengths_are_pycocotools_and_come_back(mask: np.ndarray) -> None:
    code = to_run_lengths(mask)
    packed = coco_masks.encode(np.asfortranarray(mask.astype(np.uint8)))
    assert coco_masks.frPyObjects(code, *mask.shape)["counts"] == packed["counts"]
    assert np.array_equal(from_run_lengths(code), mask)
    assert sum(code["counts"][1::2]) == mask.sum() == coco_masks.area(packed)


@given(hnp.arrays(bool, st.tuples(st.integers(0, 4), st.integers(1, 7), st.integers(1, 7))), st.data())
def test_masks_are_what_numpy_makes_of_their_pixels(full: np.ndarray, data: st.DataObject) -> None:
    masks = Masks.from_full(torch.from_numpy(full))
    assert np.array_equal(masks[:].numpy(), full)
    assert masks.areas().tolist() == full.sum((1, 2)).tolist()
    for box, mask in zip(masks.boxes().int().tolist(), full, strict=True):
        rows, columns = mask.any(1).nonzero()[0], mask.any(0).nonzero()[0]
        tight = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1] if mask.any() else [0, 0, 0, 0]
        assert box == tight
    if len(full):
        which = data.draw(st.lists(st.integers(0, len(full) - 1), max_size=5))
        assert np.array_equal(masks.select(torch.tensor(which, dtype=torch.int64))[:].numpy(), full[which])
    first = np.where(full.any(0), full.argmax(0) + 1, 0) if len(full) else np.zeros(full.shape[1:], int)
    assert np.array_equal(masks.labels().numpy(), first)


@given(samples(), st.data())
def test_overlaps_are_intersections_over_unions_without_void(truth: Sample, data: st.DataObject) -> None:
    full = data.draw(hnp.arrays(bool, st.tuples(st.integers(0, 3), *map(st.just, truth.instances.shape))))
    scores = torch.tensor(data.draw(st.permutations([0.2, 0.5, 0.8])))[: len(full)]
    kinds = torch.ones(len(full), dtype=torch.int64)
    found = Instances.from_masks(torch.from_numpy(full), kinds, scores, torch.zeros(len(full), 4))
    look = overlaps(found, truth)
    numbers, _ = true_instances(truth)
    assert numbers.tolist() == sorted(set(truth.instances.ravel().tolist()) - {0})
    known = truth.categories != VOID
    kept = [
        k for k in scores.argsort(descending=True).tolist() if (full[k] & known).any() or not full[k].any()
    ]
    assert look.kept.tolist() == kept
    for row, mask in zip(look.iou, full[kept], strict=True):
        for value, number in zip(row, numbers, strict=True):
            own = truth.instances == number
            assert value == (mask & own).sum() / ((mask & known) | own).sum()


# Boxes


corner = st.integers(-20, 20)
side = st.integers(1, 30)


@given(st.lists(st.tuples(corner, corner, side, side), min_size=2, max_size=2))
def test_overlap_of_boxes_is_that_of_their_pixels(two: list[tuple[int, int, int, int]]) -> None:
    boxes = torch.tensor([[x, y, x + w, y + h] for x, y, w, h in two], dtype=torch.float32)
    pixels = [{(i, j) for i in range(y, y + h) for j in range(x, x + w)} for x, y, w, h in two]
    expected = len(pixels[0] & pixels[1]) / len(pixels[0] | pixels[1])
    assert iou(boxes[0], boxes[1]).item() == pytest.approx(expected, abs=1e-6)
    assert torch.equal(iou(boxes[0], boxes[1]), iou(boxes[1], boxes[0]))
    assert iou(boxes, boxes).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("name", ENCODINGS)
@given(
    st.integers(1, 3), st.integers(1, 3), st.sampled_from([1, 2, 8]), st.floats(4, 60), st.integers(0, 10**6)
)
def test_decoding_undoes_encoding(name: str, h: int, w: int, stride: int, scale: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    reach = torch.rand(2, 2, 2, h, w, generator=generator) * 40 + 0.5  # of the sides from each cell's centre
    y, x = torch.meshgrid(torch.arange(h) * stride + 0.5, torch.arange(w) * stride + 0.5, indexing="ij")
    centre = torch.stack([x, y])
    boxes = torch.cat([centre - reach[:, 0], centre + reach[:, 1]], 1)  # (2, 4, h, w)
    back = ENCODINGS[name].decode(ENCODINGS[name].encode(boxes, stride, scale), stride, scale)
    torch.testing.assert_close(back, boxes, rtol=1e-4, atol=1e-3)


def targets(sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    boxes, present = box_targets(torch.from_numpy(sample.instances)[None])
    return boxes[0].numpy(), present[0].numpy()


@given(samples())
def test_targets_of_a_mirrored_sample_are_mirrored_targets(sample: Sample) -> None:
    boxes, present = targets(sample)
    width = sample.instances.shape[1]
    other, there = targets(flip(sample))
    mirrored = np.stack([width - boxes[2], boxes[1], width - boxes[0], boxes[3]]) * present
    assert np.array_equal(there, present[:, ::-1])
    assert np.array_equal(other, mirrored[..., ::-1])


@given(samples(), st.integers(0, 3), st.integers(0, 3), st.sampled_from([1, 2, 3]))
def test_targets_move_with_the_picture_by_the_stride(
    sample: Sample, down: int, right: int, stride: int
) -> None:
    instances = np.pad(sample.instances, ((down * stride, 0), (right * stride, 0)))
    boxes, present = box_targets(torch.from_numpy(sample.instances)[None], stride)
    moved, there = box_targets(torch.from_numpy(instances)[None], stride)
    assert torch.equal(there[:, down:, right:], present)
    shift = torch.tensor([right, down, right, down]).view(1, 4, 1, 1) * stride
    assert torch.equal(moved[..., down:, right:], (boxes + shift) * present[:, None])


@given(maps(np.int32, 5), st.permutations(range(1, 6)))
def test_other_numbers_of_the_instances_change_no_target(instances: np.ndarray, numbers: list[int]) -> None:
    other = np.array([0, *numbers], np.int32)[instances]
    for found, expected in zip(
        box_targets(torch.from_numpy(other)[None]),
        box_targets(torch.from_numpy(instances)[None]),
        strict=True,
    ):
        assert torch.equal(found, expected)
    boxes, renumbered = instance_boxes(torch.from_numpy(instances)), instance_boxes(torch.from_numpy(other))
    for number in set(instances.ravel().tolist()) - {0}:
        assert torch.equal(renumbered[numbers[number - 1]], boxes[number])


# Transforms and files


@given(samples(), st.integers(-4, 8), st.data())
def test_turns_and_mirrors_are_those_of_a_square_sheet(
    sample: Sample, quarters: int, data: st.DataObject
) -> None:
    assert equal(turn(turn(sample, quarters), -quarters), sample)
    assert equal(flip(flip(sample)), sample)
    assert equal(flip(flip(sample), vertical=True), turn(sample, 2))
    assert equal(flip(turn(sample, quarters)), turn(flip(sample), -quarters))
    rows, columns = sample.instances.shape
    top, left = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, columns - 1))
    height, width = data.draw(st.integers(1, rows - top)), data.draw(st.integers(1, columns - left))
    window = crop(sample, top, left, height, width)
    assert np.array_equal(window.instances, sample.instances[top : top + height, left : left + width])
    assert equal(flip(window), crop(flip(sample), top, columns - left - width, height, width))
    padded = pad(sample, rows + 3, columns + 2)
    assert equal(crop(padded, 0, 0, rows, columns), sample)
    beyond = np.ones((rows + 3, columns + 2), bool)
    beyond[:rows, :columns] = False
    assert (padded.categories[beyond] == VOID).all()
    assert not padded.instances[beyond].any()


@given(samples(), st.integers(1, 12), st.integers(1, 12))
def test_what_is_resized_keeps_the_conventions_and_makes_no_label_up(sample: Sample, h: int, w: int) -> None:
    small = verify(resize(sample, h, w), "resized")
    pairs = set(zip(sample.categories.ravel().tolist(), sample.instances.ravel().tolist(), strict=True))
    assert set(zip(small.categories.ravel().tolist(), small.instances.ravel().tolist(), strict=True)) <= pairs
    rows, columns = sample.instances.shape
    assert small.instances.shape == (h, w)
    assert equal(resize(sample, rows, columns), sample)
    large = resize(sample, 3 * rows, 2 * columns)
    for part in ("instances", "categories"):
        assert np.array_equal(getattr(large, part), np.kron(getattr(sample, part), np.ones((3, 2), np.uint8)))


@given(samples(highest=2**31 - 1))
def test_compact_numbers_keep_every_instance_and_their_order(sample: Sample) -> None:
    small = compact(sample).instances
    numbers = np.unique(small[small > 0])
    assert numbers.tolist() == list(range(1, len(numbers) + 1))
    before = np.unique(sample.instances[sample.instances > 0])
    assert np.array_equal(np.array([0, *before])[small], sample.instances)


@settings(max_examples=25)
@given(st.sampled_from([1, 254, 255, 65534]).flatmap(lambda highest: maps(np.int64, highest)), st.data())
def test_label_maps_come_back_from_their_file(labels: np.ndarray, data: st.DataObject) -> None:
    void = data.draw(hnp.arrays(bool, labels.shape))
    with tempfile.TemporaryDirectory() as folder:
        read, unknown = read_label_png(write_label_png(Path(folder) / "map.png", labels, void))
    assert np.array_equal(unknown, void)
    assert np.array_equal(read, np.where(void, 0, labels))


class Drawn(list):
    """A list of samples as a data set."""

    kind, root, categories = "drawn", None, ("background", "a", "b", "c")

    @property
    def names(self) -> list[str]:
        return [sample.name for sample in self]


@few
@given(samples(highest=300).filter(lambda sample: bool(sample.instances.any())))
def test_an_exported_folder_has_the_labels_that_went_in(sample: Sample) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (read,) = VocFolder(export(Drawn([sample]), Path(folder) / "out", "val"), "val")
    assert np.array_equal(read.categories, sample.categories)
    assert np.array_equal(read.instances, sample.instances)


names = st.lists(
    st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=4), unique=True, max_size=30
)


@given(names, st.floats(0, 1), st.integers(1, 10), st.randoms(use_true_random=False))
def test_what_is_held_out_does_not_depend_on_the_order(names, share, most, random) -> None:
    chosen = held_out(names, share, most)
    assert chosen == [name for name in names if name in chosen]
    assert len(chosen) <= min(most, max(len(names) - 1, 0))
    assert len(names) < 2 or not share or chosen
    assert abs(len(chosen) - min(most, share * len(names))) <= 1
    assert set(held_out(random.sample(names, len(names)), share, most)) == set(chosen)


# Measures and losses


@given(maps(np.uint8, 3), st.data())
def test_figures_of_categories_are_numpys(truth: np.ndarray, data: st.DataObject) -> None:
    truth = np.where(truth == 3, VOID, truth).astype(np.uint8)
    prediction = data.draw(hnp.arrays(np.int64, truth.shape, elements=st.integers(0, 2)))
    matrix = confusion(truth, prediction, 3)
    known = truth != VOID
    shares, right = [], []
    for category in range(3):
        said, true = (prediction == category) & known, truth == category
        assert matrix[category].tolist() == [(true & (prediction == k)).sum() for k in range(3)]
        if (said | true).any():
            shares.append((said & true).sum() / (said | true).sum())
        if true.any():
            right.append((said & true).sum() / true.sum())
    if known.any():
        assert mean_iou(matrix)[0] == pytest.approx(np.mean(shares))
        assert class_accuracy(matrix)[0] == pytest.approx(np.mean(right))
        assert pixel_accuracy(matrix) == pytest.approx((truth == prediction)[known].mean())
    cut = truth.shape[0] // 2
    assert np.array_equal(
        matrix, confusion(truth[:cut], prediction[:cut], 3) + confusion(truth[cut:], prediction[cut:], 3)
    )


tenths = st.integers(0, 10).map(lambda k: k / 10)


@given(
    st.lists(st.tuples(tenths, st.booleans()), min_size=1, max_size=12),
    tenths,
    st.integers(0, 6),
    st.none() | st.integers(0, 6),
)
@example([(0.5, True)] * 4, 0.6, 1, 0)
def test_hard_pixels_are_the_hardest_and_as_many_as_asked_for(pixels, threshold, floor, more) -> None:
    easiness, valid = (torch.tensor(part) for part in zip(*pixels, strict=True))
    ceiling = None if more is None else max(floor, 1) + more
    kept, ended = hard_pixels(easiness, valid, threshold, floor, ceiling=ceiling)
    assert not (kept & ~valid).any()
    ranked = easiness.masked_fill(~valid, torch.inf).sort().values
    raised = ranked[:floor].amax() if floor else torch.tensor(-torch.inf)
    wanted = valid & ((easiness < threshold) | (easiness <= raised))  # all that tie with the floor's last
    if ceiling is None or wanted.sum() <= ceiling:
        assert torch.equal(kept, wanted)
        assert ended == raised.clamp(min=threshold)
    else:
        assert kept.sum() == ceiling
        assert easiness[kept].max() <= easiness[valid & ~kept].min()
        assert ended == ranked[ceiling - 1]


@given(hnp.arrays(bool, st.tuples(st.just(2), st.integers(1, 9), st.just(3))), tenths, st.data())
def test_of_each_picture_the_hardest_share_is_kept(
    valid: np.ndarray, share: float, data: st.DataObject
) -> None:
    assume(share > 0)
    easiness = data.draw(hnp.arrays(np.float32, valid.shape, elements=tenths.map(np.float32)))
    kept = hardest_of_each(torch.from_numpy(easiness), torch.from_numpy(valid), share).numpy()
    assert not (kept & ~valid).any()
    for picked, there, easy in zip(kept, valid, easiness, strict=True):
        assert picked.sum() == -(-round(10 * share) * there.sum() // 10)
        if picked.any() and (there & ~picked).any():
            assert easy[picked].max() <= easy[there & ~picked].min()


# Groupings


def grown(mask: np.ndarray) -> np.ndarray:
    """Return the pixels of a mask that are reached from its first one over sides."""
    reached = np.zeros_like(mask)
    reached.flat[mask.argmax()] = True
    for _ in range(mask.size):
        around = np.pad(reached, 1)
        reached = mask & (
            reached | around[2:, 1:-1] | around[:-2, 1:-1] | around[1:-1, 2:] | around[1:-1, :-2]
        )
    return reached


@given(maps(np.uint8, 3))
def test_components_are_the_same_in_a_mirror_and_neighbours_share_one_where_they_share_a_category(
    categories: np.ndarray,
) -> None:
    labels = connected_components(torch.from_numpy(categories)).numpy()
    assert np.array_equal(labels > 0, categories > 0)
    mirrored = connected_components(torch.from_numpy(categories[:, ::-1].copy())).numpy()[:, ::-1]
    pairs = set(zip(labels.ravel().tolist(), mirrored.ravel().tolist(), strict=True))
    assert len(pairs) == len(np.unique(labels)) == len(np.unique(mirrored))  # one to one
    for kinds, numbers in ((categories, labels), (categories.T, labels.T)):
        assert np.array_equal(kinds[1:] == kinds[:-1], numbers[1:] == numbers[:-1])
    for number in np.unique(labels[labels > 0]):
        assert np.array_equal(grown(labels == number), labels == number), "in one piece"


@st.composite
def apart(draw: st.DrawFn) -> np.ndarray:
    """Rectangles that do not overlap, one at most in each square of 8 × 8 pixels; they may touch."""
    rows, columns = draw(st.integers(1, 2)), draw(st.integers(1, 3))
    instances, number = np.zeros((8 * rows, 8 * columns), int), 0
    for row in range(rows):
        for column in range(columns):
            if draw(st.booleans()):
                top, left = draw(st.integers(0, 4)), draw(st.integers(0, 4))
                high, wide = draw(st.integers(2, 8 - top)), draw(st.integers(2, 8 - left))
                number += 1
                y, x = 8 * row + top, 8 * column + left
                instances[y : y + high, x : x + wide] = number
    return instances


def outlines(found: Instances) -> set[tuple[int, bytes]]:
    masks = found.masks[:].numpy()
    assert len(masks) == len({mask.tobytes() for mask in masks})
    return {(kind, mask.tobytes()) for kind, mask in zip(found.categories.tolist(), masks, strict=True)}


@settings(max_examples=20)
@pytest.mark.parametrize(
    "group",
    [
        lambda *answer: suppress_and_trace(*answer, Suppression(pixels=1)),
        lambda *answer: vote_and_assign(*answer, Voting(pixels=1)),
    ],
    ids=["suppression", "voting"],
)
@given(apart(), st.data())
def test_exactly_true_boxes_give_exactly_the_true_instances(
    group: Callable[..., Instances], instances: np.ndarray, data: st.DataObject
) -> None:
    count = int(instances.max())
    kinds = data.draw(st.lists(st.integers(1, 2), min_size=count, max_size=count))
    found = outlines(group(*perfect(picture(instances, kinds))))
    assert found == {(kind, (instances == number).tobytes()) for number, kind in enumerate(kinds, 1)}
    order = data.draw(st.permutations(range(1, count + 1)))
    other = np.array([0, *order])[instances]
    moved = [kinds[order.index(number)] for number in range(1, count + 1)]
    assert outlines(group(*perfect(picture(other, moved)))) == found
    mirrored = instances[:, ::-1]
    expected = {(kind, (mirrored == number).tobytes()) for number, kind in enumerate(kinds, 1)}
    assert outlines(group(*perfect(picture(mirrored, kinds)))) == expected
