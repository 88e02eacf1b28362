"""Live streams for plain code: the same replies as for asyncio, and nothing left behind."""

from __future__ import annotations

import inspect
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sima_hand_client import (
    AsyncHandClient,
    HandClient,
    HandStream,
    NoReplyError,
    RejectedRequestError,
    RetryPolicy,
    UnreachableError,
)
from sima_hand_client.streams.blocking import FrameChoices, StreamChoices
from sima_hand_client.streams.messages import Transport

from deploy.bench.processes import free_port
from tests.clients.scenes import BOX, own_gateway

ONCE = RetryPolicy(attempts=1)


def test_the_same_hand_comes_as_over_http(client: HandClient, photo: bytes, transport: Transport) -> None:
    expected = client.reconstruct(photo, hand="left", box=BOX)
    with client.stream(transport=transport) as stream:
        for number in (1, 2):
            reply = stream.ask(photo, hand="left", box=BOX, captured_at_us=-7)
            assert (reply.frame_id, reply.captured_at_us) == (number, -7)
            np.testing.assert_array_equal(reply.require_hand().joints_root_m, expected.joints_root_m)


def test_one_thread_sends_while_another_reads(client: HandClient, photo: bytes, transport: Transport) -> None:
    with client.stream(transport=transport, without_vertices=True) as stream:

        def send() -> None:
            for _ in range(100):
                stream.send(photo)
            stream.finish()

        sender = threading.Thread(target=send)
        sender.start()
        replies = list(stream)
        sender.join()
    assert replies[-1].frame_id == 100
    assert sum(reply.dropped for reply in replies) + len(replies) == 100


def test_errors_are_those_of_asyncio(client: HandClient, photo: bytes) -> None:
    with client.stream() as stream:
        with pytest.raises(RejectedRequestError, match="JPEG, PNG or WebP"):
            stream.ask(b"no image").require_hand()
        with pytest.raises(ValueError, match="float32"):
            stream.send(np.zeros((4, 4, 3), np.float32))
    with pytest.raises(ValueError, match="not open"):
        stream.send(photo)
    with pytest.raises(ValueError, match="transport: 'udp' is none of"):
        client.stream(transport="udp")  # type: ignore[arg-type]
    nobody = f"http://127.0.0.1:{free_port()}"
    with HandClient(nobody) as alone, pytest.raises(UnreachableError, match=nobody[7:]):
        alone.stream().__enter__()


def test_a_frame_without_a_reply_has_a_deadline(tmp_path: Path, photo: bytes) -> None:
    port = free_port()
    with (
        own_gateway(tmp_path, port) as tree,
        HandClient(f"http://127.0.0.1:{port}") as client,
        client.stream(timeout_s=0.5, reconnect=ONCE) as stream,
    ):
        stream.ask(photo)
        tree.send(signal.SIGSTOP)
        with pytest.raises(NoReplyError, match=r"within 0\.5 s"):
            stream.ask(photo)


def test_a_stream_that_is_left_leaves_no_thread(client: HandClient, photo: bytes) -> None:
    before = threading.active_count()
    for _ in range(3):
        with client.stream() as stream:
            stream.ask(photo)
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("choices", "function"),
    [
        (StreamChoices, AsyncHandClient.stream),
        (FrameChoices, HandStream.send),
        (FrameChoices, HandStream.ask),
    ],
    ids=["stream", "send", "ask"],
)
def test_both_take_the_same_arguments(choices: type, function: Callable[..., object]) -> None:
    parameters = inspect.signature(function).parameters.values()
    assert set(choices.__annotations__) == {
        parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY
    }
