"""The gateway in this process, with a small real network in its embedded engine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import httpx
import pytest
import torch
import uvicorn
from fastapi import FastAPI
from torch import Tensor, nn

from deploy.triton.server import TritonServer
from service.app import create_app
from service.contract import ModelContract, load_contract
from service.server import configured
from service.settings import Settings
from training.export.contract_json import contract_text
from training.hand.template import load_template

MODEL = "tiny_hand"


class TinyHand(nn.Module):
    """A network of the contract's form: each output is another linear function of the coarse picture."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.pool = nn.AdaptiveAvgPool2d(8)
        self.vertices = nn.Linear(192, 778 * 3)
        self.joints = nn.Linear(192, 21 * 3)
        self.axis = nn.Linear(192, 3)
        self.uv = nn.Linear(192, 21 * 2)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Map crops (B, S, S, 3) uint8 to the contract's outputs."""
        coarse = self.pool(image.permute(0, 3, 1, 2).float() / 255.0).flatten(1)  # (B, 192)
        axis = self.axis(coarse)
        zero = torch.zeros_like(axis[:, 0])
        cross = torch.stack(
            (zero, -axis[:, 2], axis[:, 1], axis[:, 2], zero, -axis[:, 0], -axis[:, 1], axis[:, 0], zero), 1
        )
        return (
            0.1 * self.vertices(coarse).reshape(-1, 778, 3),
            0.1 * self.joints(coarse).reshape(-1, 21, 3),
            torch.linalg.matrix_exp(cross.reshape(-1, 3, 3)),
            torch.sigmoid(self.uv(coarse)).reshape(-1, 21, 2),
        )


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model repository with `TinyHand` in it."""
    root = tmp_path_factory.mktemp("repository")
    topology = load_template().topology
    version = root / MODEL / "1"
    version.mkdir(parents=True)
    (root / MODEL / "contract.json").write_text(contract_text(model=MODEL, topology=topology))
    network = TinyHand().eval()
    crops = torch.zeros((2, 128, 128, 3), dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TorchScript's
        torch.jit.trace(network, crops).save(str(version / "model.pt"))  # type: ignore[no-untyped-call]
    return root


@pytest.fixture(scope="session")
def contract(repository: Path) -> ModelContract:
    return load_contract(repository, MODEL)


@pytest.fixture(scope="session")
def embedded_settings(repository: Path) -> Settings:
    return Settings(engine="embedded", model_repository=repository, model_name=MODEL)


def many_callers_client(port: int) -> httpx.Client:
    """Return a client that any number of threads may share.

    With limits, httpcore's pool closes idle connections that it has just given to another thread
    (httpcore issue 1110); without, it has no reason to.
    """
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, limits=limits)


@contextmanager
def served(app: FastAPI) -> Iterator[httpx.Client]:
    """Serve an application over a real socket from a thread of this process."""
    changes = {"port": 0, "log_level": "warning", "shutdown_timeout_s": 1}
    server = uvicorn.Server(configured(app, app.state.gateway.settings.model_copy(update=changes)))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the gateway did not start"
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        with many_callers_client(port) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="session")
def client(embedded_settings: Settings) -> Iterator[httpx.Client]:
    """A client of the gateway with its embedded engine."""
    with served(create_app(embedded_settings)) as client:
        yield client


@contextmanager
def gateway_process(settings: Mapping[str, str], log: Path | None = None) -> Iterator[httpx.Client]:
    """Run `python -m service` as an operator does, and end it as one does; `log` gets what it writes."""
    with gateway_and_its_process(settings, log) as (client, _):
        yield client


@contextmanager
def gateway_and_its_process(
    settings: Mapping[str, str], log: Path | None = None
) -> Iterator[tuple[httpx.Client, subprocess.Popen[bytes]]]:
    """Likewise, with the process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"PORT": str(port), "LOG_LEVEL": "warning", **settings}
    environment = os.environ | {f"SIMAHAND_{name}": value for name, value in settings.items()}
    with nullcontext() if log is None else log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "service"], env=environment, stdout=sink, stderr=sink
        )
    try:
        with many_callers_client(port) as client:
            _wait_until_alive(client, process)
            yield client, process
    finally:
        process.terminate()
        # uvicorn ends in order and then raises the signal again for whoever waits.
        assert process.wait(20) in {0, -signal.SIGTERM}, "the gateway did not stop in order"


def _wait_until_alive(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    while True:
        assert process.poll() is None, "the gateway did not start"
        with suppress(httpx.ConnectError):
            client.get("/livez")
            return
        time.sleep(0.05)


@pytest.fixture(scope="module")
def gateway(triton: TritonServer) -> Iterator[httpx.Client]:
    """A client of a gateway in a process of its own, in front of the real Triton."""
    settings = {"TRITON_URL": triton.grpc_url, "MODEL_REPOSITORY": str(triton.repository)}
    with gateway_process(settings) as client:
        yield client
