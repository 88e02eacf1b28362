"""`python -m service.probe [/livez | /readyz]`: ask the gateway on this host, in whatever way it speaks.

For health checks by command: the image's own, and Kubernetes' where callers must show certificates. It
reads the gateway's settings. Where those name an authority of callers, it shows the gateway's own
certificate, which that authority must then have signed as well.
"""

from __future__ import annotations

import argparse
import http.client
import ssl
import sys
from collections.abc import Sequence

from service.settings import Settings

TIMEOUT_S = 2.0
PATHS = ("/livez", "/readyz")
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
"""Who listens on every interface is asked over the loopback."""


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0 when the gateway answers 200, and say why when not."""
    parser = argparse.ArgumentParser(
        prog="python -m service.probe", description="Ask whether the gateway is well."
    )
    parser.add_argument("path", nargs="?", choices=PATHS, default=PATHS[0])
    path = parser.parse_args(argv).path
    try:
        status = status_of(path, Settings())
    except (OSError, http.client.HTTPException, ValueError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 1
    if status != http.client.OK:
        print(f"{path}: status {status}", file=sys.stderr)
        return 1
    return 0


def status_of(path: str, settings: Settings) -> int:
    """Return the status that a gateway of these settings, on this host, answers a GET with.

    Raises:
        OSError: It cannot be reached, does not answer in time, or does not want our certificate.
        http.client.HTTPException: What it answers is no HTTP.
    """
    host = _ANYWHERE.get(settings.host, settings.host)
    connection = (
        http.client.HTTPConnection(host, settings.port, timeout=TIMEOUT_S)
        if settings.tls_certificate is None
        else http.client.HTTPSConnection(host, settings.port, timeout=TIMEOUT_S, context=_context(settings))
    )
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def _context(settings: Settings) -> ssl.SSLContext:
    # Its certificate is of a name that callers know, not of this host's, and nobody is in between.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if settings.tls_client_ca is not None and settings.tls_certificate is not None:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key)
    return context


if __name__ == "__main__":
    sys.exit(main())
