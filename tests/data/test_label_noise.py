"""Wrong names: how many, of which objects, and what stays."""

from __future__ import annotations

import numpy as np
import pytest

from bridgeseg.data.label_noise import mislabelled
from bridgeseg.data.scenes import CATEGORIES, Scenes
from bridgeseg.structures.labels import VOID, Sample

SCENES = [Scenes("train", 48, 150)[index] for index in range(150)]


def names(sample: Sample) -> list[int]:
    """The category of each object."""
    found = range(1, int(sample.instances.max()) + 1)
    return [int(np.unique(sample.categories[sample.instances == number]).item()) for number in found]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 1.0])
def test_so_many_objects_carry_a_wrong_name(share: float) -> None:
    pairs = [
        pair
        for sample in SCENES
        for pair in zip(names(sample), names(mislabelled(sample, share, len(CATEGORIES))), strict=True)
    ]
    wrong = np.mean([one != other for one, other in pairs])
    assert abs(wrong - share) < 3.5 * (share * (1 - share) / len(pairs)) ** 0.5 + 1e-9


def test_every_other_category_comes_up_alike() -> None:
    given = [mislabelled(sample, 1.0, len(CATEGORIES)) for sample in SCENES]
    found = np.zeros((len(CATEGORIES), len(CATEGORIES)))
    for before, after in zip(SCENES, given, strict=True):
        for one, other in zip(names(before), names(after), strict=True):
            found[one, other] += 1
    assert not found.diagonal().any()
    assert not found[:, 0].any()
    apart = found[1:, 1:][~np.eye(5, dtype=bool)]
    assert apart.min() > 0.5 * apart.mean()


def test_outlines_void_and_background_stay() -> None:
    for sample in SCENES[:20]:
        changed = mislabelled(sample, 0.5, len(CATEGORIES))
        assert np.array_equal(changed.categories == 0, sample.categories == 0)
        assert np.array_equal(changed.categories == VOID, sample.categories == VOID)
        assert np.array_equal(changed.instances, sample.instances)
        names(changed)  # one name for each object


def test_a_larger_share_adds_to_the_mistakes_of_a_smaller_one() -> None:
    for sample in SCENES[:40]:
        true, few, many = (names(mislabelled(sample, share, len(CATEGORIES))) for share in (0, 0.2, 0.6))
        assert true == names(sample)
        assert all(one == b for a, b, one in zip(true, few, many, strict=True) if a != b)


def test_shares_outside_are_refused() -> None:
    for share in (-0.1, 1.1):
        with pytest.raises(ValueError, match="share"):
            mislabelled(SCENES[0], share, len(CATEGORIES))
