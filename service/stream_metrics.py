"""What is counted of live streams, by what carries them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

Transport = Literal["grpc", "websocket"]
TRANSPORTS: tuple[Transport, ...] = ("grpc", "websocket")


class StreamMetrics:
    """The metrics of all streams of one transport."""

    def __init__(
        self,
        transport: Transport,
        *,
        streams_open: Gauge,
        streams: Counter,
        received: Counter,
        frames: Counter,
        age_seconds: Histogram,
    ) -> None:
        """Count under `transport`; every metric has it as its first label."""
        self.open = streams_open.labels(transport)
        self.received = received.labels(transport)
        self.dropped = frames.labels(transport, "dropped")
        self._transport = transport
        self._streams = streams
        self._frames = frames
        self._age_seconds = age_seconds.labels(transport)

    @classmethod
    def all(cls, registry: CollectorRegistry, *, buckets_s: Sequence[float]) -> dict[Transport, Self]:
        """Create the metrics in `registry`; return those of each transport."""
        streams_open = Gauge(
            "simahand_streams_open", "Streams being served", ["transport"], registry=registry
        )
        streams = Counter(
            "simahand_streams", "Streams that have ended", ["transport", "end"], registry=registry
        )
        received = Counter(
            "simahand_stream_frames_received", "Frames that came", ["transport"], registry=registry
        )
        frames = Counter(
            "simahand_stream_frames",
            "Frames answered or dropped",
            ["transport", "outcome"],
            registry=registry,
        )
        age_seconds = Histogram(
            "simahand_stream_reply_age_seconds",
            "Time from a frame's arrival to its reply",
            ["transport"],
            buckets=buckets_s,
            registry=registry,
        )
        return {
            transport: cls(
                transport,
                streams_open=streams_open,
                streams=streams,
                received=received,
                frames=frames,
                age_seconds=age_seconds,
            )
            for transport in TRANSPORTS
        }

    def answered(self, outcome: str, *, age_s: float) -> None:
        """Count a reply; `outcome` is `ok` or the slug of the frame's problem."""
        self._frames.labels(self._transport, outcome).inc()
        self._age_seconds.observe(age_s)

    def ended(self, end: str) -> None:
        """Count a stream that is over, by how it ended."""
        self._streams.labels(self._transport, end).inc()
