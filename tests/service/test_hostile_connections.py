"""What is wrong before a request is one: floods of headers, lies about lengths, no HTTP at all."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.errors import PROBLEM_TYPE_PREFIX
from tests.service.conftest import MODEL, gateway_and_its_process
from tests.service.pictures import encoded, picture
from tests.service.test_hostile_files import MARGIN_MIB, Watched

JPEG = encoded(picture(120, 100), "JPEG")
POST = b"POST /v1/reconstruct HTTP/1.1\r\nhost: x\r\ncontent-type: image/jpeg\r\n"
GET = b"GET /livez HTTP/1.1\r\nhost: x\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n\r\n"
MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def gateway(repository: Path) -> Iterator[Watched]:
    settings = {
        "ENGINE": "embedded", "MODEL_REPOSITORY": str(repository), "MODEL_NAME": MODEL,
        "DEADLINE_S": "60", "BODY_TIMEOUT_S": "1.5", "KEEP_ALIVE_S": "2",
    }  # fmt: skip
    with gateway_and_its_process(settings) as (client, process):
        yield Watched(client, process)
        assert process.poll() is None, "the gateway did not live through it"
        assert client.post("/v1/reconstruct", files={"image": JPEG}).status_code == 200


def say(gateway: Watched, *parts: bytes, hang_up: bool = False) -> bytes:
    """Send the parts as they are, as far as they are taken, and return the whole reply."""
    place = (gateway.client.base_url.host, gateway.client.base_url.port or 80)
    with socket.create_connection(place, timeout=30) as line:
        try:
            for part in parts:
                line.sendall(part)
            if hang_up:
                line.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has stopped listening; what it said is there all the same
        return b"".join(iter(lambda: _received(line), b""))


def _received(line: socket.socket) -> bytes:
    try:
        return line.recv(65536)
    except ConnectionError:
        return b""


def problem_of(reply: bytes) -> dict[str, Any]:
    head, _, body = reply.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    problem: dict[str, Any] = json.loads(body)
    assert int(head.split()[1]) == problem["status"]
    assert problem["request_id"].encode() in head
    return problem


FLOODS = {
    "many headers": [GET, *(b"a%d: %s\r\n" % (number, b"x" * 1000) for number in range(40_000))],
    "one header": [GET, b"a: ", *[b"x" * MEBIBYTE] * 40],
    "one name": [GET, *[b"x" * MEBIBYTE] * 40],
    "a url": [b"GET /", *[b"x" * MEBIBYTE] * 40],
    "a query": [b"GET /livez?", *[b"x=1&" * (MEBIBYTE >> 2)] * 40],
    "trailers": [
        POST,
        CHUNKED,
        b"0\r\n",
        *(b"a%d: %s\r\n" % (number, b"x" * 1000) for number in range(40_000)),
    ],
    "one trailer": [POST, CHUNKED, b"0\r\na: ", *[b"x" * MEBIBYTE] * 40],
    "a chunk's extension": [POST, CHUNKED, b"1;", *[b"x" * MEBIBYTE] * 40],
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_in_front_of_a_body_is_cut_off(gateway: Watched, name: str) -> None:
    held_mib = gateway.forget_peak()
    problem = problem_of(say(gateway, *FLOODS[name]))
    assert problem["type"] == PROBLEM_TYPE_PREFIX + "head-too-large"
    assert problem["status"] == 431
    assert problem["limit_bytes"] == 64 << 10
    assert gateway.peak_mib() < held_mib + MARGIN_MIB


def test_a_head_of_the_largest_size_is_served(gateway: Watched) -> None:
    for length, status in ((60_000, b"200"), (70_000, b"431")):
        reply = say(gateway, GET + b"connection: close\r\na: " + b"x" * length + b"\r\n\r\n")
        assert reply.split()[1] == status


LIES = {
    "negative": b"content-length: -5",
    "two that differ": b"content-length: 5\r\ncontent-length: 6",
    "beyond all numbers": b"content-length: " + b"9" * 5000,
    "no number": b"content-length: many",
    "a length and chunks": b"content-length: 5\r\ntransfer-encoding: chunked",
    "an unknown coding": b"transfer-encoding: gzip",
    "no header": b"nothing to see here",
    "a name with a space": b"content length: 5",
}


@pytest.mark.parametrize("name", LIES)
def test_a_head_that_can_be_read_in_two_ways_is_refused(gateway: Watched, name: str) -> None:
    problem = problem_of(say(gateway, POST + LIES[name] + b"\r\n\r\nhello"))
    assert problem["type"] == PROBLEM_TYPE_PREFIX + "malformed-request"


@pytest.mark.parametrize(
    "noise", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", os.urandom(3000), b"SSH-2.0-a\r\n"]
)
def test_what_is_no_http_is_refused(gateway: Watched, noise: bytes) -> None:
    assert problem_of(say(gateway, noise))["status"] == 400


def test_a_promise_of_too_much_is_refused_before_it_comes(gateway: Watched) -> None:
    reply = say(gateway, POST + b"connection: close\r\ncontent-length: 99999999999\r\n\r\n")
    assert problem_of(reply)["type"] == PROBLEM_TYPE_PREFIX + "too-large"


def test_a_promise_of_more_than_comes_is_waited_for_and_no_longer(gateway: Watched) -> None:
    more = POST + b"connection: close\r\ncontent-length: %d\r\n\r\n" % (len(JPEG) + 9) + JPEG
    assert problem_of(say(gateway, more))["type"] == PROBLEM_TYPE_PREFIX + "slow-upload"
    say(gateway, more, hang_up=True)


def test_a_promise_of_less_than_comes_is_kept(gateway: Watched) -> None:
    """What follows is the next request, and none."""
    problem = problem_of(say(gateway, POST + b"content-length: 50\r\n\r\n" + JPEG))
    assert problem["status"] == 400


def test_a_head_that_drips_is_not_waited_for(gateway: Watched) -> None:
    problem = problem_of(say(gateway, GET + b"a: "))
    assert (problem["status"], problem["type"]) == (408, PROBLEM_TYPE_PREFIX + "slow-upload")
    assert "1.5 s" in problem["detail"]


def test_a_connection_on_which_nothing_comes_is_closed(gateway: Watched) -> None:
    assert say(gateway) == b""


def test_requests_one_after_another_on_one_connection_are_all_answered(gateway: Watched) -> None:
    """The bounds are a request's, not a connection's: together these heads have over 64 KiB."""
    request = GET + b"a: " + b"x" * 9000 + b"\r\n"
    replies = say(gateway, *[request + b"\r\n"] * 9, request + b"connection: close\r\n\r\n")
    assert replies.count(b"HTTP/1.1 200") == 10
