"""Networks small enough to test, on the real hand's topology."""

from __future__ import annotations

import pytest
import torch

from training.config import NetworkConfig
from training.hand.template import load_template
from training.hand.topology import HandTopology
from training.networks.build import build
from training.networks.hands import SingleViewHand

SMALL = NetworkConfig(
    trunk_channels=16,
    latent_channels=24,
    decoder_channels=(24, 16, 16, 8),
    attention_heads=2,
    attention_head_channels=8,
)


@pytest.fixture(scope="session")
def topology() -> HandTopology:
    return load_template().topology


@pytest.fixture
def small_config() -> NetworkConfig:
    return SMALL


@pytest.fixture
def single_view(topology: HandTopology) -> SingleViewHand:
    """Return a small network in evaluation, its batch norms fed with something other than 0 and 1."""
    torch.manual_seed(0)
    network = build(SMALL, topology)
    for buffer_name, buffer in network.named_buffers():
        if buffer_name.endswith("running_mean"):
            buffer.normal_(std=0.1)
        if buffer_name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
    return network.eval()


@pytest.fixture
def network(single_view: SingleViewHand) -> SingleViewHand:
    return single_view


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(3, 3, 128, 128, generator=torch.Generator().manual_seed(1))
