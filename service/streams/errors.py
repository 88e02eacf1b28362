"""Every way in which a stream is ended before its time; each transport gives each way its own code.

    StreamEndError
    ├── MalformedMessageError   ├── TooManyStreamsError
    ├── IdleStreamError         ├── GoingAwayError
    ├── UnreadRepliesError      ├── MessageTooLargeError
    ├── PeerLeftError           └── KeyRevokedError

What is wrong with one frame alone is a `service.errors.GatewayError`, and a reply.
"""

from __future__ import annotations

from typing import ClassVar


class StreamEndError(Exception):
    """The stream ends; the reason is for the peer."""

    slug: ClassVar[str] = "ended"
    """For the metrics."""
    status: ClassVar[int] = 400
    """What HTTP would have answered, for the metrics."""

    def __init__(self, reason: str) -> None:
        """Say why in `reason`."""
        super().__init__(reason)
        self.reason = reason


class MalformedMessageError(StreamEndError):
    """What came is no message of this protocol."""

    slug = "malformed-message"


class MessageTooLargeError(StreamEndError):
    """A message has too many bytes."""

    slug = "message-too-large"


class IdleStreamError(StreamEndError):
    """Nothing came for too long."""

    slug = "idle"


class UnreadRepliesError(StreamEndError):
    """The peer does not read what it is sent."""

    slug = "unread-replies"


class TooManyStreamsError(StreamEndError):
    """There is no place for one more."""

    slug = "too-many-streams"


class GoingAwayError(StreamEndError):
    """The gateway stops."""

    slug = "going-away"


class PeerLeftError(StreamEndError):
    """The peer closed the connection, as it may."""

    slug = "peer-left"


class KeyRevokedError(StreamEndError):
    """The key with which the stream was opened has been changed or taken back."""

    slug = "key-revoked"
