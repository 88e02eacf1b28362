"""The order of an epoch: everything once, shuffled, few shards at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.order import epoch_order

SHARDS = np.repeat(np.arange(11), 9)


@given(seed=st.integers(0, 99), epoch=st.integers(0, 9), pool=st.integers(1, 20))
def test_every_view_comes_once_an_epoch(seed: int, epoch: int, pool: int) -> None:
    order = epoch_order(SHARDS, seed=seed, epoch=epoch, pool_shards=pool)
    assert np.array_equal(np.sort(order), np.arange(len(SHARDS)))


def test_seed_and_epoch_alone_decide() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        return list(map(int, epoch_order(SHARDS, seed=seed, epoch=epoch, pool_shards=4)))

    assert order(1, 2) == order(1, 2)
    assert order(1, 2) != order(1, 3)
    assert order(1, 2) != order(2, 2)


def test_a_pool_is_read_to_its_end_before_the_next() -> None:
    visited = SHARDS[epoch_order(SHARDS, seed=0, epoch=0, pool_shards=4)]
    pools = [set(visited[start : start + 4 * 9].tolist()) for start in range(0, len(visited), 4 * 9)]
    assert [len(pool) for pool in pools] == [4, 4, 3]
    assert len(set.union(*pools)) == 11


def test_views_of_a_shard_are_spread_over_its_pool() -> None:
    visited = SHARDS[epoch_order(SHARDS, seed=0, epoch=0, pool_shards=11)]
    assert (np.diff(visited) != 0).mean() > 0.8


def test_a_pool_needs_a_shard() -> None:
    with pytest.raises(ValueError, match="pool_shards must be at least 1, got 0"):
        epoch_order(SHARDS, seed=0, epoch=0, pool_shards=0)
