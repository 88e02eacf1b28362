"""Keys and certificates in the client: every way to ask carries them, none gives them away."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from sima_hand_client import (
    AsyncHandClient,
    HandClient,
    RefusedError,
    UnauthorizedError,
    UnreachableError,
)
from sima_hand_client.cli import main
from sima_hand_client.credentials import Credentials
from sima_hand_client.retry import RetryPolicy
from sima_hand_client.streams.messages import Transport

from deploy.bench.processes import free_port, running
from service.keys.key_file import KeyFile, StoredKey, digest_of, new_key, write_key_file
from tests.clients.conftest import gateway_arguments

ONCE = RetryPolicy(attempts=1)
VARIABLES = ("API_KEY", "CA_FILE", "CLIENT_CERTIFICATE", "CLIENT_KEY")


@dataclass(frozen=True)
class Guarded:
    """A gateway that asks for a key and for a certificate, and what opens it."""

    url: str
    key: str
    ca_file: Path
    certificate: Path
    certificate_key: Path

    @property
    def pair(self) -> tuple[Path, Path]:
        """The caller's certificate and its key."""
        return self.certificate, self.certificate_key


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A gateway in a process of its own, which knows one key and one authority."""
    folder, port, authority = tmp_path_factory.mktemp("guarded"), free_port(), trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    for name, leaf in (
        ("server", authority.issue_cert("127.0.0.1")),
        ("client", authority.issue_cert("studio")),
    ):
        leaf.cert_chain_pems[0].write_to_path(str(folder / f"{name}.pem"))
        leaf.private_key_pem.write_to_path(str(folder / f"{name}.key"))
    key = new_key()
    write_key_file(folder / "keys.json", KeyFile(keys={"studio": StoredKey(sha256=digest_of(key))}))
    arguments, environment = gateway_arguments(folder, port)
    environment |= {
        "SIMAHAND_KEYS_FILE": str(folder / "keys.json"),
        "SIMAHAND_TLS_CERTIFICATE": str(folder / "server.pem"),
        "SIMAHAND_TLS_KEY": str(folder / "server.key"),
        "SIMAHAND_TLS_CLIENT_CA": str(folder / "ca.pem"),
    }
    with running(arguments, port=port, environment=environment):
        yield Guarded(
            f"https://127.0.0.1:{port}", key, folder / "ca.pem", folder / "client.pem", folder / "client.key"
        )


async def ask_stream(client: AsyncHandClient, photo: bytes, transport: Transport) -> int:
    """Return how many vertices a stream's hand has, and a single call's over gRPC."""
    async with client, client.stream(transport=transport, reconnect=ONCE, timeout_s=30) as stream:
        streamed = (await stream.ask(photo)).require_hand()
        asked = await client.reconstruct_grpc(photo)
        assert len(asked.vertices_root_m) == len(streamed.vertices_root_m)
        return len(streamed.vertices_root_m)


def test_a_key_and_a_certificate_open_every_way(
    guarded: Guarded, photo: bytes, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HandClient(
        guarded.url, api_key=guarded.key, ca_file=guarded.ca_file, client_certificate=guarded.pair
    ) as client:
        assert len(client.reconstruct(photo).vertices_root_m) == 778
        assert len(client.reconstruct_grpc(photo).vertices_root_m) == 778
        with client.stream(transport=transport) as stream:
            assert len(stream.ask(photo).require_hand().vertices_root_m) == 778
    given = AsyncHandClient(
        guarded.url, api_key=guarded.key, ca_file=guarded.ca_file, client_certificate=guarded.pair
    )
    assert asyncio.run(ask_stream(given, photo, transport)) == 778
    values = (guarded.key, str(guarded.ca_file), str(guarded.certificate), str(guarded.certificate_key))
    for name, value in zip(VARIABLES, values, strict=True):
        monkeypatch.setenv(f"SIMAHAND_{name}", value)
    assert asyncio.run(ask_stream(AsyncHandClient(guarded.url), photo, transport)) == 778


def test_without_a_valid_key_it_says_so_at_once(guarded: Guarded, photo: bytes, transport: Transport) -> None:
    for key in (None, new_key()):
        with HandClient(
            guarded.url, api_key=key, ca_file=guarded.ca_file, client_certificate=guarded.pair
        ) as client:
            with pytest.raises(UnauthorizedError) as refusal:
                client.reconstruct(photo)
            assert refusal.value.status == 401
        streaming = AsyncHandClient(
            guarded.url, api_key=key, ca_file=guarded.ca_file, client_certificate=guarded.pair
        )
        with pytest.raises(UnauthorizedError):
            asyncio.run(ask_stream(streaming, photo, transport))


def test_a_websocket_that_is_refused_gives_the_services_reason(guarded: Guarded) -> None:
    from sima_hand_client.streams.websocket import open_websocket

    credentials = Credentials.found(
        api_key=new_key(), ca_file=guarded.ca_file, client_certificate=guarded.pair
    )

    async def scene() -> None:
        opening = open_websocket(
            guarded.url, headers=credentials.headers, tls=credentials.context(), timeout_s=30
        )
        with pytest.raises(UnauthorizedError, match="not known here"):
            async with opening:
                raise AssertionError("it opened")

    asyncio.run(scene())


def test_an_unknown_authority_is_not_trusted(guarded: Guarded, photo: bytes) -> None:
    with HandClient(guarded.url, api_key=guarded.key, retry=ONCE) as client, pytest.raises(UnreachableError):
        client.reconstruct(photo)


def test_the_command_takes_them_from_files(
    guarded: Guarded,
    photo_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    key_file = tmp_path / "key"
    key_file.write_text(f"{guarded.key}\n")
    trusted = ["--server", guarded.url, "--ca-file", str(guarded.ca_file)]
    trusted += ["--client-certificate", *map(str, guarded.pair)]
    assert main([str(photo_file), *trusted, "--api-key-file", str(key_file)]) == 0
    bench = ["bench", "--seconds", "0.1", "--transport", "grpc", "--transport", "websocket"]
    assert main([*bench, *trusted, "--api-key-file", str(key_file)]) == 0
    monkeypatch.setenv("SIMAHAND_API_KEY", guarded.key)
    assert main([str(photo_file), *trusted]) == 0
    assert guarded.key not in "".join(capsys.readouterr())
    key_file.write_text("\n")
    assert main([str(photo_file), *trusted, "--api-key-file", str(key_file)]) == 3
    assert main([str(photo_file), *trusted, "--api-key-file", str(tmp_path / "none")]) == 3


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel", "\x00"])
def test_what_can_be_no_key_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(ValueError, match="api_key") as refusal:
        HandClient(api_key=key)
    assert key not in str(refusal.value)


def test_a_certificate_without_its_key_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SIMAHAND_CLIENT_CERTIFICATE", str(tmp_path / "client.pem"))
    with pytest.raises(ValueError, match="SIMAHAND_CLIENT_KEY"):
        HandClient()
    monkeypatch.delenv("SIMAHAND_CLIENT_CERTIFICATE")
    with pytest.raises(OSError):
        HandClient(ca_file=tmp_path / "none.pem")


def test_a_key_is_not_shown_with_the_rest() -> None:
    assert "simahand_secret" not in repr(
        Credentials(api_key="simahand_secret", ca_file=None, client_certificate=None)
    )


@pytest.mark.parametrize(
    ("slug", "status"),
    [("unauthorized", 401), ("key-revoked", 401), ("foreign-origin", 403), ("rate-limited", 429)],
)
def test_a_streams_refusals_have_the_status_of_http(slug: str, status: int) -> None:
    assert RefusedError.of_slug(slug, "detail").status == status


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin without what the caller of the tests may have set."""
    for name in VARIABLES:
        if f"SIMAHAND_{name}" in os.environ:
            monkeypatch.delenv(f"SIMAHAND_{name}")
