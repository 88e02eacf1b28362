"""Workers watched from outside: one that dies, hangs or grows is counted and replaced, its input kept."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from deploy.fuzz.board import OUTCOMES, Board
from deploy.fuzz.seeds import seed_files
from deploy.fuzz.target import with_box

POLL_S = 0.5
START_TIMEOUT_S = 120.0
"""Of a worker, until it has tried its first input."""
MEBIBYTE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long to try, how hard, and what counts as a finding."""

    folder: Path
    """Where boards, corpora and findings go; one that exists is gone on with."""
    model: Path
    """`<repository>/<model>` with its `contract.json`."""
    processes: int
    seconds: float
    inputs: int
    """The campaign ends after both: so many seconds and so many inputs."""
    seed: int
    max_pixels: int
    timeout_s: float
    """Wall time after which an input that has not come to an end is a finding."""
    slow_s: float
    """CPU time after which one that has is a finding as well."""
    growth_mib: int
    """By how much one input may raise the most that its process has held."""
    rss_mib: int
    """Of a process, whatever it has done."""


class Result(NamedTuple):
    """What a campaign came to."""

    counts: dict[str, int]
    seconds: float
    restarts: int
    findings: list[Path]
    pids: list[int]
    """Of the workers as they are now."""

    @property
    def inputs(self) -> int:
        """How many were tried to the end."""
        return sum(self.counts.values())


class _Watched:
    """A worker's process, replaced when it ends."""

    def __init__(self, plan: Plan, number: int) -> None:
        self._plan = plan
        self._number = number
        self.folder = plan.folder / f"worker-{number}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.board = Board(self.folder / "board")
        self.restarts = 0
        self._tried = self._tried_by_others = 0
        self._moved_at_s = 0.0
        self._process = self._start()

    def watch(self) -> None:
        """Judge the process as it is now, and start another one if it has failed."""
        tried = sum(self.board.counts().values())
        now_s = time.monotonic()
        if tried != self._tried:
            self._tried, self._moved_at_s = tried, now_s
        status = self._process.poll()
        if status is not None:
            self._replace(f"crash-{_signal_name(status)}", f"the worker ended with {status}")
        elif now_s - self._moved_at_s > self._patience_s:
            self._replace("timeout", f"no end within {self._patience_s:g} s")
        elif (rss_mib := _rss_mib(self._process.pid)) > self._plan.rss_mib:
            self._replace("rss", f"the process held {rss_mib} MiB, over {self._plan.rss_mib}")

    @property
    def pid(self) -> int:
        """Of the process that tries inputs now."""
        return self._process.pid

    @property
    def _patience_s(self) -> float:
        return START_TIMEOUT_S if self._tried == self._tried_by_others else self._plan.timeout_s

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        plan = self._plan
        self._tried = self._tried_by_others = sum(self.board.counts().values())
        self._moved_at_s = time.monotonic()
        words = {
            "folder": self.folder,
            "findings": findings_folder(plan.folder),
            "seeds": plan.folder / "seeds",
            "model": plan.model,
            "seed": 1 + plan.seed * 1000 + self._number * 100 + self.restarts,
            "max-pixels": plan.max_pixels,
            "slow-s": plan.slow_s,
            "growth-mib": plan.growth_mib,
        }
        command = [sys.executable, "-m", "deploy.fuzz.worker"]
        command += [f"--{name}={value}" for name, value in words.items()]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log)

    def _replace(self, kind: str, report: str) -> None:
        self.close()
        path = findings_folder(self._plan.folder) / f"{kind}-{self._number}-{self.restarts}.bin"
        path.write_bytes(self.board.input())
        path.with_suffix(".txt").write_text(f"{report}; the end of its log is in {self.folder / 'log'}")
        self.restarts += 1
        self._process = self._start()


def run_campaign(plan: Plan, *, on_progress: Callable[[Result], None]) -> Result:
    """Fuzz as planned.

    Raises:
        RuntimeError: Workers end before they have tried anything.
    """
    findings_folder(plan.folder).mkdir(parents=True, exist_ok=True)
    seeds = plan.folder / "seeds"
    seeds.mkdir(exist_ok=True)
    for name, file in seed_files().items():
        (seeds / name).write_bytes(with_box(file))
        (seeds / f"boxed-{name}").write_bytes(with_box(file, (4.0, 6.0, 20.0, 17.5)))
    workers = [_Watched(plan, number) for number in range(plan.processes)]
    before = _counts(workers)
    started_s = time.monotonic()
    try:
        while True:
            time.sleep(POLL_S)
            for worker in workers:
                worker.watch()
            counts = {name: count - before[name] for name, count in _counts(workers).items()}
            restarts = sum(worker.restarts for worker in workers)
            pids = [worker.pid for worker in workers]
            result = Result(counts, time.monotonic() - started_s, restarts, kept(plan.folder), pids)
            if restarts > 3 * plan.processes and result.inputs == 0:
                raise RuntimeError(f"workers end at once, see {workers[0].folder / 'log'}")
            on_progress(result)
            if result.seconds >= plan.seconds and result.inputs >= plan.inputs:
                return result
    finally:
        for worker in workers:
            worker.close()


def findings_folder(folder: Path) -> Path:
    """Return where inputs are kept that did what none may do."""
    return folder / "findings"


def kept(folder: Path) -> list[Path]:
    """Return the inputs that were kept."""
    return sorted(findings_folder(folder).glob("*.bin"))


def _counts(workers: list[_Watched]) -> dict[str, int]:
    boards = [worker.board.counts() for worker in workers]
    return {outcome: sum(counts[outcome] for counts in boards) for outcome in OUTCOMES}


def _rss_mib(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 // MEBIBYTE


def _signal_name(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"exit{status}"
