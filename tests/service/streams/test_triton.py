"""Streams before the real Triton, from the gateway's own process: the same hand, whatever carries it."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import grpc
import httpx
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from deploy.triton.server import TritonServer
from service.rpc import hand_mesh_pb2 as pb
from tests.service.pictures import encoded, picture
from tests.service.streams.peers import (
    GET_MODEL,
    RECONSTRUCT,
    TRANSPORTS,
    Fields,
    Peer,
    Transport,
    channel_to,
    frame_message,
    hand_fields,
    numbers,
    outputs_message,
    peer_of,
)

pytestmark = pytest.mark.triton

PIXELS = picture(200, 180)
PNG = encoded(PIXELS)
RAW = {"rgb": PIXELS.tobytes(), "width": 200, "height": 180}
BOX = (30.0, 20.0, 90.0, 110.0)
INTRINSICS = (600.0, 610.0, 100.0, 90.0)
SERVICES = ("", "simahand.v1.HandMesh")
TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Ports:
    """Of the gateway's process."""

    http: int
    grpc: int


@pytest.fixture(scope="module")
def ports(gateway: httpx.Client) -> Ports:
    deadline_s = time.monotonic() + TIMEOUT_S
    while gateway.get("/readyz").status_code != 200:
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    assert gateway.base_url.port is not None
    return Ports(gateway.base_url.port, gateway.get("/v1/model").json()["streams"]["grpc_port"])


def call(ports: Ports, method: str, request: bytes, request_id: str = "") -> bytes:
    with grpc.insecure_channel(f"127.0.0.1:{ports.grpc}") as channel:
        ask = channel.unary_unary(method, bytes, bytes)
        return ask(request, timeout=TIMEOUT_S, metadata=(("x-request-id", request_id),))


def reconstruct(ports: Ports, request: pb.ReconstructRequest) -> Fields:
    return hand_fields(pb.Hand.FromString(call(ports, RECONSTRUCT, request.SerializeToString())))


def over_http(gateway: httpx.Client) -> Fields:
    query = {"hand": "left", "box": ",".join(map(str, BOX))}
    query |= {name: str(value) for name, value in zip(("fx", "fy", "cx", "cy"), INTRINSICS, strict=True)}
    answer = gateway.post("/v1/reconstruct", content=PNG, headers={"content-type": "image/png"}, params=query)
    assert answer.status_code == 200, answer.text
    document: Fields = answer.json()
    return document


def assert_same_hand(fields: Fields, document: Fields) -> None:
    assert {"name": fields["model"], "version": fields["version"]} == document["model"]
    assert fields["hand"] == document["hand"]
    np.testing.assert_allclose(numbers(fields["vertices"]), document["vertices"], atol=1e-6)
    np.testing.assert_allclose(numbers(fields["joints"]), document["joints"], atol=1e-6)
    np.testing.assert_allclose(numbers(fields["joints_px"], columns=2), document["joints_2d"], atol=1e-3)
    np.testing.assert_allclose(np.reshape(fields["rotation"], (3, 3)), document["rotation"], atol=1e-6)
    np.testing.assert_allclose(fields["translation"], document["translation"], atol=1e-5)


async def one_reply(transport: Transport, ports: Ports, options: Fields, frame: Fields) -> Fields:
    async with peer_of(transport, ports) as peer:
        await peer.send("options", **options)
        await peer.send("frame", **frame)
        return await asyncio.wait_for(peer.reply(), TIMEOUT_S)


def test_every_way_to_ask_gives_the_same_hand(gateway: httpx.Client, ports: Ports) -> None:
    expected = over_http(gateway)
    how: Fields = {"box": BOX, "hand": "left", "intrinsics": INTRINSICS}
    unary = reconstruct(ports, pb.ReconstructRequest(frame=frame_message(encoded=PNG, **how)))
    assert_same_hand(unary, expected)
    for transport in TRANSPORTS:
        for image in ({"encoded": PNG}, {"raw": RAW}):
            reply = asyncio.run(one_reply(transport, ports, {}, {**image, **how, "frame_id": 5}))
            assert (reply["type"], reply["frame_id"]) == ("hand", 5)
            assert_same_hand(reply, expected)


def test_what_is_wanted_is_what_comes(ports: Ports) -> None:
    whole = reconstruct(ports, pb.ReconstructRequest(frame=frame_message(encoded=PNG)))
    outputs: Fields = {"precision": "float16", "without_vertices": True}
    request = pb.ReconstructRequest(frame=frame_message(encoded=PNG), outputs=outputs_message(**outputs))
    replies = [asyncio.run(one_reply(name, ports, outputs, {"encoded": PNG})) for name in TRANSPORTS]
    for fields in [reconstruct(ports, request), *replies]:
        assert fields["vertices"] == b""
        np.testing.assert_allclose(
            numbers(fields["joints"], precision="float16"), numbers(whole["joints"]), atol=1e-4
        )


