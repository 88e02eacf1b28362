"""Traces of requests, for whoever has a collector; without one, nothing here costs anything.

The standard variables of OpenTelemetry decide: with `OTEL_EXPORTER_OTLP_ENDPOINT` set (or the one for traces
alone) there are traces, and `service.otel` makes them. A caller's W3C `traceparent` is what they go on from.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import Final, Protocol

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
CONTEXT_HEADERS: Final = ("traceparent", "tracestate")

Carrier = Mapping[str, str]

incoming: Final[ContextVar[Carrier | None]] = ContextVar("incoming", default=None)
"""The context headers of the request or of the stream that this task serves."""
outgoing: Final[ContextVar[dict[str, str] | None]] = ContextVar("outgoing", default=None)
"""The context headers of the span that this task is in, for the engine."""


class Trace(Protocol):
    """The span of one request, or of one frame."""

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits; empty where nothing is traced."""

    def stage(self, stage: str) -> AbstractContextManager[None]:
        """Have what happens inside as a span, and in `outgoing`."""

    def add(self, stage: str, *, started_s: float, seconds: float) -> None:
        """Have a span of what has happened, on the clock of `time.perf_counter`."""

    def end(self, name: str, *, attributes: Mapping[str, str | int], failed: bool) -> None:
        """End the span, now that it is known what it was."""


class Tracer(Protocol):
    """Begins traces."""

    def begin(self, name: str) -> Trace:
        """Begin a span; it goes on from `incoming`."""

    def close(self) -> None:
        """Send what has not been sent."""


class NoTrace:
    """The trace of what is not traced."""

    trace_id: Final = ""
    _nothing: Final = nullcontext()

    def stage(self, stage: str) -> AbstractContextManager[None]:
        """See `Trace`."""
        del stage
        return self._nothing

    def add(self, stage: str, *, started_s: float, seconds: float) -> None:
        """See `Trace`."""

    def end(self, name: str, *, attributes: Mapping[str, str | int], failed: bool) -> None:
        """See `Trace`."""


NO_TRACE: Final = NoTrace()


class NoTracer:
    """The tracer of a gateway without a collector."""

    def begin(self, name: str) -> Trace:
        """See `Tracer`."""
        del name
        return NO_TRACE

    def close(self) -> None:
        """See `Tracer`."""


def is_configured(environment: Mapping[str, str]) -> bool:
    """Tell whether the standard variables ask for traces."""
    return (
        any(environment.get(name) for name in ENDPOINTS)
        and environment.get("OTEL_SDK_DISABLED", "").lower() != "true"
        and environment.get("OTEL_TRACES_EXPORTER", "otlp") != "none"
    )


def create_tracer(*, version: str, environment: Mapping[str, str] = os.environ) -> Tracer:
    """Return a tracer as the standard variables say.

    Raises:
        ValueError: They ask for traces, but the packages are not installed; or for another protocol.
    """
    if not is_configured(environment):
        return NoTracer()
    spoken = next((environment[name] for name in PROTOCOLS if environment.get(name)), "http/protobuf")
    if spoken != "http/protobuf":
        raise ValueError(f"traces are sent as http/protobuf, not as {spoken!r}: see {PROTOCOLS[1]}")
    try:
        from service.otel import OpenTelemetryTracer
    except ImportError as error:
        raise ValueError(
            f"{ENDPOINTS[1]} asks for traces, which need `pip install simahand[otel]`: {error}"
        ) from error
    return OpenTelemetryTracer.exporting(version=version)
