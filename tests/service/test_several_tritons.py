"""Two real Tritons behind one name of a real name server: taking turns, a loss under load, and one more."""

from __future__ import annotations

import functools
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from deploy.faults.fleet import answered
from deploy.faults.names import Names, name_server
from deploy.triton.install import install
from deploy.triton.server import Ports, TritonServer
from service.app import create_app
from service.settings import Settings
from tests.service.conftest import served
from tests.service.test_triton import Load, is_ready, post, wait_for
from tests.untrained import SMALL, export_served, untrained_served

pytestmark = [pytest.mark.triton, pytest.mark.slow]

ADDRESSES = ("127.0.0.1", "127.0.0.2")
CALLERS = 4
CONNECTION_AGE_S = 1.5
PATIENCE_S = 90.0


@dataclass(frozen=True)
class Pair:
    """Two servers on the same port of two addresses, and the name of both."""

    servers: tuple[TritonServer, ...]
    names: Names
    url: str
    repository: Path

    def answered(self) -> list[int]:
        """Return how many requests each server has answered since it started."""
        return [answered(server) for server in self.servers]

    @contextmanager
    def gateway(self) -> Iterator[httpx.Client]:
        """A gateway that asks both, and has time on a busy machine."""
        settings = Settings(triton_url=self.url, model_repository=self.repository, deadline_s=60.0)
        with served(create_app(settings)) as client:
            wait_for(lambda: is_ready(client))
            yield client


@pytest.fixture(scope="module")
def small_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one small untrained network."""
    made = tmp_path_factory.mktemp("small") / "model_repository"
    export_served(untrained_served(SMALL), made)
    return made


@pytest.fixture(scope="module")
def pair(small_repository: Path) -> Iterator[Pair]:
    port = Ports.free().grpc
    servers = tuple(
        TritonServer(
            install(), repository=small_repository, address=address, threads=1,
            ports=Ports(http=free.http, grpc=port, metrics=free.metrics), connection_age_s=CONNECTION_AGE_S,
        )
        for address, free in ((address, Ports.free()) for address in ADDRESSES)
    )  # fmt: skip
    with name_server(ADDRESSES) as names:
        try:
            with ThreadPoolExecutor(len(servers)) as pool:
                list(pool.map(TritonServer.start, servers))
            yield Pair(servers, names, names.url(port), small_repository)
        finally:
            for server in servers:
                server.kill()


def test_requests_take_turns(pair: Pair) -> None:
    with pair.gateway() as client:
        wait_for(lambda: both_answer(client, pair), timeout_s=PATIENCE_S)
        before = pair.answered()
        assert {post(client).status_code for _ in range(20)} == {200}
        gained = [after - count for after, count in zip(pair.answered(), before, strict=True)]
    assert sum(gained) == 20
    assert min(gained) >= 5


def test_no_request_fails_while_one_of_two_dies_and_comes_back(pair: Pair) -> None:
    """It dies with a request of every caller in its hands, and these are answered by the other one."""
    first, _ = pair.servers
    with pair.gateway() as client, loaded(client) as load:
        wait_for(lambda: both_answer(client, pair), timeout_s=PATIENCE_S)
        os.killpg(first.pid, signal.SIGSTOP)
        wait_for(lambda: stands_still(load), timeout_s=PATIENCE_S)
        first.kill()
        died = len(load.statuses)
        wait_for(lambda: len(load.statuses) > died + 2 * CALLERS, timeout_s=PATIENCE_S)
        first.start()
        warm = answered(first)
        wait_for(lambda: answered(first) > warm + CALLERS, timeout_s=PATIENCE_S)
    assert set(load.statuses) == {200}


def test_a_new_version_comes_while_requests_are_answered(pair: Pair) -> None:
    """As Kubernetes does it: a server leaves the name, is left by its clients, and only then stops."""
    first, second = pair.servers
    model = pair.repository / "svr_hand"
    shutil.copytree(model / "1", model / "2")
    with pair.gateway() as client, loaded(client) as load:
        pair.names.addresses = [second.address]
        wait_for(functools.partial(is_idle, first), timeout_s=PATIENCE_S)
        first.restart()
        pair.names.addresses = list(ADDRESSES)
        wait_for(functools.partial(answers_more, first, answered(first)), timeout_s=PATIENCE_S)
        assert {post(client).json()["model"]["version"] for _ in range(12)} == {"1", "2"}
        assert {post(client, version="1").json()["model"]["version"] for _ in range(12)} == {"1"}
    assert set(load.statuses) == {200}


def test_a_server_that_hangs_is_given_up(pair: Pair) -> None:
    """Its kernel still takes what is sent; only gRPC's pings tell."""
    first, _ = pair.servers
    with pair.gateway() as client, ThreadPoolExecutor(CALLERS) as pool:
        wait_for(lambda: both_answer(client, pair), timeout_s=PATIENCE_S)
        os.killpg(first.pid, signal.SIGSTOP)
        try:
            assert {answer.status_code for answer in pool.map(lambda _: post(client), range(CALLERS))} == {
                200
            }
        finally:
            os.killpg(first.pid, signal.SIGCONT)


def test_a_server_that_is_new_behind_the_name_is_found(pair: Pair) -> None:
    """Nobody tells the gateway: the old server ends its connection, and then the name is asked again."""
    first, second = pair.servers
    pair.names.addresses = [first.address]
    try:
        with pair.gateway() as client:
            before = answered(second)
            assert {post(client).status_code for _ in range(10)} == {200}
            assert answered(second) == before
            pair.names.addresses = list(ADDRESSES)
            wait_for(
                lambda: post(client).status_code == 200 and answered(second) > before, timeout_s=PATIENCE_S
            )
    finally:
        pair.names.addresses = list(ADDRESSES)


@contextmanager
def loaded(client: httpx.Client) -> Iterator[Load]:
    """Callers who ask all the time."""
    load = Load(client)
    callers = [threading.Thread(target=load.run) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    try:
        yield load
    finally:
        load.stop.set()
        for caller in callers:
            caller.join()


def is_idle(server: TritonServer) -> bool:
    """Tell whether a server has had nothing to do for longer than a connection lasts."""
    before = answered(server)
    time.sleep(2 * CONNECTION_AGE_S)
    return answered(server) == before


def answers_more(server: TritonServer, count: int) -> bool:
    """Tell whether a server has answered every caller once since `count` answers."""
    return answered(server) > count + CALLERS


def stands_still(load: Load) -> bool:
    """Tell whether nobody gets an answer: every caller's request is with a server that hangs."""
    before = len(load.statuses)
    time.sleep(1.0)
    return len(load.statuses) == before


def both_answer(client: httpx.Client, pair: Pair) -> bool:
    """Tell whether a few requests reach both servers: the second connection may be a moment late."""
    before = pair.answered()
    assert {post(client).status_code for _ in range(4)} == {200}
    return all(after > count for after, count in zip(pair.answered(), before, strict=True))
