"""The page before a gateway that asks for a key; and that no policy of ours is in its own way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from deploy.bench.processes import free_port, running
from service.keys.key_file import KeyFile, StoredKey, digest_of, new_key, read_key_file, write_key_file
from tests.clients.conftest import gateway_arguments

STORED = "() => [JSON.stringify(sessionStorage), JSON.stringify(localStorage), document.cookie]"


@dataclass(frozen=True)
class Guarded:
    """A gateway that asks for a key, one that it knows, and another one that may be taken back."""

    url: str
    key: str
    passing_key: str
    key_file: Path


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A gateway in a process of its own, before a network that costs nothing."""
    folder, port = tmp_path_factory.mktemp("guarded"), free_port()
    gateway = Guarded(f"http://127.0.0.1:{port}", new_key(), new_key(), folder / "keys.json")
    keys = {"studio": gateway.key, "visitor": gateway.passing_key}
    stored = {name: StoredKey(sha256=digest_of(key)) for name, key in keys.items()}
    write_key_file(gateway.key_file, KeyFile(keys=stored))
    arguments, environment = gateway_arguments(folder, port)
    environment["SIMAHAND_KEYS_FILE"] = str(gateway.key_file)
    with running(arguments, port=port, environment=environment):
        yield gateway


def give(page: Page, key: str) -> None:
    expect(page.locator("#key-dialog")).to_be_visible()
    page.fill("#key", key)
    page.press("#key", "Enter")


def test_the_key_is_asked_for_and_kept_for_the_tab_alone(guarded: Guarded, context: BrowserContext) -> None:
    page = context.new_page()
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    page.on("websocket", lambda socket: addresses.append(socket.url))
    page.goto(guarded.url)
    give(page, "simahand_wrong")
    expect(page.locator("#key-reason")).to_contain_text("not known")
    give(page, guarded.key)
    expect(page.locator("#about")).to_contain_text("Model")
    expect(page.locator("#key-dialog")).to_be_hidden()

    page.click("#sample")
    expect(page.locator("#status")).to_contain_text("A right hand")
    page.click("#camera")
    expect(page.locator("#status")).to_contain_text("Live.")
    assert any(address.startswith("ws:") for address in addresses)
    assert not [address for address in addresses if guarded.key in address]

    in_tab, on_disk, cookies = page.evaluate(STORED)
    assert guarded.key in in_tab
    assert (on_disk, cookies) == ("{}", "")
    page.reload()
    expect(page.locator("#about")).to_contain_text("Model")
    another = context.new_page()
    another.goto(guarded.url)
    expect(another.locator("#key-dialog")).to_be_visible()


def test_a_key_that_is_taken_back_is_asked_for_anew(guarded: Guarded, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(guarded.url)
    give(page, guarded.passing_key)
    page.click("#camera")
    expect(page.locator("#status")).to_contain_text("Live.")
    write_key_file(guarded.key_file, read_key_file(guarded.key_file).without_key("visitor"))
    give(page, guarded.key)
    expect(page.locator("#status")).to_contain_text("Live.")


def test_who_gives_no_key_is_told_what_to_do(guarded: Guarded, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(guarded.url)
    expect(page.locator("#key-dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("alert")).to_contain_text("asks for an API key")
    assert page.evaluate(STORED)[0] == "{}"


def test_the_documentation_keeps_its_own_policy(guarded: Guarded, context: BrowserContext) -> None:
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{guarded.url}/docs")
    expect(page.get_by_text("Reconstruct a hand", exact=True)).to_be_visible()
    expect(page.locator(".btn.authorize")).to_be_visible()
    assert complaints == []
