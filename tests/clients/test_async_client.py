"""The client for asyncio: the same questions and answers as the other's."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from sima_hand_client import (
    AsyncHandClient,
    Box,
    HandClient,
    HandResult,
    Intrinsics,
    NoReplyError,
    NotReadyError,
    RejectedRequestError,
    RetryPolicy,
    UnreachableError,
)

from deploy.bench.processes import free_port
from tests.clients.conftest import Reply, ScriptedServer

QUICK = RetryPolicy(attempts=3, first_delay_s=0.01, longest_delay_s=0.05)
Answer = TypeVar("Answer")


def ask(url: str, question: Callable[[AsyncHandClient], Awaitable[Answer]], **options: Any) -> Answer:  # noqa: ANN401
    async def asked() -> Answer:
        async with AsyncHandClient(url, retry=QUICK, **options) as client:
            return await question(client)

    return asyncio.run(asked())


def test_both_clients_get_the_same_hand(
    gateway_url: str, client: HandClient, photo: bytes, photo_file: Path
) -> None:
    box, intrinsics = Box(20, 30, 100, 100), Intrinsics(900, 900, 160, 120)
    expected = client.reconstruct(photo, hand="left", box=box, intrinsics=intrinsics)

    async def both(it: AsyncHandClient) -> list[HandResult]:
        question = it.reconstruct
        return [
            await question(image, hand="left", box=box, intrinsics=intrinsics)
            for image in (photo, photo_file)
        ]

    for got in ask(gateway_url, both):
        np.testing.assert_array_equal(got.vertices_root_m, expected.vertices_root_m)
        np.testing.assert_array_equal(got.joints_px, expected.joints_px)
        assert got.translation_m is not None
        np.testing.assert_array_equal(got.translation_m, expected.translation_m)
        assert (got.hand, got.intrinsics) == ("left", intrinsics)


def test_many_questions_at_once_share_a_client(gateway_url: str, photo: bytes) -> None:
    async def many(client: AsyncHandClient) -> list[bytes]:
        return list(await asyncio.gather(*(client.reconstruct_glb(photo) for _ in range(20))))

    assert {glb[:4] for glb in ask(gateway_url, many)} == {b"glTF"}


def test_the_model_is_described(gateway_url: str, client: HandClient) -> None:
    model = ask(gateway_url, lambda it: it.model())
    assert model.joint_names == client.model().joint_names
    assert model.grpc_port


def test_what_is_wrong_is_told(gateway_url: str) -> None:
    with pytest.raises(RejectedRequestError, match="JPEG, PNG or WebP"):
        ask(gateway_url, lambda it: it.reconstruct(b"no image"))


def test_who_is_away_is_asked_again(photo: bytes) -> None:
    with ScriptedServer(Reply(status=503), Reply(status=200, body=b"glTF")) as server:
        assert ask(server.url, lambda it: it.reconstruct_glb(photo)) == b"glTF"
    with ScriptedServer(Reply(status=503)) as server:
        with pytest.raises(NotReadyError):
            ask(server.url, lambda it: it.model())
        assert server.request_count == 3


def test_nobody_there_is_unreachable() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(UnreachableError, match=url):
        ask(url, lambda it: it.model())


def test_silence_is_no_reply() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(NoReplyError):
            ask(url, lambda it: it.model(), timeout_s=0.2)
