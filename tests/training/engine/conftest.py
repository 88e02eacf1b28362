"""The smoke recipe's network, and batches of drawn hands."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from training.config import RunConfig, load_recipe
from training.data.loader import plain_batches
from training.data.synthetic_reader import SyntheticHands
from training.hand.template import load_template
from training.hand.topology import HandTopology
from training.networks.build import build
from training.networks.hands import SingleViewHand
from training.tensors import HandBatch


@pytest.fixture(scope="session")
def topology() -> HandTopology:
    return load_template().topology


@pytest.fixture
def config() -> RunConfig:
    return load_recipe("smoke")


@pytest.fixture
def network(config: RunConfig, topology: HandTopology) -> SingleViewHand:
    torch.manual_seed(0)
    return build(config.network, topology)


@pytest.fixture
def batches(drawn_data: Path) -> list[HandBatch]:
    """Return the twelve views of the validation set in three batches."""
    return list(plain_batches(SyntheticHands(drawn_data / "val"), batch_size=5))
