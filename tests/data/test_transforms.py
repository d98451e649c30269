"""Transforms: picture and labels stay in step, shown with a picture that encodes its own labels."""

from __future__ import annotations

import numpy as np
import pytest

from bridgeseg.data.transforms import (
    FILL,
    compact,
    crop,
    flip,
    jitter,
    pad,
    random_crop,
    random_flip,
    random_scale,
    resize,
    scale,
    turn,
)
from bridgeseg.structures.labels import VOID, Sample, verify


def telling(height: int = 23, width: int = 31, block: int = 1, seed: int = 0) -> Sample:
    """A sample whose picture says in red the category and in green the instance of every pixel.

    block: so many pixels a side have the same labels
    """
    rng = np.random.default_rng(seed)
    shape = (-(-height // block), -(-width // block))
    instances = rng.integers(0, 6, shape).astype(np.int32)
    categories = (instances % 3 + (instances > 0)).astype(np.uint8)
    categories[(instances == 0) & (rng.random(shape) < 0.3)] = VOID
    categories, instances = (
        np.ascontiguousarray(np.kron(labels, np.ones((block, block), labels.dtype))[:height, :width])
        for labels in (categories, instances)
    )
    blue = rng.integers(0, 256, (height, width))
    picture = np.stack([categories, 40 * instances, blue], axis=-1).astype(np.uint8)
    return verify(Sample("telling", picture, categories, instances), "telling")


def assert_in_step(sample: Sample) -> None:
    verify(sample, sample.name)
    np.testing.assert_array_equal(sample.picture[..., 0], sample.categories)
    np.testing.assert_array_equal(sample.picture[..., 1], 40 * sample.instances)


def assert_same(first: Sample, second: Sample) -> None:
    assert first.name == second.name
    for one, other in zip(
        (first.picture, first.categories, first.instances),
        (second.picture, second.categories, second.instances),
        strict=True,
    ):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def test_crop_cuts_the_same_window_from_all_three() -> None:
    sample = telling()
    window = crop(sample, 3, 5, 7, 11)
    assert_in_step(window)
    assert_same(
        window,
        Sample(
            "telling",
            sample.picture[3:10, 5:16],
            sample.categories[3:10, 5:16],
            sample.instances[3:10, 5:16],
        ),
    )
    assert_same(crop(window, 1, 2, 3, 4), crop(sample, 4, 7, 3, 4))
    assert_same(crop(sample, 0, 0, 23, 31), sample)
    for bad in ((-1, 0, 2, 2), (0, 0, 24, 2), (0, 30, 2, 2), (0, 0, 0, 2)):
        with pytest.raises(ValueError, match="crop of telling: .* within 23 rows and 31 columns"):
            crop(sample, *bad)


def test_flips_undo_themselves_and_turns_come_round() -> None:
    sample = telling()
    for vertical in (False, True):
        mirrored = flip(sample, vertical)
        assert_in_step(mirrored)
        assert not np.array_equal(mirrored.picture, sample.picture)
        assert_same(flip(mirrored, vertical), sample)
    np.testing.assert_array_equal(flip(sample).instances[:, 0], sample.instances[:, -1])
    np.testing.assert_array_equal(flip(sample, vertical=True).instances[0], sample.instances[-1])
    assert_same(flip(flip(sample), vertical=True), turn(sample, 2))
    once = turn(sample, 1)
    assert_in_step(once)
    assert once.categories.shape == (31, 23)
    np.testing.assert_array_equal(once.categories[0], sample.categories[:, -1])  # right edge comes to the top
    assert_same(turn(turn(once, 1), 2), sample)
    assert_same(turn(sample, -1), turn(sample, 3))
    for result in (flip(sample), flip(sample, vertical=True), once):
        assert all(
            array.flags.c_contiguous for array in (result.picture, result.categories, result.instances)
        )


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (5, 1)])
def test_a_mirrored_line_of_pixels_can_be_lent_to_torch(size: tuple[int, int]) -> None:
    line = Sample("line", np.zeros((*size, 3), np.uint8), np.ones(size, np.uint8), np.ones(size, np.int32))
    for other in (flip(line), flip(line, vertical=True), turn(line, 1), turn(line, 2)):
        assert min(*other.instances.strides, *other.picture.strides) > 0


