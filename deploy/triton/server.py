"""Run one Triton server as a child process: started, waited for, stopped, its log kept."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.network import answers_ok, check_port_is_free
from deploy.triton.install import Installation, TritonError

LOG_TAIL_LINES = 40

KEEP_FREED_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 62)}
"""For glibc's malloc. Every batch needs the same large maps again, and by default glibc returns them to the
kernel in between: the page faults took a sixth of the time of a batch of 16."""

WAIT_ASLEEP = {"OMP_WAIT_POLICY": "PASSIVE"}
"""For torch's threads. By default they spin while they wait for one another, and so hold the core of the one
that they wait for when the machine is busy: 6.6 s instead of 0.3 s an image, two threads, two cores."""


CONNECTION_GRACE_MS = 20_000
"""What requests in flight on a connection that is ended have left."""


class TritonStartError(TritonError):
    """The server exited or did not become ready; the message ends with the tail of its log."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Where one server listens; the defaults are Triton's."""

    http: int = 8000
    grpc: int = 8001
    metrics: int = 8002

    @classmethod
    def free(cls) -> Ports:
        """Return three ports of the loopback interface that nothing listens on now."""
        with socket.socket() as first, socket.socket() as second, socket.socket() as third:
            probes = (first, second, third)
            for probe in probes:
                probe.bind(("127.0.0.1", 0))
            http_port, grpc_port, metrics_port = (int(probe.getsockname()[1]) for probe in probes)
        return cls(http=http_port, grpc=grpc_port, metrics=metrics_port)


