"""Traces by OpenTelemetry; imported only where they are wanted, since the packages are an extra."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Self

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, format_trace_id, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from service.tracing import NO_TRACE, Trace, incoming, outgoing

SERVICE_NAME = "simahand-gateway"
CLOSE_TIMEOUT_S = 3.0
"""The packages' own 30 s would outlast the patience of whoever stops the gateway."""

_propagator = TraceContextTextMapPropagator()


class OpenTelemetryTrace:
    """The span of one request, whose children are its stages."""

    def __init__(self, tracer: Tracer, span: Span) -> None:
        """Begin with a span that has begun."""
        self._tracer = tracer
        self._span = span
        self._context: Context = set_span_in_context(span, Context())
        # The worker's clock has no epoch.
        self._epoch_ns = time.time_ns() - time.perf_counter_ns()
        self.trace_id = format_trace_id(span.get_span_context().trace_id)

    @contextmanager
    def stage(self, stage: str) -> Iterator[None]:
        """See `Trace`."""
        span = self._tracer.start_span(stage, self._context)
        headers: dict[str, str] = {}
        _propagator.inject(headers, set_span_in_context(span, Context()))
        token = outgoing.set(headers)
        try:
            yield
        except BaseException as error:
            # Its type alone: what it says may be a caller's.
            span.set_status(StatusCode.ERROR, type(error).__name__)
            raise
        finally:
            outgoing.reset(token)
            span.end()

    def add(self, stage: str, *, started_s: float, seconds: float) -> None:
        """See `Trace`."""
        started_ns = self._epoch_ns + round(started_s * 1e9)
        span = self._tracer.start_span(stage, self._context, start_time=started_ns)
        span.end(started_ns + round(seconds * 1e9))

    def end(self, name: str, *, attributes: Mapping[str, str | int], failed: bool) -> None:
        """See `Trace`."""
        self._span.update_name(name)
        self._span.set_attributes(attributes)
        if failed:
            self._span.set_status(StatusCode.ERROR)
        self._span.end()


class OpenTelemetryTracer:
    """Begins traces with a provider of its own: nothing global is touched."""

    def __init__(self, processor: SpanProcessor, *, version: str) -> None:
        """Hand ended spans to `processor`; the sampler is the one that OTEL_TRACES_SAMPLER names."""
        name = os.environ.get("OTEL_SERVICE_NAME") or SERVICE_NAME
        resource = Resource.create({"service.name": name, "service.version": version})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("simahand", version)

    @classmethod
    def exporting(cls, *, version: str) -> Self:
        """Return a tracer that sends spans where the standard variables say, in batches, from a thread."""
        return cls(BatchSpanProcessor(OTLPSpanExporter()), version=version)

    def begin(self, name: str) -> Trace:
        """See `service.tracing.Tracer`."""
        parent = _propagator.extract(incoming.get() or {}, Context())
        span = self._tracer.start_span(name, parent, kind=SpanKind.SERVER)
        # What the sampler leaves out is not carried on: Triton would trace whatever has a context.
        return OpenTelemetryTrace(self._tracer, span) if span.is_recording() else NO_TRACE

    def close(self) -> None:
        """See `service.tracing.Tracer`; a collector that is away is not waited for."""
        sending = threading.Thread(target=self._provider.shutdown, daemon=True)
        sending.start()
        sending.join(CLOSE_TIMEOUT_S)
