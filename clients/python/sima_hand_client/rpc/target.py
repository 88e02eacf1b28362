"""Where a service speaks gRPC."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from sima_hand_client.errors import UnreachableError
from sima_hand_client.types import ModelInfo


class Target(NamedTuple):
    """An address for a gRPC channel, HOST:PORT, and whether it speaks TLS."""

    address: str
    secure: bool


def target_of(base_url: str, model: ModelInfo) -> Target:
    """Return where the service at `base_url` speaks gRPC, as it says itself.

    Raises:
        UnreachableError: it does not.
    """
    if model.grpc_port is None:
        raise UnreachableError(f"{base_url} does not speak gRPC")
    url = urlsplit(base_url)
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    return Target(f"{host}:{model.grpc_port}", url.scheme == "https")
