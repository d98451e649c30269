"""Cells: maps made finer without moving anything, with and without gradients."""

from __future__ import annotations

import pytest
import torch

from bridgeseg.structures.cells import enlarge, straight_lines

# Both ways in which `enlarge` computes.
either_way = pytest.mark.parametrize("learning", [True, False])


@either_way
def test_enlarge_draws_straight_lines_through_the_cells(learning: bool) -> None:
    """On a plane the value at every fine cell is known: bilinear interpolation is exact there."""
    rows, columns = torch.meshgrid(torch.arange(4.0), torch.arange(5.0), indexing="ij")
    coarse = (3 * rows + 7 * columns)[None, None]
    fine = enlarge(coarse.requires_grad_(learning), 4)
    assert fine.shape == (1, 1, 16, 20)
    rows, columns = torch.meshgrid(torch.arange(16) / 4, torch.arange(20) / 4, indexing="ij")
    torch.testing.assert_close(fine[0, 0], 3 * rows.clamp(max=3) + 7 * columns.clamp(max=4))


@either_way
@pytest.mark.parametrize("factor", [1, 2, 4, 8])
@pytest.mark.parametrize("size", [(1, 1), (1, 6), (5, 3)])
def test_enlarge_keeps_the_coarse_values_where_they_were(
    factor: int, size: tuple[int, int], learning: bool
) -> None:
    coarse = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=learning)
    torch.testing.assert_close(enlarge(coarse, factor)[..., ::factor, ::factor], coarse)
    cut = (factor * (size[0] - 1) + 1, factor * (size[1] - 1) + 1)
    torch.testing.assert_close(enlarge(coarse, factor, cut), enlarge(coarse, factor)[..., : cut[0], : cut[1]])


@pytest.mark.parametrize("factor", [2, 3, 8])
@pytest.mark.parametrize("size", [(1, 1), (1, 6), (5, 3)])
def test_both_ways_give_the_same_and_the_gradient_is_right(factor: int, size: tuple[int, int]) -> None:
    coarse = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)
    wanted = (factor * size[0] - 1, factor * size[1])
    expected = enlarge(coarse.detach(), factor, wanted)
    torch.testing.assert_close(enlarge(coarse, factor, wanted), expected)
    assert torch.autograd.gradcheck(lambda x: enlarge(x, factor, wanted), coarse)


def test_every_place_takes_from_two_neighbours_shares_that_make_one() -> None:
    lines = straight_lines(5, 20, 4, torch.empty(0, dtype=torch.float64))
    assert torch.equal(lines.sum(1), torch.ones(20, dtype=torch.float64))
    assert ((lines > 0).sum(1) <= 2).all()
    assert torch.equal(lines[::4], torch.eye(5, dtype=torch.float64))
    assert torch.equal(lines[16:], lines[16:17].expand(4, 5))  # flat after the last cell


@either_way
def test_channels_last_stays_channels_last_and_so_does_the_gradient(learning: bool) -> None:
    coarse = torch.randn(2, 6, 5, 7).to(memory_format=torch.channels_last)
    fine = enlarge(coarse.requires_grad_(learning), 4, (18, 27))
    joined = torch.cat([fine, fine], dim=1)
    assert joined.is_contiguous(memory_format=torch.channels_last)
    if learning:
        given = torch.randn_like(fine)
        assert given.is_contiguous(memory_format=torch.channels_last)
        (gradient,) = torch.autograd.grad(fine, coarse, given)
        assert gradient.is_contiguous(memory_format=torch.channels_last)
