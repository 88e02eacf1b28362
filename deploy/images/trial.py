"""What an image promises, asked of the image itself."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from deploy.images.builder import Builder, ImageError
from deploy.images.container import Container
from deploy.triton.install import CHECKOUT, install
from deploy.triton.server import Ports, TritonServer

HOST = "127.0.0.1"
PHOTO = CHECKOUT / "clients" / "web" / "src" / "viewer" / "sample.jpg"
START_TIMEOUT_S = 60.0
REFUSALS = {
    "its files cannot be written": ("sh", "-c", "echo > /app/service/written"),
    "torch is not in it": ("python", "-c", "import torch"),
    "pip is not in its environment": ("python", "-m", "pip", "--version"),
}


def try_gateway(builder: Builder, image: str, *, log: Path) -> Iterator[str]:
    """Run the gateway's image and yield what was found to hold.

    Raises:
        ImageError: Something does not hold.
    """
    gateway, triton = Ports.free(), Ports.free()
    settings = {
        "SIMAHAND_HOST": HOST,
        "SIMAHAND_PORT": str(gateway.http),
        "SIMAHAND_GRPC_PORT": str(gateway.grpc),
        "SIMAHAND_TRITON_URL": f"{HOST}:{triton.grpc}",
    }
    with builder.unpacked(image) as root:
        recipe = builder.recipe(image)
        container = Container(root, recipe, settings=settings)
        for promise, command in REFUSALS.items():
            if container.run(*command).returncode == 0:
                raise ImageError(f"this should fail in the image: {' '.join(command)}")
            yield promise
        with container.running(log) as pid:
            _wait_for(lambda: _get(gateway.http, "/livez")[0] == 200, log)
            yield _privileges(pid)
            health = container.run(*recipe.health)
            if health.returncode != 0:
                raise ImageError(f"the health check fails:\n{health.stderr}")
            yield "alive on a read-only root, and its health check says so"
            yield from _try_with_triton(gateway.http, triton, log)
        yield "ends by itself on SIGTERM, as process 1"


def _try_with_triton(port: int, triton: Ports, log: Path) -> Iterator[str]:
    if _get(port, "/readyz")[0] != 503:
        raise ImageError("it is ready without Triton")
    with TritonServer(install(), repository=CHECKOUT / "model_repository", ports=triton, threads=1):
        _wait_for(lambda: _get(port, "/readyz")[0] == 200, log)
        joints = json.loads(_reconstruct(port, "application/json"))["joints"]
        glb = _reconstruct(port, "model/gltf-binary")
        if len(joints) != 21 or glb[:4] != b"glTF":
            raise ImageError(f"it answers with {len(joints)} joints and {glb[:4]!r}")
        yield "not ready without Triton; with it a photo is answered as JSON and as GLB"
    status, page = _get(port, "/")
    if status != 200 or b"<html" not in page:
        raise ImageError(f"the viewer is answered with {status}")
    yield "serves the viewer"


def try_models(builder: Builder, image: str) -> Iterator[str]:
    """Compare the model repository in Triton's image with the one here; yield what was found to hold.

    Raises:
        ImageError: They differ.
    """
    here = _files(CHECKOUT / "model_repository")
    with builder.unpacked(image) as root:
        inside = _files(root / "models")
    if inside != here:
        raise ImageError(f"/models differs in {sorted(map(str, inside.keys() ^ here.keys()))}")
    yield f"/models is the model repository, {len(inside)} files"
    command = builder.recipe(image).command
    yield f"runs {' '.join(command)}"


def _files(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _privileges(pid: int) -> str:
    """Return the user of a process that may do nothing special."""
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    users, capable = set(status["Uid"].split()), int(status["CapEff"], 16) | int(status["CapBnd"], 16)
    if "0" in users or capable or status["NoNewPrivs"] != "1":
        raise ImageError(f"it runs as {users} with capabilities {capable:x}")
    return f"runs as user {' '.join(users)}, without capabilities and without a way to any"


def _wait_for(holds: Callable[[], bool], log: Path) -> None:
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while not holds():
        if time.monotonic() > deadline_s:
            raise ImageError(f"it did not come about in time:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)


def _get(port: int, path: str) -> tuple[int, bytes]:
    """Return status and body; 0 while nobody answers."""
    connection = http.client.HTTPConnection(HOST, port, timeout=10.0)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def _reconstruct(port: int, accept: str) -> bytes:
    connection = http.client.HTTPConnection(HOST, port, timeout=30.0)
    try:
        headers = {"content-type": "image/jpeg", "accept": accept}
        connection.request("POST", "/v1/reconstruct?hand=right", PHOTO.read_bytes(), headers)
        response = connection.getresponse()
        body = response.read()
    finally:
        connection.close()
    if response.status != 200:
        raise ImageError(f"the photo is answered with {response.status}: {body[:500]!r}")
    return body
