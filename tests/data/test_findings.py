"""What is left out is counted whole, named in part, and costs no memory for each time."""

from __future__ import annotations

import tracemalloc

from bridgeseg.data.findings import Findings


def test_the_first_names_stand_in_the_order_in_which_they_were_met() -> None:
    findings = Findings()
    for name in "gbgacdefb":
        findings.note("odd files", f"{name}\n.png")
    findings.note("pixels", "a", 3)
    assert findings.lines() == [
        "odd files: 9 (g .png, b .png, a .png, c .png, d .png and 2 more)",
        "pixels: 3 (a)",
    ]
    assert [findings.count(kind) for kind in ("odd files", "pixels", "none")] == [9, 3, 0]
    assert len(findings.lines()) == 2  # asking for a kind does not make it one


def test_ten_million_pixels_of_a_picture_are_one_number() -> None:
    findings = Findings()
    tracemalloc.start()
    try:
        findings.note("pixels in two objects", "a", 10_000_000)
        assert tracemalloc.get_traced_memory()[1] < 100_000  # bytes
    finally:
        tracemalloc.stop()
    assert findings.count("pixels in two objects") == 10_000_000
