"""The page that a real gateway before the real Triton serves, in headless Chromium."""

from __future__ import annotations

import io
import math
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from deploy.bench.processes import free_port, running
from deploy.triton.server import TritonServer

WEB = Path(__file__).parents[3] / "clients" / "web"
SAMPLE = WEB / "src" / "viewer" / "sample.jpg"
VIDEO_FRAMES = 30
PATIENCE_MS = 20_000
OLDEST_NODE = (20, 19)

WEBGL_WITHOUT_A_GPU = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")


@pytest.fixture(scope="session")
def gateway_url(triton: TritonServer) -> Iterator[str]:
    """A gateway with the viewer, in a process of its own."""
    port = free_port()
    environment = {
        "SIMAHAND_PORT": str(port),
        "SIMAHAND_TRITON_URL": triton.grpc_url,
        "SIMAHAND_MODEL_REPOSITORY": str(triton.repository),
    }
    with running(["-m", "service"], port=port, environment=environment):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film for the fake camera: the rendered sample hand, moving slowly round a circle."""
    with Image.open(SAMPLE) as sample:
        hand = sample.resize((440, 440))
    frames = io.BytesIO()
    for number in range(VIDEO_FRAMES):
        turn = 2 * math.pi * number / VIDEO_FRAMES
        frame = Image.new("RGB", (640, 480), hand.getpixel((4, 4)))
        frame.paste(hand, (100 + round(20 * math.sin(turn)), 20 + round(12 * math.cos(turn))))
        frame.save(frames, "JPEG", quality=90)
    path = tmp_path_factory.mktemp("video") / "hand.mjpeg"
    path.write_bytes(frames.getvalue())
    return path


# Not longer than a module: Playwright keeps an event loop in this thread, beside which none can be run.
@pytest.fixture(scope="module")
def browser(video: Path) -> Iterator[Browser]:
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("chromium is not installed")
    camera = (
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={video}",
    )
    with sync_playwright() as playwright:
        # Root, as in a container, needs no-sandbox.
        arguments = ["--no-sandbox", *WEBGL_WITHOUT_A_GPU, *camera]
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1200, "height": 860})
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)  # else five seconds, which a busy machine needs for one picture
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, gateway_url: str) -> Iterator[Page]:
    """The viewer, loaded. At the end: it asked no other host, broke no policy, met no error of its own."""
    page = context.new_page()
    complaints: list[str] = []
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    page.on("websocket", lambda socket: addresses.append(socket.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.goto(gateway_url)
    expect(page.locator("#about")).to_contain_text("Model", timeout=PATIENCE_MS)
    yield page
    hosts = {urlsplit(url).netloc for url in addresses if urlsplit(url).scheme != "blob"}
    assert hosts == {urlsplit(gateway_url).netloc}
    # The browser itself reports a problem document's status as an error of the page's.
    assert not [text for text in complaints if not text.startswith("Failed to load resource")]


@pytest.fixture(scope="session")
def npm_folder() -> Path:
    """`clients/web` with what its lock file names installed."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not installed")
    told = subprocess.run([node, "--version"], check=True, capture_output=True, text=True).stdout
    if tuple(map(int, told.strip().removeprefix("v").split(".")[:2])) < OLDEST_NODE:
        pytest.skip(f"node is {told.strip()}, Vite asks for {'.'.join(map(str, OLDEST_NODE))}")
    installed, locked = WEB / "node_modules" / ".package-lock.json", WEB / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < locked.stat().st_mtime:
        subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=WEB, check=True, capture_output=True)
    return WEB
