"""Regions that overlap become maps in which none does."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bridgeseg.data.findings import Findings
from bridgeseg.data.polygons import Patch
from bridgeseg.data.regions import Region, compose
from bridgeseg.structures.labels import verify

PICTURE = np.zeros((6, 7, 3), np.uint8)
boxes = st.tuples(st.integers(0, 5), st.integers(0, 6), st.integers(0, 4), st.integers(0, 4))


def region(category: int, top: int, left: int, height: int, width: int) -> Region:
    mask = np.ones((min(height, 6 - top), min(width, 7 - left)), bool)
    return Region(category, Patch(top, left, mask))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0, 1, 2, 255]), boxes), max_size=7))
def test_every_pixel_has_what_the_rule_says(drawn: list) -> None:
    regions = [region(category, *box) for category, box in drawn]
    sample = verify(compose("a", PICTURE, regions, Findings()), "a", 2)
    owners = np.zeros((6, 7), int)
    for row in range(6):
        for column in range(7):
            over = []
            for number, (category, patch) in enumerate(regions, 1):
                y, x = row - patch.top, column - patch.left
                if 0 <= y < patch.mask.shape[0] and 0 <= x < patch.mask.shape[1]:
                    if category in (0, 255):
                        over = []  # erases what came before
                    over.append((number, category, patch.area))
            objects = [one for one in over if one[1] not in (0, 255)]
            if objects:
                best = min(objects, key=lambda one: (one[2], -one[0]))
                owners[row, column], category = best[:2]
            else:
                category = over[-1][1] if over else 0
            assert sample.categories[row, column] == category
    kept = sorted(set(owners.ravel()) - {0})
    expected = np.searchsorted(kept, owners) + 1 if kept else owners
    assert np.array_equal(sample.instances, np.where(owners > 0, expected, 0))


def test_what_is_lost_is_counted() -> None:
    findings = Findings()
    same, empty = region(1, 0, 0, 2, 2), region(1, 0, 0, 0, 0)
    sample = compose("a", PICTURE, [same, empty, same], findings)
    assert sample.instances.max() == 1
    assert findings.lines() == [
        "pixels in two objects, given to the smaller one: 4 (a)",
        "objects without a pixel of their own: 2 (a)",
    ]


def test_a_line_names_the_first_and_counts_all() -> None:
    findings = Findings()
    for number in range(8):
        findings.note("absent pictures", f"{number}.jpg", 2)
    assert findings.lines() == ["absent pictures: 16 (0.jpg, 1.jpg, 2.jpg, 3.jpg, 4.jpg and 3 more)"]
    assert findings.count("absent pictures") == 16
    assert findings.count("others") == 0
    findings.note("others", "two\nlines\ud800 " + "x" * 9999)
    assert findings.lines()[1] == f"others: 1 (two lines {'x' * 190})"
