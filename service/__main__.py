"""`python -m service`: the gateway under uvicorn, one process (scale by processes behind a balancer)."""

from __future__ import annotations

import sys

from pydantic import ValidationError

from service import logs
from service.app import create_app
from service.server import serve
from service.settings import Settings


def main() -> int:
    """Serve until told to stop."""
    try:
        settings = Settings()
        logs.configure(level=settings.log_level, form=settings.log_format)
        app = create_app(settings)
    except ValueError as error:
        print(f"simahand: {_one_line(error)}", file=sys.stderr)
        return 2
    serve(app, settings)
    return 0


def _one_line(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    problems = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(
        ": ".join((*(f"SIMAHAND_{name}".upper() for name in problem["loc"][:1]), problem["msg"]))
        for problem in problems
    )


if __name__ == "__main__":
    sys.exit(main())
