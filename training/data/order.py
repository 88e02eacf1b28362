"""In which order an epoch visits the views: shuffled, yet with few shards open at a time.

The order follows from the seed and the epoch alone, so a run that goes on at batch n sees what it would have
seen.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]


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
