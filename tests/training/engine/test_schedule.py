"""The learning rate of a stage."""

from __future__ import annotations

import dataclasses

import pytest

from training.config import StageConfig
from training.engine.schedule import learning_rate

STAGE = StageConfig(name="a", scope="shape", steps=1000, learning_rate=0.01, warmup_steps=100)


def rates(**changes: object) -> list[float]:
    stage = dataclasses.replace(STAGE, **changes)  # type: ignore[arg-type]
    return [learning_rate(stage, step) for step in range(stage.steps)]


@pytest.mark.parametrize("schedule", ["milestone", "cosine", "constant"])
def test_it_warms_up_linearly_and_never_exceeds_the_rate(schedule: str) -> None:
    values = rates(schedule=schedule)
    assert values[0] == pytest.approx(0.01 / 100, rel=1e-2)
    assert values[49] == pytest.approx(0.005, rel=1e-2)
    assert max(values) <= 0.01
    assert min(values) > 0.0


def test_a_milestone_divides_by_ten() -> None:
    values = rates(schedule="milestone", milestone=0.79)
    assert values[789] == pytest.approx(0.01)
    assert values[790] == pytest.approx(0.001)


def test_a_cosine_falls_to_nothing() -> None:
    values = rates(schedule="cosine", warmup_steps=0)
    assert values == sorted(values, reverse=True)
    assert values[500] == pytest.approx(0.005)
    assert values[-1] < 1e-6


def test_a_constant_stays_past_the_last_step() -> None:
    stage = dataclasses.replace(STAGE, schedule="constant")
    assert learning_rate(stage, 999) == learning_rate(stage, 5000) == 0.01


def test_an_unknown_schedule_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown schedule 'linear'"):
        rates(schedule="linear")
