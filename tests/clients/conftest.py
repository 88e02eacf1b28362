"""What the client talks to: the real gateway with a constant mesh, and a server that misbehaves to order."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sima_hand_client import HandClient, HandResult, ModelInfo
from sima_hand_client.streams.messages import Transport

from deploy.bench.photo import make_photo
from deploy.bench.processes import free_port, running
from training.export.contract_json import contract_text
from training.hand.template import load_template

MODEL = "svr_hand"
VIEWS_MODEL, VIEWS = "mvr_hand", 8


def gateway_arguments(folder: Path, port: int) -> tuple[list[str], dict[str, str]]:
    """Return how to run a gateway whose networks cost nothing and always see the same hand.

    Args:
        folder: where its model repository is made.
        port: where it listens; for gRPC it takes a free one.
    """
    repository = folder / "repository"
    for model, views in ((MODEL, 1), (VIEWS_MODEL, VIEWS)):
        (repository / model).mkdir(parents=True, exist_ok=True)
        contract = contract_text(model=model, topology=load_template().topology, views=views)
        (repository / model / "contract.json").write_text(contract)
    environment = {"SIMAHAND_MODEL_REPOSITORY": str(repository), "SIMAHAND_MODEL_NAME": MODEL}
    return ["-m", "deploy.bench.contenders.gateway", str(port)], environment


@pytest.fixture(scope="session")
def gateway_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A gateway in a process of its own."""
    port = free_port()
    arguments, environment = gateway_arguments(tmp_path_factory.mktemp("gateway"), port)
    with running(arguments, port=port, environment=environment):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def client(gateway_url: str) -> Iterator[HandClient]:
    with HandClient(gateway_url) as client:
        yield client


@pytest.fixture(params=["websocket", "grpc"])
def transport(request: pytest.FixtureRequest) -> Transport:
    name: Transport = request.param
    return name


@pytest.fixture(scope="session")
def photo() -> bytes:
    return make_photo(width_px=320, height_px=240)


@pytest.fixture(scope="session")
def photo_on_its_side(photo: bytes) -> bytes:
    """The same photo as a camera held upright stores it: turned, and marked as such by EXIF orientation 6."""
    with Image.open(io.BytesIO(photo)) as upright:
        stored = upright.transpose(Image.Transpose.ROTATE_90)
        exif = Image.Exif()
        exif[0x0112] = 6
        buffer = io.BytesIO()
        stored.save(buffer, "JPEG", quality=95, exif=exif)
        return buffer.getvalue()


@pytest.fixture(scope="session")
def template_model() -> ModelInfo:
    """The model description of the hand template."""
    topology = load_template().topology
    bones = np.array([(0, 1), (1, 2), (2, 3), (3, 4), (0, 5), (5, 6), (6, 7), (7, 8)])
    return ModelInfo(
        name=MODEL, versions=("1",), joint_names=("joint",) * 21, bones=bones, faces=topology.faces
    )


@pytest.fixture(scope="session")
def template_result() -> HandResult:
    """The template's hand, its back to the viewer, in the middle of a 320 x 240 photo."""
    template = load_template()
    to_camera = np.array(
        [[0, 0, -1], [1, 0, 0], [0, -1, 0]], np.float32
    )  # fingers up, back towards the viewer
    wrist_m = template.joints_m[0]
    vertices_m = template.control_vertices_m[template.label_vertices] - wrist_m
    joints_m = (template.joints_m - wrist_m) @ to_camera.T
    return HandResult(
        vertices_root_m=(vertices_m @ to_camera.T).astype(np.float32),
        joints_root_m=joints_m.astype(np.float32),
        rotation=to_camera,
        joints_px=(900 * joints_m[:, :2] + [160, 200]).astype(np.float32),
        translation_m=None,
        hand="right",
        model_name=MODEL,
        model_version="1",
        timing_ms={},
    )


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What `ScriptedServer` answers."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class ScriptedServer(ThreadingHTTPServer):
    """Answers the requests it gets with the replies it was given, the last one again and again."""

    daemon_threads = True

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.request_count = 0
        super().__init__(("127.0.0.1", 0), _ScriptedHandler)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> ScriptedServer:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _ScriptedHandler(BaseHTTPRequestHandler):
    server: ScriptedServer

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self._reply()

    def do_GET(self) -> None:
        self._reply()

    def _reply(self) -> None:
        number = min(self.server.request_count, len(self.server.replies) - 1)
        self.server.request_count += 1
        reply = self.server.replies[number]
        self.send_response(reply.status)
        for name, value in {"content-length": str(len(reply.body)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def photo_file(tmp_path: Path, photo: bytes) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(photo)
    return path
