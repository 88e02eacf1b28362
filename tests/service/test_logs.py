"""The log of a gateway: a line a request, with its id, and nothing of what its caller sent."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import msgspec
import pytest
from websockets.sync.client import connect

from service.app import create_app
from service.errors import EngineFaultError
from service.logs import JsonFormatter, TextFormatter
from service.rpc import hand_mesh_pb2 as pb
from service.settings import Settings
from tests.deploy.prometheus.traffic import GatewayPorts, ports_of
from tests.service.conftest import MODEL, gateway_process, served
from tests.service.pictures import encoded, picture
from tests.service.streams.peers import RECONSTRUCT, frame_message
from tests.service.test_operation import OutsideEngine, eventually

JPEG = encoded(picture(120, 100), "JPEG")
JPEG_TYPE = {"content-type": "image/jpeg"}
SECRET = "sk-swordfish-0123456789"
SECRETS = {"authorization": f"Bearer {SECRET}", "x-api-key": SECRET, "cookie": f"session={SECRET}"}
REQUEST_KEYS = {
    "time", "level", "logger", "message",
    "request_id", "transport", "route", "status", "outcome", "duration_ms", "timing_ms",
}  # fmt: skip
STREAM_KEYS = REQUEST_KEYS - {"route", "status", "timing_ms"} | {"frames"}

Line = dict[str, Any]


def lines_of(text: str) -> list[Line]:
    """Every line is a JSON object."""
    return [json.loads(line) for line in text.splitlines()]


def ask_everything(client: httpx.Client, ports: GatewayPorts) -> None:
    """Ask in all ways, each with secrets wherever a caller may put one."""
    query = {"key": SECRET, "hand": SECRET}
    for name, parameters in (("good", {}), ("bad", query)):
        headers = JPEG_TYPE | SECRETS | {"x-request-id": name}
        client.post("/v1/reconstruct", content=JPEG, headers=headers, params=parameters)
    client.get(f"/{SECRET}", headers=SECRETS | {"x-request-id": "nowhere"})
    client.get("/livez", headers=SECRETS | {"x-request-id": "probe"})
    metadata = (*SECRETS.items(), ("x-request-id", "unary"))
    with grpc.insecure_channel(f"127.0.0.1:{ports.grpc}") as channel:
        request = pb.ReconstructRequest(frame=frame_message(encoded=JPEG)).SerializeToString()
        channel.unary_unary(RECONSTRUCT, bytes, bytes)(request, metadata=metadata)
    url = f"ws://127.0.0.1:{ports.http}/v1/stream?key={SECRET}"
    with connect(url, additional_headers=SECRETS | {"x-request-id": "stream"}) as socket:
        for image in (JPEG, SECRET.encode()):
            socket.send(msgspec.msgpack.encode({"type": "frame", "encoded": image}))
            socket.recv()


@pytest.fixture(scope="module")
def written(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a gateway wrote at its most talkative."""
    log = tmp_path_factory.mktemp("logs") / "log"
    settings = {"ENGINE": "embedded", "MODEL_REPOSITORY": str(repository), "MODEL_NAME": MODEL}
    with gateway_process(settings | {"LOG_LEVEL": "debug", "DEADLINE_S": "30"}, log) as client:
        ask_everything(client, ports_of(client))
    return log.read_text()


def test_each_request_has_its_line(written: str) -> None:
    lines = {line["request_id"]: line for line in lines_of(written) if line["message"] == "request"}
    expected = {
        "good": ("http", "/v1/reconstruct", 200, "ok", "info"),
        "bad": ("http", "/v1/reconstruct", 422, "invalid-parameter", "info"),
        "nowhere": ("http", "unmatched", 404, "http-404", "info"),
        "probe": ("http", "/livez", 200, "ok", "debug"),
        "unary": ("grpc", "Reconstruct", 200, "ok", "info"),
    }
    for request_id, values in expected.items():
        line = lines[request_id]
        assert set(line) == REQUEST_KEYS
        assert tuple(line[key] for key in ("transport", "route", "status", "outcome", "level")) == values
    assert set(lines["good"]["timing_ms"]) == {"read", "decode", "crop", "engine", "encode"}
    assert sum(lines["good"]["timing_ms"].values()) <= lines["good"]["duration_ms"]


