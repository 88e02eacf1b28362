"""The client for asyncio: the questions of `HandClient`, and live streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, Unpack

import httpx

from sima_hand_client.calls import (
    LIMITS,
    Answer,
    Call,
    checked_url,
    glb_call,
    model_call,
    pause_s,
    reconstruct_call,
    views_call,
)
from sima_hand_client.credentials import Credentials
from sima_hand_client.errors import RefusedError, translate_http_errors
from sima_hand_client.retry import RetryPolicy
from sima_hand_client.rpc.question import RpcChoices, question_of
from sima_hand_client.rpc.target import target_of
from sima_hand_client.streams.connection import Connection
from sima_hand_client.streams.messages import Image, Precision, Smoothing, StreamOptions, Transport
from sima_hand_client.streams.stream import HandStream
from sima_hand_client.types import Box, Hand, HandResult, Intrinsics, JointSet, ModelInfo
from sima_hand_client.wire import parse_refusal

if TYPE_CHECKING:  # of the extra `grpc`
    from sima_hand_client.rpc.unary import AsyncRpcCaller

RECONNECT: Final = RetryPolicy(attempts=10)
"""Long enough for a gateway to start again."""


class AsyncHandClient:
    """A client of one SiMA-Hand service for one event loop; `aclose` or `async with` ends it.

    Example:
        >>> async with AsyncHandClient("http://localhost:8080") as client:  # doctest: +SKIP
        ...     result = await client.reconstruct(Path("photo.jpg"), hand="left")
    """

    def __init__(
        self,
        base_url: str = "http://localhost:8080",
        *,
        timeout_s: float = 30.0,
        connect_timeout_s: float = 5.0,
        retry: RetryPolicy | None = None,
        api_key: str | None = None,
        ca_file: Path | None = None,
        client_certificate: tuple[Path, Path] | None = None,
    ) -> None:
        """Prepare a client; nothing is sent yet. Arguments and errors are those of `HandClient`."""
        self._base_url = checked_url(base_url)
        self._retry = retry or RetryPolicy()
        self._timeout_s, self._connect_timeout_s = timeout_s, connect_timeout_s
        timeout = httpx.Timeout(timeout_s, connect=connect_timeout_s)
        self._credentials = Credentials.found(
            api_key=api_key, ca_file=ca_file, client_certificate=client_certificate
        )
        self._tls = self._credentials.context()
        self._http = httpx.AsyncClient(
            base_url=self._base_url,
            timeout=timeout,
            limits=LIMITS,
            headers=self._credentials.headers,
            verify=self._tls,
        )
        self._rpc: AsyncRpcCaller | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections; streams are closed by leaving them."""
        await self._http.aclose()
        if self._rpc is not None:
            await self._rpc.close()

    async def reconstruct(
        self,
        image: Path | bytes,
        *,
        hand: Hand = "right",
        box: Box | None = None,
        intrinsics: Intrinsics | None = None,
        model: str | None = None,
        version: str | None = None,
    ) -> HandResult:
        """Reconstruct the hand in a photo; arguments and errors are those of `HandClient.reconstruct`."""
        content = await _content(image)
        return await self._ask(
            reconstruct_call(content, hand=hand, box=box, intrinsics=intrinsics, model=model, version=version)
        )

    async def reconstruct_glb(
        self,
        image: Path | bytes,
        *,
        hand: Hand = "right",
        box: Box | None = None,
        intrinsics: Intrinsics | None = None,
        model: str | None = None,
        version: str | None = None,
    ) -> bytes:
        """Reconstruct the hand in a photo as a binary glTF file; see `HandClient.reconstruct_glb`."""
        content = await _content(image)
        return await self._ask(
            glb_call(content, hand=hand, box=box, intrinsics=intrinsics, model=model, version=version)
        )

    async def reconstruct_grpc(self, image: Path | Image, **choices: Unpack[RpcChoices]) -> HandResult:
        """Reconstruct the hand in a picture over gRPC; see `HandClient.reconstruct_grpc`."""
        question = question_of(await _content(image) if isinstance(image, Path) else image, **choices)
        caller = await self._rpc_caller()
        attempt = 1
        while True:
            try:
                return await caller.ask(*question)
            except RefusedError as refusal:
                await asyncio.sleep(pause_s(refusal, attempt, self._retry))
            attempt += 1

    async def reconstruct_views(
        self,
        images: Sequence[Path | bytes],
        *,
        hand: Hand = "right",
        boxes: Sequence[Box | None] | None = None,
        target: int = 0,
        intrinsics: Intrinsics | None = None,
        model: str | None = None,
        version: str | None = None,
    ) -> HandResult:
        """Reconstruct a hand from photos of one moment; see `HandClient.reconstruct_views`."""
        return await self._ask(
            views_call(
                [await _content(image) for image in images],
                hand=hand,
                boxes=boxes,
                target=target,
                intrinsics=intrinsics,
                model=model,
                version=version,
            )
        )

    async def model(self) -> ModelInfo:
        """Describe the model that the service serves; see `HandClient.model`."""
        return await self._ask(model_call())

    def stream(
        self,
        *,
        transport: Transport = "websocket",
        track: bool = False,
        smoothing: Smoothing = "off",
        precision: Precision = "float32",
        without_vertices: bool = False,
        joint_sets: Sequence[JointSet] = (),
        model: str | None = None,
        version: str | None = None,
        timeout_s: float = 5.0,
        reconnect: RetryPolicy | None = None,
    ) -> HandStream:
        """Return a live stream, to be opened by `async with`.

        Args:
            transport: "grpc" needs the extra `grpc`, without which opening the stream raises ImportError; the
                service says at which port it speaks it.
            track: the crop follows the hand from the first frame's box on.
            smoothing: of joints, vertices and rotation, over time.
            precision: of vertices and joints on the wire; the arrays are float32 in any case.
            without_vertices: joints only.
            joint_sets: named joints of these standards as well.
            model: model name; None takes the service's default.
            version: model version; None takes the newest.
            timeout_s: longest wait for a frame's reply, before the stream connects again.
            reconnect: when to connect again; the default gives up after ten connections in a row without a
                reply, about 20 s.

        Raises:
            ValueError: an option is unknown.
        """
        options = StreamOptions(
            track=track,
            smoothing=smoothing,
            precision=precision,
            without_vertices=without_vertices,
            joint_sets=tuple(joint_sets),
            model=model or "",
            version=version or "",
        )
        connect = {"websocket": self._websocket, "grpc": self._grpc}.get(transport)
        if connect is None:
            raise ValueError(f"transport: {transport!r} is none of websocket, grpc")
        return HandStream(connect, options, timeout_s=timeout_s, retry=reconnect or RECONNECT)

    @asynccontextmanager
    async def _websocket(self) -> AsyncGenerator[Connection, None]:
        from sima_hand_client.streams.websocket import open_websocket

        async with open_websocket(
            self._base_url,
            headers=self._credentials.headers,
            tls=self._tls,
            timeout_s=self._connect_timeout_s,
        ) as connection:
            yield connection

    @asynccontextmanager
    async def _grpc(self) -> AsyncGenerator[Connection, None]:
        from sima_hand_client.streams.grpc import open_grpc  # of an extra

        target = target_of(self._base_url, await self.model())
        async with open_grpc(
            target, credentials=self._credentials, timeout_s=self._connect_timeout_s
        ) as connection:
            yield connection

    async def _rpc_caller(self) -> AsyncRpcCaller:
        from sima_hand_client.rpc.unary import AsyncRpcCaller

        if self._rpc is None:
            target = target_of(self._base_url, await self.model())
            if self._rpc is None:  # or another task came first
                self._rpc = AsyncRpcCaller(target, credentials=self._credentials, timeout_s=self._timeout_s)
        return self._rpc

    async def _ask(self, call: Call[Answer]) -> Answer:
        """Send until the service answers or the policy gives up."""
        attempt = 1
        while True:
            with translate_http_errors(self._base_url):
                reply = await self._http.request(**call.request)
            if reply.is_success:
                return call.parse(reply)
            await asyncio.sleep(pause_s(parse_refusal(reply), attempt, self._retry))
            attempt += 1


async def _content(image: Path | bytes) -> bytes:
    return await asyncio.to_thread(image.read_bytes) if isinstance(image, Path) else image