@pytest.mark.parametrize(
    ("request_", "code", "slug"),
    [
        (b"\xff garbage", grpc.StatusCode.INVALID_ARGUMENT, "malformed-message"),
        (pb.ReconstructRequest(), grpc.StatusCode.INVALID_ARGUMENT, "unreadable-image"),
        (
            pb.ReconstructRequest(frame=pb.Frame(encoded=PNG), version="77"),
            grpc.StatusCode.NOT_FOUND,
            "unknown-model",
        ),
        (
            pb.ReconstructRequest(frame=pb.Frame(encoded=bytes(9 << 20))),
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            None,
        ),
    ],
    ids=["garbage", "no image", "no such version", "too large"],
)
def test_a_call_that_fails_says_why(
    request_: bytes | pb.ReconstructRequest, code: grpc.StatusCode, slug: str | None, ports: Ports
) -> None:
    data = request_ if isinstance(request_, bytes) else request_.SerializeToString()
    with pytest.raises(grpc.RpcError) as caught:
        call(ports, RECONSTRUCT, data, request_id="mine-1")
    assert caught.value.code() == code
    assert caught.value.details()
    if slug is not None:
        assert isinstance(caught.value, grpc.Call)
        assert ("simahand-problem", slug) in caught.value.trailing_metadata()
        assert ("x-request-id", "mine-1") in caught.value.initial_metadata()


def test_the_model_is_described(gateway: httpx.Client, ports: Ports) -> None:
    model = pb.Model.FromString(call(ports, GET_MODEL, b""))
    document = gateway.get("/v1/model").json()
    assert (model.name, list(model.versions)) == ("svr_hand", document["versions"])
    assert json.loads(model.contract_json) == document["contract"]


def test_health_and_reflection_answer(ports: Ports) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{ports.grpc}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for service in SERVICES:
            answer = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=TIMEOUT_S)  # type: ignore[attr-defined]
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.RpcError) as caught:
            health.Check(health_pb2.HealthCheckRequest(service="nobody"), timeout=TIMEOUT_S)  # type: ignore[attr-defined]
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND
        database = ProtoReflectionDescriptorDatabase(channel)
        assert {"simahand.v1.HandMesh", "grpc.health.v1.Health"} <= set(database.get_services())
        described = database.FindFileContainingSymbol("simahand.v1.HandMesh")
        assert [method.name for method in described.service[0].method] == [
            "Reconstruct",
            "Stream",
            "GetModel",
        ]


async def until(peer: Peer, holds: Callable[[Fields], bool]) -> None:
    """Send frames, as a camera does, until a reply is what is waited for."""
    deadline_s = time.monotonic() + TIMEOUT_S
    while True:
        assert time.monotonic() < deadline_s
        await peer.send("frame", encoded=PNG)
        if holds(await asyncio.wait_for(peer.reply(), TIMEOUT_S)):
            return
        await asyncio.sleep(0.02)


def test_streams_survive_a_triton_that_goes_away(ports: Ports, triton: TritonServer) -> None:
    async def both(holds: Callable[[Fields], bool], *peers: Peer) -> None:
        await asyncio.gather(*(until(peer, holds) for peer in peers))

    async def health(channel: grpc.aio.Channel) -> int:
        stub = health_pb2_grpc.HealthStub(channel)
        answer: Awaitable[health_pb2.HealthCheckResponse] = stub.Check(health_pb2.HealthCheckRequest())  # type: ignore[attr-defined]
        return (await answer).status

    async def play() -> None:
        async with (
            peer_of("grpc", ports) as one,
            peer_of("websocket", ports) as other,
            channel_to(ports) as channel,
        ):
            await both(lambda reply: reply["type"] == "hand", one, other)
            triton.stop()
            await both(lambda reply: reply.get("slug") == "engine-unavailable", one, other)
            assert await health(channel) == health_pb2.HealthCheckResponse.NOT_SERVING
            start = threading.Thread(target=triton.start)
            start.start()
            await both(lambda reply: reply["type"] == "hand", one, other)
            await asyncio.to_thread(start.join)
            assert await health(channel) == health_pb2.HealthCheckResponse.SERVING

    try:
        asyncio.run(play())
    finally:
        if not triton.ready():
            triton.restart()
