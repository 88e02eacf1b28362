"""The live mode, with a camera that plays a film of a rendered hand; and the same in an emulated headset."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.clients.web.conftest import PATIENCE_MS
from tests.clients.web.test_viewer import overlay_alpha, pixels, share_changed

WEBXR_JOINTS = 25


def number(page: Page, name: str) -> float:
    return float(page.locator(f"#{name}").inner_text())


def start(page: Page) -> None:
    page.click("#camera")
    expect(page.locator("#status")).to_contain_text("Live.")


def wait_until(page: Page, holds: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + PATIENCE_MS / 1e3
    while not holds():
        assert time.monotonic() < deadline_s
        page.wait_for_timeout(50)


def test_the_hand_follows_the_camera(page: Page) -> None:
    empty = pixels(page, "#space")
    start(page)
    expect(page.locator("#tracking")).to_have_text("tracking")
    page.wait_for_timeout(1500)
    assert number(page, "fps") > 0.2  # without a GPU, beside other work
    assert number(page, "age") > 0
    assert number(page, "dropped") >= 0
    assert share_changed(empty, pixels(page, "#space")) > 0.05
    assert (overlay_alpha(page) > 0).any()
    page.uncheck("#track")
    expect(page.locator("#tracking")).to_have_text("in the box")
    page.select_option("#smoothing", "high")
    expect(page.get_by_role("alert")).to_be_hidden()
    page.click("#camera")
    expect(page.locator("#live")).to_be_hidden()
    page.get_by_label("Left", exact=True).first.check()
    expect(page.locator("#status")).to_contain_text("A left hand")  # in the last picture, which stays


def test_a_connection_that_breaks_is_taken_up_where_the_hand_was(page: Page) -> None:
    connections: list[WebSocketRoute] = []
    sent: list[dict[str, Any]] = []
    seen: list[dict[str, Any]] = []

    def listen(socket: WebSocketRoute) -> None:
        connections.append(socket)
        sent.clear()
        server = socket.connect_to_server()

        def up(data: str | bytes) -> None:
            assert isinstance(data, bytes)
            sent.append(msgspec.msgpack.decode(data))
            server.send(data)

        def down(data: str | bytes) -> None:
            assert isinstance(data, bytes)
            seen.append(msgspec.msgpack.decode(data))
            socket.send(data)

        socket.on_message(up)
        server.on_message(down)

    page.route_web_socket(re.compile("/v1/stream$"), listen)
    start(page)
    expect(page.locator("#tracking")).to_have_text("tracking")
    guide = sent[1]["box"]

    def followed() -> list[list[float]]:
        return [reply["box"] for reply in seen if reply.get("tracking") == "tracking"]

    wait_until(page, lambda: len(followed()) >= 4)  # the first one's crop is still the guide's
    squares = followed()
    connections[0].close(code=1012, reason="restart")
    expect(page.locator("#status")).to_contain_text("Trying again")
    wait_until(page, lambda: len(sent) >= 2 and len(connections) >= 2)
    assert sent[0]["type"] == "options"
    assert sent[0]["track"] is True
    x, y, width, height = sent[1]["box"]
    assert sent[1]["box"] != guide
    middles = [(x + side / 2, y + side / 2) for x, y, side, _ in squares]
    assert any((x + width / 2, y + height / 2) == pytest.approx(middle, abs=0.1) for middle in middles[-3:])
    expect(page.locator("#tracking")).to_have_text("tracking")
    expect(page.get_by_role("alert")).to_be_hidden()


@pytest.fixture
def headset(page: Page, npm_folder: Path) -> Page:
    """The page on an emulated Quest 3: the XR runtime is there before the page's own scripts."""
    page.add_init_script(path=npm_folder / "node_modules" / "iwer" / "build" / "iwer.min.js")
    page.add_init_script("new IWER.XRDevice(IWER.metaQuest3).installRuntime({forceInstall: true});")
    page.add_init_script("addEventListener('simahand-xrhand', ({detail}) => { window.hand = detail; });")
    page.reload()
    return page


def test_streamed_joints_stand_in_a_webxr_scene(headset: Page) -> None:
    headset.click("#xr")
    expect(headset.locator("#status")).to_contain_text(f"{WEBXR_JOINTS} joints in XR")
    names, spaces = headset.evaluate(
        """() => [[...hand.keys()], [...hand].map(([name, {jointName, pose}]) => ({
            same: name === jointName, radius: pose.radius, matrix: pose.transform.matrix.length}))]"""
    )
    assert len(names) == len(set(names)) == WEBXR_JOINTS
    assert names[0] == "wrist"
    assert all(space["same"] and 0 < space["radius"] < 0.05 and space["matrix"] == 16 for space in spaces)
    headset.locator("#xr").press("Enter")  # the runtime's canvas lies over the page
    expect(headset.locator("#xr")).to_have_attribute("aria-pressed", "false")
