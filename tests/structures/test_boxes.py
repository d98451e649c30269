"""Boxes against torchvision, brute force and the invariants that the losses rely on."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor

from bridgeseg.losses.box_loss import size_weights, smooth_l1
from bridgeseg.structures.boxes import box_targets, decode, encode, instance_boxes, iou
from bridgeseg.structures.cells import cell_centres, sample_labels


def random_map(
    seed: int, height: int = 23, width: int = 31, numbers: tuple[int, ...] = (1, 2, 3, 5, 9)
) -> Tensor:
    """Rectangles over each other, and single pixels; some numbers do not occur."""
    random = np.random.default_rng(seed)
    instances = np.zeros((height, width), np.int32)
    for number in numbers:
        y, x = random.integers(0, height), random.integers(0, width)
        instances[y : y + random.integers(1, 10), x : x + random.integers(1, 12)] = number
    return torch.from_numpy(instances)


def brute_boxes(instances: Tensor) -> list[list[float]]:
    """The tight boxes by looking at every pixel."""
    boxes = [[0.0] * 4 for _ in range(int(instances.max()) + 1)]
    for y, row in enumerate(instances.tolist()):
        for x, number in enumerate(row):
            if number:
                old = boxes[number] if any(boxes[number]) else [x, y, x + 1, y + 1]
                boxes[number] = [min(old[0], x), min(old[1], y), max(old[2], x + 1), max(old[3], y + 1)]
    return boxes


def random_boxes(seed: int, *shape: int, reach: float = 50) -> Tensor:
    """(…, 4) float64 boxes with an extent."""
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(*shape, 2, generator=generator, dtype=torch.float64) * reach
    size = torch.rand(*shape, 2, generator=generator, dtype=torch.float64) * reach / 2 + 1
    return torch.cat([corner, corner + size], -1)


@pytest.mark.parametrize("seed", range(6))
def test_instance_boxes_are_the_tight_half_open_ones(seed: int) -> None:
    instances = random_map(seed)
    boxes = instance_boxes(instances)
    assert boxes.dtype == torch.float32
    assert boxes.tolist() == brute_boxes(instances)


@pytest.mark.parametrize("seed", range(6))
def test_instance_boxes_reach_one_pixel_further_than_torchvisions(seed: int) -> None:
    instances = random_map(seed)
    numbers = instances.unique()[1:].long()
    theirs = torchvision.ops.masks_to_boxes(instances == numbers[:, None, None])
    theirs[:, 2:] += 1  # torchvision names the last pixel inside, we the first outside
    torch.testing.assert_close(instance_boxes(instances)[numbers], theirs)


def test_a_single_pixel_has_a_box_one_wide_and_one_high() -> None:
    instances = torch.zeros(8, 8, dtype=torch.int32)
    instances[5, 3] = 1
    assert instance_boxes(instances).tolist() == [[0, 0, 0, 0], [3, 5, 4, 6]]


def test_lines_of_one_pixel_at_the_edges() -> None:
    instances = torch.zeros(6, 9, dtype=torch.int32)
    instances[:, 8] = 1
    instances[5, :8] = 2
    assert instance_boxes(instances)[1:].tolist() == [[8, 0, 9, 6], [0, 5, 8, 6]]


@pytest.mark.parametrize("shape", [(7, 5), (1, 1), (0, 4)])
def test_a_map_without_instances_has_only_row_zero(shape: tuple[int, int]) -> None:
    assert instance_boxes(torch.zeros(shape, dtype=torch.int32)).tolist() == [[0, 0, 0, 0]]


def test_instance_boxes_of_numbers_that_do_not_occur_are_zero() -> None:
    instances = torch.zeros(4, 4, dtype=torch.int32)
    instances[1, 1] = 4
    assert instance_boxes(instances).tolist() == [[0] * 4] * 4 + [[1, 1, 2, 2]]


def test_instance_boxes_of_numbers_too_large_for_a_row_each_are_refused() -> None:
    with pytest.raises(
        ValueError, match="number 26000001, expected below 1048576; Masks.from_labels takes any"
    ):
        instance_boxes(torch.tensor([[0, 26_000_001]]))


def test_instance_boxes_refuse_a_batch() -> None:
    with pytest.raises(ValueError, match="instances"):
        instance_boxes(torch.zeros(1, 4, 4, dtype=torch.int32))


@pytest.mark.parametrize("stride", [1, 2, 3, 4, 8])
def test_box_targets_give_every_cell_the_box_of_its_own_picture(stride: int) -> None:
    batch = torch.stack(
        [random_map(0), torch.zeros_like(random_map(0)), random_map(1, numbers=(2, 7, 40)), random_map(2)]
    )
    boxes, present = box_targets(batch, stride)
    assert boxes.dtype == torch.float32
    assert boxes.shape == (4, 4, -(-23 // stride), -(-31 // stride))
    for number, picture in enumerate(batch):
        truth = brute_boxes(picture)
        for row in range(boxes.shape[2]):
            for column in range(boxes.shape[3]):
                label = int(picture[row * stride, column * stride])
                assert bool(present[number, row, column]) == (label > 0)
                assert boxes[number, :, row, column].tolist() == truth[label]


def test_a_batch_of_targets_equals_its_pictures_one_by_one() -> None:
    batch = torch.stack([random_map(seed) for seed in range(5)])
    together = box_targets(batch, 2)
    for number in range(5):
        alone = box_targets(batch[number : number + 1], 2)
        assert torch.equal(together[0][number : number + 1], alone[0])
        assert torch.equal(together[1][number : number + 1], alone[1])


def test_targets_of_a_batch_without_instances_are_zero() -> None:
    boxes, present = box_targets(torch.zeros(2, 6, 6, dtype=torch.int32), 2)
    assert boxes.shape == (2, 4, 3, 3)
    assert not boxes.any()
    assert not present.any()


def test_a_flip_goes_before_the_targets_and_never_after() -> None:
    instances = random_map(3)[None]
    flipped_first = box_targets(instances.flip(-1))[0]
    flipped_last = box_targets(instances)[0].flip(-1)
    assert not torch.equal(flipped_first, flipped_last)
    # What the late flip forgets: the coordinates themselves are mirrored and change places.
    width = instances.shape[-1]
    x0, y0, x1, y1 = flipped_last.unbind(1)
    mended = torch.stack([width - x1, y0, width - x0, y1], 1) * (instances.flip(-1) > 0)
    assert torch.equal(flipped_first, mended)


def test_a_crop_goes_before_the_targets_and_never_after() -> None:
    instances = torch.zeros(1, 10, 10, dtype=torch.int32)
    instances[0, 2:8, 2:9] = 1
    early = box_targets(instances[:, :5, :5])[0][0, :, 3, 3]
    assert early.tolist() == [2, 2, 5, 5]  # the part in sight
    assert box_targets(instances)[0][0, :, 3, 3].tolist() == [2, 2, 9, 8]


@pytest.mark.parametrize("stride", [1, 2, 3, 8])
def test_a_cell_stands_for_the_pixel_at_its_multiple_of_the_stride(stride: int) -> None:
    height, width = 19, 26
    numbers = torch.arange(height * width).view(height, width)
    labels = sample_labels(numbers, stride)
    centres = cell_centres(*labels.shape, stride)
    for row in range(labels.shape[0]):
        for column in range(labels.shape[1]):
            assert labels[row, column] == stride * row * width + stride * column
            # The centre of that pixel, by the convention of bridgeseg.structures.labels.
            assert centres[:, row, column].tolist() == [stride * column + 0.5, stride * row + 0.5]


@pytest.mark.parametrize("stride", [1, 2, 8])
@pytest.mark.parametrize("scale", [1.0, 24.0])
def test_decode_undoes_encode(stride: int, scale: float) -> None:
    boxes = random_boxes(stride, 2, 5, 7).permute(0, 3, 1, 2)
    torch.testing.assert_close(
        decode(encode(boxes, stride, scale), stride, scale), boxes.float(), rtol=0, atol=1e-4
    )


def test_encode_undoes_decode() -> None:
    encoded = torch.randn(2, 4, 5, 6, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(encode(decode(encoded, 4, 30.0), 4, 30.0), encoded, rtol=0, atol=1e-4)


def test_encoding_by_hand() -> None:
    # The cell in row 1, column 2 at stride 4 has its centre at (8.5, 4.5); the box's lies at (10, 6).
    boxes = torch.zeros(1, 4, 2, 3)
    boxes[0, :, 1, 2] = torch.tensor([6.0, 1.0, 14.0, 11.0])
    found = encode(boxes, 4, 10.0)[0, :, 1, 2]
    torch.testing.assert_close(found, torch.tensor([0.15, 0.15, math.log(1.0), math.log(0.8)]))


def test_encoding_moves_with_the_picture_by_whole_cells() -> None:
    stride = 4
    boxes = random_boxes(5, 1, 6, 6).permute(0, 3, 1, 2).float()
    moved = torch.zeros(1, 4, 6, 7)
    moved[..., 1:] = boxes + torch.tensor([stride, 0, stride, 0]).view(4, 1, 1)
    torch.testing.assert_close(
        encode(moved, stride, 20.0)[..., 1:], encode(boxes, stride, 20.0), rtol=0, atol=1e-5
    )


def test_boxes_without_extent_are_encoded_finite() -> None:
    assert encode(torch.zeros(1, 4, 3, 3), 2, 24.0).isfinite().all()


def test_an_untrained_network_decodes_to_finite_boxes() -> None:
    boxes = decode(torch.full((1, 4, 2, 2), 1e4), 8, 24.0)
    assert boxes.isfinite().all()
    width = (boxes[:, 2] - boxes[:, 0]).max()
    assert width <= math.exp(6) * 24 * 1.001


@pytest.mark.parametrize("seed", range(4))
def test_iou_equals_torchvisions(seed: int) -> None:
    first, second = random_boxes(seed, 12), random_boxes(seed + 100, 9)
    theirs = torchvision.ops.box_iou(first, second)
    torch.testing.assert_close(iou(first[:, None], second[None]), theirs)
    torch.testing.assert_close(iou(first.T[:, :, None], second.T[:, None], dim=0), theirs)


@pytest.mark.parametrize("stride", [1, 2, 5])
def test_box_targets_are_the_same_when_the_largest_number_is_known(stride: int) -> None:
    maps = [random_map(seed) for seed in range(6)]
    empty, pixel, full = torch.zeros_like(maps[0]), torch.zeros_like(maps[0]), torch.ones_like(maps[0])
    pixel[-1, 0] = 9
    batch = torch.stack([*maps, empty, pixel, full, full * 4])
    boxes, present = box_targets(batch, stride)
    for most in (9, 12):
        known, where = box_targets(batch, stride, most)
        assert torch.equal(known, boxes)
        assert torch.equal(where, present)
    assert box_targets(batch[:0], stride, 9)[0].shape == box_targets(batch[:0], stride)[0].shape
    with pytest.raises(ValueError, match="number 9, expected at most `most`, 8"):
        box_targets(batch, stride, 8)


def test_box_targets_of_panoptic_numbers_are_those_of_small_ones() -> None:
    small = torch.stack([random_map(0), random_map(1)])
    large = torch.where(small > 0, small * 200_000_000 + 17, 0).int()
    assert large.max() > 1_800_000_000
    for found, expected in zip(box_targets(large, 2), box_targets(small, 2), strict=True):
        assert torch.equal(found, expected)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_iou_of_half_precision_is_computed_in_float32(kind: torch.dtype) -> None:
    box = torch.tensor([0.0, 0, 300, 300]).to(kind)  # 90,000 pixels: infinite in float16
    half = torch.tensor([0.0, 0, 300, 150]).to(kind)
    assert iou(box, box) == 1
    assert iou(box, half) == pytest.approx(0.5, rel=0.01)
    assert iou(box, half).dtype == torch.float32


@pytest.mark.parametrize(
    "side", [1e-4, 1e-8, 1e-15, 1e-20]
)  # of the last the area is below float32's normal numbers
def test_iou_of_tiny_boxes_does_not_depend_on_their_size(side: float) -> None:
    box = torch.tensor([0.0, 0, side, side])
    assert iou(box, box) == 1
    assert iou(box, torch.tensor([0.0, 0, side, 2 * side])) == pytest.approx(0.5, rel=1e-3)


def test_iou_by_hand_at_its_edges() -> None:
    box = torch.tensor([0.0, 0.0, 4.0, 4.0])
    others = torch.tensor(
        [
            [0.0, 0, 4, 4],  # the same
            [4, 0, 8, 4],  # touching: half open, nothing in common
            [0, 0, 4, 2],  # half of it
            [2, 2, 6, 6],  # 4 of 28
            [9, 9, 9, 9],  # no area
        ]
    )
    torch.testing.assert_close(iou(box, others), torch.tensor([1, 0, 0.5, 4 / 28, 0]))
    assert iou(torch.zeros(4), torch.zeros(4)) == 0


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_all_pixels_of_an_instance_share_one_weight(power: float) -> None:
    instances = random_map(7)[None]
    boxes, present = box_targets(instances)
    weights = size_weights(boxes, 24.0, power)
    for number in instances.unique().tolist()[1:]:
        assert len(weights[instances == number].unique()) == 1
    assert weights.isfinite().all()
    assert (weights[present] > 0).all()
    if power == 0:
        assert (weights == 1).all()


def test_at_power_one_every_instance_that_fills_its_box_weighs_the_same() -> None:
    instances = torch.zeros(1, 40, 40, dtype=torch.int32)
    instances[0, 0:3, 0:4], instances[0, 5:35, 5:30], instances[0, 39, 39] = 1, 2, 3
    weights = size_weights(box_targets(instances)[0], 24.0, power=1.0)
    sums = [float(weights[instances == number].sum()) for number in (1, 2, 3)]
    assert sums == pytest.approx([24.0**2] * 3, rel=1e-5)


def test_the_weight_falls_with_the_size_and_is_one_at_the_scale() -> None:
    sides = torch.tensor([6.0, 24.0, 96.0])
    boxes = torch.stack([torch.zeros(3), torch.zeros(3), sides, sides])[None, :, None]
    torch.testing.assert_close(size_weights(boxes, 24.0, 0.5)[0, 0], torch.tensor([4.0, 1.0, 0.25]))
    torch.testing.assert_close(size_weights(boxes, 24.0, 1.0)[0, 0], torch.tensor([16.0, 1.0, 1 / 16]))


def test_the_weight_sees_height_times_width_only() -> None:
    boxes = torch.tensor([[0.0, 0, 4, 16], [10, 10, 18, 18], [3, 3, 67, 4]]).T[None, :, None]
    assert len(size_weights(boxes, 24.0, 0.5).unique()) == 1


@pytest.mark.parametrize("beta", [0.1, 1.0])
def test_smooth_l1_is_torchs_summed_over_the_four_numbers(beta: float) -> None:
    generator = torch.Generator().manual_seed(1)
    found, target = (torch.randn(2, 4, 3, 5, generator=generator) for _ in range(2))
    distance = (found - target).abs()
    by_hand = torch.where(distance < beta, distance.square() / (2 * beta), distance - beta / 2).sum(1)
    torch.testing.assert_close(smooth_l1(found, target, beta), by_hand)
    theirs = F.smooth_l1_loss(found, target, reduction="none", beta=beta).sum(1)
    assert torch.equal(smooth_l1(found, target, beta), theirs)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_weights_and_encodings_of_half_precision_are_computed_in_single(kind: torch.dtype) -> None:
    """300 × 300 pixels are infinite in float16, and an infinite area has no weight."""
    box = torch.tensor([4.0, 8, 304, 308]).view(1, 4, 1, 1)
    assert torch.equal(box, box.to(kind).float())
    assert torch.equal(size_weights(box.to(kind), 30.0), size_weights(box, 30.0))
    assert torch.equal(encode(box.to(kind), 4, 30.0), encode(box, 4, 30.0))


def test_smooth_l1_of_half_precision_is_computed_in_single() -> None:
    found = torch.full((1, 4, 1, 1), 3.0, dtype=torch.bfloat16)
    loss = smooth_l1(found, torch.full((1, 4, 1, 1), 3.001))
    assert loss.dtype == torch.float32
    assert float(loss) > 0


def test_gradients_of_encoding_overlap_and_weight() -> None:
    boxes = random_boxes(2, 1, 2, 3).permute(0, 3, 1, 2).contiguous().requires_grad_()
    other = random_boxes(3, 1, 2, 3).permute(0, 3, 1, 2).contiguous()
    assert torch.autograd.gradcheck(lambda x: encode(x, 2, 20.0), boxes)
    assert torch.autograd.gradcheck(lambda x: iou(x, other, dim=1), boxes)
    assert torch.autograd.gradcheck(lambda x: size_weights(x, 20.0), boxes)


def test_the_gradient_of_smooth_l1_is_the_distance_held_to_one() -> None:
    found = torch.tensor([-3.0, -0.05, 0.0, 0.2]).view(1, 4, 1, 1).requires_grad_()
    smooth_l1(found, torch.zeros(1, 4, 1, 1), beta=0.1).sum().backward()
    assert found.grad is not None
    torch.testing.assert_close(found.grad.flatten(), torch.tensor([-1.0, -0.5, 0.0, 1.0]))


@pytest.mark.filterwarnings("ignore:Input #0 requires gradient and is not a double")
def test_the_gradient_of_decode_equals_finite_differences() -> None:
    # decode answers in float32, too coarse for gradcheck's default step.
    encoded = torch.randn(1, 4, 2, 2, generator=torch.Generator().manual_seed(4)).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x: decode(x, 2, 1.0), encoded, eps=1e-2, atol=1e-2, rtol=1e-2, check_undefined_grad=False
    )
