"""An application under uvicorn, one process: scale by processes behind a balancer."""

from __future__ import annotations

import gc

import uvicorn
from fastapi import FastAPI

from service.settings import Settings

BACKLOG = 2048


def serve(app: FastAPI, settings: Settings) -> None:
    """Serve until told to stop."""
    # What stands now stands until the end: the collector need not walk it again and again.
    gc.collect()
    gc.freeze()
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
