"""The real Triton for all tests that need one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from deploy.triton.install import CHECKOUT, install
from deploy.triton.server import Ports, TritonServer
from tests.untrained import SMALL, SMALL_VIEWS, export_served, export_untrained, untrained_served

# Gateways run side by side in the tests; each takes a free port for gRPC.
os.environ["SIMAHAND_GRPC_PORT"] = "0"

# Machines that run tests do other things as well: how long an example took says nothing.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


@pytest.fixture(scope="session")
def model_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The committed repository; without a model in it, one with an untrained network of the same contract."""
    committed = CHECKOUT / "model_repository"
    if (committed / "svr_hand" / "1" / "model.pt").is_file():
        return committed
    made = tmp_path_factory.mktemp("untrained") / "model_repository"
    export_untrained(made)
    return made


@pytest.fixture(scope="session")
def triton(model_repository: Path) -> Iterator[TritonServer]:
    """A Triton server on free ports that serves `svr_hand`; a test that stops it starts it again."""
    with TritonServer(install(), repository=model_repository, ports=Ports.free(), threads=1) as server:
        yield server


@pytest.fixture(scope="session")
def views_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with small untrained networks of one view and of several."""
    made = tmp_path_factory.mktemp("views") / "model_repository"
    for config in (SMALL, SMALL_VIEWS):
        export_served(untrained_served(config), made)
    return made


@pytest.fixture(scope="session")
def views_triton(views_repository: Path) -> Iterator[TritonServer]:
    """A Triton server of its own, which serves both of them."""
    with TritonServer(install(), repository=views_repository, ports=Ports.free(), threads=1) as server:
        yield server
