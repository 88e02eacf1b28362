"""What the stream's logic knows of a transport."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from sima_hand_client.streams.messages import Frame, StreamOptions, StreamReply


class Connection(Protocol):
    """One connection to one stream of the service; every method raises `HandClientError` once it is gone."""

    async def send(self, message: StreamOptions | Frame) -> None:
        """Send a message; waits while the connection is full."""
        ...

    async def receive(self) -> StreamReply:
        """Return the next reply."""
        ...


Connect = Callable[[], AbstractAsyncContextManager[Connection]]
"""Opens a connection for the body."""
