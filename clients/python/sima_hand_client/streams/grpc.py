"""A stream over gRPC: `simahand.v1.HandMesh/Stream`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

import grpc

from sima_hand_client.credentials import Credentials
from sima_hand_client.errors import NoReplyError, UnreachableError
from sima_hand_client.rpc.channel import channel_credentials
from sima_hand_client.rpc.convert import message_bytes, reply_of
from sima_hand_client.rpc.status import error_of
from sima_hand_client.rpc.target import Target
from sima_hand_client.streams.connection import Connection
from sima_hand_client.streams.messages import Frame, StreamOptions, StreamReply

METHOD = "/simahand.v1.HandMesh/Stream"

OPTIONS: Final = (
    # A connection of one's own: those that are shared also share how long they are not tried again.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
)


class GrpcConnection:
    """Speaks the stream's protocol in an open call; see `Connection`."""

    def __init__(self, call: Any, *, target: str) -> None:  # noqa: ANN401 - grpcio types no StreamStreamCall
        self._call = call
        self._target = target

    async def send(self, message: StreamOptions | Frame) -> None:
        """Send a message; waits while the connection is full."""
        with _translated(self._target):
            await self._call.write(message_bytes(message))

    async def receive(self) -> StreamReply:
        """Return the next reply."""
        with _translated(self._target):
            data = await self._call.read()
        if data is grpc.aio.EOF:
            raise UnreachableError(f"{self._target} ended the stream")
        return reply_of(data)


@asynccontextmanager
async def open_grpc(
    target: Target, *, credentials: Credentials, timeout_s: float
) -> AsyncGenerator[Connection, None]:
    """Open a call to the service at `target` for the body.

    Args:
        target: of the gRPC service.
        credentials: what is shown to it, and who is trusted.
        timeout_s: longest wait for the connection.

    Raises:
        HandClientError: it did not open.
    """
    channel = (
        grpc.aio.secure_channel(target.address, channel_credentials(credentials), options=OPTIONS)
        if target.secure
        else grpc.aio.insecure_channel(target.address, options=OPTIONS)
    )
    async with channel:
        metadata = tuple(credentials.headers.items())
        call: Any = channel.stream_stream(METHOD)(metadata=metadata)  # bytes in, bytes out
        try:
            with _translated(target.address):
                async with asyncio.timeout(timeout_s):
                    await call.wait_for_connection()
            yield GrpcConnection(call, target=target.address)
        finally:
            call.cancel()


@contextmanager
def _translated(target: str) -> Iterator[None]:
    """Turn gRPC's errors into the client's; the one place where they meet."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise error_of(error, target) from error
    except TimeoutError as error:
        raise NoReplyError(f"no reply from {target} in time") from error
    except asyncio.InvalidStateError as error:  # written to after the call has ended
        raise UnreachableError(f"the stream to {target} has ended") from error
