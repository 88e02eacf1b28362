"""What one gateway takes on in streams."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class StreamLimits:
    """Bounds of all streams, and of the patience with one."""

    max_streams: int
    max_message_bytes: int
    idle_timeout_s: float
    """Longest wait for a whole message."""
    send_timeout_s: float
    """Longest wait for a peer to make room for a reply."""
