"""What processes hold: memory, open files and threads, from /proc."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from deploy.bench.processes import ProcessTree

MIB = 1 << 20
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


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
