"""What the gateway writes to its log: a line a request, JSON or text, each with its request's id.

No line holds anything that a caller sent but its request id: no header, no path, no query, no picture. Of a
key it holds the name, which the operator chose. The libraries below would write headers at `debug`, and
queries at `info`: they may warn, no more.
"""

from __future__ import annotations

import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

import orjson

if TYPE_CHECKING:
    from service.telemetry import RequestRecord

log = logging.getLogger("simahand")

LogFormat = Literal["json", "text"]
PROBES: Final = {"/livez", "/readyz", "/metrics"}
"""Asked every few seconds, and written down at `debug` only."""

request_id_here: Final[ContextVar[str]] = ContextVar("request_id_here", default="")
"""Of the request that this task serves; each request has a task, and so a context, of its own."""


def configure(*, level: str, form: LogFormat) -> None:
    """Send all lines to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    log.setLevel(level.upper())


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _fields(record: logging.LogRecord) -> dict[str, object]:
    fields: dict[str, object] = getattr(record, "fields", {})
    request_id = request_id_here.get()
    return {"request_id": request_id, **fields} if request_id else fields


class JsonFormatter(logging.Formatter):
    """One JSON object a line; `fields` of a record become members."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        document: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage().encode(errors="replace").decode(),  # surrogates are no JSON
            **_fields(record),
        }
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(document, default=str).decode()


class TextFormatter(logging.Formatter):
    """The same for a person's eyes."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and the exception below it."""
        words = [_time(record), record.levelname, record.name, record.getMessage()]
        words += [f"{name}={value}" for name, value in _fields(record).items()]
        if record.exc_info:
            words.append("\n" + self.formatException(record.exc_info))
        return " ".join(words)


def log_request(record: RequestRecord, *, transport: str, route: str, seconds: float) -> None:
    """Write the line of a request."""
    level = logging.DEBUG if route in PROBES else logging.INFO if record.status < 500 else logging.WARNING
    if not log.isEnabledFor(level):
        return
    fields: dict[str, object] = {
        "request_id": record.request_id,
        "transport": transport,
        "route": route,
        "status": record.status,
        "outcome": record.outcome_word,
        "duration_ms": round(seconds * 1e3, 3),
        "timing_ms": record.timing_ms,
    }
    if record.caller:
        fields["caller"] = record.caller
    if record.engine_detail:
        fields["detail"] = record.engine_detail
    if record.trace.trace_id:
        fields["trace_id"] = record.trace.trace_id
    log.log(level, "request", extra={"fields": fields})


def log_stream(
    *, request_id: str, transport: str, end: str, caller: str = "", frames: int = 0, seconds: float = 0.0
) -> None:
    """Write the line of a stream that has ended, or was refused at the door."""
    fields: dict[str, object] = {
        "request_id": request_id,
        "transport": transport,
        "outcome": end,
        "frames": frames,
        "duration_ms": round(seconds * 1e3, 3),
    }
    if caller:
        fields["caller"] = caller
    log.info("stream", extra={"fields": fields})
