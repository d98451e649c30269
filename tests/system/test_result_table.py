"""A line an instance: what it says is what the instance map holds, and a spreadsheet only reads it."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
import torch

from bridgeseg.structures.cells import resized
from bridgeseg.structures.instances import Instances
from bridgeseg.system.prediction import without_overlap
from bridgeseg.system.result_table import COLUMNS, Row, rows_of, table_lines

ROW = Row(3, "cat", 0.87654321, 12, 1, 2, 5, 6, 2.5, 3.999)


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("size", [(20, 30), (33, 41), (6, 7)], ids=["same", "larger", "smaller"])
def test_rows_say_what_the_instance_map_holds(size: tuple[int, int]) -> None:
    random = torch.Generator().manual_seed(3)
    masks = torch.rand(12, 20, 30, generator=random) < 0.1
    scores = torch.linspace(0.9, 0.1, 12)
    kinds = torch.randint(1, 3, (12,), generator=random)
    found = Instances.from_masks(masks, kinds, scores, torch.zeros(12, 4))
    labels = resized(without_overlap(found, 0.4).to(torch.int32), size)
    rows = {row.instance: row for row in rows_of(labels, found, 0.4, ("background", "a", "b"))}
    assert list(rows) == [number for number in np.unique(labels) if number]
    for number, row in rows.items():
        y, x = np.nonzero(labels.numpy() == number)
        assert row.area == len(x)
        assert row[4:8] == (x.min(), y.min(), x.max() + 1, y.max() + 1)
        assert row[8:] == pytest.approx((x.mean() + 0.5, y.mean() + 0.5))
        assert row.score == scores[number - 1]
        assert row.category == ("background", "a", "b")[kinds[number - 1]]


def test_nothing_found_has_no_rows() -> None:
    assert rows_of(torch.zeros(3, 4, dtype=torch.int32), Instances.none(3, 4), 0.5, ("background",)) == []
    assert table_lines("a", []) == ""


@pytest.mark.parametrize(
    "name", ["a", 'says "x", twice', "two\nlines", "a\rb", "ä μ 細胞", "semi;colon", " a "]
)
def test_every_name_comes_back_from_its_cell(name: str) -> None:
    (cells,) = read(table_lines(name, [ROW]))
    assert dict(zip(COLUMNS, cells, strict=True)) == {
        "picture": name,
        "instance": "3",
        "category": "cat",
        "score": "0.8765",
        "area": "12",
        **{"x0": "1", "y0": "2", "x1": "5", "y1": "6"},
        **{"centre_x": "2.50", "centre_y": "4.00"},
    }


@pytest.mark.parametrize("name", ["=1+1", "+x", "-x", "@x", "\t=x"])
def test_a_name_that_looks_like_a_formula_is_none(name: str) -> None:
    (cells,) = read(table_lines(name, [ROW._replace(category=name)]))
    assert cells[0] == cells[2] == f"'{name}"
