"""Two gateways, one of them without an engine, and Triton, all scraped by a real Prometheus."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
import pytest

from deploy.bench.processes import free_port
from deploy.triton.server import TritonServer
from tests.deploy.prometheus.server import Prometheus, eventually, prometheus
from tests.deploy.prometheus.traffic import Told, drive, ports_of
from tests.service.conftest import gateway_process

ROUNDS = 3
BETWEEN_ROUNDS_S = 0.7
"""Over a scrape's interval: what is counted between two scrapes is a rate."""


@dataclass(frozen=True)
class Observed:
    """What runs, after a little traffic."""

    prometheus: Prometheus
    gateway: httpx.Client
    instance: str
    """Of the gateway."""
    lonely: str
    """Instance of the gateway without an engine."""
    told: Told


@pytest.fixture(scope="package")
def observed(triton: TritonServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    """Three rounds of everything, scraped before, between and after."""
    common = {"MODEL_REPOSITORY": str(triton.repository)}
    busy = common | {"TRITON_URL": triton.grpc_url, "MAX_IN_FLIGHT": "4", "DEADLINE_S": "30"}
    with ExitStack() as stack:
        gateway = stack.enter_context(gateway_process(busy))
        lonely = stack.enter_context(gateway_process(common | {"TRITON_URL": f"127.0.0.1:{free_port()}"}))
        gateways = [f"127.0.0.1:{client.base_url.port}" for client in (gateway, lonely)]
        eventually(lambda: gateway.get("/readyz").status_code == httpx.codes.OK)
        server = stack.enter_context(
            prometheus(
                {"simahand": gateways, "triton": [triton.metrics_url]}, tmp_path_factory.mktemp("prometheus")
            )
        )
        eventually(lambda: list(server.health().values()) == ["up"] * 3)
        told = Told()
        for _ in range(ROUNDS):
            drive(gateway, ports_of(gateway), told)
            lonely.post("/v1/reconstruct", content=b"", headers={"content-type": "image/jpeg"})
            time.sleep(BETWEEN_ROUNDS_S)
        yield Observed(server, gateway, gateways[0], gateways[1], told)
