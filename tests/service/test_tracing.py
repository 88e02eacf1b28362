"""One trace from the caller through the gateway to Triton, by a real exporter to a collector over OTLP."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import grpc
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from deploy.bench.processes import free_port
from deploy.triton.install import install
from deploy.triton.server import Ports, TritonServer
from service.app import create_app
from service.rpc import hand_mesh_pb2 as pb
from service.settings import Settings
from service.tracing import NoTracer, create_tracer
from tests.deploy.prometheus.server import eventually
from tests.deploy.prometheus.traffic import ports_of
from tests.service.collector import Collector, collecting
from tests.service.conftest import served
from tests.service.pictures import encoded, picture
from tests.service.streams.peers import RECONSTRUCT, STREAM, frame_message

JPEG = encoded(picture(120, 100), "JPEG")
HEADERS = {"content-type": "image/jpeg"}
CALLER = "00f067aa0ba902b7"
GATEWAY, TRITON = "simahand-gateway", "triton-inference-server"


def context_of(trace: int, *, sampled: bool = True) -> dict[str, str]:
    return {"traceparent": f"00-{trace:032x}-{CALLER}-{'01' if sampled else '00'}"}


def of_trace(collector: Collector, trace: int) -> dict[str, list[tuple[str, Span]]]:
    """Return the spans of a trace by name."""
    spans: dict[str, list[tuple[str, Span]]] = {}
    for owner, span in collector.spans:
        if span.trace_id == trace.to_bytes(16):
            spans.setdefault(span.name, []).append((owner, span))
    return spans


class Traced(NamedTuple):
    """What came of some requests, and under which traces Triton joined."""

    collector: Collector
    http: int
    single: int
    stream: int


@pytest.fixture(scope="module")
def traced(model_repository: Path) -> Iterator[Traced]:
    """What came of some requests, after the gateway and Triton have stopped."""
    with collecting() as collector, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        triton = TritonServer(
            install(),
            repository=model_repository,
            ports=Ports.free(),
            threads=1,
            trace_url=f"{collector.url}/v1/traces",
        )
        settings = Settings(triton_url=triton.grpc_url, model_repository=model_repository, deadline_s=30)
        with triton, served(create_app(settings)) as client:
            eventually(lambda: client.get("/readyz").status_code == 200)

            def post(body: bytes, **headers: str) -> int:
                return client.post("/v1/reconstruct", content=body, headers=HEADERS | headers).status_code

            def post_secret(trace: int) -> None:
                assert post(JPEG, **context_of(trace), authorization="Bearer swordfish") == 200

            assert post(b"no picture, but swordfish", **context_of(2)) == 400
            assert post(JPEG, **context_of(3, sampled=False)) == 200
            assert post(JPEG, traceparent="nonsense") == 200
            with grpc.insecure_channel(f"127.0.0.1:{ports_of(client).grpc}") as channel:
                found = Traced(
                    collector,
                    http=joined(collector, post_secret, first=100),
                    single=joined(collector, functools.partial(ask_once, channel), first=200),
                    stream=joined(collector, functools.partial(stream_frames, channel), first=300),
                )
        yield found


def joined(collector: Collector, ask: Callable[[int], None], *, first: int) -> int:
    """Ask under one trace after the other until Triton's span is in it, and return that one.

    Triton sends its spans every second, and now and then one is missing.
    """
    for trace in range(first, first + 5):
        ask(trace)
        with suppress(AssertionError):
            eventually(functools.partial(joins, collector, trace), timeout_s=8)
            return trace
    raise AssertionError("Triton joined none of five traces")


def joins(collector: Collector, trace: int) -> bool:
    return "InferRequest" in of_trace(collector, trace)


def ask_once(channel: grpc.Channel, trace: int) -> None:
    request = pb.ReconstructRequest(frame=frame_message(encoded=JPEG)).SerializeToString()
    channel.unary_unary(RECONSTRUCT, bytes, bytes)(request, metadata=tuple(context_of(trace).items()))


def stream_frames(channel: grpc.Channel, trace: int) -> None:
    """Stream two frames, the second when the first is answered."""
    replied = threading.Semaphore(1)

    def frames() -> Iterator[bytes]:
        for number in range(2):
            replied.acquire()
            frame = frame_message(frame_id=number, encoded=JPEG)
            yield pb.StreamRequest(frame=frame).SerializeToString()

    stream = channel.stream_stream(STREAM, bytes, bytes)
    for _ in stream(frames(), metadata=tuple(context_of(trace).items())):
        replied.release()


@pytest.mark.triton
def test_a_caller_s_trace_goes_through_the_gateway_and_triton(traced: Traced) -> None:
    spans = of_trace(traced.collector, traced.http)
    ((owner, root),) = spans["POST /v1/reconstruct"]
    assert (owner, root.parent_span_id.hex(), root.kind) == (GATEWAY, CALLER, Span.SPAN_KIND_SERVER)
    stages = {}
    for stage in ("read", "decode", "crop", "engine", "encode"):
        ((owner, span),) = spans[stage]
        assert (owner, span.parent_span_id) == (GATEWAY, root.span_id)
        assert root.start_time_unix_nano <= span.start_time_unix_nano + 1_000_000
        assert span.end_time_unix_nano <= root.end_time_unix_nano + 1_000_000
        stages[stage] = span
    begun = [span.start_time_unix_nano for span in stages.values()]
    assert begun == sorted(begun)
    ((owner, inference),) = spans["InferRequest"]
    assert (owner, inference.parent_span_id) == (TRITON, stages["engine"].span_id)
    assert {"compute", "svr_hand"} <= set(spans), "Triton's own parts"


@pytest.mark.triton
def test_what_is_refused_ends_where_it_was_refused(traced: Traced) -> None:
    spans = of_trace(traced.collector, 2)
    assert set(spans) == {"POST /v1/reconstruct", "read"}
    ((_, root),) = spans["POST /v1/reconstruct"]
    attributes = {a.key: a.value.string_value or a.value.int_value for a in root.attributes}
    assert attributes["simahand.outcome"] == "unreadable-image"
    assert attributes["http.response.status_code"] == 400
    assert root.status.code == Status.STATUS_CODE_UNSET, "the caller's fault is no error of ours"


@pytest.mark.triton
def test_a_caller_who_does_not_sample_is_not_traced(traced: Traced) -> None:
    assert of_trace(traced.collector, 3) == {}


@pytest.mark.triton
def test_without_a_readable_context_a_trace_begins(traced: Traced) -> None:
    roots = traced.collector.named(GATEWAY, "POST /v1/reconstruct")
    assert [root.parent_span_id for root in roots].count(b"") == 1


@pytest.mark.triton
def test_grpc_is_traced_alike_and_streams_by_the_frame(traced: Traced) -> None:
    spans = of_trace(traced.collector, traced.single)
    assert {"Reconstruct", "decode", "crop", "engine", "encode", "InferRequest"} <= set(spans)
    frames = of_trace(traced.collector, traced.stream)
    assert [span.parent_span_id.hex() for _, span in frames["frame"]] == [CALLER] * 2
    engines = {span.span_id for _, span in frames["engine"]}
    assert len(engines) == 2
    assert {span.parent_span_id for _, span in frames["InferRequest"]} <= engines


@pytest.mark.triton
def test_probes_are_not_traced_and_no_secret_is_in_a_trace(traced: Traced) -> None:
    assert not [span for _, span in traced.collector.spans if "readyz" in span.name]
    assert not [body for body in traced.collector.raw if b"swordfish" in body]


def test_a_collector_that_is_away_costs_no_request_and_little_at_the_end(
    embedded_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    with served(create_app(embedded_settings)) as client:
        assert client.post("/v1/reconstruct", content=JPEG, headers=HEADERS).status_code == 200
        stopped_s = time.monotonic()
    assert time.monotonic() - stopped_s < 20, "the packages alone would try for 30 s"


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://there:4318", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://there:4318", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_nothing_is_traced_unless_asked_for(environment: dict[str, str]) -> None:
    assert isinstance(create_tracer(version="1", environment=environment), NoTracer)


def test_a_protocol_that_is_not_spoken_is_told_at_the_start() -> None:
    asked = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://there:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    with pytest.raises(ValueError, match="'grpc'"):
        create_tracer(version="1", environment=asked)
