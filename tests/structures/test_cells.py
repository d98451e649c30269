"""Cells: maps made finer without moving anything, with and without gradients."""

from __future__ import annotations

import pytest
import torch

from bridgeseg.structures.cells import at_borders, enlarge, straight_lines

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


@pytest.mark.parametrize("shape", [(7, 9), (2, 5, 6), (1, 1), (1, 4), (3, 1)])
def test_borders_are_where_a_neighbour_differs(shape: tuple[int, ...]) -> None:
    labels = torch.randint(3, shape, generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    found = at_borders(labels)
    for place in torch.cartesian_prod(*(torch.arange(n) for n in shape)).view(-1, len(shape)).tolist():
        *picture, row, column = place
        around = [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
        inside = [(y, x) for y, x in around if 0 <= y < shape[-2] and 0 <= x < shape[-1]]
        differs = any(labels[(*picture, y, x)] != labels[(*picture, row, column)] for y, x in inside)
        assert bool(found[(*picture, row, column)]) == differs


def test_bytes_of_labels_do_not_run_over_at_borders() -> None:
    """0 beside 255: their difference is 1 or 255, and never nothing."""
    assert at_borders(torch.tensor([[0, 255, 255, 0]], dtype=torch.uint8)).tolist() == [[True] * 4]
