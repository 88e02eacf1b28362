"""What the gateway counts, and the clock of one request; docs/observability.md lists every metric.

Every label takes its values from this code or from the routes, never from a caller: cardinality is bounded.
What may go wrong is there from the start, at 0: a counter born with its first error shows no increase.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.process_collector import ProcessCollector

from service.capacity import Capacity
from service.errors import EngineError, GatewayError, kinds_of
from service.stream_metrics import StreamMetrics, Transport
from service.tracing import NO_TRACE, Trace, Tracer

Stage = Literal["read", "decode", "crop", "engine", "encode"]
Result = Literal["ok", "refused", "failed"]
STAGES: tuple[Stage, ...] = ("read", "decode", "crop", "engine", "encode")
RESULTS: tuple[Result, ...] = ("ok", "refused", "failed")

HAND_ROUTES = ("/v1/reconstruct", "/v1/reconstruct/views", "Reconstruct")
"""Those that answer with a hand, which the service levels are about; the last one is gRPC's."""

BUCKETS_S = tuple(round(digit * 10.0**power, 5) for power in range(-4, 1) for digit in (1, 1.5, 2, 3, 5, 7))
"""From 0.1 ms to 7 s, six to a decade; with round numbers, of which a service level may be one."""
BUCKETS_BYTES = tuple(1 << power for power in range(10, 25))
"""From 1 KiB to 16 MiB."""
BUCKETS_PIXELS = tuple(1 << power for power in range(12, 27))
"""From 64 x 64 to 8192 x 8192."""


@dataclass
class RequestRecord:
    """What is known of a request while it is served; travels in the ASGI scope."""

    request_id: str
    caller: str = ""
    """The name of the key that was shown, where one is asked for; for the log."""
    outcome: str = ""
    """Slug of the problem that ended it; empty if none did."""
    status: int = 200
    """HTTP's, or what HTTP would have answered."""
    engine_detail: str = ""
    """What the engine said, where it gave no hand; for the log."""
    trace: Trace = NO_TRACE
    stages_s: dict[Stage, float] = field(default_factory=dict)

    @property
    def outcome_word(self) -> str:
        """The outcome as the metrics and the log name it."""
        return self.outcome or ("ok" if self.status < 400 else f"http-{self.status}")

    @property
    def result(self) -> Result:
        """Whether it was answered, refused for what it was (or came too much), or failed here."""
        return "ok" if self.status < 400 else "refused" if self.status < 500 else "failed"

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        """Measure what happens inside as (a part of) `stage`."""
        started_s = time.perf_counter()
        try:
            with self.trace.stage(stage):
                yield
        finally:
            self._count(stage, time.perf_counter() - started_s)

    def add(self, stage: Stage, *, started_s: float, seconds: float) -> None:
        """Count what took `seconds` elsewhere to `stage`; `started_s` on the clock of `time.perf_counter`."""
        self.trace.add(stage, started_s=started_s, seconds=seconds)
        self._count(stage, seconds)

    def _count(self, stage: Stage, seconds: float) -> None:
        self.stages_s[stage] = self.stages_s.get(stage, 0.0) + seconds

    def end_trace(self, name: str, attributes: Mapping[str, str | int]) -> None:
        """End the trace, now that it is known what it was of and how it went."""
        if self.trace is NO_TRACE:
            return
        known = {"simahand.request_id": self.request_id, "simahand.outcome": self.outcome_word}
        self.trace.end(name, attributes={**known, **attributes}, failed=self.result == "failed")

    @property
    def server_timing(self) -> str:
        """The stages as a Server-Timing header, in milliseconds."""
        return ", ".join(f"{stage};dur={seconds * 1e3:.3f}" for stage, seconds in self.stages_s.items())

    @property
    def timing_ms(self) -> dict[str, float]:
        """The stages so far, in milliseconds."""
        return {stage: round(seconds * 1e3, 3) for stage, seconds in self.stages_s.items()}


