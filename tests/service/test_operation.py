"""Overload, deadlines, a failing engine; health, metrics, the model's description and the documentation."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from service.app import create_app
from service.contract import ModelContract
from service.engines.protocol import Deadline, EngineHand, InputArray
from service.errors import (
    DeadlineExceededError,
    EngineFaultError,
    EngineUnavailableError,
    GatewayError,
    OverloadedError,
)
from service.settings import Settings
from tests.service.conftest import served
from tests.service.hands import template_hand
from tests.service.pictures import encoded, picture

JPEG = encoded(picture(120, 100), "JPEG")
HEADERS = {"content-type": "image/jpeg"}


class OutsideEngine:
    """Stands for an engine in another process: the test says how it fares."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.asked: list[Deadline] = []

    def __call__(self, contract: ModelContract) -> OutsideEngine:
        """Be the factory of itself."""
        return self

    async def start(self) -> None:
        """It is there already."""

    async def close(self) -> None:
        """It stays."""

    async def infer(
        self, *inputs: InputArray, version: str, deadline: Deadline, request_id: str
    ) -> EngineHand:
        """Answer when the test allows, with the template."""
        self.asked.append(deadline)
        await asyncio.to_thread(self.may_answer.wait, 10)
        await self.ping()
        hand = template_hand()
        return EngineHand(hand.vertices_m, hand.joints_m, hand.rotation, np.zeros((21, 2), np.float32), "1")

    async def verify(self) -> None:
        """Keep the contract unless there is a failure."""
        await self.ping()

    async def ping(self) -> None:
        """Raise the failure, if there is one."""
        if self.failure is not None:
            raise self.failure

    async def versions(self) -> tuple[str, ...]:
        """Serve one version."""
        await self.ping()
        return ("1",)


@contextmanager
def gateway_before(engine: OutsideEngine, settings: Settings, **changes: object) -> Iterator[httpx.Client]:
    with served(create_app(settings.model_copy(update=changes), engine)) as client:
        yield client


@pytest.fixture
def engine() -> OutsideEngine:
    return OutsideEngine()


def post(client: httpx.Client) -> httpx.Response:
    return client.post("/v1/reconstruct", content=JPEG, headers=HEADERS)


def metric(client: httpx.Client, name: str, **labels: str) -> float:
    families = text_string_to_metric_families(client.get("/metrics").text)
    return sum(
        sample.value
        for family in families
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def eventually(holds: Callable[[], bool]) -> None:
    for _ in range(400):
        if holds():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not come about within four seconds")


def test_one_request_too_many_is_told_to_wait(engine: OutsideEngine, embedded_settings: Settings) -> None:
    with gateway_before(engine, embedded_settings, max_in_flight=2, retry_after_s=7) as client:
        eventually(lambda: metric(client, "simahand_ready") == 1)
        engine.asked.clear()
        engine.may_answer.clear()
        waiting = [threading.Thread(target=post, args=(client,)) for _ in range(2)]
        for thread in waiting:
            thread.start()
        eventually(lambda: len(engine.asked) == 2)
        refused = post(client)
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "7"
        assert refused.json()["type"].endswith(":overloaded")
        engine.may_answer.set()
        for thread in waiting:
            thread.join()
        assert post(client).status_code == 200


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (OverloadedError("full", retry_after_s=1), 429),
        (EngineFaultError("nonsense"), 502),
        (EngineUnavailableError("away", retry_after_s=1), 503),
        (DeadlineExceededError("late"), 504),
    ],
)
def test_what_fails_in_the_engine_has_its_status(
    failure: GatewayError, status: int, engine: OutsideEngine, embedded_settings: Settings
) -> None:
    with gateway_before(engine, embedded_settings) as client:
        engine.failure = failure
        answer = post(client)
        assert answer.status_code == status
        assert answer.json()["detail"] == failure.detail
        assert metric(client, "simahand_engine_errors_total", kind=failure.slug) == 1
        assert metric(client, "simahand_requests_total", route="/v1/reconstruct", outcome=failure.slug) == 1
        engine.failure = None
        assert post(client).status_code == 200


