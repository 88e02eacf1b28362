"""Single questions over gRPC: the hand that comes over HTTP, its errors, and when it is asked again."""

from __future__ import annotations

import asyncio
import io
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import orjson
import pytest
from PIL import Image
from sima_hand_client import (
    AsyncHandClient,
    Box,
    HandClient,
    HandClientError,
    HandResult,
    Intrinsics,
    NoReplyError,
    NotReadyError,
    OverloadedError,
    RejectedRequestError,
    RetryPolicy,
    UnexpectedReplyError,
    UnreachableError,
)
from sima_hand_client.rpc import hand_mesh_pb2 as pb

from deploy.bench.processes import free_port
from tests.clients.conftest import Reply, ScriptedServer

BOX, INTRINSICS = Box(20, 30, 100, 100), Intrinsics(900, 900, 160, 120)
QUICK = RetryPolicy(attempts=3, first_delay_s=0.01, longest_delay_s=0.05)
PATIENCE_S = 30.0


def ask_both(
    url: str,
    image: Any,  # noqa: ANN401
    *,
    timeout_s: float = PATIENCE_S,
    **choices: Any,  # noqa: ANN401
) -> list[HandResult | HandClientError | ValueError]:
    """Return what each client says, an error included."""

    async def asked() -> HandResult:
        async with AsyncHandClient(url, timeout_s=timeout_s, retry=QUICK) as client:
            return await client.reconstruct_grpc(image, **choices)

    def ask() -> HandResult:
        with HandClient(url, timeout_s=timeout_s, retry=QUICK) as client:
            return client.reconstruct_grpc(image, **choices)

    told: list[HandResult | HandClientError | ValueError] = []
    for question in (ask, lambda: asyncio.run(asked())):
        try:
            told.append(question())
        except (HandClientError, ValueError) as error:
            told.append(error)
    return told


def test_the_same_hand_comes_as_over_http(
    gateway_url: str, client: HandClient, photo: bytes, photo_file: Path
) -> None:
    expected = client.reconstruct(photo, hand="left", box=BOX, intrinsics=INTRINSICS)
    with Image.open(io.BytesIO(photo)) as picture:
        rgb = np.asarray(picture.convert("RGB"))
    assert expected.translation_m is not None
    for image in (photo, photo_file, rgb):
        for got in ask_both(gateway_url, image, hand="left", box=BOX, intrinsics=INTRINSICS):
            assert isinstance(got, HandResult), got
            np.testing.assert_array_equal(got.vertices_root_m, expected.vertices_root_m)
            np.testing.assert_allclose(got.joints_px, expected.joints_px, atol=1e-3)
            assert got.translation_m is not None
            np.testing.assert_allclose(list(got.translation_m), list(expected.translation_m), rtol=1e-4)
            assert (got.hand, got.model_version, got.intrinsics) == ("left", "1", INTRINSICS)


def test_what_is_wanted_is_what_comes(gateway_url: str, photo: bytes) -> None:
    for got in ask_both(
        gateway_url, photo, without_vertices=True, precision="float16", joint_sets=["openxr"]
    ):
        assert isinstance(got, HandResult), got
        assert got.vertices_root_m.shape == (0, 3)
        assert len(got.joint_sets["openxr"]) == 26


def test_many_threads_share_a_client(client: HandClient, photo: bytes) -> None:
    with ThreadPoolExecutor(8) as pool:
        hands = list(pool.map(lambda _: client.reconstruct_grpc(photo), range(32)))
    assert all(hand.vertices_root_m.shape == (778, 3) for hand in hands)


@pytest.mark.parametrize(
    ("image", "choices", "kind", "status", "words"),
    [
        (b"no image", {}, RejectedRequestError, 400, "JPEG, PNG or WebP"),
        (None, {"box": Box(9000, 0, 5, 5)}, RejectedRequestError, 400, "box"),
        (None, {"model": "nobody"}, RejectedRequestError, 404, "nobody"),
        (bytes(9 << 20), {}, RejectedRequestError, 413, "larger than max"),
        (np.zeros((4, 4), np.uint8), {}, ValueError, None, "uint8 of shape"),
        (None, {"precision": "int8"}, ValueError, None, "int8"),
    ],
    ids=["no image", "box", "model", "size", "shape", "precision"],
)
def test_what_is_wrong_is_told(
    gateway_url: str, photo: bytes, image: Any, choices: dict[str, Any],  # noqa: ANN401
    kind: type[Exception], status: int | None, words: str,
) -> None:  # fmt: skip
    for error in ask_both(gateway_url, photo if image is None else image, **choices):
        assert type(error) is kind, error
        assert words in str(error)
        assert getattr(error, "status", None) == status