def test_random_flip_draws_every_position_equally() -> None:
    sample, generator = telling(8, 8), np.random.default_rng(0)
    positions = [turn(mirrored, k) for mirrored in (sample, flip(sample)) for k in range(4)]
    seen = np.zeros(8, int)
    for _ in range(800):
        drawn = random_flip(sample, generator, upright=False)
        seen += [np.array_equal(drawn.picture, position.picture) for position in positions]
    assert seen.sum() == 800
    assert seen.min() > 60  # four standard deviations below 100
    upright = np.array(
        [np.array_equal(random_flip(sample, generator).picture, sample.picture) for _ in range(400)]
    )
    assert 150 < upright.sum() < 250


def test_scaling_up_and_down_by_whole_numbers_is_exact() -> None:
    sample = telling()
    triple = scale(sample, 3)
    verify(triple, "triple")
    np.testing.assert_array_equal(triple.instances, np.kron(sample.instances, np.ones((3, 3), np.int32)))
    np.testing.assert_array_equal(triple.categories, np.kron(sample.categories, np.ones((3, 3), np.uint8)))
    back = scale(triple, 1 / 3)
    np.testing.assert_array_equal(back.instances, sample.instances)
    np.testing.assert_array_equal(back.categories, sample.categories)
    assert scale(sample, 1) is sample
    assert scale(sample, 0.001).instances.shape == (1, 1)


@pytest.mark.parametrize("factor", [0.5, 0.73, 1.3, 2.0, 2.6])
def test_picture_and_labels_stay_in_step_when_scaled(factor: float) -> None:
    # Away from borders between labels the picture is flat, so that it still says what the labels are there.
    sample = telling(96, 128, block=16)
    scaled = verify(scale(sample, factor), "scaled")
    assert scaled.categories.shape == (round(96 * factor), round(128 * factor))
    reach = int(2 * max(1, factor)) + 1
    labels = scaled.instances * 256 + scaled.categories
    flat = np.ones(labels.shape, bool)
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            flat &= np.roll(labels, (dy, dx), (0, 1)) == labels
    flat[:reach] = flat[-reach:] = flat[:, :reach] = flat[:, -reach:] = False
    assert flat.mean() > 0.05
    np.testing.assert_array_equal(scaled.picture[..., 0][flat], scaled.categories[flat])
    np.testing.assert_array_equal(scaled.picture[..., 1][flat], 40 * scaled.instances[flat])


def test_shrinking_averages_the_picture() -> None:
    checkers = (np.indices((64, 64)).sum(0) % 2 * 200).astype(np.uint8)
    blank = np.zeros((64, 64))
    sample = Sample("c", np.stack([checkers] * 3, -1), blank.astype(np.uint8), blank.astype(np.int32))
    assert np.abs(scale(sample, 0.25).picture[2:-2, 2:-2].astype(int) - 100).max() <= 2


def test_resize_and_scale_refuse_nonsense() -> None:
    with pytest.raises(ValueError, match="0 rows, 5 columns, expected at least 1"):
        resize(telling(), 0, 5)
    for factor in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="expected above 0"):
            scale(telling(), factor)


def test_random_scale_stays_in_range_and_is_even_on_a_logarithmic_axis() -> None:
    sample, generator = telling(40, 40), np.random.default_rng(1)
    sides = np.array([random_scale(sample, 0.5, 2, generator).categories.shape[0] for _ in range(300)])
    assert sides.min() >= 20
    assert sides.max() <= 80
    assert 110 < (sides < 40).sum() < 180


def test_padding_is_void_and_nothing_else_changes() -> None:
    sample = telling()
    padded = verify(pad(sample, 30, 40), "padded")
    assert padded.categories.shape == (30, 40)
    assert_same(crop(padded, 0, 0, 23, 31), sample)
    outside = np.ones((30, 40), bool)
    outside[:23, :31] = False
    assert (padded.categories[outside] == VOID).all()
    assert not padded.instances[outside].any()
    assert (padded.picture[outside] == FILL).all()
    assert pad(sample, 23, 5) is sample
    assert pad(sample, 10, 40).categories.shape == (23, 40)


