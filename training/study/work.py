"""One run of a study, from its first update to its results, in a process of one thread."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import torch

from training.checkpoint import Checkpoint, load_checkpoint, load_weights
from training.config import DataKind, RunConfig, with_data
from training.data.sets import hand_topology, open_hands
from training.engine.allocator import keep_freed_memory
from training.evaluate.measuring import measure_hands, scores_by_occlusion
from training.networks.build import build_any
from training.networks.summary import summarise
from training.study.plan import Run
from training.study.results import Results, placeless, plain, write_results
from training.train.logbook import Logbook
from training.train.stop import StopRequest
from training.train.trainer import LAST, Trainer

PROTOCOL = "run.txt"
"""What a run's process prints."""
LOCK = "lock"


class DataPlace(NamedTuple):
    """Where the data lies, and what is measured."""

    root: Path
    kind: DataKind | None
    mano: Path | None
    split: str
    device: str = "cpu"
    """Where the runs compute."""
    resident: bool = False
    """Whether each holds the decoded training set there."""

    def of(self, config: RunConfig) -> RunConfig:
        """Return a recipe that reads the data here."""
        return with_data(config, kind=self.kind, root=self.root, mano=self.mano, resident=self.resident)


def work(run: Run, place: DataPlace) -> None:
    """Train and measure a run, as the main function of a process; its exit status is 2 after an error."""
    run.folder.mkdir(parents=True, exist_ok=True)
    _print_to(run.folder / PROTOCOL)
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    keep_freed_memory()
    try:
        with _alone_in(run.folder), StopRequest() as stop:
            carry_out(run, place, stop)
    except (ValueError, FloatingPointError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def carry_out(run: Run, place: DataPlace, stop: StopRequest) -> None:
    """Train a run, or go on with it, and write its results unless it was stopped.

    Raises:
        ValueError: The data, or what the run starts or goes on from, is not usable.
        FloatingPointError: The gradient has not been finite for many batches.
    """
    config = place.of(run.config)
    started = _ended_of(run, run.arm.described.init)
    teacher = _ended_of(run, run.arm.described.teacher)
    with Logbook(run.folder) as logbook:
        trainer = Trainer(
            config, out=run.folder, logbook=logbook, teacher=teacher, device=torch.device(place.device)
        )
        last = run.folder / LAST
        if last.exists():
            trainer.resume(_own(load_checkpoint(last), run))
        elif started is not None:
            trainer.start_from(started)
        trainer.run(stop)
    ended = load_checkpoint(last).without_optimiser()
    if (ended.stage, ended.step) == (config.stages[-1].name, config.stages[-1].steps):
        write_results(_measured(run, place, ended, started), run)


def _measured(run: Run, place: DataPlace, ended: Checkpoint, started: Checkpoint | None) -> Results:
    config = place.of(run.config)
    hands = open_hands(config.data, place.split)
    network = build_any(config.network, hand_topology(config.data)).to(place.device)
    load_weights(network, ended.best_weights)
    scope = config.stages[-1].scope
    measured = measure_hands(network, hands, views=config.network.views, scope=scope, workers=0)
    size = summarise(config.network, recipe=run.arm.name)
    return Results(
        arm=run.arm.name,
        seed=run.seed,
        recipe=plain(run.config),
        scope=scope,
        steps=run.arm.steps,
        pictures=ended.images_seen - (started.images_seen if started else 0),
        trained_s=ended.trained_s - (started.trained_s if started else 0.0),
        parameters=size.parameters,
        multiply_accumulates=size.multiply_accumulates_fvcore,
        data={"split": place.split, **hands.description},
        scores={part: dataclasses.asdict(row) for part, row in scores_by_occlusion(measured).items()},
    )


def _ended_of(run: Run, arm: str) -> Checkpoint | None:
    return load_checkpoint(run.folder_of(arm) / LAST).without_optimiser() if arm else None


def _own(checkpoint: Checkpoint, run: Run) -> Checkpoint:
    if placeless(checkpoint.config) != placeless(run.config):
        raise ValueError(f"{run.folder} holds a run of another recipe: take it away first")
    return checkpoint


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep a run to one process: what was started before may live on after who started it."""
    with (folder / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ValueError(f"another process is training in {folder}") from error
        yield


def _print_to(path: Path) -> None:
    with path.open("a", encoding="utf-8") as file:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(file.fileno(), stream.fileno())