@contextmanager
def rpc_server(*codes: tuple[grpc.StatusCode, str, str | None]) -> Iterator[tuple[str, list[bytes]]]:
    """Serve a description of a model over HTTP, and calls that end with these statuses, then answer."""
    asked: list[bytes] = []

    def reconstruct(data: bytes, context: grpc.ServicerContext) -> bytes:
        asked.append(data)
        number = (len(asked) - 1) % (len(codes) + 1)  # each client meets all of them
        if number < len(codes):
            code, slug, pushback_ms = codes[number]
            trailing = (("simahand-problem", slug), ("grpc-retry-pushback-ms", pushback_ms))
            context.set_trailing_metadata(tuple((key, value) for key, value in trailing if value))
            context.abort(code, "as told")
        return pb.Hand(
            rotation=[0.0] * 9, hand=pb.RIGHT, precision=pb.FLOAT32, model="m", version="1"
        ).SerializeToString()

    server = grpc.server(ThreadPoolExecutor(4))
    handlers: dict[str, Any] = {"Reconstruct": grpc.unary_unary_rpc_method_handler(reconstruct)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("simahand.v1.HandMesh", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with ScriptedServer(Reply(status=200, body=model_body(port))) as http:
            yield http.url, asked
    finally:
        server.stop(None).wait()


def model_body(grpc_port: int | None) -> bytes:
    contract = {"model": "m", "joint_names": [], "bones": [[0, 1]], "faces": [[0, 1, 2]]}
    return orjson.dumps({"contract": contract, "versions": ["1"], "streams": {"grpc_port": grpc_port}})


BUSY = (grpc.StatusCode.RESOURCE_EXHAUSTED, "overloaded", "10")
AWAY = (grpc.StatusCode.UNAVAILABLE, "engine-unavailable", None)


def test_who_is_busy_or_away_is_asked_again(photo: bytes) -> None:
    with rpc_server(BUSY, AWAY) as (url, asked):
        assert all(isinstance(told, HandResult) for told in ask_both(url, photo))
        assert len(asked) == 6


@pytest.mark.parametrize(
    ("failure", "kind", "calls"),
    [
        (BUSY, OverloadedError, 3),
        (AWAY, NotReadyError, 3),
        ((grpc.StatusCode.RESOURCE_EXHAUSTED, "overloaded", "60000"), OverloadedError, 1),
        ((grpc.StatusCode.INVALID_ARGUMENT, "bad-box", None), RejectedRequestError, 1),
        ((grpc.StatusCode.UNAVAILABLE, "", None), UnreachableError, 1),
        ((grpc.StatusCode.INTERNAL, "", None), UnexpectedReplyError, 1),
    ],
    ids=["busy", "away", "busy for long", "bad box", "broken", "another server"],
)
def test_only_what_was_not_served_is_asked_again(
    photo: bytes, failure: tuple[grpc.StatusCode, str, str | None], kind: type[Exception], calls: int
) -> None:
    with rpc_server(*[failure] * 9) as (url, asked):
        assert [type(told) for told in ask_both(url, photo)] == [kind, kind]
        assert len(asked) == 2 * calls


def test_nobody_there_and_silence_are_told_apart(photo: bytes) -> None:
    with ScriptedServer(Reply(status=200, body=model_body(free_port()))) as http:
        assert [type(told) for told in ask_both(http.url, photo)] == [UnreachableError] * 2
    with ScriptedServer(Reply(status=200, body=model_body(None))) as http:
        assert [str(told) for told in ask_both(http.url, photo)] == [f"{http.url} does not speak gRPC"] * 2
    with socket.create_server(("127.0.0.1", 0)) as silent:
        body = model_body(silent.getsockname()[1])
        with ScriptedServer(Reply(status=200, body=body)) as http:
            told = ask_both(http.url, photo, timeout_s=0.5)
            assert [type(one) for one in told] == [NoReplyError] * 2
