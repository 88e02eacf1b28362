"""A collector of traces: OTLP over HTTP, as the real ones speak it."""

from __future__ import annotations

import base64
import gzip
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

_BYTES = re.compile(rb'("(?:traceId|spanId|parentSpanId)":)"([0-9a-f]*)"')


def _as_base64(field: re.Match[bytes]) -> bytes:
    """OTLP's JSON writes these bytes in hexadecimal, protobuf's JSON in base64."""
    return field[1] + b'"' + base64.b64encode(bytes.fromhex(field[2].decode())) + b'"'


@dataclass
class Collector:
    """What has been sent so far."""

    url: str = ""
    spans: list[tuple[str, Span]] = field(default_factory=list)
    """Each with the name of its service."""
    raw: list[bytes] = field(default_factory=list)
    """The bodies."""

    def take(self, body: bytes, media_type: str) -> None:
        """Take an export."""
        request = ExportTraceServiceRequest()
        if media_type == "application/json":
            Parse(_BYTES.sub(_as_base64, body), request)
        else:
            request.ParseFromString(body)
        self.raw.append(body)
        for resource in request.resource_spans:
            names = [a.value.string_value for a in resource.resource.attributes if a.key == "service.name"]
            self.spans.extend((names[0], span) for scope in resource.scope_spans for span in scope.spans)

    def named(self, service: str, name: str) -> list[Span]:
        """Return the spans of a service that have a name."""
        return [span for owner, span in self.spans if (owner, span.name) == (service, name)]


@contextmanager
def collecting() -> Iterator[Collector]:
    """Collect during the body."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            collector.take(body, self.headers["content-type"])
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()
