"""The certificate that HTTP, WebSocket and gRPC show, and whose certificates they ask for."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

import grpc

from service.files import Changes
from service.settings import Settings

log = logging.getLogger("simahand")


class Certificates:
    """One certificate for all of a process; a renewed one is shown to connections that come later."""

    def __init__(self, certificate: Path, key: Path, client_ca: Path | None) -> None:
        """Read all three; the authority of the callers is read this once.

        Raises:
            ValueError: One of them cannot be read or is none, or the key is that of another certificate.
        """
        self._certificate = certificate
        self._key = key
        self._client_ca = client_ca
        self._changes = Changes(certificate, key)
        self.context = self._new_context()
        """Of HTTP and WebSockets; TLS 1.2 at least."""
        self._rpc = self._rpc_configuration()

    def look(self) -> None:
        """Take up a renewed certificate; see `service.files.Follower`."""
        if not self._changes.found():
            return
        try:
            self._new_context()  # on one that serves, a key that does not fit would leave nothing
            rpc = self._rpc_configuration()
        except ValueError as error:
            log.error("the certificate of before is still shown: %s", error)
            return
        self.context.load_cert_chain(self._certificate, self._key)
        self._rpc = rpc
        log.warning("a new certificate is shown: %s", self._certificate)

    def rpc_credentials(self) -> grpc.ServerCredentials:
        """Return what gRPC listens with."""
        return grpc.dynamic_ssl_server_credentials(
            self._rpc, lambda: self._rpc, require_client_authentication=self._client_ca is not None
        )

    def _new_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self._certificate, self._key)
        except OSError as error:  # an SSLError is one
            raise ValueError(
                f"SIMAHAND_TLS_CERTIFICATE={self._certificate} with SIMAHAND_TLS_KEY={self._key}: {error}"
            ) from error
        if self._client_ca is not None:
            try:
                context.load_verify_locations(self._client_ca)
            except OSError as error:
                raise ValueError(f"SIMAHAND_TLS_CLIENT_CA={self._client_ca}: {error}") from error
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _rpc_configuration(self) -> grpc.ServerCertificateConfiguration:
        try:
            pair = (self._key.read_bytes(), self._certificate.read_bytes())
            authority = None if self._client_ca is None else self._client_ca.read_bytes()
        except OSError as error:
            raise ValueError(f"a certificate cannot be read: {error}") from error
        return grpc.ssl_server_certificate_configuration([pair], root_certificates=authority)


def certificates_of(settings: Settings) -> Certificates | None:
    """Return what TLS needs, None where it is not asked for; raises `ValueError` where it cannot be had."""
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    return Certificates(settings.tls_certificate, settings.tls_key, settings.tls_client_ca)
