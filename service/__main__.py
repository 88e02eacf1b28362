"""`python -m service`: the gateway under uvicorn, one process (scale by processes behind a balancer)."""

from __future__ import annotations

import logging
import sys

import uvicorn

from service.app import create_app
from service.settings import Settings

BACKLOG = 2048
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


def main() -> int:
    """Serve until told to stop."""
    settings = Settings()
    logging.basicConfig(level=settings.log_level.upper(), format=LOG_FORMAT)
    try:
        app = create_app(settings)
    except ValueError as error:
        print(f"simahand: {error}", file=sys.stderr)
        return 2
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_level=settings.log_level,
        access_log=False,  # the metrics count, and every reply carries its id
        timeout_keep_alive=settings.keep_alive_s,
        timeout_graceful_shutdown=settings.shutdown_timeout_s,
        backlog=BACKLOG,
        server_header=False,
        date_header=False,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