def test_a_stream_has_one_line_at_its_end(written: str) -> None:
    (line,) = (line for line in lines_of(written) if line["message"] == "stream")
    assert set(line) == STREAM_KEYS
    assert (line["request_id"], line["transport"], line["frames"]) == ("stream", "websocket", 2)
    assert line["outcome"] == "peer-left"


def test_nothing_of_a_caller_s_is_in_the_log(written: str) -> None:
    assert SECRET not in written
    assert "swordfish" not in written
    assert "JFIF" not in written
    assert max(map(len, written.splitlines())) < 600


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What all loggers write, in JSON, as it is written."""
    written = io.StringIO()
    handler, root = logging.StreamHandler(written), logging.getLogger()
    handler.setFormatter(JsonFormatter())
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield written
    root.removeHandler(handler)
    root.setLevel(before)


def crash(client: httpx.Client, ports: GatewayPorts, how: str) -> None:
    """Ask an engine that fails as nobody has foreseen."""
    if how == "http":
        headers = JPEG_TYPE | {"x-request-id": how}
        assert client.post("/v1/reconstruct", content=JPEG, headers=headers).status_code == 500
    elif how == "grpc":
        request = pb.ReconstructRequest(frame=frame_message(encoded=JPEG)).SerializeToString()
        with grpc.insecure_channel(f"127.0.0.1:{ports.grpc}") as channel, pytest.raises(grpc.RpcError):
            channel.unary_unary(RECONSTRUCT, bytes, bytes)(request, metadata=(("x-request-id", how),))
    else:
        url = f"ws://127.0.0.1:{ports.http}/v1/stream"
        with connect(url, additional_headers={"x-request-id": how}) as socket:
            socket.send(msgspec.msgpack.encode({"type": "frame", "encoded": JPEG}))
            socket.recv()


@pytest.mark.parametrize("how", ["http", "grpc", "websocket"])
def test_an_exception_is_written_once_with_its_request(
    how: str, stream: io.StringIO, embedded_settings: Settings
) -> None:
    engine = OutsideEngine()
    with served(create_app(embedded_settings, engine)) as client:
        eventually(lambda: client.get("/readyz").status_code == 200)
        ports = ports_of(client)
        engine.failure = ZeroDivisionError("no such luck")
        crash(client, ports, how)
    assert stream.getvalue().count("no such luck") == 1
    (line,) = (line for line in lines_of(stream.getvalue()) if "exception" in line)
    assert (line["request_id"], line["level"]) == (how, "error")
    assert line["exception"].startswith("Traceback")


def test_what_the_engine_said_is_in_the_line(stream: io.StringIO, embedded_settings: Settings) -> None:
    engine = OutsideEngine()
    with served(create_app(embedded_settings, engine)) as client:
        eventually(lambda: client.get("/readyz").status_code == 200)
        engine.failure = EngineFaultError("Triton answered INTERNAL: out of memory")
        client.post("/v1/reconstruct", content=JPEG, headers=JPEG_TYPE | {"x-request-id": "unlucky"})
    (line,) = (line for line in lines_of(stream.getvalue()) if line.get("request_id") == "unlucky")
    assert (line["status"], line["level"]) == (502, "warning")
    assert line["detail"] == "Triton answered INTERNAL: out of memory"


def test_any_message_becomes_one_line() -> None:
    record = logging.LogRecord("other", logging.ERROR, __file__, 1, "a\nb \udcff %s", ("ü",), None)
    record.fields = {"path": Path("x")}
    (line,) = lines_of(JsonFormatter().format(record))
    assert line["message"] == "a\nb ? ü"
    assert line["path"] == "x"
    assert " ERROR other a\nb" in TextFormatter().format(record)
