"""The smoke recipe's network, and batches of drawn hands."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from training.config import RunConfig, load_recipe
from training.data.groups import HandGroups
from training.data.loader import plain_batches, plain_groups
from training.data.synthetic_reader import SyntheticHands
from training.hand.template import load_template
from training.hand.topology import HandTopology
from training.networks.build import build
from training.networks.hands import SingleViewHand
from training.tensors import HandBatch, ViewsBatch


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


@pytest.fixture
def groups(drawn_data: Path) -> ViewsBatch:
    """Return four groups of two views, one of which lacks the second."""
    (batch,) = plain_groups(
        HandGroups(SyntheticHands(drawn_data / "val")), views=2, batch_size=4, chosen=range(4)
    )
    batch.valid[1, 1] = False
    return batch
