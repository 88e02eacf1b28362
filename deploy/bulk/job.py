"""The job: rows to Ray's workers, their hands to the store, which this process alone writes."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read when ray is imported

import ray
from tqdm import tqdm

from deploy.bulk.reconstructor import Options, Reconstructor, unpacked
from deploy.bulk.source import Source, open_source
from deploy.bulk.store import Store, open_store
from service.contract import load_contract

OBJECT_STORE_BYTES = 256 << 20
BLOCK_BYTES = 2 << 20
"""Of pictures in Parquet: what one worker does, and may lose to a kill, without a word in between."""
WORKER_CPUS = 0.5
"""Workers wait for Triton most of the time."""


START_ATTEMPTS = 3
"""Ray gives its own parts 15 s to come up, which a busy machine may take longer for, and ends them then."""


class RayStartError(RuntimeError):
    """Ray did not come up on this machine."""


class GaveUpError(RuntimeError):
    """The engine stayed away; what was done is kept."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a job does, and with how much of the machine."""

    source: Path
    output: Path
    options: Options
    workers: int
    block_rows: int
    ray_address: str | None
    """Of a cluster; None starts Ray on this machine, for this job."""
    cpus: int
    retry_failed: bool


class Outcome(NamedTuple):
    """What one run came to."""

    rows: int
    """In the input."""
    done_before: int
    meshes: int
    failed: int
    repeated: int
    """Rows whose name another row had before."""
    seconds: float
    """From the arrival of every worker's first block to that of the last one."""
    timed: int
    """Rows that arrived in that time."""
    report: list[tuple[str, str, str]]
    """Of all runs: name, problem, detail."""


def run_job(plan: Plan) -> Outcome:
    """Do what is missing.

    Raises:
        ValueError: There is no input, no contract, or no output to write to.
        RayStartError: Ray did not come up.
        GaveUpError: The engine stayed away for longer than the workers' patience.
        ray.exceptions.RayError: A worker broke.
    """
    source = open_source(plan.source)
    names = source.names()
    contract = load_contract(plan.options.model_repository, plan.options.model_name)
    with open_store(plan.output, contract) as store:
        if plan.retry_failed:
            store.forget_failed()
        before = sum(name in store.sources for name in names)
        counted = _Counted(plan.workers)
        if before < len(names):
            _start_ray(plan)
            try:
                bar: tqdm[Any] = tqdm(total=len(names), initial=before, unit="image", smoothing=0.05)
                with bar:
                    _work(plan, source, store, counted, bar)
            finally:
                ray.shutdown()
        return Outcome(
            rows=len(names),
            done_before=before,
            meshes=counted.meshes,
            failed=counted.failed,
            repeated=len(names) - len(set(names)),
            seconds=counted.seconds,
            timed=counted.timed,
            report=store.report(),
        )


class _Counted:
    """What has arrived, and in which time."""

    def __init__(self, workers: int) -> None:
        self.meshes = self.failed = self.timed = 0
        self.seconds = 0.0
        self._untimed_blocks = workers
        self._started_s = 0.0

    def add(self, *, meshes: int, failed: int) -> None:
        """Count a block; as many as there are workers were begun before the clock can start."""
        self.meshes += meshes
        self.failed += failed
        if self._untimed_blocks:
            self._untimed_blocks -= 1
            self._started_s = time.perf_counter()
        else:
            self.timed += meshes + failed
            self.seconds = time.perf_counter() - self._started_s


def _start_ray(plan: Plan) -> None:
    if plan.ray_address is not None:
        try:
            ray.init(address=plan.ray_address, log_to_driver=False)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise RayStartError(f"no Ray cluster at {plan.ray_address}: {error}") from error
        return
    for attempt in range(1, START_ATTEMPTS + 1):
        try:
            ray.init(
                num_cpus=plan.cpus,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                object_store_memory=OBJECT_STORE_BYTES,
            )
        except Exception as error:  # it raises no narrower one
            ray.shutdown()
            if attempt == START_ATTEMPTS:
                raise RayStartError(f"Ray did not start, {attempt} times: {error}") from error
        else:
            return


def _work(plan: Plan, source: Source, store: Store, counted: _Counted, bar: tqdm[Any]) -> None:
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.target_max_block_size = BLOCK_BYTES
    done = source.missing(store.sources, block_rows=plan.block_rows).map_batches(
        Reconstructor,
        fn_constructor_args=(plan.options,),
        batch_size=plan.block_rows,
        batch_format="pyarrow",
        num_cpus=WORKER_CPUS,
        compute=ray.data.ActorPoolStrategy(size=plan.workers),
    )
    for row in done.iter_rows():
        failed, meshes = store.write(unpacked(row["meshes"]), unpacked(row["failed"]))
        counted.add(meshes=meshes, failed=failed)
        bar.update(meshes + failed)
        bar.set_postfix(failed=counted.failed, refresh=False)
        if row["gave_up"] is not None:
            raise GaveUpError(f"{row['gave_up']}; the same command goes on")
