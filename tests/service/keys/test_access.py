"""A gateway with keys answers their holders, and nobody else, over every transport."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2

from service.keys.key_file import new_key
from service.rpc import hand_mesh_pb2 as pb
from service.settings import Settings
from tests.service.keys.houses import (
    WAYS,
    answers,
    by_header,
    call,
    get,
    guarded,
    open_socket,
    run,
    slug_of,
    stored,
    until,
    write_keys,
)
from tests.service.streams.peers import STREAM, channel_to, socket_to
from tests.service.streams.serving import Served, SteadyEngine, serving

OPEN = ["/", "/livez", "/readyz", "/docs", "/openapi.json"]
CLOSED = [
    "/v1/model", "/v1/model/views", "/v1/reconstruct", "/metrics", "/nowhere", "//livez", "/livez/", "/LIVEZ",
    "/assets",
]  # fmt: skip
CLIENT_LOGGERS = {"websockets.client", "httpcore.connection", "httpcore.http11", "httpx"}
"""Of the test's own questions, in the same process."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def test_every_way_to_ask_wants_a_key(path: Path, embedded_settings: Settings) -> None:
    async def scene() -> None:
        async with guarded(embedded_settings, path) as (served, key):
            for name, ask in WAYS.items():
                assert await ask(served, key) == "ok", name
                for wrong in (None, new_key(), key[:-1], key + "x", key.upper(), "x" * 5000):
                    assert await ask(served, wrong) == "unauthorized", name

    run(scene())


def test_without_keys_nobody_is_asked_for_one(embedded_settings: Settings) -> None:
    async def scene() -> None:
        async with serving(embedded_settings, SteadyEngine()) as served:
            for name, ask in WAYS.items():
                for key in (None, new_key()):
                    assert await ask(served, key) == "ok", name

    run(scene())


def test_no_method_of_the_grpc_service_is_forgotten(path: Path, embedded_settings: Settings) -> None:
    service = pb.DESCRIPTOR.services_by_name["HandMesh"]

    async def scene() -> None:
        async with guarded(embedded_settings, path) as (served, _):
            for method in service.methods:
                assert await call(served, f"/{service.full_name}/{method.name}", ()) == "unauthorized"

    run(scene())


def test_what_is_open_is_a_short_list(path: Path, embedded_settings: Settings) -> None:
    async def scene() -> None:
        async with guarded(embedded_settings, path) as (served, key):
            page = (await get(served, "/")).text
            assets = re.findall(r'"\./(assets/[^"]+)"', page)
            assert assets
            for open_path in [*OPEN, *(f"/{asset}" for asset in assets)]:
                assert (await get(served, open_path)).status_code == 200, open_path
            for closed in CLOSED:
                reply = await get(served, closed)
                assert reply.status_code == 401, closed
                assert reply.headers["www-authenticate"].startswith("Bearer ")
                assert reply.headers["x-request-id"] == reply.json()["request_id"]
                assert (await get(served, closed, {"x-api-key": key})).status_code != 401, closed
            async with channel_to(served) as channel:
                check: Any = channel.unary_unary(
                    "/grpc.health.v1.Health/Check",
                    response_deserializer=health_pb2.HealthCheckResponse.FromString,
                )
                assert (await check(b"")).status == health_pb2.HealthCheckResponse.SERVING

    run(scene())


def test_what_is_open_leads_nowhere_else(path: Path, embedded_settings: Settings) -> None:
    async def scene() -> None:
        async with guarded(embedded_settings, path) as (served, _):
            for opened in ("/assets/", "/static-offline-docs/"):
                for way in ("../v1/model", "%2e%2e/v1/model", "..%2fv1%2fmodel", "/v1/model", "../metrics"):
                    answer = await first_line_of(served, opened + way)
                    assert answer.split()[1] == "404", way

    run(scene())