def test_random_crop_has_the_size_asked_for_and_reaches_every_place() -> None:
    sample, generator = telling(6, 7), np.random.default_rng(0)
    seen = {random_crop(sample, 4, 4, generator).picture.tobytes() for _ in range(300)}
    places = {crop(sample, top, left, 4, 4).picture.tobytes() for top in range(3) for left in range(4)}
    assert seen == places
    larger = random_crop(sample, 9, 3, generator)
    assert larger.categories.shape == (9, 3)
    assert (larger.categories[6:] == VOID).all()
    assert_in_step(crop(larger, 0, 0, 6, 3))


def test_jitter_changes_colours_and_no_labels() -> None:
    sample, generator = telling(), np.random.default_rng(0)
    assert_same(jitter(sample, generator, 0, 0, 0), sample)
    result = jitter(sample, generator)
    assert result.picture.dtype == np.uint8
    assert (result.picture != sample.picture).mean() > 0.5
    np.testing.assert_array_equal(result.categories, sample.categories)
    np.testing.assert_array_equal(result.instances, sample.instances)
    with pytest.raises(ValueError, match="contrast is 2, expected 0 to 1"):
        jitter(sample, generator, contrast=2)


class Ends:
    """Stands in for a generator: always draws the upper end of the range."""

    def uniform(self, low: float, high: float) -> float:
        return high


@pytest.mark.parametrize(
    ("brightness", "contrast", "saturation"), [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0.3, 0.2, 0.4)]
)
def test_jitter_is_brightness_after_contrast_after_saturation(
    brightness: float, contrast: float, saturation: float
) -> None:
    sample = telling()
    result = jitter(sample, Ends(), brightness, contrast, saturation)  # type: ignore[arg-type]
    colours = sample.picture.astype(np.float64)
    grey = colours @ [0.299, 0.587, 0.114]
    colours = grey[..., None] + (1 + saturation) * (colours - grey[..., None])
    colours = grey.mean() + (1 + contrast) * (colours - grey.mean())
    expected = np.clip((1 + brightness) * colours, 0, 255)
    assert np.abs(result.picture - expected).max() <= 0.51


def test_compact_closes_gaps_and_keeps_the_order() -> None:
    sample = telling()
    numbers = np.array([0, 7, 2, 9, 40, 5], np.int32)[sample.instances]
    result = verify(compact(Sample("gaps", sample.picture, sample.categories, numbers)), "gaps")
    np.testing.assert_array_equal(result.instances, np.array([0, 3, 1, 4, 5, 2])[sample.instances])
    assert result.instances.dtype == np.int32
    assert compact(sample) is sample
    blank = Sample("blank", sample.picture, sample.categories, np.zeros_like(sample.instances))
    assert compact(blank) is blank
    panoptic = np.array([0, 26_000_001, 2, 2**31 - 1, 4, 300], np.int32)[sample.instances]
    result = compact(Sample("panoptic", sample.picture, sample.categories, panoptic))
    np.testing.assert_array_equal(result.instances, np.array([0, 4, 1, 5, 2, 3])[sample.instances])
    alone = compact(Sample("alone", sample.picture, sample.categories, np.full_like(sample.instances, 3)))
    assert (alone.instances == 1).all()


def test_the_same_generator_gives_the_same_sample_and_the_old_one_stays() -> None:
    sample = telling(60, 70)
    before = [array.copy() for array in (sample.picture, sample.categories, sample.instances)]

    def chain(seed: int) -> Sample:
        generator = np.random.default_rng(seed)
        result = random_scale(sample, 0.7, 1.4, generator)
        result = random_flip(random_crop(result, 48, 48, generator), generator, upright=False)
        return verify(compact(jitter(result, generator)), "chain")

    assert_same(chain(3), chain(3))
    assert not np.array_equal(chain(3).picture, chain(4).picture)
    for array, old in zip((sample.picture, sample.categories, sample.instances), before, strict=True):
        np.testing.assert_array_equal(array, old)
