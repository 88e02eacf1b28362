"""A gateway that asks for keys, and every way to ask it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
from websockets.exceptions import InvalidStatus

from service.keys.key_file import KeyFile, StoredKey, digest_of, new_key, write_key_file
from service.rpc import hand_mesh_pb2 as pb
from service.settings import Settings
from tests.service.pictures import encoded, picture
from tests.service.streams.peers import GET_MODEL, RECONSTRUCT, STREAM, channel_to, socket_to
from tests.service.streams.serving import Served, SteadyEngine, serving

JPEG = encoded(picture(128, 128), "JPEG")
ASYNC_PATIENCE_S = 60.0

Metadata = tuple[tuple[str, str], ...]
Ask = Callable[[Served, str | None], Awaitable[str]]
"""Asks with a key, or without; returns "ok" or the slug of the refusal."""


def stored(key: str, **limits: Any) -> StoredKey:  # noqa: ANN401
    """Return what the file keeps of a key."""
    return StoredKey(sha256=digest_of(key), **limits)


def write_keys(path: Path, **keys: StoredKey) -> None:
    """Make the file hold these keys."""
    write_key_file(path, KeyFile(keys=keys))


@asynccontextmanager
async def guarded(
    settings: Settings,
    path: Path,
    *,
    engine: SteadyEngine | None = None,
    **changes: Any,  # noqa: ANN401
) -> AsyncGenerator[tuple[Served, str], None]:
    """Serve with one key, which the body gets; the limits of the key are in `changes` as `limits`."""
    key = new_key()
    write_keys(path, studio=stored(key, **changes.pop("limits", {})))
    async with serving(settings, engine or SteadyEngine(), keys_file=path, **changes) as served:
        yield served, key


def run(scene: Awaitable[None]) -> None:
    """Play a scene, not forever."""

    async def play() -> None:
        await asyncio.wait_for(scene, ASYNC_PATIENCE_S)

    asyncio.run(play())


async def until(holds: Callable[[], bool | Awaitable[bool]]) -> None:
    """Ask again and again."""
    while True:
        held = holds()
        if held if isinstance(held, bool) else await held:
            return
        await asyncio.sleep(0.05)


async def answers(served: Served, key: str, slug: str = "ok") -> None:
    """Wait until a key is answered like this: the gateway looks at its file now and then."""

    async def holds() -> bool:
        return await by_header(served, key) == slug

    await until(holds)


def slug_of(reply: httpx.Response) -> str:
    """Return the slug of a refusal, "ok" for none."""
    return "ok" if reply.is_success else str(reply.json()["type"]).rpartition(":")[2]


async def get(served: Served, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
    """Ask for a path."""
    async with httpx.AsyncClient(timeout=30) as client:
        return await client.get(f"http://127.0.0.1:{served.http}{path}", headers=headers)


async def by_bearer(served: Served, key: str | None) -> str:
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    return slug_of(await get(served, "/v1/model", headers))


async def by_header(served: Served, key: str | None) -> str:
    return slug_of(await get(served, "/v1/model", {} if key is None else {"x-api-key": key}))


async def by_post(served: Served, key: str | None) -> str:
    headers = {"content-type": "image/jpeg"} | ({} if key is None else {"x-api-key": key})
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.http}", timeout=30) as client:
        return slug_of(await client.post("/v1/reconstruct", content=JPEG, headers=headers))


async def open_socket(served: Served, **options: Any) -> str:  # noqa: ANN401
    """Open a WebSocket and say how that went."""
    try:
        async with socket_to(served, **options):
            return "ok"
    except InvalidStatus as error:
        assert error.response.body is not None
        return slug_of(httpx.Response(error.response.status_code, content=bytes(error.response.body)))


async def by_socket_header(served: Served, key: str | None) -> str:
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    return await open_socket(served, additional_headers=headers)


async def by_subprotocol(served: Served, key: str | None) -> str:
    words = ["simahand.v1"] + ([] if key is None else [f"simahand.key.{key}"])
    return await open_socket(served, subprotocols=words)


def metadata_of(key: str | None, name: str = "authorization") -> Metadata:
    """Return a key as gRPC carries it."""
    if key is None:
        return ()
    return ((name, key if name == "x-api-key" else f"Bearer {key}"),)


async def call(served: Served, method: str, metadata: Metadata, request: bytes = b"") -> str:
    """Call a method of one request or of many, and say how that went."""
    async with channel_to(served) as channel:
        try:
            if method == STREAM:
                stream: Any = channel.stream_stream(method)(metadata=metadata)
                await stream.done_writing()
                while await stream.read() is not grpc.aio.EOF:
                    pass
                if await stream.code() != grpc.StatusCode.OK:
                    return str(dict(await stream.trailing_metadata())["simahand-problem"])
            else:
                unary: Any = channel.unary_unary(method)
                await unary(request, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            slug = str(dict(error.trailing_metadata() or ())["simahand-problem"])
            if slug == "unauthorized":
                assert error.code() == grpc.StatusCode.UNAUTHENTICATED
            return slug
    return "ok"


async def by_grpc_model(served: Served, key: str | None) -> str:
    return await call(served, GET_MODEL, metadata_of(key))


async def by_grpc_reconstruct(served: Served, key: str | None) -> str:
    request = pb.ReconstructRequest(frame=pb.Frame(encoded=JPEG)).SerializeToString()
    return await call(served, RECONSTRUCT, metadata_of(key, "x-api-key"), request)


async def by_grpc_stream(served: Served, key: str | None) -> str:
    return await call(served, STREAM, metadata_of(key))


WAYS: dict[str, Ask] = {
    "Authorization": by_bearer,
    "X-API-Key": by_header,
    "a picture": by_post,
    "the header of a WebSocket": by_socket_header,
    "a subprotocol": by_subprotocol,
    "gRPC GetModel": by_grpc_model,
    "gRPC Reconstruct": by_grpc_reconstruct,
    "gRPC Stream": by_grpc_stream,
}
