"""`make serve` from start to stop: both servers up, an answer, and nothing left behind."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import orjson
import pytest

from deploy.network import answers_ok, check_port_is_free
from deploy.triton.install import CHECKOUT
from deploy.triton.server import Ports
from training.export.graph import sample_images

pytestmark = [pytest.mark.triton, pytest.mark.slow]

HOST = "127.0.0.1"
START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 60.0
WELCOME = "curl --data-binary"
"""What the launcher prints once both servers are ready."""


@dataclass(frozen=True)
class Served:
    """A running `python -m deploy.serve`."""

    process: subprocess.Popen[bytes]
    port: int
    triton: Ports
    log: Path

    def output(self) -> str:
        """Return what it has printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def assert_nothing_listens(self) -> None:
        """Check that every port is free again."""
        for port in (self.port, self.triton.http, self.triton.grpc, self.triton.metrics):
            check_port_is_free(HOST, port)


@contextlib.contextmanager
def served(repository: Path, log: Path) -> Iterator[Served]:
    triton, port = Ports.free(), Ports.free().http
    words = ["--repository", repository, "--port", port, "--grpc-port", Ports.free().http, "--threads", 1]
    words += ["--triton-http", triton.http, "--triton-grpc", triton.grpc, "--triton-metrics", triton.metrics]
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.serve", *map(str, words)], cwd=CHECKOUT, stdout=sink, stderr=sink
        )
    try:
        yield Served(process=process, port=port, triton=triton, log=log)
    finally:
        process.terminate()
        process.wait(STOP_TIMEOUT_S)


def wait_until_ready(run: Served) -> None:
    """Wait for the launcher's own word: the gateway answers a moment before it is said."""
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while WELCOME not in run.output():
        assert run.process.poll() is None, run.output()
        assert time.monotonic() < deadline_s, run.output()
        time.sleep(0.2)


def reconstruct(port: int) -> bytes:
    """Post a JPEG as the printed curl line does, and return the answer's body."""
    encoded, jpeg = cv2.imencode(".jpg", sample_images(1, seed=0)[0].numpy())
    assert encoded
    with contextlib.closing(http.client.HTTPConnection(HOST, port, timeout=30.0)) as connection:
        headers = {"content-type": "image/jpeg"}
        connection.request("POST", "/v1/reconstruct?hand=right", jpeg.tobytes(), headers)
        response = connection.getresponse()
        body = response.read()
        assert response.status == 200, body
        return body


def test_serves_until_told_to_stop(model_repository: Path, tmp_path: Path) -> None:
    with served(model_repository, tmp_path / "serve.log") as run:
        wait_until_ready(run)
        assert answers_ok(HOST, run.port, "/readyz")
        assert len(orjson.loads(reconstruct(run.port))["joints"]) == 21
        run.process.send_signal(signal.SIGTERM)
        assert run.process.wait(STOP_TIMEOUT_S) == 0
        run.assert_nothing_listens()


def test_neither_server_outlives_the_other(model_repository: Path, tmp_path: Path) -> None:
    with served(model_repository, tmp_path / "serve.log") as run:
        wait_until_ready(run)
        os.kill(child(run.process.pid, "tritonserver"), signal.SIGKILL)
        assert run.process.wait(STOP_TIMEOUT_S) == 1
        assert "error: Triton ended" in run.output()
        run.assert_nothing_listens()


def test_broken_repository_ends_with_the_reason(tmp_path: Path) -> None:
    with served(tmp_path / "mistyped", tmp_path / "serve.log") as run:
        assert run.process.wait(STOP_TIMEOUT_S) == 1
        assert "mistyped" in run.output()


def child(parent: int, word: str) -> int:
    """Return the process id of the child whose command holds a word."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    (found,) = [int(pid) for pid in children if word in Path(f"/proc/{pid}/cmdline").read_text()]
    return found
