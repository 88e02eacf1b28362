"""A little of everything that a gateway may be asked."""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import grpc
import httpx

from service.rpc import hand_mesh_pb2 as pb
from tests.service.pictures import encoded, picture
from tests.service.streams.peers import RECONSTRUCT, TRANSPORTS, Ports, Transport, frame_message, peer_of

JPEG = encoded(picture(200, 180), "JPEG")
FRAMES = 6
CALLERS = 8
"""More than the gateway of the tests has places."""


@dataclass(frozen=True)
class GatewayPorts:
    """Where a gateway listens."""

    http: int
    grpc: int


@dataclass
class Told:
    """What the callers know, to be compared with what was counted."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    """By route and status."""
    frames: Counter[Transport] = field(default_factory=Counter)
    """Sent, by transport."""
    replies: Counter[Transport] = field(default_factory=Counter)
    """To frames, by transport."""


def ports_of(client: httpx.Client) -> GatewayPorts:
    """Return where a gateway listens."""
    port = client.base_url.port
    assert port is not None
    return GatewayPorts(port, client.get("/v1/model").json()["streams"]["grpc_port"])


def drive(client: httpx.Client, ports: GatewayPorts, told: Told) -> None:
    """Ask for hands one by one and all at once, for what is refused, and over streams."""
    with ThreadPoolExecutor(CALLERS) as pool:
        for number in pool.map(lambda _: _hand(client), range(CALLERS)):
            told.answers["/v1/reconstruct", number] += 1
    told.answers["/v1/reconstruct", _hand(client)] += 1
    refused = client.post("/v1/reconstruct", content=b"GIF89a", headers={"content-type": "image/gif"})
    told.answers["/v1/reconstruct", refused.status_code] += 1
    told.answers["unmatched", client.get("/no/such/place").status_code] += 1
    with grpc.insecure_channel(f"127.0.0.1:{ports.grpc}") as channel:
        request = pb.ReconstructRequest(frame=frame_message(encoded=JPEG)).SerializeToString()
        channel.unary_unary(RECONSTRUCT, bytes, bytes)(request, timeout=30)
        told.answers["Reconstruct", httpx.codes.OK] += 1
    asyncio.run(_streams(ports, told))


def _hand(client: httpx.Client) -> int:
    headers = {"content-type": "image/jpeg"}
    return client.post("/v1/reconstruct", content=JPEG, headers=headers).status_code


async def _streams(ports: Ports, told: Told) -> None:
    """Send frames faster than they can be answered, and one that is none."""
    for transport in TRANSPORTS:
        async with peer_of(transport, ports) as peer:
            await peer.send("frame", frame_id=0, encoded=b"no picture")
            told.replies[transport] += (await peer.reply())["frame_id"] == 0
            for frame_id in range(1, FRAMES):
                await peer.send("frame", frame_id=frame_id, encoded=JPEG)
            told.frames[transport] += FRAMES
            last = 0
            while last < FRAMES - 1:
                last = (await peer.reply())["frame_id"]
                told.replies[transport] += 1
