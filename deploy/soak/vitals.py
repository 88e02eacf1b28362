"""How the processes are: memory, open files and threads from /proc, requests in flight from the gateway."""

from __future__ import annotations

import os
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from deploy.bench.deployment import Service
from deploy.bench.processes import ProcessTree

MIB = 1 << 20
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_IN_FLIGHT = "simahand_requests_in_flight "


@dataclass(frozen=True, kw_only=True)
class Vitals:
    """Of a process with all that descends from it.

    Attributes:
        rss_mib: resident memory.
        files: open file descriptors.
        threads: of the kernel.
    """

    rss_mib: float
    files: int
    threads: int


@dataclass(frozen=True, kw_only=True)
class Sight:
    """One look at the service.

    Attributes:
        time_s: from the beginning of the load.
        gateway: its processes.
        triton: its processes.
        in_flight: other requests that the gateway serves, by its own metrics; None where it did not say.
    """

    time_s: float
    gateway: Vitals
    triton: Vitals
    in_flight: int | None


def look(service: Service, *, time_s: float) -> Sight:
    """Look at the service now."""
    return Sight(
        time_s=time_s,
        gateway=vitals(service.gateway),
        triton=vitals(service.triton),
        in_flight=_in_flight(service.gateway_port),
    )


def vitals(tree: ProcessTree) -> Vitals:
    """Add up the living members; those that end meanwhile are left out."""
    pages = files = threads = 0
    for pid in tree.pids():
        folder = Path("/proc") / str(pid)
        try:
            pages += int((folder / "statm").read_text().split()[1])
            files += sum(1 for _ in (folder / "fd").iterdir())
            threads += sum(1 for _ in (folder / "task").iterdir())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return Vitals(rss_mib=pages * _PAGE_BYTES / MIB, files=files, threads=threads)


def _in_flight(port: int) -> int | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10.0) as page:
            lines: list[str] = page.read().decode().splitlines()
    except OSError:
        return None
    counted = next((round(float(line.split()[1])) for line in lines if line.startswith(_IN_FLIGHT)), None)
    return None if counted is None else counted - 1  # this question itself
