"""One network for all tests of the export."""

from __future__ import annotations

import pytest

from tests.untrained import untrained_network
from training.networks.hands import SingleViewHand


@pytest.fixture(scope="session")
def network() -> SingleViewHand:
    return untrained_network()