class Telemetry:
    """The metrics of one application, in a registry of its own."""

    def __init__(self, *, version: str, model: str, engine: str, tracer: Tracer) -> None:
        """Create the metrics and say what runs."""
        self.tracer = tracer
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._create_request_metrics()
        self._create_picture_metrics()
        self._create_engine_metrics()
        self.streams: dict[Transport, StreamMetrics] = StreamMetrics.all(self.registry, buckets_s=BUCKETS_S)
        Gauge(
            "simahand_build_info",
            "What runs; always 1",
            ["version", "model", "engine"],
            registry=self.registry,
        ).labels(version, model, engine).set(1)

    def _create_request_metrics(self) -> None:
        self._requests = Counter(
            "simahand_requests", "Requests answered", ["route", "outcome"], registry=self.registry
        )
        self._request_seconds = Histogram(
            "simahand_request_seconds",
            "Time from a request's head to the end of its reply",
            ["route", "result"],
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        for route in HAND_ROUTES:
            for result in RESULTS:
                self._request_seconds.labels(route, result)
        self.in_flight = Gauge("simahand_requests_in_flight", "Requests being served", registry=self.registry)
        stage_seconds = Histogram(
            "simahand_stage_seconds",
            "Time that one stage of a request or of a frame took",
            ["stage"],
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self._stages = {stage: stage_seconds.labels(stage) for stage in STAGES}
        self._rejected = Counter(
            "simahand_rejected",
            "Requests, frames and streams that were refused",
            ["reason"],
            registry=self.registry,
        )
        for kind in kinds_of(GatewayError):
            if kind.status < 500:
                self._rejected.labels(kind.slug)

    def _create_picture_metrics(self) -> None:
        self._image_bytes = Histogram(
            "simahand_image_bytes",
            "Size of the pictures that were decoded",
            buckets=BUCKETS_BYTES,
            registry=self.registry,
        )
        self._image_pixels = Histogram(
            "simahand_image_pixels",
            "Pixels of the pictures that were decoded",
            buckets=BUCKETS_PIXELS,
            registry=self.registry,
        )

    def _create_engine_metrics(self) -> None:
        self.engine_errors = Counter(
            "simahand_engine_errors", "Times the engine did not give a hand", ["kind"], registry=self.registry
        )
        for kind in kinds_of(EngineError):
            self.engine_errors.labels(kind.slug)
        self._queue_depth = Gauge(
            "simahand_queue_depth",
            "Pieces of work that wait for a decoder, or for the engine's answer",
            ["stage"],
            registry=self.registry,
        )
        self.engine_queue = self._queue_depth.labels("engine")
        self.ready = Gauge("simahand_ready", "1 when the last readiness check passed", registry=self.registry)
        self.views_ready = Gauge(
            "simahand_views_ready",
            "1 when the model of several views passed it, 0 also where there is none",
            registry=self.registry,
        )
        self.model_version = Gauge(
            "simahand_model_version",
            "Newest version of the model when it last proved itself",
            ["model"],
            registry=self.registry,
        )

    def watch(self, capacity: Capacity) -> None:
        """Show how full the house is, at the time of each scrape."""
        self._queue_depth.labels("decode").set_function(lambda: capacity.waiting)
        gauge = partial(Gauge, registry=self.registry)
        wait = gauge("simahand_expected_wait_seconds", "How long who comes now is expected to wait")
        wait.set_function(lambda: capacity.line.wait_s)
        gauge("simahand_places", "Places for pictures in the house").set(capacity.limits.max_in_flight)
        gauge("simahand_places_taken", "Places that are taken").set_function(lambda: capacity.taken)

    def observe(self, record: RequestRecord, *, route: str, seconds: float) -> None:
        """Count a request that has been answered."""
        self._requests.labels(route, record.outcome_word).inc()
        self._request_seconds.labels(route, record.result).observe(seconds)
        self._observe_rest(record)

    def observe_frame(self, record: RequestRecord, *, transport: Transport, age_s: float) -> None:
        """Count a frame of a stream that has been answered."""
        self.streams[transport].answered(record.outcome_word, age_s=age_s)
        self._observe_rest(record)

    def observe_picture(self, *, size_bytes: int, pixels: int) -> None:
        """Count a picture that has been decoded."""
        self._image_bytes.observe(size_bytes)
        self._image_pixels.observe(pixels)

    def refuse_stream(self, reason: str) -> None:
        """Count a stream that was not taken on."""
        self._rejected.labels(reason).inc()

    def turn_away(self, transport: Transport, reason: str) -> None:
        """Count a stream that was refused at the door."""
        self.streams[transport].ended(reason)
        self.refuse_stream(reason)

    def _observe_rest(self, record: RequestRecord) -> None:
        if record.result == "refused":
            self._rejected.labels(record.outcome_word).inc()
        for stage, seconds in record.stages_s.items():
            self._stages[stage].observe(seconds)
