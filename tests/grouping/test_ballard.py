"""Ballard's transform: a shape finds itself, wherever it stands, and nothing votes from outside."""

from __future__ import annotations

import pytest
import torch

from bridgeseg.grouping.ballard import ballard_votes, edge_kinds


def corner(height: int = 12, width: int = 15, top: int = 0, left: int = 0) -> torch.Tensor:
    """An L of five rows and four columns, (height, width) bool."""
    shape = torch.zeros(height, width, dtype=torch.bool)
    shape[top : top + 5, left : left + 2] = True
    shape[top + 3 : top + 5, left : left + 4] = True
    return shape


def brute_force(edges: torch.Tensor, template: torch.Tensor, reference: tuple[int, int]) -> torch.Tensor:
    """Every pair of an edge and a row of the table, one by one."""
    votes = torch.zeros_like(edges)
    for row, column in edges.nonzero().tolist():
        for y, x in template.nonzero().tolist():
            to = row + reference[0] - y, column + reference[1] - x
            if (
                template[y, x] == edges[row, column]
                and 0 <= to[0] < len(edges)
                and 0 <= to[1] < len(edges[0])
            ):
                votes[to] += 1
    return votes


def test_kinds_by_hand() -> None:
    cross = torch.tensor([[0, 1, 0], [1, 1, 1], [0, 1, 0]]) > 0
    assert edge_kinds(cross).tolist() == [[0, 7, 0], [11, 0, 14], [0, 13, 0]]


def test_beyond_the_paper_is_outside() -> None:
    assert edge_kinds(torch.ones(1, 1, dtype=torch.bool)).tolist() == [[15]]
    assert edge_kinds(torch.ones(3, 3, dtype=torch.bool)).tolist() == [[3, 2, 6], [1, 0, 4], [9, 8, 12]]


@pytest.mark.parametrize("top, left", [(0, 0), (3, 7), (7, 11)])
def test_a_copy_gathers_a_vote_from_each_of_its_edges(top: int, left: int) -> None:
    template = edge_kinds(corner(5, 4))
    votes = ballard_votes(edge_kinds(corner(top=top, left=left)), template, (2, 1))
    assert int(votes[top + 2, left + 1]) == int((template > 0).sum()) == int(votes.max())


def test_votes_equal_brute_force() -> None:
    generator = torch.Generator().manual_seed(0)
    edges = torch.randint(0, 4, (9, 11), generator=generator)
    template = torch.randint(0, 4, (4, 3), generator=generator)
    for reference in ((0, 0), (1, 2), (-2, 5)):
        assert torch.equal(ballard_votes(edges, template, reference), brute_force(edges, template, reference))


def test_without_edges_nobody_votes() -> None:
    template = edge_kinds(corner(5, 4))
    nothing = torch.zeros(6, 6, dtype=torch.int64)
    assert int(ballard_votes(nothing, template, (2, 1)).sum()) == 0
    assert int(ballard_votes(template, nothing, (2, 1)).sum()) == 0
