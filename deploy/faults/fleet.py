"""Two Tritons behind one name and two gateways: one is lost under load, and all get a new version."""

from __future__ import annotations

import asyncio
import re
import shutil
import time
import urllib.request
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.faults.engine import MODEL
from deploy.faults.episode import Episode, Finding
from deploy.faults.load import Load, loaded
from deploy.faults.names import Names, name_server
from deploy.faults.stand import GatewayProcess, Stand
from deploy.triton.server import Ports, TritonServer

ADDRESSES = ("127.0.0.1", "127.0.0.2")
CONNECTION_AGE_S = 1.5
PATIENCE_S = 60.0
BACK_S = 10.0
ANSWERED = re.compile(r"^nv_inference_request_success\{.*\} (\S+)$", re.M)


@dataclass(frozen=True)
class Fleet:
    """Two of each."""

    servers: tuple[TritonServer, ...]
    gateways: tuple[GatewayProcess, ...]
    names: Names

    def load(self, stand: Stand) -> Load:
        """Return callers of both gateways in turn."""
        return Load([gateway.port for gateway in self.gateways], stand.request)


async def triton_lost(stand: Stand) -> Episode:
    """SIGKILL to one of two Tritons, which comes back: nobody is refused, and both get their share again."""
    async with _fleet(stand, stand.repository) as fleet:
        first, second = fleet.servers
        async with loaded(fleet.load(stand), rate_per_s=stand.rate_per_s) as load:
            await asyncio.sleep(stand.before_s)
            shares = [await _answered(server) for server in fleet.servers]
            first.kill()
            await asyncio.sleep(stand.during_s)
            await stand.start(first)
            over_s = time.perf_counter()
            back_s = await _until_it_answers(first)
            await asyncio.sleep(stand.after_s)
            ended = [await _answered(server) for server in (first, second)]
    return Episode(
        fault="One of two Tritons killed, started again; two gateways",
        answers=load.answers,
        over_s=over_s,
        found=[
            Finding(f"both answered before ({shares[0]}, {shares[1]})", min(shares) > 0),
            Finding(f"the lost one answers again {back_s:.1f} s after its return", back_s <= BACK_S),
            Finding(f"{ended[0]} answers of the new one", ended[0] > 1),
        ],
    )


async def hot_swap(stand: Stand) -> Episode:
    """Version 2 comes to one Triton after the other, as a rollout brings it; no request fails."""
    repository = stand.folder / "versions"
    shutil.copytree(stand.repository, repository)
    async with (
        _fleet(stand, repository) as fleet,
        loaded(fleet.load(stand), rate_per_s=stand.rate_per_s) as load,
    ):
        await asyncio.sleep(stand.before_s)
        shutil.copytree(repository / MODEL / "1", repository / MODEL / "2")
        for server in fleet.servers:
            await _replaced(stand, fleet, server)
        over_s = time.perf_counter()
        await asyncio.sleep(stand.after_s)
    versions = [answer.version for answer in load.answers if answer.version]
    last = {answer.version for answer in load.answers if answer.asked_s > over_s + 1.0}
    return Episode(
        fault="Version 2 of the model comes to both Tritons, one by one",
        answers=load.answers,
        over_s=over_s,
        found=[
            Finding(
                f"answers say version 1 x {versions.count('1')}, 2 x {versions.count('2')}",
                set(versions) == {"1", "2"},
            ),
            Finding("only version 2 at the end", last == {"2"}),
        ],
    )


async def _replaced(stand: Stand, fleet: Fleet, server: TritonServer) -> None:
    """Take a server out of the name, stop it once its clients have left it, and bring it back."""
    fleet.names.addresses = [address for address in ADDRESSES if address != server.address]
    deadline_s = time.perf_counter() + PATIENCE_S
    before = -1
    while (now := await _answered(server)) != before:
        if time.perf_counter() > deadline_s:
            raise TimeoutError(f"{server.address} is still asked {PATIENCE_S:.0f} s after it left the name")
        before = now
        await asyncio.sleep(2 * CONNECTION_AGE_S)
    await asyncio.to_thread(server.stop)
    await stand.start(server)
    fleet.names.addresses = list(ADDRESSES)
    await _until_it_answers(server)


async def _until_it_answers(server: TritonServer) -> float:
    """Return after how many seconds a server has answered somebody who asked for a hand."""
    start_s, first = time.perf_counter(), await _answered(server)
    while await _answered(server) <= first:
        if time.perf_counter() - start_s > PATIENCE_S:
            return PATIENCE_S
        await asyncio.sleep(0.1)
    return time.perf_counter() - start_s


@asynccontextmanager
async def _fleet(stand: Stand, repository: Path) -> AsyncGenerator[Fleet, None]:
    """Have two of each running."""
    port = Ports.free().grpc
    servers = tuple(
        stand.triton(
            repository=repository,
            address=address,
            ports=Ports(http=free.http, grpc=port, metrics=free.metrics),
            connection_age_s=CONNECTION_AGE_S,
        )
        for address, free in ((address, Ports.free()) for address in ADDRESSES)
    )
    async with AsyncExitStack() as stack:
        names = stack.enter_context(name_server(ADDRESSES))
        for server in servers:
            stack.callback(server.kill)
        await asyncio.gather(*(stand.start(server) for server in servers))
        gateways = tuple(stand.gateway(names.url(port)) for _ in range(2))
        for gateway in gateways:
            await stack.enter_async_context(gateway)
        yield Fleet(servers, gateways, names)


def answered(server: TritonServer) -> int:
    """Return how many requests a server has answered since it started; its warm-up is not counted."""
    with urllib.request.urlopen(f"http://{server.metrics_url}/metrics", timeout=30) as page:
        text: str = page.read().decode()
    return round(sum(map(float, ANSWERED.findall(text))))


async def _answered(server: TritonServer) -> int:
    """Return the same while callers go on calling."""
    return await asyncio.to_thread(answered, server)
