"""What a launcher asks of the network: is this port free, is that server ready."""

from __future__ import annotations

import http.client
import socket
import ssl

PROBE_TIMEOUT_S = 5.0


def check_port_is_free(address: str, port: int) -> None:
    """Return if a server could listen there; else another one's answers would be taken for ours.

    Raises:
        OSError: It could not; the message names the port.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise OSError(error.errno, f"port {address}:{port}: {error.strerror}") from error


def answers_ok(address: str, port: int, path: str, *, tls: bool = False) -> bool:
    """Tell whether an HTTP server answers `GET path` with 200; its certificate is not looked at."""
    connection = (
        http.client.HTTPSConnection(address, port, timeout=PROBE_TIMEOUT_S, context=_trusting())
        if tls
        else http.client.HTTPConnection(address, port, timeout=PROBE_TIMEOUT_S)
    )
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _trusting() -> ssl.SSLContext:
    """Return a context for a server that we have started ourselves, whoever signed its certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