class TritonServer:
    """A `tritonserver` process over an unchanged model repository.

    Used as a context manager it is ready inside the block and gone after it:

        with TritonServer(install(), repository=Path("model_repository")) as triton:
            ...  # triton.grpc_url
    """

    def __init__(
        self,
        installation: Installation,
        *,
        repository: Path,
        ports: Ports | None = None,
        address: str = "127.0.0.1",
        threads: int | None = None,
        connection_age_s: float = 20.0,
        trace_url: str | None = None,
        ready_timeout_s: float = 120.0,
        stop_timeout_s: float = 15.0,
    ) -> None:
        """Say how to run the server; nothing starts yet.

        Args:
            installation: What `deploy.triton.install.install` returned.
            repository: Triton's model repository; only read.
            ports: Where to listen; Triton's own ports by default.
            address: Interface to listen on. Triton knows no users: keep it on a private one.
            threads: Intra-op threads of torch in each instance; torch's own choice by default.
            connection_age_s: When a gRPC connection is ended in order, so that its client asks the name
                server again and finds servers that are new.
            trace_url: Where to send OpenTelemetry traces of the requests that come with a trace's context
                (`http://HOST:4318/v1/traces`); nowhere by default.
            ready_timeout_s: How long models may take to load and warm up.
            stop_timeout_s: How long requests in flight may take after SIGTERM, before SIGKILL.
        """
        self.ports = ports or Ports()
        self.address = address
        self.repository = repository
        self._installation = installation
        self._threads = threads
        self._connection_age_s = connection_age_s
        self._trace_url = trace_url
        self._ready_timeout_s = ready_timeout_s
        self._stop_timeout_s = stop_timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        self.log = installation.logs / f"triton-{stamp}-{self.ports.http}.log"

    @property
    def http_url(self) -> str:
        """`host:port` of the HTTP endpoint."""
        return f"{self.address}:{self.ports.http}"

    @property
    def grpc_url(self) -> str:
        """`host:port` of the gRPC endpoint."""
        return f"{self.address}:{self.ports.grpc}"

    @property
    def metrics_url(self) -> str:
        """`host:port` of the Prometheus metrics."""
        return f"{self.address}:{self.ports.metrics}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server and return once it is ready: models loaded and warmed up.

        Raises:
            TritonStartError: There is no such repository, a port is taken, the server exited, or it is late.
        """
        if self._process is not None:
            raise TritonStartError(f"already running as process {self._process.pid}")
        if not self.repository.is_dir():
            raise TritonStartError(f"no model repository at {self.repository}")
        self._check_ports()
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C reaches us alone, and we stop the server in order.
            self._process = subprocess.Popen(
                self.command(), env=self._environment(), stdout=log, stderr=log, start_new_session=True
            )
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Let requests in flight end, then end the server; do nothing when it does not run."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(self._stop_timeout_s)
        # Also after an end in order: a stub whose server died under it would stay for ever.
        _kill_group(process)
        process.wait()

    def kill(self) -> None:
        """End the server at once, as a crash would."""
        process, self._process = self._process, None
        if process is not None:
            _kill_group(process)
            process.wait()

    def restart(self) -> None:
        """Stop the server and start it again on the same ports."""
        self.stop()
        self.start()

    @property
    def pid(self) -> int:
        """Process id of the running server.

        Raises:
            TritonStartError: It does not run.
        """
        if self._process is None:
            raise TritonStartError("not running")
        return self._process.pid

    def poll(self) -> int | None:
        """Return the exit status of a server that ended by itself, else None."""
        return None if self._process is None else self._process.poll()

    def ready(self) -> bool:
        """Ask the server whether all its models are ready."""
        return answers_ok(self.address, self.ports.http, "/v2/health/ready")

    def _check_ports(self) -> None:
        for port in dataclasses.astuple(self.ports):
            try:
                check_port_is_free(self.address, port)
            except OSError as error:
                raise TritonStartError(str(error.strerror)) from error

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline_s = time.monotonic() + self._ready_timeout_s
        # It opens the metrics' port last.
        while not (self.ready() and answers_ok(self.address, self.ports.metrics, "/metrics")):
            if process.poll() is not None:
                raise TritonStartError(f"tritonserver exited with {process.returncode}\n{self._log_tail()}")
            if time.monotonic() > deadline_s:
                raise TritonStartError(f"not ready after {self._ready_timeout_s:.0f} s\n{self._log_tail()}")
            time.sleep(0.1)

    def _log_tail(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join([*lines[-LOG_TAIL_LINES:], f"(the whole log: {self.log})"])

    def command(self) -> list[str]:
        """Return the words that start the server."""
        # The wheel's GPU metrics fail on a machine without the NVIDIA driver.
        gpu = Path("/dev/nvidiactl").exists()
        return [
            str(self._installation.binary),
            f"--model-repository={self.repository}",
            f"--backend-directory={self._installation.backends}",
            "--model-control-mode=none",
            "--disable-auto-complete-config",
            f"--http-address={self.address}",
            f"--http-port={self.ports.http}",
            f"--grpc-address={self.address}",
            f"--grpc-port={self.ports.grpc}",
            f"--metrics-address={self.address}",
            f"--metrics-port={self.ports.metrics}",
            f"--allow-gpu-metrics={str(gpu).lower()}",
            f"--grpc-max-connection-age={round(1e3 * self._connection_age_s)}",
            f"--grpc-max-connection-age-grace={CONNECTION_GRACE_MS}",
            f"--exit-timeout-secs={max(1, round(self._stop_timeout_s) - 5)}",
            "--log-format=ISO8601",
            *self._trace_options(),
        ]

    def _trace_options(self) -> list[str]:
        if self._trace_url is None:
            return []
        # Rate 0: of its own accord it traces nothing. A request with a context is traced at any rate.
        settings = (
            "mode=opentelemetry",
            "level=TIMESTAMPS",
            "rate=0",
            f"opentelemetry,url={self._trace_url}",
            "opentelemetry,bsp_schedule_delay=1000",  # ms
        )
        return [f"--trace-config={setting}" for setting in settings]

    def _environment(self) -> dict[str, str]:
        environment = dict(os.environ)
        libraries = [str(path) for path in self._installation.libraries]
        environment["LD_LIBRARY_PATH"] = os.pathsep.join(
            [*libraries, *filter(None, [environment.get("LD_LIBRARY_PATH")])]
        )
        # The embedded interpreter ignores PYTHONPATH and takes its packages from the first `python3` here.
        environment["PATH"] = os.pathsep.join([str(self._installation.interpreters), environment["PATH"]])
        environment = {**KEEP_FREED_MEMORY, **WAIT_ASLEEP, **environment}
        if self._threads is not None:
            environment["OMP_NUM_THREADS"] = str(self._threads)
        return environment


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill the server together with the stubs that it started; whatever is left of them."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
