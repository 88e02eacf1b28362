"""Single questions over gRPC, `simahand.v1.HandMesh/Reconstruct`: for plain code, and for asyncio."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import grpc

from sima_hand_client.credentials import Credentials
from sima_hand_client.rpc.channel import channel_credentials
from sima_hand_client.rpc.convert import hand_of, question_bytes
from sima_hand_client.rpc.status import error_of
from sima_hand_client.rpc.target import Target
from sima_hand_client.streams.messages import Frame, StreamOptions
from sima_hand_client.types import HandResult

METHOD: Final = "/simahand.v1.HandMesh/Reconstruct"


class RpcCaller:
    """One channel, which threads may share."""

    def __init__(self, target: Target, *, credentials: Credentials, timeout_s: float) -> None:
        """Prepare a channel; nothing is sent yet.

        Args:
            target: where to.
            credentials: what is shown there, and who is trusted.
            timeout_s: longest wait for an answer, the connection's own time included.
        """
        self._address, self._timeout_s = target.address, timeout_s
        self._channel = (
            grpc.secure_channel(target.address, channel_credentials(credentials))
            if target.secure
            else grpc.insecure_channel(target.address)
        )
        self._call = self._channel.unary_unary(METHOD, bytes, bytes)
        self._metadata = tuple(credentials.headers.items())

    def ask(self, frame: Frame, options: StreamOptions) -> HandResult:
        """Ask once; raises `HandClientError`."""
        try:
            data = self._call(
                question_bytes(frame, options), timeout=self._timeout_s, metadata=self._metadata
            )
        except grpc.RpcError as error:
            assert isinstance(error, grpc.Call)  # as every error of a call is
            raise error_of(error, self._address) from error
        return replace(hand_of(data), intrinsics=frame.intrinsics)

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()


class AsyncRpcCaller:
    """One channel of one event loop."""

    def __init__(self, target: Target, *, credentials: Credentials, timeout_s: float) -> None:
        """Prepare a channel as `RpcCaller` does."""
        self._address, self._timeout_s = target.address, timeout_s
        self._channel = (
            grpc.aio.secure_channel(target.address, channel_credentials(credentials))
            if target.secure
            else grpc.aio.insecure_channel(target.address)
        )
        self._call = self._channel.unary_unary(METHOD, bytes, bytes)
        self._metadata = tuple(credentials.headers.items())

    async def ask(self, frame: Frame, options: StreamOptions) -> HandResult:
        """Ask once; raises `HandClientError`."""
        try:
            data = await self._call(
                question_bytes(frame, options), timeout=self._timeout_s, metadata=self._metadata
            )
        except grpc.aio.AioRpcError as error:
            raise error_of(error, self._address) from error
        return replace(hand_of(data), intrinsics=frame.intrinsics)

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()
