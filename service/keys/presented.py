"""Where a caller puts its key: headers, gRPC's metadata, and for a browser's WebSocket a subprotocol.

Never the address: it ends up in logs, in histories, and in what a page tells the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

SUBPROTOCOL: Final = "simahand.v1"
"""What the WebSocket `/v1/stream` speaks; the only one that is ever answered."""
KEY_SUBPROTOCOL_PREFIX: Final = "simahand.key."

AUTHORIZATION: Final = "authorization"
API_KEY_HEADER: Final = "x-api-key"


def key_of(value_of: Callable[[str], str | None]) -> str | None:
    """Return the key in headers or metadata, None where there is none.

    Args:
        value_of: Returns the value of a header, by its lower-case name.
    """
    scheme, _, token = (value_of(AUTHORIZATION) or "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    # Other schemes are somebody else's: a proxy's, perhaps.
    return value_of(API_KEY_HEADER) or None


def key_of_subprotocols(offered: Iterable[str]) -> str | None:
    """Return the key among the subprotocols that a WebSocket offers, None where there is none."""
    return next(
        (
            word.removeprefix(KEY_SUBPROTOCOL_PREFIX)
            for word in offered
            if word.startswith(KEY_SUBPROTOCOL_PREFIX)
        ),
        None,
    )
