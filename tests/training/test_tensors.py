"""How groups of views are divided into what is looked at together."""

from __future__ import annotations

import pytest
import torch

from training.tensors import HandTruth, ViewsBatch


@pytest.fixture
def groups() -> ViewsBatch:
    """Return five groups of eight views, of which the second lacks two."""
    valid = torch.ones(5, 8, dtype=torch.bool)
    valid[1, 2:4] = False
    nothing = torch.zeros(5, 8, 1)
    return ViewsBatch(nothing, valid, HandTruth(*(nothing for _ in HandTruth._fields)))


@pytest.mark.parametrize("sizes", [(8,), (8, 4, 2), (3,), (1, 8)])
def test_the_looks_share_out_the_views_that_there_are(groups: ViewsBatch, sizes: tuple[int, ...]) -> None:
    looks = groups.looks(sizes)
    assert torch.equal(looks.sum(dim=1), groups.valid.long())
    for group, own in enumerate(looks):
        size = sizes[group % len(sizes)]
        largest = own.sum(dim=1).max()
        assert largest <= size
        assert largest == size or not groups.valid[group].all()


def test_the_looks_are_in_the_order_of_the_views(groups: ViewsBatch) -> None:
    group, _, view = groups.looks((8, 4, 3)).nonzero(as_tuple=True)
    assert torch.equal(torch.stack((group, view), dim=1), groups.valid.nonzero())
