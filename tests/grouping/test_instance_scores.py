"""The three numbers behind an instance's score."""

from __future__ import annotations

import pytest
import torch

from bridgeseg.grouping.instance_scores import parts_of_score


def test_means_equal_those_of_each_instance_by_itself() -> None:
    generator = torch.Generator().manual_seed(0)
    number = torch.randint(0, 5, (200,), generator=generator)
    certain, overlap = torch.rand(2, 200, generator=generator)
    fit = torch.rand(5, generator=generator)
    parts = parts_of_score(number, certain, overlap, fit)
    for k in range(5):
        mine = number == k
        expected = [float(certain[mine].mean()), float(overlap[mine].mean()), float(fit[k])]
        assert parts[:, k].tolist() == pytest.approx(expected, rel=1e-5)


def test_an_instance_without_pixels_has_no_certainty() -> None:
    parts = parts_of_score(torch.tensor([1]), torch.ones(1), torch.ones(1), torch.ones(2))
    assert parts.tolist() == [[0, 1], [0, 1], [1, 1]]


def test_no_instances() -> None:
    assert parts_of_score(torch.zeros(0).long(), torch.zeros(0), torch.zeros(0), torch.zeros(0)).shape == (
        3,
        0,
    )
