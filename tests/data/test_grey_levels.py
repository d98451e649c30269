"""Numbers brought to 8 bits: against the definition, for every type."""

from __future__ import annotations

import numpy as np
import pytest

from bridgeseg.data import grey_levels
from bridgeseg.data.grey_levels import to_8_bits
from bridgeseg.structures.labels import BadInput

TYPES = ["int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float16", "float32", "float64"]


def test_numbers_of_8_bits_are_what_they_are() -> None:
    faint = np.array([[7, 9], [8, 7]], np.uint8)
    assert np.array_equal(to_8_bits(faint, "a"), faint)
    assert to_8_bits(np.array([[True, False]]), "a").tolist() == [[255, 0]]


@pytest.mark.parametrize("kind", ["uint16", "uint32"])
def test_a_range_that_is_used_is_believed(kind: str) -> None:
    limits = np.iinfo(kind)
    quarter = (int(limits.max) - int(limits.min)) // 4
    for low, high in ((0, limits.max), (limits.min, limits.max), (limits.max - quarter - 1, limits.max)):
        values = np.linspace(low, high, 300).astype(kind).reshape(20, 15)
        exact = (values.astype(float) - limits.min) / (float(limits.max) - float(limits.min)) * 255
        assert np.abs(to_8_bits(values, "a") - exact).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("kind", TYPES)
def test_a_range_that_is_hardly_used_is_stretched(kind: str) -> None:
    low, high = (10, 40) if kind == "int8" else (300, 330)
    values = np.arange(low, high + 1).astype(kind).reshape(1, -1)
    exact = (values.astype(float) - low) / (high - low) * 255
    assert np.abs(to_8_bits(values, "a") - exact).max() <= 0.5


@pytest.mark.parametrize("kind", ["int8", "int16", "int32", "int64"])
@pytest.mark.parametrize("low", [0, -0.01, -1])
def test_with_a_sign_what_is_darkest_is_black(kind: str, low: float) -> None:
    values = (np.linspace(low * 0.9, 0.7, 256) * float(np.iinfo(kind).max)).astype(kind)
    share = (values - float(values.min())) / (float(values.max()) - float(values.min()))
    assert np.abs(to_8_bits(values.reshape(16, 16), "a").ravel() - share * 255).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("burnt, rest", [(65535, (140, 371)), (4095, (140, 371)), (0, (30000, 31000))])
def test_a_value_that_stands_apart_does_not_darken_the_rest(burnt: int, rest: tuple[int, int]) -> None:
    values = np.random.default_rng(0).integers(*rest, (200, 200)).astype(np.uint16)
    bar = values.copy()
    bar[150:180, 20:120] = burnt
    seen = bar != burnt
    assert np.abs(to_8_bits(bar, "a").astype(int) - to_8_bits(values, "a"))[seen].max() <= 2
    assert (to_8_bits(bar, "a")[~seen] == (0 if burnt == 0 else 255)).all()


def test_of_few_values_none_stands_apart() -> None:
    values = np.repeat(np.array([100, 102, 104, 900], np.uint16), 50).reshape(10, 20)
    assert np.unique(to_8_bits(values, "a")).tolist() == [0, 1, 255]


def test_14_bits_in_16_are_stretched() -> None:
    assert to_8_bits(np.array([[0, 2**13, 2**14 - 1]], np.uint16), "a").tolist() == [[0, 128, 255]]


def test_a_few_hot_pixels_do_not_darken_the_rest() -> None:
    values = np.random.default_rng(0).integers(140, 371, (200, 200)).astype(np.uint16)
    hot = values.copy()
    hot.ravel()[::2000] = 65535
    rest = hot != 65535
    assert np.abs(to_8_bits(hot, "a").astype(int) - to_8_bits(values, "a"))[rest].max() <= 2
    assert (to_8_bits(hot, "a")[~rest] == 255).all()


def test_the_few_pixels_that_differ_from_all_others_are_seen() -> None:
    values = np.full((100, 100), 200, np.uint16)
    values[3, 4:7] = 230
    assert np.unique(to_8_bits(values, "a")).tolist() == [0, 255]


@pytest.mark.parametrize("kind", TYPES)
def test_a_picture_of_one_value_stays_one(kind: str) -> None:
    for value in (0, 1, 100):
        assert len(np.unique(to_8_bits(np.full((4, 5), value, kind), "a"))) == 1


def test_floating_point_has_the_first_range_that_holds_it() -> None:
    for top in (1.0, 255.0, 65535.0):
        values = np.array([[0, top / 5, top / 2]])
        assert to_8_bits(values, "a").tolist() == [[0, 51, 128]]
        assert to_8_bits(values - top / 100, "a").tolist() == [[0, 102, 255]]


def test_colours_keep_their_hue() -> None:
    values = np.random.default_rng(1).integers(100, 4000, (30, 30, 3)).astype(np.uint16)
    values[..., 1] //= 4
    shown = to_8_bits(values, "a").astype(float)
    low, high = grey_levels.span(values)
    assert np.abs(shown - ((values - low) / (high - low)).clip(0, 1) * 255).max() <= 0.5


def test_brighter_is_never_darker_and_rows_do_not_matter() -> None:
    values = np.random.default_rng(2).normal(50, 1e4, (grey_levels._ROWS * 2 + 3, 5))
    shown = to_8_bits(values, "a")
    order = values.ravel().argsort()
    assert (np.diff(shown.ravel()[order].astype(int)) >= 0).all()
    assert np.array_equal(to_8_bits(values[::-1], "a"), shown[::-1])


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(BadInput, match=r"a\.tif: 1 of 4 numbers are NaN or infinite"):
        to_8_bits(np.array([[1, np.nan], [2, 3]]), "a.tif")
    with pytest.raises(BadInput, match=r"a\.tif: pixels of type complex"):
        to_8_bits(np.zeros((2, 2), complex), "a.tif")
