"""`python -m service`: the gateway under uvicorn, one process (scale by processes behind a balancer)."""

from __future__ import annotations

import logging
import sys

from service.app import create_app
from service.server import serve
from service.settings import Settings

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
    serve(app, settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
