"""What is broken: real Tritons and real gateways as processes, each with a core where there are two."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from deploy.bench.cores import Cores, pinned_to
from deploy.bench.processes import ProcessTree, free_port
from deploy.bench.vitals import Vitals, vitals
from deploy.bench.wire import Request
from deploy.network import answers_ok
from deploy.triton.install import install
from deploy.triton.server import Ports, TritonServer

READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0


class GatewayError(RuntimeError):
    """The gateway did not become ready, or did not end."""


class GatewayProcess:
    """`python -m service`, started, broken and started again on the same port."""

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        port: int,
        log: Path,
        core: int | None,
        file_bytes: int | None,
    ) -> None:
        """Say how it runs; nothing starts yet.

        Args:
            environment: Its settings.
            port: Of its HTTP.
            log: Where its log goes, unless it may write nothing.
            core: The core that it runs on, any by default.
            file_bytes: How much it may write into any file; without a bound by default.
        """
        self.port = port
        self._environment = dict(environment)
        self.log = log
        self._core = core
        self._file_bytes = file_bytes
        self._process: subprocess.Popen[bytes] | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.kill()

    async def start(self, *, ready: bool = True) -> None:
        """Start it; return once it is ready, or once it lives.

        Raises:
            GatewayError: It did not become so.
        """
        self._process = self._spawned()
        if self._file_bytes is not None:
            resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (self._file_bytes, self._file_bytes))
        await self.wait_for("/readyz" if ready else "/livez")

    async def wait_for(self, path: str) -> None:
        """Wait until the gateway answers 200 there; raises `GatewayError`."""
        deadline_s = time.monotonic() + READY_TIMEOUT_S
        while not await self.answers(path):
            if time.monotonic() > deadline_s or self._running().poll() is not None:
                raise GatewayError(f"no 200 from {path} within {READY_TIMEOUT_S:.0f} s, see {self.log}")
            await asyncio.sleep(0.05)

    async def answers(self, path: str) -> bool:
        """Tell whether it answers 200 there."""
        return await asyncio.to_thread(answers_ok, "127.0.0.1", self.port, path)

    def terminate(self) -> None:
        """Ask it to end in order."""
        self._running().terminate()

    async def ended(self) -> int:
        """Wait for its end and return its status; raises `GatewayError` where it lives on."""
        try:
            return await asyncio.to_thread(self._running().wait, STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            raise GatewayError(f"it lives {STOP_TIMEOUT_S:.0f} s after SIGTERM") from error

    def kill(self) -> None:
        """End it at once, if it lives."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._running().pid

    def vitals(self) -> Vitals:
        """Return what it holds now."""
        return vitals(ProcessTree(self.pid))

    def _spawned(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log, nullcontext() if self._core is None else pinned_to(self._core):
            return subprocess.Popen(
                [sys.executable, "-m", "service"],
                env={**os.environ, **self._environment, "SIMAHAND_PORT": str(self.port)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL if self._file_bytes is not None else log,
                start_new_session=True,
            )

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise GatewayError("it was never started")
        return self._process


@dataclass(frozen=True, kw_only=True)
class Stand:
    """Where faults are tried, and how long."""

    repository: Path
    """A model repository with the model of one picture alone; copied before it is changed."""
    folder: Path
    """For logs and changed copies."""
    request: Request
    """What well-behaved callers ask."""
    rate_per_s: float = 20.0
    """How often, while nothing else is said; well under what the engine can do."""
    before_s: float = 2.0
    during_s: float = 4.0
    after_s: float = 8.0
    overload_s: float = 300.0
    overload_times: float = 10.0
    cores: Cores | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    """Of every gateway, as environment variables."""

    def triton(
        self,
        *,
        repository: Path | None = None,
        ports: Ports | None = None,
        address: str = "127.0.0.1",
        connection_age_s: float = 20.0,
    ) -> TritonServer:
        """Return a Triton that is not started."""
        return TritonServer(
            install(),
            repository=repository or self.repository,
            ports=ports or Ports.free(),
            address=address,
            threads=1,
            connection_age_s=connection_age_s,
        )

    def gateway(
        self,
        triton_url: str,
        settings: Mapping[str, str] | None = None,
        *,
        file_bytes: int | None = None,
        port: int | None = None,
    ) -> GatewayProcess:
        """Return a gateway that is not started; settings are environment variables."""
        port = port or free_port()
        environment = {
            "SIMAHAND_TRITON_URL": triton_url,
            "SIMAHAND_MODEL_REPOSITORY": str(self.repository),
            "SIMAHAND_GRPC_PORT": str(free_port()),
            "SIMAHAND_LOG_LEVEL": "warning",
            **self.settings,
            **(settings or {}),
        }
        core = None if self.cores is None else self.cores.load
        return GatewayProcess(
            environment, port=port, log=self.folder / f"gateway-{port}.log", core=core, file_bytes=file_bytes
        )

    async def start(self, server: TritonServer) -> None:
        """Start a Triton on its core, while callers go on calling."""

        def start() -> None:
            with nullcontext() if self.cores is None else pinned_to(self.cores.server):
                server.start()

        await asyncio.to_thread(start)

    @asynccontextmanager
    async def serving(
        self, settings: Mapping[str, str] | None = None
    ) -> AsyncGenerator[tuple[TritonServer, GatewayProcess], None]:
        """Have one Triton and one gateway running."""
        server = self.triton()
        async with AsyncExitStack() as stack:
            stack.callback(server.kill)
            await self.start(server)
            yield server, await stack.enter_async_context(self.gateway(server.grpc_url, settings))


def freeze(server: TritonServer) -> None:
    """Stop every process of a Triton; its kernel goes on taking what is sent."""
    os.killpg(server.pid, signal.SIGSTOP)


def thaw(server: TritonServer) -> None:
    """Let them go on."""
    os.killpg(server.pid, signal.SIGCONT)
