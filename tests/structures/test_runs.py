"""Runs against what looking at every pixel gives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from bridgeseg.structures.runs import label_runs, meet, ranges


def random_labels(seed: int, height: int, width: int, largest: int = 3) -> Tensor:
    random = np.random.default_rng(seed)
    return torch.from_numpy(random.integers(0, largest + 1, (height, width)).astype(np.int32))


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (8, 11), (0, 0), (0, 4), (4, 0)])
@pytest.mark.parametrize("seed", range(3))
def test_runs_cover_the_map_and_end_where_the_label_or_the_row_does(seed: int, size: tuple[int, int]) -> None:
    labels = random_labels(seed, *size)
    start, stop = label_runs(labels)
    line = labels.flatten()
    assert (stop > start).all()
    assert torch.equal(start[1:], stop[:-1])
    assert int((stop - start).sum()) == line.numel()
    for begin, end in zip(start.tolist(), stop.tolist(), strict=True):
        assert len(line[begin:end].unique()) == 1
        assert begin // size[1] == (end - 1) // size[1]
        if end < line.numel() and end % size[1]:
            assert line[end] != line[end - 1]


@pytest.mark.parametrize("labels", [torch.zeros(2, 3, dtype=torch.bool), torch.full((2, 3), 26_000_001)])
def test_runs_of_one_label_are_the_rows(labels: Tensor) -> None:
    start, stop = label_runs(labels)
    assert (start.tolist(), stop.tolist()) == ([0, 3], [3, 6])


def test_runs_of_two_maps_end_where_either_changes() -> None:
    first, second = random_labels(0, 6, 7), random_labels(1, 6, 7)
    pairs = first * 10 + second
    for found, expected in zip(label_runs(first, second), label_runs(pairs), strict=True):
        assert torch.equal(found, expected)


@pytest.mark.parametrize("seed", range(4))
def test_ranges_are_those_of_python(seed: int) -> None:
    random = np.random.default_rng(seed)
    first, counts = random.integers(0, 50, 20), random.integers(0, 4, 20)
    numbers, owner = ranges(torch.from_numpy(first), torch.from_numpy(counts))
    pairs = list(zip(first.tolist(), counts.tolist(), strict=True))
    assert numbers.tolist() == [value for begin, count in pairs for value in range(begin, begin + count)]
    assert owner.tolist() == [place for place, (_, count) in enumerate(pairs) for _ in range(count)]
    assert [
        len(part) for part in ranges(torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.int64))
    ] == [
        0,
        0,
    ]


@pytest.mark.parametrize("seed", range(6))
def test_pieces_that_runs_share_are_those_of_sets_of_pixels(seed: int) -> None:
    random = np.random.default_rng(seed)
    start = random.integers(0, 80, 30)
    stop = start + random.integers(1, 20, 30)
    edges = np.unique(random.integers(0, 90, 25))
    edges = edges[: len(edges) // 2 * 2].reshape(-1, 2)  # some touch where `seed` has it so, none overlap
    others = np.concatenate([edges, [[90, 95], [95, 99]]])
    expected = {
        (mine, other): sorted(set(range(*run)) & set(range(*cut)))
        for mine, run in enumerate(zip(start.tolist(), stop.tolist(), strict=True))
        for other, cut in enumerate(others.tolist())
        if set(range(*run)) & set(range(*cut))
    }
    given = (torch.from_numpy(each) for each in (start, stop, others[:, 0].copy(), others[:, 1].copy()))
    found = list(zip(*(part.tolist() for part in meet(*given)), strict=True))
    assert [(mine, other) for mine, other, _, _ in found] == list(expected)
    for mine, other, begin, end in found:
        assert list(range(begin, end)) == expected[mine, other]
    nothing = torch.zeros(0, dtype=torch.int64)
    assert all(
        len(part) == 0 for part in meet(torch.from_numpy(start), torch.from_numpy(stop), nothing, nothing)
    )


ON_A_GPU = """
import sys
sys.path.insert(0, sys.argv[1])
import stand_in_gpu
stand_in_gpu.plug_in()
import torch
from bridgeseg.structures.runs import label_runs, meet

torch.manual_seed(0)
for size in [(0, 4), (4, 0), (1, 1), (9, 11), (40, 30)]:
    for _ in range(5):
        first, second = torch.randint(0, 3, size), torch.randint(0, 2, size)
        runs, others = label_runs(first), label_runs(first, second)
        here = *runs, *others, *meet(*runs, *others)
        there = first.to(stand_in_gpu.GPU), second.to(stand_in_gpu.GPU)
        runs, others = label_runs(there[0]), label_runs(*there)
        there = *runs, *others, *meet(*runs, *others)
        for mine, its in zip(here, there, strict=True):
            assert its.device == stand_in_gpu.GPU and mine.dtype == its.dtype and torch.equal(mine, its.cpu())
print("all the same")
"""


def test_torch_finds_on_a_gpu_what_numpy_finds_here() -> None:
    # Of a GPU that is none: it is torch's part that is asked for, where tensors cannot be lent to numpy.
    folder = Path(__file__).parents[1] / "book"
    run = subprocess.run(
        [sys.executable, "-c", ON_A_GPU, str(folder)], capture_output=True, text=True, timeout=120
    )
    assert run.stdout == "all the same\n", run.stderr
