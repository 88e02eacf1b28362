"""Runs side by side: each as soon as what it starts and learns from has ended, a few processes at a time."""

from __future__ import annotations

import graphlib
import json
import multiprocessing
import sys
from collections.abc import Sequence
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from typing import Never

from tqdm import tqdm

from training.study.plan import Run
from training.study.results import read_results
from training.study.work import PROTOCOL, DataPlace, work
from training.train.logbook import LOG_LINES, QUIET_INTERVAL_S
from training.train.stop import StopRequest

POLL_S = 0.5

Key = tuple[int, str]
"""Seed and arm."""


class Pool:
    """The runs of a study, and the processes of those that are under way."""

    def __init__(self, runs: Sequence[Run], place: DataPlace, *, jobs: int) -> None:
        """Look which runs have ended already.

        Raises:
            ValueError: There are less than one job, or a run's results are damaged or of another recipe.
        """
        if jobs < 1:
            raise ValueError(f"--jobs must be at least 1, got {jobs}")
        self._runs: dict[Key, Run] = {(run.seed, run.arm.name): run for run in runs}
        self._place, self._jobs = place, jobs
        self._order = {key: number for number, key in enumerate(self._runs)}
        self._ended = {key for key, run in self._runs.items() if read_results(run) is not None}
        self._graph = graphlib.TopologicalSorter(
            {key: [(seed, source) for source, seed in run.sources.items()] for key, run in self._runs.items()}
        )
        self._graph.prepare()
        self._ready: list[Key] = []
        self._working: dict[Key, SpawnProcess] = {}
        self._failed: dict[Key, str] = {}

    def carry_out(self, stop: StopRequest) -> None:
        """Run what is left, or until there is a reason to stop; then everything under way keeps its state.

        Raises:
            ValueError: Runs failed; names each. What does not need them was carried out all the same.
        """
        steps = sum(run.arm.steps for run in self._runs.values())
        interval_s = 0.5 if sys.stderr.isatty() else QUIET_INTERVAL_S
        with tqdm(
            total=steps, initial=self._steps_done(), unit="step", mininterval=interval_s, smoothing=0.05
        ) as bar:
            while self._begin(stop) or self._working:
                wait([process.sentinel for process in self._working.values()], timeout=POLL_S)
                if stop.reason is not None:
                    self._stop_all()
                self._collect(stop)
                self._show(bar)
        if self._failed:
            said = "; ".join(f"{self._runs[key].name}: {why}" for key, why in self._failed.items())
            raise ValueError(f"{len(self._failed)} of {len(self._runs)} runs failed: {said}")
        if stop.reason is not None:
            _say(f"stopped: {stop.reason}; the same command goes on")

    def _begin(self, stop: StopRequest) -> bool:
        """Start what may start; return whether there is still something that can."""
        self._ready += self._graph.get_ready()
        while ended := [key for key in self._ready if key in self._ended]:
            self._graph.done(*ended)
            self._ready = [key for key in self._ready if key not in self._ended] + list(
                self._graph.get_ready()
            )
        self._ready.sort(key=self._order.__getitem__)
        if stop.reason is not None:
            return False
        while self._ready and len(self._working) < self._jobs:
            key = self._ready.pop(0)
            process = multiprocessing.get_context("spawn").Process(
                target=work, args=(self._runs[key], self._place), name=self._runs[key].name
            )
            process.start()
            self._working[key] = process
        return bool(self._working)

    def _stop_all(self) -> None:
        for process in self._working.values():
            process.terminate()
        for process in self._working.values():
            process.join()

    def _collect(self, stop: StopRequest) -> None:
        """Take in the processes that have ended."""
        for key, process in list(self._working.items()):
            if process.is_alive():
                continue
            process.join()
            del self._working[key]
            run = self._runs[key]
            results = read_results(run)
            if results is not None:
                self._ended.add(key)
                self._ready.append(key)
                scores = results.scores["all"]
                _say(f"{run.name}: PA-JPE {scores['pa_jpe_mm']:.2f}, PA-VPE {scores['pa_vpe_mm']:.2f} mm")
            elif stop.reason is None:
                self._failed[key] = f"{_last_line(run)} (status {process.exitcode}, {run.folder / PROTOCOL})"
                _say(f"{run.name} failed: {self._failed[key]}")

    def _show(self, bar: tqdm[Never]) -> None:
        working = ", ".join(self._runs[key].name for key in self._working)
        bar.set_postfix_str(f"{len(self._ended)} of {len(self._runs)} runs; {working}", refresh=False)
        bar.update(max(0, self._steps_done() - bar.n))

    def _steps_done(self) -> int:
        return sum(
            run.arm.steps if key in self._ended else min(_logged_step(run), run.arm.steps)
            for key, run in self._runs.items()
        )


def _logged_step(run: Run) -> int:
    """Return how far the log of a run has come."""
    lines = _lines(run, LOG_LINES)
    # The last line may be half written.
    return max((int(json.loads(line)["step"]) for line in lines[-1:] if line.endswith("}")), default=0)


def _last_line(run: Run) -> str:
    return (_lines(run, PROTOCOL) or ["it said nothing"])[-1].removeprefix("error: ")


def _lines(run: Run, name: str) -> list[str]:
    path = run.folder / name
    return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []


def _say(text: str) -> None:
    tqdm.write(text, file=sys.stderr)
