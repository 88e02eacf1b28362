"""The gateway as it runs: its own process before the real Triton, overloaded, late, restarted."""

from __future__ import annotations

import asyncio
import collections
import math
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import numpy as np
import pytest

from deploy.triton.server import TritonServer
from service.app import create_app
from service.contract import ModelContract, load_contract
from service.engines.triton import TritonEngine
from service.errors import EngineFaultError
from service.settings import Settings
from tests.service.conftest import served
from tests.service.pictures import encoded, picture

pytestmark = pytest.mark.triton

HEADERS = {"content-type": "image/jpeg"}
UPLOADS = [encoded(picture(200, 180, seed=seed), "JPEG") for seed in range(6)]
RECOVERY_TIMEOUT_S = 15.0


def post(client: httpx.Client, upload: bytes = UPLOADS[0], **parameters: str) -> httpx.Response:
    return client.post("/v1/reconstruct", content=upload, headers=HEADERS, params=parameters)


def vertices(answer: httpx.Response) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    assert answer.status_code == 200, answer.text
    return np.array(answer.json()["vertices"])


def wait_for(holds: Callable[[], bool], *, timeout_s: float = RECOVERY_TIMEOUT_S) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline_s, f"it did not come about within {timeout_s} s"
        time.sleep(0.05)


def is_ready(client: httpx.Client) -> bool:
    return client.get("/readyz").status_code == 200


def all_at_once(client: httpx.Client, count: int) -> collections.Counter[str]:
    """Return how often each outcome came about."""
    with ThreadPoolExecutor(count) as pool:
        answers = list(pool.map(lambda number: post(client, UPLOADS[number % len(UPLOADS)]), range(count)))
    for answer in answers:
        if answer.status_code == 429:
            assert int(answer.headers["retry-after"]) in _waits_told_s(answer.json()["detail"])
    return collections.Counter(_outcome(answer) for answer in answers)


def _waits_told_s(detail: str) -> set[int]:
    """Return what a refusal may name: whole seconds of the work that it says is before one, at least one."""
    about = re.search(r"about (\d+\.\d) s of work", detail)
    work_s = float(about[1]) if about else 0.0
    return {max(1, math.ceil(work_s + rounded_s)) for rounded_s in (-0.05, 0.05)}


def _outcome(answer: httpx.Response) -> str:
    return "ok" if answer.status_code == 200 else f"{answer.status_code} {answer.json()['detail']}"


def test_is_ready_and_describes_what_triton_serves(gateway: httpx.Client) -> None:
    wait_for(lambda: is_ready(gateway))
    document = gateway.get("/v1/model").json()
    assert document["contract"]["model"] == "svr_hand"
    assert document["versions"] == ["1"]
    assert document["gateway"]["engine"] == "triton"


def test_many_at_once_are_answered_as_one_by_one(gateway: httpx.Client) -> None:
    singles = [vertices(post(gateway, upload)) for upload in UPLOADS]
    with ThreadPoolExecutor(len(UPLOADS)) as pool:
        together = [vertices(answer) for answer in pool.map(lambda upload: post(gateway, upload), UPLOADS)]
    for single, one in zip(singles, together, strict=True):
        np.testing.assert_allclose(single, one, atol=1e-5)


def test_the_embedded_engine_gives_the_same_hand(gateway: httpx.Client, triton: TritonServer) -> None:
    # The module's first passes compile it, which on a busy machine outlasts the default deadline.
    settings = Settings(engine="embedded", model_repository=triton.repository, deadline_s=30)
    with served(create_app(settings)) as embedded:
        np.testing.assert_allclose(vertices(post(embedded)), vertices(post(gateway)), atol=1e-5)


def test_a_model_of_another_contract_is_found_out(triton: TritonServer) -> None:
    """Triton serves what it is given; the gateway compares it with what it promises its callers."""
    contract = load_contract(triton.repository, "svr_hand")
    drifted = contract.model_copy(
        update={"outputs": tuple(t.model_copy(update={"shape": (20, 3)}) for t in contract.outputs[1:2])}
    )

    async def verify(promised: ModelContract) -> None:
        engine = TritonEngine(url=triton.grpc_url, contract=promised, retry_after_s=1)
        await engine.start()
        try:
            await engine.verify()
        finally:
            await engine.close()

    asyncio.run(verify(contract))
    with pytest.raises(EngineFaultError, match="joints__1"):
        asyncio.run(verify(drifted))


def test_a_version_that_triton_does_not_have_is_not_found(gateway: httpx.Client) -> None:
    answer = post(gateway, version="77")
    assert answer.status_code == 404
    assert "version 77" in answer.json()["detail"]


def test_a_full_queue_is_429_and_an_answer_too_late_504(triton: TritonServer) -> None:
    settings = Settings(triton_url=triton.grpc_url, model_repository=triton.repository)
    patient = settings.model_copy(update={"max_in_flight": 400, "deadline_s": 60.0})
    with served(create_app(patient)) as client:
        wait_for(lambda: is_ready(client))
        outcomes = all_at_once(client, 200)
        assert set(outcomes) == {"ok", "429 Triton's queue is full"}
        assert post(client).status_code == 200
    hurried = settings.model_copy(update={"deadline_s": 0.03})
    with served(create_app(hurried)) as client:
        wait_for(lambda: is_ready(client))
        outcomes = all_at_once(client, 40)
        assert outcomes["504 Triton did not answer in time"] > 0
        assert {outcome[:3] for outcome in outcomes} <= {"ok", "504", "429"}, (
            "429: the line is known to be slow"
        )


@dataclass
class Load:
    """Callers who ask again and again from threads of their own, and what they were told."""

    client: httpx.Client
    stop: threading.Event = field(default_factory=threading.Event)
    statuses: list[int] = field(default_factory=list)

    def run(self) -> None:
        """Ask until told to stop; a refusal is followed by a breath."""
        while not self.stop.is_set():
            status = post(self.client).status_code
            self.statuses.append(status)
            if status != 200:
                time.sleep(0.02)


def test_a_triton_that_goes_away_under_load_is_told_and_found_again(
    gateway: httpx.Client, triton: TritonServer
) -> None:
    """While Triton is away callers get 503, 429 or 504 and nothing else; then hands again, by itself."""
    wait_for(lambda: is_ready(gateway))
    load = Load(gateway)
    callers = [threading.Thread(target=load.run) for _ in range(6)]
    for caller in callers:
        caller.start()
    try:
        wait_for(lambda: 200 in load.statuses)
        triton.stop()
        wait_for(lambda: not is_ready(gateway))
        assert gateway.get("/livez").status_code == 200
        with early_gateway(triton) as early:
            triton.start()
            wait_for(lambda: is_ready(early))
            assert post(early).status_code == 200
        back = len(load.statuses)
        wait_for(lambda: is_ready(gateway))
        wait_for(lambda: 200 in load.statuses[back:])
    finally:
        load.stop.set()
        for caller in callers:
            caller.join()
        if not triton.ready():
            triton.restart()
    assert set(load.statuses) <= {200, 429, 503, 504}
    assert 503 in load.statuses
    assert post(gateway).status_code == 200


@contextmanager
def early_gateway(triton: TritonServer) -> Iterator[httpx.Client]:
    """A gateway that starts while there is no Triton."""
    settings = Settings(triton_url=triton.grpc_url, model_repository=triton.repository)
    with served(create_app(settings)) as client:
        assert client.get("/readyz").status_code == 503
        answer = post(client)
        assert answer.status_code == 503
        assert answer.json()["detail"] == "Triton is not ready"
        yield client
