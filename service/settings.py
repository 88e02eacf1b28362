"""What an operator may set, each by an environment variable `SIMAHAND_<NAME>` or a line of `.env`."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

MEBIBYTE = 1 << 20
ORIGIN = re.compile(r"https?://[^/?#\s@]+")


def _usable_core_count() -> int:
    """Return how many cores this process may run on: in a container, fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Settings(BaseSettings):
    """Settings of one gateway process; read once at start and frozen."""

    model_config = SettingsConfigDict(
        env_prefix="SIMAHAND_", env_file=".env", extra="ignore", frozen=True, protected_namespaces=()
    )

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    grpc_port: int = Field(default=8081, ge=0, le=65535)
    """Of the gRPC service, on the same host; 0 takes a free one."""

    keys_file: Path | None = None
    """Of the API keys that are asked for; see `python -m service.keys`. None: none is asked for."""
    allow_anyone: bool = False
    """Without keys, a gateway that other machines can reach starts only when this says so."""
    open_metrics: bool = False
    """Whether `/metrics` is answered without a key where keys are asked for."""
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Of pages of other sites that may ask from a browser, with commas between; `*` is any."""

    tls_certificate: Path | None = None
    """PEM, with the chain; HTTP, WebSocket and gRPC then speak TLS alone."""
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    """PEM; callers must then present a certificate of this authority (mTLS)."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Of the gateway's own lines; the libraries below it only warn."""
    log_format: Literal["json", "text"] = "json"

    engine: Literal["triton", "embedded"] = "triton"
    """`triton` asks a Triton server; `embedded` runs the same model.pt in this process."""
    triton_url: str = "localhost:8001"
    """Host and port of Triton's gRPC endpoint, or any target of gRPC's naming. Where the host resolves to
    several addresses (a headless Service of Kubernetes), requests take turns among them."""
    model_repository: Path = Path("model_repository")
    """Where `<model_name>/contract.json` lies, and for the embedded engine the model itself."""
    model_name: str = "svr_hand"
    views_model_name: str = "mvr_hand"
    """The model of several views; served where the repository holds it. Empty: not even then."""

    web_folder: Path = Path("clients/web/dist")
    """The built viewer, served at `/`; without such a folder the gateway serves the API alone."""

    max_body_bytes: PositiveInt = 8 * MEBIBYTE
    """Of a body with one image; one of N views may have N times as many, and each of its images so many."""
    max_image_pixels: PositiveInt = 25_000_000
    max_in_flight: PositiveInt = 128
    """Requests in the house at once; the next one is answered 429. One of N views counts for N."""
    decode_workers: PositiveInt = min(4, _usable_core_count())
    """Images decoded at once; each may hold `max_image_pixels` x 3 bytes."""
    max_head_bytes: PositiveInt = 64 << 10
    """Of a request's line and headers together."""
    body_timeout_s: PositiveFloat = 10.0
    """For a request's head as well as for its body."""
    deadline_s: PositiveFloat = 2.0
    """From the last byte of the upload to the engine's answer."""
    retry_after_s: PositiveInt = 1
    """What a shed request is told to wait."""

    max_streams: PositiveInt = 64
    """Live streams at once, gRPC and WebSocket together; each holds two pictures at most."""
    stream_idle_timeout_s: PositiveFloat = 60.0
    """A stream from which no whole message comes for so long is ended."""
    send_timeout_s: PositiveFloat = 10.0
    """A peer that makes no room for a reply for so long is let go, from a stream and from any connection."""

    embedded_threads: PositiveInt = 1
    embedded_max_batch: PositiveInt = 8
    """Pictures that one forward looks at, at most; a request of N views is N of them."""
    embedded_max_queue: PositiveInt = 64
    """Pictures that wait, at most, likewise."""

    keep_alive_s: PositiveInt = 65
    """Longer than the idle time of common proxies (60 s), which would otherwise meet closed connections."""
    shutdown_timeout_s: PositiveInt = 10

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split(cls, given: object) -> object:
        return (
            [word.strip() for word in given.split(",") if word.strip()] if isinstance(given, str) else given
        )

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if origin != "*" and ORIGIN.fullmatch(origin) is None:
                raise ValueError(f"an origin is scheme://host[:port] without a path, or '*'; got {origin!r}")
        return origins

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("SIMAHAND_TLS_CERTIFICATE and SIMAHAND_TLS_KEY go together")
        if self.tls_client_ca is not None and self.tls_certificate is None:
            raise ValueError("SIMAHAND_TLS_CLIENT_CA needs SIMAHAND_TLS_CERTIFICATE and SIMAHAND_TLS_KEY")
        return self
