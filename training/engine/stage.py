"""One stage of training: the trained part of the network, its loss, its optimiser, and the update itself."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from training.config import RunConfig, StageConfig
from training.engine.averaging import AveragedWeights
from training.engine.lesson import Lesson, trained_part
from training.engine.schedule import learning_rate
from training.engine.team import ALONE, Team
from training.hand.topology import HandTopology
from training.losses.criterion import Criterion
from training.networks.hands import MultiViewHand, SingleViewHand
from training.tensors import HandBatch, ViewsBatch

MAX_SKIPPED_IN_A_ROW = 10
"""Updates with a gradient that is not finite are skipped; that many in a row mean that the run is lost."""


class Step(NamedTuple):
    """What one update did."""

    losses: dict[str, float]
    """Each term, and their weighted sum `total`, of this process's share of the batch; means of its parts."""
    gradient_norm: float
    """Before clipping."""
    learning_rate: float


class Stage:
    """The state of a stage between two updates; it computes where the network's parameters are."""

    def __init__(
        self,
        lesson: Lesson,
        config: RunConfig,
        stage: StageConfig,
        topology: HandTopology,
        *,
        team: Team = ALONE,
    ) -> None:
        self.config, self.stage, self.lesson, self.team = config, stage, lesson, team
        self.network = lesson.network
        self.step_count = 0
        self.device = next(self.network.parameters()).device
        self._criterion = Criterion(stage.losses, topology).to(self.device)
        self._trained = trained_part(self.network, stage.scope)
        self.optimiser = _optimiser(self.network, config, stage)
        self.average = AveragedWeights(self.network, decay=config.ema_decay)
        self._skipped_in_a_row = 0

    def step(self, batch: HandBatch | ViewsBatch) -> Step:
        """Update the weights by one batch.

        Raises:
            ValueError: The batch does not divide into the stage's parts.
            FloatingPointError: The gradient has not been finite for many batches.
        """
        self.network.train()
        rate = learning_rate(self.stage, self.step_count)
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["rate_factor"]
        self.optimiser.zero_grad(set_to_none=True)
        losses = self._accumulated(batch)
        self.team.share_gradients(self._trained.parameters())
        norms = self._clipped_norms()
        # Read together: on a GPU each look at a number waits for all of the work before it.
        *means, norm = torch.stack([*losses.values(), torch.stack(norms).norm()]).tolist()
        self._apply(norm)
        self.step_count += 1
        return Step(dict(zip(losses, means, strict=True)), norm, rate)

    def _accumulated(self, batch: HandBatch | ViewsBatch) -> dict[str, Tensor]:
        """Add up the gradients of a batch part by part, and return its mean losses."""
        count = self.stage.batch_parts
        if len(batch.images) % count:
            raise ValueError(f"a batch of {len(batch.images)} does not divide into batch_parts = {count}")
        sums: dict[str, Tensor] = {}
        for part in batch.parts(count):
            with autocast(self.config, self.device):
                losses = self.lesson.losses(part.to(self.device), self._criterion, self.stage.scope)
            (losses["total"] / count).backward()  # type: ignore[no-untyped-call]
            for name, loss in losses.items():
                mean = loss.detach().float() / count
                sums[name] = sums[name] + mean if name in sums else mean
        return sums

    def _clipped_norms(self) -> list[Tensor]:
        """Clip the gradient of each branch apart and return the norms before it.

        The branches' gradients do not meet, and the orientation's is hundreds of times as large at first: one
        limit for both would all but stop the shape.
        """
        largest = self.stage.clip_norm if self.stage.clip_norm > 0.0 else math.inf
        branches = (
            [parameter for parameter in branch.parameters() if parameter.grad is not None]
            for branch in (self.network.shape, self.network.orientation)
        )
        # MobRecon's orientation has no parameters, and the first stage trains the shape alone.
        return [nn.utils.clip_grad_norm_(branch, largest) for branch in branches if branch]

    def _apply(self, norm: float) -> None:
        if math.isfinite(norm):
            self._skipped_in_a_row = 0
            self.optimiser.step()
            self.average.update(self.network)
            return
        self._skipped_in_a_row += 1
        if self._skipped_in_a_row >= MAX_SKIPPED_IN_A_ROW:
            raise FloatingPointError(f"no finite gradient for {MAX_SKIPPED_IN_A_ROW} batches")


def autocast(config: RunConfig, device: torch.device) -> torch.autocast:
    """Return the context in which a run's forward passes compute on a device."""
    wanted = config.precision == "bf16" or (config.precision == "auto" and _computes_in_bf16(device))
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted)


def _computes_in_bf16(device: torch.device) -> bool:
    """Return whether a device has instructions for bf16; a processor without them takes 15 times as long."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))


def _optimiser(
    network: SingleViewHand | MultiViewHand, config: RunConfig, stage: StageConfig
) -> torch.optim.Optimizer:
    kinds: dict[str, type[torch.optim.Adam]] = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    groups = [{"params": list(network.shape.parameters()), "rate_factor": 1.0}]
    if stage.scope == "full":
        groups.append(
            {"params": list(network.orientation.parameters()), "rate_factor": stage.orientation_rate}
        )
    return kinds[config.optimiser](
        groups, lr=stage.learning_rate, weight_decay=config.weight_decay, fused=True
    )
