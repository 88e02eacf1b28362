"""In which order an epoch visits the views: shuffled, yet with few shards open at a time.

The order follows from the seed and the epoch alone, so a run that goes on at batch n sees what it would have
seen.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]


class Share(NamedTuple):
    """The part of every batch that one of several processes takes."""

    number: int = 0
    of: int = 1


WHOLE = Share()


class Course(NamedTuple):
    """Which batches a process takes of a run."""

    batch_size: int
    """Of the whole batch, of which `share` is taken."""
    seed: int
    first_batch: int = 0
    share: Share = WHOLE


class BatchOrder:
    """What is in each batch of a course; what does not fill an epoch's last batch is left out."""

    def __init__(self, shard_of_view: Index, course: Course, *, pool_shards: int) -> None:
        """Take the course through (n,) views or groups, each in its shard.

        Raises:
            ValueError: They do not fill one batch, or it cannot be shared evenly.
        """
        size, processes = course.batch_size, course.share.of
        self.batches_per_epoch = len(shard_of_view) // size
        if self.batches_per_epoch == 0:
            raise ValueError(f"{len(shard_of_view)} samples do not fill one batch of {size}")
        if size % processes:
            raise ValueError(f"a batch of {size} cannot be shared by {processes} processes")
        self._shards, self._course, self._pool_shards = shard_of_view, course, pool_shards
        self._order: tuple[int, Index] = (-1, np.empty(0, np.int64))

    def batch(self, number: int) -> tuple[int, Index]:
        """Return the epoch that the batch of that number is in, and this process's share of it."""
        size, seed, _, share = self._course
        epoch, place = divmod(number, self.batches_per_epoch)
        if self._order[0] != epoch:
            pool = self._pool_shards
            self._order = epoch, epoch_order(self._shards, seed=seed, epoch=epoch, pool_shards=pool)
        whole = self._order[1][place * size : (place + 1) * size]
        return epoch, whole[share.number :: share.of]


def epoch_order(shard_of_view: Index, *, seed: int, epoch: int, pool_shards: int) -> Index:
    """Return a permutation of the views, drawn pool by pool.

    The shards are shuffled and dealt into pools of `pool_shards`; the views of a pool are shuffled together.
    A reader that keeps two pools open reads each shard once an epoch.

    Args:
        shard_of_view: (n,) shard of each view.
        seed: Seed of the run.
        epoch: Number of the epoch, from 0.
        pool_shards: Shards that are open at a time.

    Raises:
        ValueError: `pool_shards` is not positive.
    """
    if pool_shards < 1:
        raise ValueError(f"pool_shards must be at least 1, got {pool_shards}")
    rng = np.random.default_rng([seed, epoch])
    shards = rng.permutation(np.unique(shard_of_view))
    pools = []
    for start in range(0, len(shards), pool_shards):
        members = np.flatnonzero(np.isin(shard_of_view, shards[start : start + pool_shards]))
        pools.append(rng.permutation(members))
    return np.concatenate(pools) if pools else np.empty(0, np.int64)
