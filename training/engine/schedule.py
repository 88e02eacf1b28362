"""The learning rate of a stage, step by step."""

from __future__ import annotations

import math

from training.config import StageConfig

MILESTONE_FACTOR = 0.1
"""What a `milestone` schedule multiplies the rate by (H2ONet)."""


def learning_rate(stage: StageConfig, step: int) -> float:
    """Return the rate of the `step`-th update of a stage, from 0: a linear warm-up, then its schedule.

    Raises:
        ValueError: The schedule is unknown.
    """
    warmup = min(1.0, (step + 1) / stage.warmup_steps) if stage.warmup_steps > 0 else 1.0
    return stage.learning_rate * warmup * _factor(stage, step / max(stage.steps, 1))


def _factor(stage: StageConfig, progress: float) -> float:
    if stage.schedule == "constant":
        return 1.0
    if stage.schedule == "milestone":
        return 1.0 if progress < stage.milestone else MILESTONE_FACTOR
    if stage.schedule == "cosine":
        return 0.5 * (1.0 + math.cos(math.pi * min(progress, 1.0)))
    raise ValueError(f"unknown schedule {stage.schedule!r}")
