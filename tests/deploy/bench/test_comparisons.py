"""The whole benchmark, as short as it gets, on the real servers."""

from __future__ import annotations

import io
import re
from pathlib import Path

import httpx
import numpy as np
import pytest

from deploy.bench.__main__ import main
from deploy.bench.cores import choose_cores
from deploy.bench.deployment import deployed
from deploy.bench.machine import this_machine
from deploy.bench.network_comparison import compare_network
from deploy.bench.null_comparison import CEILING, GATEWAY, Case, compare_null, null_cases
from deploy.bench.null_engine import constant_mesh
from deploy.bench.photo import make_photo
from deploy.bench.processes import free_port, running
from deploy.bench.report import network_table, null_table, render
from deploy.bench.statistics import summarise

BATCHES, CONCURRENCIES = (1, 4), (1, 4)
PAGE_PATHS = {
    "gateway": "/v1/reconstruct",
    "plain_fastapi": "/reconstruct",
    "litserve_api": "/predict",
}


def columns_of(table: str) -> set[int]:
    return {line.count("|") for line in table.splitlines()}


@pytest.mark.parametrize("module", PAGE_PATHS)
def test_every_contender_answers_the_same_hand(module: str) -> None:
    photo = io.BytesIO(make_photo(width_px=224, height_px=224))
    port = free_port()
    with running(["-m", f"deploy.bench.contenders.{module}", str(port)], port=port):
        url = f"http://127.0.0.1:{port}{PAGE_PATHS[module]}"
        reply = httpx.post(url, files={"image": ("photo.jpg", photo, "image/jpeg")}, timeout=20).json()
    mesh = constant_mesh()
    np.testing.assert_array_equal(np.float32(reply["vertices"]), mesh.vertices_root_m)
    np.testing.assert_array_equal(np.float32(reply["joints"]), mesh.joints_root_m)
    np.testing.assert_array_equal(np.float32(reply["rotation"]), mesh.rotation)
    assert np.shape(reply["joints_2d"]) == (21, 2)


def test_servers_are_measured_in_turn() -> None:
    said: list[str] = []
    cases = [case for case in null_cases() if case.name in (GATEWAY, CEILING)]
    rounds = compare_null(cases, choose_cores(), concurrency=2, rounds=2, seconds=0.3, progress=said.append)
    assert [line.rpartition(": ")[0].count("round 1") for line in said] == [1, 1, 0, 0]
    assert list(rounds) == [case.name for case in cases]
    for samples in rounds.values():
        assert len(samples) == 2
        assert all(sample.latencies_s for sample in samples)
    assert columns_of(null_table(rounds)) == {6}
    assert summarise(rounds[CEILING]).cpu_ms < summarise(rounds[GATEWAY]).cpu_ms


def test_a_server_that_refuses_ends_the_comparison() -> None:
    gateway = null_cases()[0]
    lost = Case(name="lost", module="fixed_reply", request=gateway.request)
    broken = Case(name="broken", module="plain_fastapi", request=gateway.request)
    with pytest.raises(RuntimeError, match="expected status 200, got 404"):
        compare_null(
            [lost, broken], choose_cores(), concurrency=1, rounds=1, seconds=0.1, progress=lambda _: None
        )


@pytest.mark.triton
def test_the_network_is_measured_bare_in_triton_and_behind_the_gateway(model_repository: Path) -> None:
    with deployed(model_repository, "svr_hand", choose_cores()) as deployment:
        network = compare_network(
            deployment,
            rounds=1,
            seconds=1.0,
            progress=lambda _: None,
            batches=BATCHES,
            concurrencies=CONCURRENCIES,
        )
    table = network_table(network)
    assert columns_of(table) == {7}
    assert len(table.splitlines()) == 2 + len(BATCHES) + 2 * len(CONCURRENCIES)
    assert "100.0%" in table
    page = render(command="bench", machine=this_machine(), null_rounds={}, network=network)
    assert re.search(r"The gateway adds -?\d+\.\d\d ms to Triton's median latency", page)


def test_a_repository_without_a_model_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "network", "--repository", str(tmp_path)]) == 1
    assert "error: no svr_hand/VERSION/model.pt" in capsys.readouterr().err
