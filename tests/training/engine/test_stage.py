"""One update: what it moves, what it leaves, and what it refuses."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor, nn

from training.config import RunConfig
from training.engine.lesson import PictureLesson
from training.engine.stage import MAX_SKIPPED_IN_A_ROW, Stage, autocast
from training.hand.topology import HandTopology
from training.networks.hands import SingleViewHand
from training.tensors import HandBatch, HandTruth


def parameters(module: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in module.parameters()]


def moved(module: nn.Module, before: list[Tensor]) -> bool:
    pairs = zip(module.parameters(), before, strict=True)
    return any(not torch.equal(now.detach(), then) for now, then in pairs)


def stage_of(network: SingleViewHand, config: RunConfig, topology: HandTopology, number: int) -> Stage:
    return Stage(PictureLesson(network), config, config.stages[number], topology)


def test_the_shape_stage_leaves_the_orientation(
    network: SingleViewHand, config: RunConfig, topology: HandTopology, batches: list[HandBatch]
) -> None:
    shape, orientation = parameters(network.shape), parameters(network.orientation)
    step = stage_of(network, config, topology, 0).step(batches[0])
    assert moved(network.shape, shape)
    assert not moved(network.orientation, orientation)
    assert set(step.losses) == {*config.stages[0].losses, "total"}


def test_the_full_stage_trains_both(
    network: SingleViewHand, config: RunConfig, topology: HandTopology, batches: list[HandBatch]
) -> None:
    shape, orientation = parameters(network.shape), parameters(network.orientation)
    stage_of(network, config, topology, 1).step(batches[0])
    assert moved(network.shape, shape)
    assert moved(network.orientation, orientation)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_loss_of_a_batch_falls_as_it_is_repeated(
    network: SingleViewHand,
    config: RunConfig,
    topology: HandTopology,
    batches: list[HandBatch],
    precision: str,
) -> None:
    config = dataclasses.replace(config, precision=precision)  # type: ignore[arg-type]
    eager = dataclasses.replace(config.stages[1], learning_rate=5e-3, warmup_steps=0, schedule="constant")
    stage = Stage(PictureLesson(network), config, eager, topology)
    totals = [stage.step(batches[0]).losses["total"] for _ in range(15)]
    assert totals[-1] < 0.7 * totals[0]


def test_gradients_are_clipped_branch_by_branch(
    network: SingleViewHand, config: RunConfig, topology: HandTopology, batches: list[HandBatch]
) -> None:
    full = dataclasses.replace(config.stages[1], clip_norm=1e-3)
    stage = Stage(PictureLesson(network), config, full, topology)
    reported = stage.step(batches[0]).gradient_norm
    assert reported > 1e-3
    for branch in (network.shape, network.orientation):
        gradients = [p.grad.norm() for p in branch.parameters() if p.grad is not None]
        assert torch.stack(gradients).norm().item() == pytest.approx(1e-3, rel=1e-3)


def test_an_update_without_a_finite_gradient_is_skipped(
    network: SingleViewHand, config: RunConfig, topology: HandTopology, batches: list[HandBatch]
) -> None:
    stage = stage_of(network, config, topology, 1)
    before = parameters(network)
    lost = batches[0]._replace(truth=batches[0].truth._replace(rotation=torch.full((5, 3, 3), torch.nan)))
    stage.step(lost)
    assert not moved(network, before)
    assert stage.average.updates == 0
    with pytest.raises(FloatingPointError, match="no finite gradient for 10 batches"):
        for _ in range(MAX_SKIPPED_IN_A_ROW):
            stage.step(lost)


@pytest.mark.parametrize("has_instructions", [True, False])
def test_half_precision_is_chosen_where_the_processor_has_it(
    config: RunConfig, monkeypatch: pytest.MonkeyPatch, has_instructions: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": has_instructions})
    config = dataclasses.replace(config, precision="auto")
    with autocast(config, torch.device("cpu")):
        assert torch.is_autocast_enabled("cpu") is has_instructions


def test_the_orientation_has_a_rate_of_its_own(
    network: SingleViewHand, config: RunConfig, topology: HandTopology, batches: list[HandBatch]
) -> None:
    still = dataclasses.replace(config.stages[1], orientation_rate=0.0)
    shape, orientation = parameters(network.shape), parameters(network.orientation)
    Stage(PictureLesson(network), config, still, topology).step(batches[0])
    assert moved(network.shape, shape)
    assert not moved(network.orientation, orientation)


def test_a_batch_in_parts_gives_the_mean_gradient_of_the_parts(
    network: SingleViewHand, config: RunConfig, topology: HandTopology, batches: list[HandBatch]
) -> None:
    truth = HandTruth(*(labels[:4] for labels in batches[0].truth))
    whole = HandBatch(batches[0].images[:4], truth)
    first, second = whole.parts(2)
    gradients, losses = [], []
    for batch, parts in ((first, 1), (second, 1), (whole, 2)):
        still = dataclasses.replace(config.stages[0], learning_rate=0.0, clip_norm=0.0, batch_parts=parts)
        stage = Stage(PictureLesson(network), config, still, topology)
        losses.append(stage.step(batch).losses["total"])
        gradients.append(
            torch.cat([p.grad.flatten() for p in network.shape.parameters() if p.grad is not None])
        )
    assert losses[2] == pytest.approx((losses[0] + losses[1]) / 2, rel=1e-5)
    torch.testing.assert_close(gradients[2], (gradients[0] + gradients[1]) / 2, rtol=1e-4, atol=1e-6)


def test_a_batch_that_does_not_divide_into_its_parts_is_refused(
    network: SingleViewHand, config: RunConfig, topology: HandTopology, batches: list[HandBatch]
) -> None:
    halves = dataclasses.replace(config.stages[0], batch_parts=2)
    with pytest.raises(ValueError, match="a batch of 5 does not divide into batch_parts = 2"):
        Stage(PictureLesson(network), config, halves, topology).step(batches[0])
