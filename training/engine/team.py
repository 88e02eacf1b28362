"""The processes that train one network together: equal weights, each its share of every batch.

Two processes of one thread train a small network faster than one process of two threads, whose many short
operations wait for each other. `torchrun --nproc-per-node N -m training train ...` makes a team of N.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import distributed, nn


@dataclass(frozen=True, kw_only=True)
class Team:
    """This process's place among those of a run; alone unless told otherwise."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process keeps the records: log, validation, checkpoints."""
        return self.rank == 0

    def share_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace each gradient by its mean over the team."""
        if self.size == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= self.size
        parts = torch.split(flat, [gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def agrees_on(self, wish: bool) -> bool:
        """Return whether anybody in the team has the wish; every process gets the same answer."""
        if self.size == 1:
            return wish
        votes = torch.tensor(float(wish))
        distributed.all_reduce(votes)
        return bool(votes > 0)


ALONE = Team()


@contextlib.contextmanager
def joined_team() -> Iterator[Team]:
    """Join this process's team, as torchrun tells it in the environment; without torchrun it is alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ALONE
        return
    distributed.init_process_group("gloo")
    try:
        yield Team(rank=distributed.get_rank(), size=distributed.get_world_size())
    finally:
        distributed.destroy_process_group()
