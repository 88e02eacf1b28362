"""What a client shows of itself, and whom it trusts: arguments first, then the environment."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple, TypedDict

import httpx

API_KEY_VARIABLE: Final = "SIMAHAND_API_KEY"
CA_VARIABLE: Final = "SIMAHAND_CA_FILE"
CERTIFICATE_VARIABLE: Final = "SIMAHAND_CLIENT_CERTIFICATE"
KEY_VARIABLE: Final = "SIMAHAND_CLIENT_KEY"


class ClientCertificate(NamedTuple):
    """PEM files for a service that asks who calls (mTLS)."""

    certificate: Path
    key: Path


class Access(TypedDict, total=False):
    """The arguments of the clients that are about this."""

    api_key: str | None
    ca_file: Path | None
    client_certificate: ClientCertificate | None


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What the arguments and the environment said."""

    api_key: str | None = field(repr=False)
    ca_file: Path | None
    client_certificate: ClientCertificate | None

    @classmethod
    def found(
        cls, *, api_key: str | None, ca_file: Path | None, client_certificate: tuple[Path, Path] | None
    ) -> Credentials:
        """Return what was given, and from the environment what was not.

        Raises:
            ValueError: the key holds what no key has, or a certificate is named without its key.
        """
        key = api_key or os.environ.get(API_KEY_VARIABLE) or None
        if key is not None and not (key.isascii() and key.isprintable() and " " not in key):
            raise ValueError("api_key must be printable ASCII without spaces")  # and is not said again
        ca = ca_file or _path_of(CA_VARIABLE)
        pair = _certificate_of_environment() if client_certificate is None else client_certificate
        return cls(
            api_key=key,
            ca_file=ca,
            client_certificate=None if pair is None else ClientCertificate(*map(Path, pair)),
        )

    @property
    def access(self) -> Access:
        """The arguments of another client that shows and trusts the same."""
        return Access(api_key=self.api_key, ca_file=self.ca_file, client_certificate=self.client_certificate)

    @property
    def headers(self) -> dict[str, str]:
        """Of HTTP, of a WebSocket's handshake, and gRPC's metadata; names are lower case."""
        return {} if self.api_key is None else {"authorization": f"Bearer {self.api_key}"}

    def context(self) -> ssl.SSLContext:
        """Return what HTTPS and secure WebSockets are opened with.

        Raises:
            OSError: a file cannot be read, or is no certificate.
        """
        if self.ca_file is None:
            context = httpx.create_ssl_context()
        else:
            context = ssl.create_default_context(cafile=self.ca_file)
        if self.client_certificate is not None:
            context.load_cert_chain(*self.client_certificate)
        return context


def _certificate_of_environment() -> ClientCertificate | None:
    certificate, key = _path_of(CERTIFICATE_VARIABLE), _path_of(KEY_VARIABLE)
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise ValueError(f"{CERTIFICATE_VARIABLE} and {KEY_VARIABLE} go together")
    return ClientCertificate(certificate, key)


def _path_of(variable: str) -> Path | None:
    text = os.environ.get(variable)
    return Path(text) if text else None
