"""Server processes: started, awaited, suspended, their CPU time read from /proc, and stopped."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_STOP_TIMEOUT_S = 10.0


class _ProcessStat(NamedTuple):
    parent: int
    cpu_s: float


def _process_table() -> dict[int, _ProcessStat]:
    """Read parent and CPU time of every process; those that end meanwhile are left out."""
    table = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            fields = line.rpartition(")")[
                2
            ].split()  # after the command, which may hold anything; [0] is the state
            ticks = int(fields[11]) + int(fields[12])  # utime and stime, all threads
            table[int(entry.name)] = _ProcessStat(parent=int(fields[1]), cpu_s=ticks / _TICKS_PER_S)
    return table


class ProcessTree:
    """A process and all that descends from it."""

    def __init__(self, root_pid: int) -> None:
        self.root_pid = root_pid

    def cpu_s(self) -> float:
        """Return the CPU time that the living members have spent so far, user and system."""
        table = _process_table()
        return sum(table[pid].cpu_s for pid in self._members(table) if pid in table)

    def pids(self) -> list[int]:
        """Return the process ids of the members, parents first."""
        return self._members(_process_table())

    def send(self, signal_number: int) -> None:
        """Send a signal to every member, parents first."""
        for pid in self.pids():
            try:
                os.kill(pid, signal_number)
            except ProcessLookupError:
                continue

    @contextmanager
    def awake(self) -> Iterator[None]:
        """Let a suspended tree run during the body."""
        self.send(signal.SIGCONT)
        try:
            yield
        finally:
            self.send(signal.SIGSTOP)

    def _members(self, table: dict[int, _ProcessStat]) -> list[int]:
        members = [self.root_pid]
        for member in members:  # grows while it is walked
            members.extend(pid for pid, stat in table.items() if stat.parent == member)
        return members


@contextmanager
def running(
    arguments: Sequence[str],
    *,
    port: int,
    environment: Mapping[str, str] | None = None,
    ready_timeout_s: float = 60.0,
) -> Iterator[ProcessTree]:
    """Run `python ARGUMENTS` until the body ends; the body starts when the port accepts connections.

    Args:
        arguments: what follows the interpreter's name.
        port: where the process will listen.
        environment: variables to set in addition to this process's own.
        ready_timeout_s: longest wait for the port.

    Raises:
        RuntimeError: the process ended, or the port stayed closed.
    """
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env={**os.environ, **(environment or {})},
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
        tree = ProcessTree(process.pid)
        try:
            if not _listens(process, port, ready_timeout_s):
                errors.seek(0)
                raise RuntimeError(f"{' '.join(arguments)} did not listen on {port}: {errors.read()[-2000:]}")
            yield tree
        finally:
            _stop(process, tree)


def free_port() -> int:
    """Return a TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _listens(process: subprocess.Popen[bytes], port: int, timeout_s: float) -> bool:
    deadline_s = time.monotonic() + timeout_s
    while process.poll() is None and time.monotonic() < deadline_s:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.05)
    return False


def _stop(process: subprocess.Popen[bytes], tree: ProcessTree) -> None:
    tree.send(signal.SIGCONT)
    tree.send(signal.SIGTERM)
    try:
        process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        tree.send(signal.SIGKILL)
        process.wait()
