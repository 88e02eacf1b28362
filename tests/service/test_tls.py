"""TLS and mTLS over HTTP, WebSocket and gRPC, with certificates made here."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
import trustme
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidMessage

from service.probe import PATHS, status_of
from service.settings import Settings
from service.tls import Certificates
from tests.service.keys.houses import run, until
from tests.service.streams.peers import GET_MODEL
from tests.service.streams.serving import Served, SteadyEngine, serving

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Files:
    """An authority, and a server's certificate of it on disk."""

    authority: trustme.CA
    folder: Path

    @property
    def certificate(self) -> Path:
        """What the server shows."""
        return self.folder / "tls.crt"

    @property
    def key(self) -> Path:
        """Its private key."""
        return self.folder / "tls.key"

    def renew(self) -> None:
        """Write a new certificate, and then the key that fits."""
        leaf = self.authority.issue_cert(HOST)
        self.certificate.write_bytes(b"".join(pem.bytes() for pem in leaf.cert_chain_pems))
        self.key.write_bytes(leaf.private_key_pem.bytes())

    @property
    def settings(self) -> dict[str, Path]:
        """What the gateway is told."""
        return {"tls_certificate": self.certificate, "tls_key": self.key}


@dataclass(frozen=True)
class Client:
    """Whom a caller trusts, and what it shows of itself."""

    authority: trustme.CA
    shown: trustme.LeafCert | None = None

    def context(self) -> ssl.SSLContext:
        """Return what HTTP and WebSockets are opened with."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        if self.shown is not None:
            self.shown.configure_cert(context)
        return context

    def channel(self, served: Served) -> grpc.aio.Channel:
        """Return a channel of its own connection."""
        shown = self.shown
        credentials = grpc.ssl_channel_credentials(
            self.authority.cert_pem.bytes(),
            None if shown is None else shown.private_key_pem.bytes(),
            None if shown is None else shown.cert_chain_pems[0].bytes(),
        )
        # Channels that share a connection share its certificate.
        options = (("grpc.use_local_subchannel_pool", 1),)
        return grpc.aio.secure_channel(f"{HOST}:{served.grpc}", credentials, options=options)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    made = Files(trustme.CA(), tmp_path)
    made.renew()
    return made


@asynccontextmanager
async def secured(settings: Settings, **changes: Any) -> AsyncGenerator[Served, None]:  # noqa: ANN401
    async with serving(settings, SteadyEngine(), **changes) as served:
        yield served


async def over_http(served: Served, client: Client) -> bool:
    async with httpx.AsyncClient(verify=client.context(), timeout=30) as http:
        try:
            return (await http.get(f"https://{HOST}:{served.http}/v1/model")).status_code == 200
        except httpx.TransportError:
            return False


async def over_websocket(served: Served, client: Client) -> bool:
    try:
        async with connect(f"wss://{HOST}:{served.http}/v1/stream", ssl=client.context()) as socket:
            await socket.ping()
            return True
    except (OSError, InvalidMessage):
        return False


async def over_grpc(served: Served, client: Client) -> bool:
    async with client.channel(served) as channel:
        try:
            method: Any = channel.unary_unary(GET_MODEL)
            await method(b"", timeout=20)
        except grpc.aio.AioRpcError as error:
            assert error.code() == grpc.StatusCode.UNAVAILABLE
            return False
        return True


WAYS: dict[str, Callable[[Served, Client], Any]] = {
    "http": over_http, "websocket": over_websocket, "grpc": over_grpc
}  # fmt: skip


def test_who_knows_the_authority_is_served_and_nobody_else(files: Files, embedded_settings: Settings) -> None:
    async def scene() -> None:
        async with secured(embedded_settings, **files.settings) as served:
            for name, ask in WAYS.items():
                assert await ask(served, Client(files.authority)), name
                assert not await ask(served, Client(trustme.CA())), (
                    f"{name}: the certificate is somebody else's"
                )

    run(scene())


def test_nothing_is_said_without_tls(files: Files, embedded_settings: Settings) -> None:
    async def scene() -> None:
        async with secured(embedded_settings, **files.settings) as served:
            for port in (served.http, served.grpc):
                reader, writer = await asyncio.open_connection(HOST, port)
                writer.write(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
                assert b"200" not in await reader.read()
                writer.close()

    run(scene())


def test_mtls_serves_the_holders_of_certificates(files: Files, embedded_settings: Settings) -> None:
    callers, strangers = trustme.CA(), trustme.CA()
    callers.cert_pem.write_to_path(str(files.folder / "callers.crt"))

    async def scene() -> None:
        settings = {**files.settings, "tls_client_ca": files.folder / "callers.crt"}
        async with secured(embedded_settings, **settings) as served:
            for name, ask in WAYS.items():
                assert await ask(served, Client(files.authority, callers.issue_cert("studio.example"))), name
                assert not await ask(served, Client(files.authority)), f"{name}: no certificate"
                stranger = strangers.issue_cert("studio.example")
                assert not await ask(served, Client(files.authority, stranger)), f"{name}: of nobody we know"

    run(scene())


@pytest.mark.parametrize("asks_callers", [False, True], ids=["tls", "mtls"])
def test_the_probe_speaks_as_the_gateway_does(
    asks_callers: bool, files: Files, embedded_settings: Settings
) -> None:
    files.authority.cert_pem.write_to_path(str(files.folder / "callers.crt"))
    callers = {"tls_client_ca": files.folder / "callers.crt"} if asks_callers else {}

    async def scene() -> None:
        async with secured(embedded_settings, **files.settings, **callers) as served:
            at = {"host": "0.0.0.0", "port": served.http}
            told = embedded_settings.model_copy(update={**files.settings, **callers, **at})
            for path in PATHS:
                assert await asyncio.to_thread(status_of, path, told) == 200
            untold = embedded_settings.model_copy(update=at)
            with pytest.raises((OSError, HTTPException)):
                await asyncio.to_thread(status_of, PATHS[0], untold)

    run(scene())


def test_a_renewed_certificate_is_shown_without_a_restart(
    files: Files, embedded_settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    async def shown(served: Served) -> list[str]:
        ports = (served.http, served.grpc)
        return [await asyncio.to_thread(ssl.get_server_certificate, (HOST, port)) for port in ports]

    async def scene() -> None:
        async with secured(embedded_settings, **files.settings) as served:
            before = await shown(served)
            assert before[0] == before[1]
            good = files.key.read_bytes()
            write(files.key, trustme.CA().issue_cert(HOST).private_key_pem.bytes())
            await until(lambda: "of before is still shown" in caplog.text)
            assert await shown(served) == before, "half of a renewal changes nothing"
            write(files.key, good)
            await asyncio.to_thread(files.renew)

            async def renewed() -> bool:
                after = await shown(served)
                return after[0] == after[1] != before[0]

            await until(renewed)
            for ask in WAYS.values():
                assert await ask(served, Client(files.authority))

    run(scene())


def write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


@pytest.mark.parametrize("damage", ["none", "nonsense", "another key", "no authority"])
def test_certificates_that_cannot_be_used_start_no_gateway(damage: str, files: Files) -> None:
    client_ca: Path | None = None
    if damage == "none":
        files.certificate.unlink()
    elif damage == "nonsense":
        files.certificate.write_text("nonsense")
    elif damage == "another key":
        files.key.write_bytes(trustme.CA().issue_cert(HOST).private_key_pem.bytes())
    else:
        client_ca = files.folder / "callers.crt"
    with pytest.raises(ValueError, match="SIMAHAND_TLS_"):
        Certificates(files.certificate, files.key, client_ca)
