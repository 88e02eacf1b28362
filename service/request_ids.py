"""What a request or a stream is called in logs, in headers and in the engine."""

from __future__ import annotations

import itertools
import re
import uuid

HEADER = "x-request-id"

PROCESS_ID = uuid.uuid4().hex[:16]
REQUEST_NUMBERS = itertools.count(1)
"""Unique beside the process's id, without a system call for randomness in every request."""

ACCEPTED_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
"""What a caller may call its request: it ends up in logs and headers."""


def choose_request_id(given: str) -> str:
    """Return what the caller gave, if it fits, or else a new one."""
    return given if ACCEPTED_REQUEST_ID.fullmatch(given) else f"{PROCESS_ID}-{next(REQUEST_NUMBERS):x}"
