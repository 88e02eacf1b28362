"""What every answer tells a browser, unless a route says better: it is data, no page, and nobody else's."""

from __future__ import annotations

from typing import Final

Header = tuple[bytes, bytes]

DEFAULTS: Final[tuple[Header, ...]] = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),  # frame-ancestors, for browsers that do not know it
)


def add_defaults(headers: list[Header]) -> None:
    """Add to an answer's headers those that it lacks; names are lower case, as ASGI has them."""
    present = {name for name, _ in headers}
    headers.extend(default for default in DEFAULTS if default[0] not in present)