def test_a_crash_is_answered_without_its_secrets(engine: OutsideEngine, embedded_settings: Settings) -> None:
    with gateway_before(engine, embedded_settings) as client:
        engine.failure = ZeroDivisionError("the password is swordfish")
        answer = post(client)
        assert answer.status_code == 500
        assert answer.json()["type"].endswith(":internal-error")
        assert "swordfish" not in answer.text
        assert metric(client, "simahand_requests_total", outcome="internal-error") == 1
        engine.failure = None
        assert post(client).status_code == 200


def test_the_engine_is_told_the_deadline(engine: OutsideEngine, embedded_settings: Settings) -> None:
    with gateway_before(engine, embedded_settings, deadline_s=1.5) as client:
        post(client)
        assert 0 < engine.asked[-1].remaining_s <= 1.5


def test_readiness_follows_the_engine_and_liveness_does_not(
    engine: OutsideEngine, embedded_settings: Settings
) -> None:
    engine.failure = EngineUnavailableError("away")
    with gateway_before(engine, embedded_settings) as client:
        away = client.get("/readyz")
        assert away.status_code == 503
        assert away.json()["detail"] == "away"
        assert client.get("/livez").status_code == 200
        assert engine.asked == []
        engine.failure = None
        assert [client.get("/readyz").status_code for _ in range(3)] == [200, 200, 200]
        assert len(engine.asked) == 1, "one canary, then cheap checks"
        engine.failure = EngineUnavailableError("away again")
        assert client.get("/readyz").status_code == 503
        assert metric(client, "simahand_ready") == 0
        engine.failure = None
        assert client.get("/readyz").status_code == 200
        assert len(engine.asked) == 2, "a canary after every absence"
        engine.failure = EngineUnavailableError("away between two checks")
        assert post(client).status_code == 503
        engine.failure = None
        assert client.get("/readyz").status_code == 200
        assert len(engine.asked) == 4, "the request, and a canary after it"


def test_metrics_count_requests_and_stages(client: httpx.Client) -> None:
    stage = {"stage": "engine"}
    before = metric(client, "simahand_stage_seconds_count", **stage)
    post(client)
    assert metric(client, "simahand_stage_seconds_count", **stage) == before + 1
    assert metric(client, "simahand_stage_seconds_bucket", stage="read", le="0.0001") >= 0
    assert metric(client, "simahand_requests_in_flight") == 1, "the question itself"
    assert metric(client, "simahand_build_info", engine="embedded", model="tiny_hand") == 1


def test_the_model_is_described(client: httpx.Client, contract: ModelContract) -> None:
    document = client.get("/v1/model").json()
    assert document["contract"]["joint_names"] == list(contract.joint_names)
    assert document["contract"]["faces"] == [list(face) for face in contract.faces]
    assert document["contract"]["fingertip_joints"] == [4, 8, 12, 16, 20], "what we do not read is passed on"
    assert document["versions"] == ["1"]
    assert document["media_types"] == ["application/json", "model/gltf-binary"]
    assert document["limits"]["body_bytes"] == 8 << 20


def test_the_model_is_described_while_the_engine_is_away(
    engine: OutsideEngine, embedded_settings: Settings
) -> None:
    with gateway_before(engine, embedded_settings) as client:
        engine.failure = EngineUnavailableError("away")
        assert client.get("/v1/model").json()["versions"] == []


def test_the_documentation_needs_no_other_host(client: httpx.Client) -> None:
    page = client.get("/docs").text
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert links
    assert all(link.startswith("/") and client.get(link).status_code == 200 for link in links)


def test_openapi_shows_every_error_by_an_example(client: httpx.Client) -> None:
    operation = client.get("/openapi.json").json()["paths"]["/v1/reconstruct"]["post"]
    assert {
        "200",
        "400",
        "401",
        "404",
        "406",
        "408",
        "413",
        "415",
        "422",
        "429",
        "431",
        "502",
        "503",
        "504",
    } == set(operation["responses"])
    for status, response in operation["responses"].items():
        for media_type, content in response["content"].items():
            for example in content.get("examples", {}).values():
                assert media_type == "application/problem+json"
                assert example["value"]["status"] == int(status)
    assert {parameter["name"] for parameter in operation["parameters"]} == {
        "hand", "box", "fx", "fy", "cx", "cy", "model", "version"
    }  # fmt: skip
    assert "multipart/form-data" in operation["requestBody"]["content"]
