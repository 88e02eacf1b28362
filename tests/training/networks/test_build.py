"""The network that a configuration makes: the paper's sizes, the ablations, what is refused."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from training.config import NetworkConfig
from training.hand.topology import HandTopology
from training.networks.build import build
from training.networks.orientation import AttentionFusion, ConcatenationFusion, SumFusion


def parameters(config: NetworkConfig, topology: HandTopology) -> int:
    with torch.device("meta"):
        network = build(config, topology)
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_defaults_are_the_paper_s_network(topology: HandTopology) -> None:
    assert parameters(NetworkConfig(), topology) == 78_421_046


@pytest.mark.parametrize(
    ("fusion", "module"), [("attn", AttentionFusion), ("cat", ConcatenationFusion), ("sum", SumFusion)]
)
def test_an_ablation_is_another_module(
    fusion: str, module: type, small_config: NetworkConfig, topology: HandTopology
) -> None:
    changed = dataclasses.replace(small_config, orientation_fusion=fusion)  # type: ignore[arg-type]
    base, ablation = build(small_config, topology), build(changed, topology)
    assert isinstance(ablation.orientation.fuse, module)
    changed_keys = set(base.state_dict()) ^ set(ablation.state_dict())
    assert all(key.startswith("orientation.fuse.") for key in changed_keys)


def test_the_weights_hold_no_constants_of_the_hand(
    small_config: NetworkConfig, topology: HandTopology
) -> None:
    network = build(small_config, topology)
    constants = {name.rsplit(".")[-1] for name, _ in network.named_buffers()} - {
        name.rsplit(".")[-1] for name in network.state_dict()
    }
    assert constants == {"spirals", "indices", "offsets", "weights", "joint_regressor"}


@pytest.mark.parametrize("trunk_channels", [0, -8, 7])
def test_an_odd_trunk_is_refused(trunk_channels: int, topology: HandTopology) -> None:
    with pytest.raises(ValueError, match=f"trunk_channels.*{trunk_channels}"):
        build(NetworkConfig(trunk_channels=trunk_channels), topology)


def test_a_decoder_of_another_depth_is_refused(topology: HandTopology) -> None:
    with pytest.raises(ValueError, match=r"decoder_channels must name 4 widths, got \[64, 32\]"):
        build(NetworkConfig(decoder_channels=(64, 32)), topology)
