"""What the gateway counts, and the clock of one request.

Every label takes its values from this code or from the routes, never from a caller: cardinality is bounded.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.process_collector import ProcessCollector

Stage = Literal["read", "decode", "crop", "engine", "encode"]
Transport = Literal["grpc", "websocket"]
STAGES: tuple[Stage, ...] = ("read", "decode", "crop", "engine", "encode")

BUCKETS_S = tuple(round(1e-4 * 1.5**power, 7) for power in range(29))
"""From 0.1 ms to 8.5 s, each half as much again as the one before."""


@dataclass
class RequestRecord:
    """What is known of a request while it is served; travels in the ASGI scope."""

    request_id: str
    outcome: str = ""
    """Slug of the problem that ended it; empty if none did."""
    stages_s: dict[Stage, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        """Measure what happens inside as (a part of) `stage`."""
        started_s = time.perf_counter()
        try:
            yield
        finally:
            self.add(stage, time.perf_counter() - started_s)

    def add(self, stage: Stage, seconds: float) -> None:
        """Count `seconds` to `stage`."""
        self.stages_s[stage] = self.stages_s.get(stage, 0.0) + seconds

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

    def __init__(self, *, version: str, model: str, engine: str) -> None:
        """Create the metrics and say what runs."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "simahand_requests", "Requests answered", ["route", "outcome"], registry=self.registry
        )
        self.in_flight = Gauge("simahand_requests_in_flight", "Requests being served", registry=self.registry)
        self.engine_errors = Counter(
            "simahand_engine_errors", "Times the engine did not give a hand", ["kind"], registry=self.registry
        )
        self.ready = Gauge("simahand_ready", "1 when the last readiness check passed", registry=self.registry)
        self.views_ready = Gauge(
            "simahand_views_ready",
            "1 when the model of several views passed it, 0 also where there is none",
            registry=self.registry,
        )
        stage_seconds = Histogram(
            "simahand_stage_seconds",
            "Time that one stage of a request took",
            ["stage"],
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self._stages = {stage: stage_seconds.labels(stage) for stage in STAGES}
        self._create_stream_metrics()
        Gauge(
            "simahand_build_info",
            "What runs; always 1",
            ["version", "model", "engine"],
            registry=self.registry,
        ).labels(version, model, engine).set(1)

    def _create_stream_metrics(self) -> None:
        self.open_streams = Gauge(
            "simahand_streams_open", "Streams being served", ["transport"], registry=self.registry
        )
        self.streams = Counter(
            "simahand_streams", "Streams that have ended", ["transport", "end"], registry=self.registry
        )
        self._frames = Counter(
            "simahand_stream_frames", "Frames answered or dropped", ["outcome"], registry=self.registry
        )
        self.dropped_frames = self._frames.labels("dropped")
        self._reply_age_seconds = Histogram(
            "simahand_stream_reply_age_seconds",
            "Time from a frame's arrival to its reply",
            buckets=BUCKETS_S,
            registry=self.registry,
        )

    def observe(self, record: RequestRecord, *, route: str, status: int) -> None:
        """Count a request that has been answered."""
        outcome = record.outcome or ("ok" if status < 400 else f"http-{status}")
        self.requests.labels(route, outcome).inc()
        self._observe_stages(record)

    def observe_frame(self, record: RequestRecord, *, age_s: float) -> None:
        """Count a frame of a stream that has been answered."""
        self._frames.labels(record.outcome or "ok").inc()
        self._reply_age_seconds.observe(age_s)
        self._observe_stages(record)

    def _observe_stages(self, record: RequestRecord) -> None:
        for stage, seconds in record.stages_s.items():
            self._stages[stage].observe(seconds)
