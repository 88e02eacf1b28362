"""Starting, stopping and restarting Triton."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import numpy as np
import pytest
from tritonclient.grpc import InferenceServerClient

from deploy.network import check_port_is_free
from deploy.triton.install import install
from deploy.triton.server import Ports, TritonServer, TritonStartError
from tests.deploy.triton.conftest import UNRULY, tensor

pytestmark = pytest.mark.triton


def answer(server: TritonServer) -> float:
    """Ask the unruly model for the mean of a grey picture."""
    with InferenceServerClient(server.grpc_url) as client:
        result = client.infer(UNRULY, [tensor(np.full((1, 8, 8, 3), 30, np.uint8))])
        return float(result.as_numpy("means__0").mean())


def test_stop_leaves_nothing_and_start_serves_on_the_same_ports(unruly: TritonServer) -> None:
    before, pid = answer(unruly), unruly.pid
    unruly.stop()
    try:
        assert not unruly.ready()
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        for port in (unruly.ports.http, unruly.ports.grpc, unruly.ports.metrics):
            check_port_is_free(unruly.address, port)
        unruly.stop()
    finally:
        unruly.start()
    assert answer(unruly) == before == pytest.approx(30.0)


def test_crash_is_seen_and_recovered_from(unruly: TritonServer) -> None:
    pid = unruly.pid
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert unruly.poll() == -signal.SIGKILL
    assert not unruly.ready()
    unruly.restart()
    assert unruly.pid != pid
    assert answer(unruly) == pytest.approx(30.0)


def test_unreadable_model_is_explained_by_the_log(tmp_path: Path, unruly: TritonServer) -> None:
    folder = tmp_path / UNRULY
    (folder / "1").mkdir(parents=True)
    (folder / "config.pbtxt").write_text((unruly.repository / UNRULY / "config.pbtxt").read_text())
    (folder / "1" / "model.pt").write_bytes(b"no module")
    server = TritonServer(install(), repository=tmp_path, ports=Ports.free())
    with pytest.raises(TritonStartError, match=rf"(?s)exited with.*{UNRULY}.*the whole log: .*\.log"):
        server.start()
    assert server.poll() is None


def test_missing_repository_is_named(tmp_path: Path) -> None:
    server = TritonServer(install(), repository=tmp_path / "mistyped", ports=Ports.free())
    with pytest.raises(TritonStartError, match="mistyped"):
        server.start()


def test_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        server = TritonServer(install(), repository=tmp_path, ports=Ports(http=port))
        with pytest.raises(TritonStartError, match=str(port)):
            server.start()