async def first_line_of(served: Served, target: str) -> str:
    """Ask for a path as it is, which HTTP clients would put straight first."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.http)
    writer.write(f"GET {target} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
    line = await reader.readline()
    writer.close()
    return line.decode()


def test_metrics_may_be_opened(path: Path, embedded_settings: Settings) -> None:
    async def scene() -> None:
        async with guarded(embedded_settings, path, open_metrics=True) as (served, key):
            assert (await get(served, "/metrics")).status_code == 200
            assert await by_header(served, None) == "unauthorized"
            assert served.metric("simahand_requests_total", route="unmatched", outcome="unauthorized") == 1
            assert key not in (await get(served, "/metrics")).text

    run(scene())


def test_a_refusal_does_not_wait_for_the_body(path: Path, embedded_settings: Settings) -> None:
    async def scene() -> None:
        async with guarded(embedded_settings, path, body_timeout_s=30) as (served, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", served.http)
            head = "POST /v1/reconstruct HTTP/1.1\r\nhost: x\r\ncontent-type: image/jpeg\r\n"
            writer.write(f"{head}content-length: 8000000\r\n\r\n".encode())
            await writer.drain()
            assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1 401")
            writer.close()

    run(scene())


def test_the_key_is_never_said_again(path: Path, embedded_settings: Settings) -> None:
    async def scene() -> None:
        async with guarded(embedded_settings, path) as (served, key):
            words = [f"simahand.key.{key}", "simahand.v1"]
            async with socket_to(served, subprotocols=words) as socket:
                assert socket.subprotocol == "simahand.v1"
                assert key not in str(socket.response)
            wrong = new_key()
            reply = await get(served, f"/v1/model?key={wrong}", {"x-api-key": wrong})
            assert wrong not in reply.text + str(reply.headers)

    run(scene())


def test_no_log_holds_a_key_even_at_debug(
    path: Path, embedded_settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")

    async def scene() -> None:
        async with guarded(embedded_settings, path, log_level="debug") as (served, key):
            wrong = new_key()
            for ask in WAYS.values():
                for shown in (key, wrong):
                    await ask(served, shown)
            ours = [str(vars(record)) for record in caplog.records if record.name not in CLIENT_LOGGERS]
            assert [line for line in ours if "/v1/model" in line], "the loggers are listened to"
            assert not [line for line in ours if key in line or wrong in line]

    run(scene())


def test_a_key_in_the_address_opens_nothing(path: Path, embedded_settings: Settings) -> None:
    async def scene() -> None:
        async with guarded(embedded_settings, path) as (served, key):
            for name in ("key", "api_key", "access_token", "token"):
                assert slug_of(await get(served, f"/v1/model?{name}={key}")) == "unauthorized"

    run(scene())


def test_a_foreign_page_opens_no_stream(path: Path, embedded_settings: Settings) -> None:
    friend, stranger = "https://friend.example", "https://stranger.example"

    async def scene() -> None:
        async with serving(embedded_settings, SteadyEngine(), cors_origins=(friend,)) as served:
            own = f"http://127.0.0.1:{served.http}"
            assert [await open_socket(served, origin=origin) for origin in (None, own, friend)] == ["ok"] * 3
            for origin in (stranger, "null", f"http://127.0.0.1:{served.http + 1}", f"{friend}:8443"):
                assert await open_socket(served, origin=origin) == "foreign-origin", origin
        async with guarded(embedded_settings, path) as (served, key):
            words = ["simahand.v1", f"simahand.key.{key}"]
            assert await open_socket(served, origin=stranger, subprotocols=words) == "foreign-origin"
            ended = served.metric("simahand_streams_total", transport="websocket", end="foreign-origin")
            assert ended == 1

    run(scene())


def test_a_key_that_is_taken_back_opens_nothing_and_ends_its_streams(
    path: Path, embedded_settings: Settings
) -> None:
    async def scene() -> None:
        async with guarded(embedded_settings, path) as (served, key):
            headers = {"x-api-key": key}
            async with socket_to(served, additional_headers=headers) as socket, channel_to(served) as channel:
                stream: Any = channel.stream_stream(STREAM)(metadata=(("x-api-key", key),))
                await stream.wait_for_connection()
                newer = new_key()
                write_keys(path, studio=stored(newer))
                await socket.wait_closed()
                assert socket.close_code == 1008
                assert await stream.code() == grpc.StatusCode.UNAUTHENTICATED
            for ask in WAYS.values():
                assert await ask(served, key) == "unauthorized"
                assert await ask(served, newer) == "ok"

    run(scene())


def write_text(path: Path, text: str) -> None:
    path.write_text(text)


def test_a_slip_of_the_pen_neither_opens_nor_closes(
    path: Path, embedded_settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        async with guarded(embedded_settings, path) as (served, key):
            for text in ("", "{", '{"keys": {"studio": {"sha256": "short"}}}'):
                caplog.clear()
                write_text(path, text)
                await until(lambda: "keys of before still hold" in caplog.text)
                assert await by_header(served, key) == "ok"
                assert await by_header(served, None) == "unauthorized"
            write_keys(path)
            await answers(served, key, "unauthorized")
            assert await by_header(served, None) == "unauthorized", "no key at all is no open door"

    run(scene())


def test_an_answer_names_the_ways_to_send_a_key(path: Path, embedded_settings: Settings) -> None:
    async def scene() -> None:
        async with guarded(embedded_settings, path) as (served, _):
            reply: httpx.Response = await get(served, "/v1/model")
            for way in ("Authorization: Bearer", "X-API-Key", "simahand.key."):
                assert way in reply.json()["detail"]

    run(scene())
