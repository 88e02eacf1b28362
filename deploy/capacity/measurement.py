"""What an image costs here: the real gateway in front of the real Triton, each kind of traffic in turn."""

from __future__ import annotations

import json
import math
import statistics
import urllib.request
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
import uvloop
from websockets.asyncio.client import ClientConnection, connect

from deploy.bench.deployment import Deployment
from deploy.bench.load import closed_loop
from deploy.bench.photo import make_photo
from deploy.bench.statistics import Sample, summarise
from deploy.bench.triton_load import measure_triton
from deploy.bench.wire import HttpConnection, Request, post
from deploy.capacity.model import ImageCost, Inside

CONCURRENCY = 8
ENGINE_CONCURRENCY = 32
CROP_PX = (128, 128)
PHOTO_PX = (4032, 3024)
PHOTO_BOX_PX = (1600, 1000, 900, 900)
"""A hand in such a photo; x, y, width, height."""

_BYTES = {"UINT8": 1, "INT32": 4, "FP32": 4}


class Caller(Protocol):
    """One connection to the gateway that asks the same thing again and again."""

    request_bytes: int
    answered: int

    @property
    def received_bytes(self) -> int:
        """Of all answers so far."""

    async def ask(self) -> None:
        """Return when the answer is whole; raises `RuntimeError` where it is no hand."""


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """One kind of traffic, and how a caller of it is opened."""

    name: str
    opened: Callable[[Deployment], AbstractAsyncContextManager[Caller]]


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """Everything that the model is fed with.

    Attributes:
        costs: of an image, by the kind of traffic.
        engine_images_per_s: of one Triton with one core.
        inside: bytes and metrics behind the gateways.
        model: which network, in words.
    """

    costs: tuple[ImageCost, ...]
    engine_images_per_s: float
    inside: Inside
    model: str


def kinds_of_traffic() -> tuple[Traffic, ...]:
    """Return what is measured, the cheapest upload first."""
    crop = make_photo(width_px=CROP_PX[0], height_px=CROP_PX[1])
    photo = make_photo(width_px=PHOTO_PX[0], height_px=PHOTO_PX[1])
    path = "/v1/reconstruct?hand=right"
    boxed = f"{path}&box={','.join(map(str, PHOTO_BOX_PX))}"
    glb = "model/gltf-binary"
    return (
        Traffic(name="crop over a stream → joints only", opened=_stream_of(crop)),
        Traffic(name="crop → JSON", opened=_posts(post(path, crop, content_type="image/jpeg"))),
        Traffic(name="crop → GLB", opened=_posts(post(path, crop, content_type="image/jpeg", accept=glb))),
        Traffic(name="photo → JSON", opened=_posts(post(boxed, photo, content_type="image/jpeg"))),
        Traffic(name="photo → GLB", opened=_posts(post(boxed, photo, content_type="image/jpeg", accept=glb))),
    )


def measure(
    deployment: Deployment, *, rounds: int, seconds: float, progress: Callable[[str], None]
) -> Measurement:
    """Measure every kind of traffic once a round, and Triton by itself.

    Raises:
        RuntimeError: an answer was no hand.
    """
    kinds = kinds_of_traffic()
    windows: dict[str, list[Sample]] = {kind.name: [] for kind in kinds}
    costs: dict[str, ImageCost] = {}
    engine: list[Sample] = []
    for number in range(1, rounds + 1):
        for kind in kinds:
            progress(f"round {number} of {rounds}: {kind.name}")
            sample, caller = uvloop.run(_measure(kind, deployment, seconds))
            windows[kind.name].append(sample)
            costs[kind.name] = ImageCost(
                name=kind.name,
                gateway_cpu_s=summarise(windows[kind.name]).cpu_ms / 1e3,
                request_bytes=caller.request_bytes,
                answer_bytes=math.ceil(caller.received_bytes / caller.answered),
            )
        progress(f"round {number} of {rounds}: Triton alone")
        engine.append(
            measure_triton(
                deployment.triton_url,
                deployment.model.name,
                server=deployment.triton,
                concurrency=ENGINE_CONCURRENCY,
                seconds=seconds,
            )
        )
    return Measurement(
        costs=tuple(costs.values()),
        engine_images_per_s=statistics.median(sample.throughput_per_s for sample in engine),
        inside=_inside(deployment),
        model=deployment.model.describe(),
    )


async def _measure(kind: Traffic, deployment: Deployment, seconds: float) -> tuple[Sample, Caller]:
    async with AsyncExitStack() as stack:
        callers = [await stack.enter_async_context(kind.opened(deployment)) for _ in range(CONCURRENCY)]
        asks = [caller.ask for caller in callers]
        return await closed_loop(asks, server=deployment.gateway, seconds=seconds), callers[0]


class _Post:
    def __init__(self, connection: HttpConnection, request: Request) -> None:
        self._connection = connection
        self._request = request
        self.request_bytes = len(request.wire)
        self.answered = 0

    @property
    def received_bytes(self) -> int:
        return self._connection.received_bytes

    async def ask(self) -> None:
        status = await self._connection.ask(self._request)
        if status != 200:
            raise RuntimeError(f"expected status 200, got {status}")
        self.answered += 1


def _posts(request: Request) -> Callable[[Deployment], AbstractAsyncContextManager[Caller]]:
    @asynccontextmanager
    async def opened(deployment: Deployment) -> AsyncGenerator[Caller, None]:
        connection = await HttpConnection.open(deployment.gateway_port)
        try:
            yield _Post(connection, request)
        finally:
            connection.close()

    return opened


class _Frame:
    def __init__(self, socket: ClientConnection, jpeg: bytes) -> None:
        self._socket = socket
        self._message = msgspec.msgpack.encode({"type": "frame", "encoded": jpeg})
        self.request_bytes = len(self._message)
        self.answered = 0
        self.received_bytes = 0

    async def ask(self) -> None:
        await self._socket.send(self._message)
        data = await self._socket.recv(decode=False)
        reply: Mapping[str, Any] = msgspec.msgpack.decode(data)
        if reply["type"] != "hand":
            raise RuntimeError(f"expected a hand, got {reply['slug']}: {reply['detail']}")
        self.answered += 1
        self.received_bytes += len(data)


def _stream_of(jpeg: bytes) -> Callable[[Deployment], AbstractAsyncContextManager[Caller]]:
    @asynccontextmanager
    async def opened(deployment: Deployment) -> AsyncGenerator[Caller, None]:
        url = f"ws://127.0.0.1:{deployment.gateway_port}/v1/stream"
        async with connect(url, compression=None) as socket:
            await socket.send(msgspec.msgpack.encode({"type": "options", "without_vertices": True}))
            yield _Frame(socket, jpeg)

    return opened


def _inside(deployment: Deployment) -> Inside:
    contract = json.loads((deployment.model.folder.parent / "contract.json").read_text(encoding="utf-8"))
    return Inside(
        engine_request_bytes=tensor_bytes(contract["inputs"]),
        engine_answer_bytes=tensor_bytes(contract["outputs"]),
        gateway_series=_series(f"127.0.0.1:{deployment.gateway_port}"),
        engine_series=_series(deployment.triton_metrics_url),
    )


def tensor_bytes(tensors: Sequence[Mapping[str, Any]]) -> int:
    """Return what the contract's tensors of one image take on the wire, without what gRPC adds."""
    return sum(math.prod(tensor["shape"]) * _BYTES[tensor["dtype"]] for tensor in tensors)


def _series(address: str) -> int:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10.0) as page:
        lines: list[str] = page.read().decode().splitlines()
    return sum(bool(line) and not line.startswith("#") for line in lines)
