"""What happens to Triton: killed, frozen, slow, restarted, without the model, with another one."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Awaitable, Callable

from deploy.faults.episode import Episode, Finding
from deploy.faults.load import CUT_OFF, NOT_CONNECTED, Load, loaded
from deploy.faults.stand import GatewayProcess, Stand, freeze, thaw
from deploy.triton.server import TritonServer

UNAVAILABLE = frozenset({"503", "504", "429"})
LATE = frozenset({"504", "429"})
AWAKE_S, ASLEEP_S = 0.02, 0.08
MODEL = "svr_hand"

Strike = Callable[[Stand, TritonServer], Awaitable[None]]


async def triton_killed(stand: Stand) -> Episode:
    """SIGKILL, as a crash or the kernel's own killer would."""

    async def strike(stand: Stand, server: TritonServer) -> None:
        server.kill()
        await asyncio.sleep(stand.during_s)
        await stand.start(server)

    return await _struck(stand, "Triton killed, started again", strike, UNAVAILABLE)


async def triton_frozen(stand: Stand) -> Episode:
    """SIGSTOP: connections stay, nothing is answered."""

    async def strike(stand: Stand, server: TritonServer) -> None:
        freeze(server)
        await asyncio.sleep(stand.during_s)
        thaw(server)

    return await _struck(stand, "Triton frozen (SIGSTOP)", strike, UNAVAILABLE)


async def triton_slow(stand: Stand) -> Episode:
    """A fifth of its speed, under a load that it could bear at full speed."""

    async def strike(stand: Stand, server: TritonServer) -> None:
        end_s = time.perf_counter() + 2 * stand.during_s
        while time.perf_counter() < end_s:
            freeze(server)
            await asyncio.sleep(ASLEEP_S)
            thaw(server)
            await asyncio.sleep(AWAKE_S)

    return await _struck(stand, "Triton at a fifth of its speed", strike, LATE, strikes=False)


async def triton_restarted(stand: Stand) -> Episode:
    """SIGTERM and a new start."""

    async def strike(stand: Stand, server: TritonServer) -> None:
        await asyncio.to_thread(server.stop)
        await stand.start(server)

    return await _struck(stand, "Triton restarted in order", strike, UNAVAILABLE)


async def model_missing(stand: Stand) -> Episode:
    """Triton comes back with a repository that lacks the model."""
    others = stand.folder / "other_models"
    folder = others / "other_hand"
    shutil.copytree(stand.repository / MODEL, folder)
    config = folder / "config.pbtxt"
    config.write_text(config.read_text().replace(f'name: "{MODEL}"', 'name: "other_hand"', 1))

    async def strike(stand: Stand, server: TritonServer) -> None:
        await asyncio.to_thread(server.stop)
        wrong = stand.triton(repository=others, ports=server.ports)
        try:
            await stand.start(wrong)
            await asyncio.sleep(stand.during_s)
        finally:
            await asyncio.to_thread(wrong.stop)
        await stand.start(server)

    return await _struck(stand, "Triton without the model, then with it", strike, UNAVAILABLE)


async def wrong_contract(stand: Stand) -> Episode:
    """A gateway of another release, whose contract is not what Triton serves; then the right one."""
    wrong = stand.folder / "wrong_contract"
    shutil.copytree(stand.repository, wrong)
    path = wrong / MODEL / "contract.json"
    contract = json.loads(path.read_text())
    contract["image_size_px"] //= 2
    contract["inputs"][0]["shape"][:2] = [contract["image_size_px"]] * 2
    path.write_text(json.dumps(contract))
    server = stand.triton()
    gateways: list[GatewayProcess] = []
    try:
        await stand.start(server)
        first = stand.gateway(server.grpc_url, {"SIMAHAND_MODEL_REPOSITORY": str(wrong)})
        gateways.append(first)
        await first.start(ready=False)
        async with loaded(Load([first.port], stand.request), rate_per_s=stand.rate_per_s) as load:
            await asyncio.sleep(stand.during_s)
            was_ready, had = await first.answers("/readyz"), load.count()
            first.kill()
            right = stand.gateway(server.grpc_url, port=first.port)
            gateways.append(right)
            await right.start()
            over_s = time.perf_counter()
            await asyncio.sleep(stand.after_s)
    finally:
        for gateway in gateways:
            gateway.kill()
        server.kill()
    return Episode(
        fault="Gateway and Triton of different contracts, then of one",
        answers=load.answers,
        over_s=over_s,
        allowed=frozenset({"502", "503", CUT_OFF, NOT_CONNECTED}),
        strikes=True,
        found=[
            Finding("never ready meanwhile", not was_ready),
            Finding(f"{had} hands of the wrong contract", had == 0),
        ],
    )


async def _struck(
    stand: Stand, fault: str, strike: Strike, allowed: frozenset[str], *, strikes: bool = True
) -> Episode:
    async with stand.serving() as (server, gateway):
        async with loaded(Load([gateway.port], stand.request), rate_per_s=stand.rate_per_s) as load:
            await asyncio.sleep(stand.before_s)
            await strike(stand, server)
            over_s = time.perf_counter()
            await asyncio.sleep(stand.after_s)
        alive = await gateway.answers("/readyz")
    return Episode(
        fault=fault,
        answers=load.answers,
        over_s=over_s,
        allowed=allowed,
        strikes=strikes,
        found=[Finding("ready again" if alive else "not ready again", alive)],
    )
