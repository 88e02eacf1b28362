"""What is measured, by name; each case gives the images a second of one window."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection
from typing import NamedTuple

import torch

from deploy.bench.training.first_version import PlainLoop, file_loader
from deploy.bench.training.pictures import Layouts
from deploy.bench.training.web_dataset import tar_loader
from training.config import RunConfig
from training.data.loader import PREFETCH_BATCHES, plain_batches, training_batches
from training.data.order import Course
from training.data.sets import hand_topology, open_hands
from training.engine.allocator import keep_freed_memory
from training.engine.inference import measure
from training.engine.lesson import lesson_for
from training.engine.stage import Stage
from training.networks.build import build
from training.tensors import HandTruth

EVALUATED = 128
"""Pictures of one pass of evaluation."""

Case = Callable[[float], float]
"""Measures for about so many seconds; returns images a second."""


class Host(NamedTuple):
    """What a process measures: one process has our loop's memory settings, the other PyTorch's."""

    name: str
    config: RunConfig
    layouts: Layouts


def host(task: Host, connection: Connection) -> None:
    """Measure what is asked for, as the main function of a process."""
    cases = CASES_OF[task.name](task.config, task.layouts)
    while (asked := connection.recv()) is not None:
        name, seconds = asked
        connection.send(cases[name](seconds))


def ours(config: RunConfig, layouts: Layouts) -> Mapping[str, Case]:
    """Return the cases of this repository's training."""
    keep_freed_memory()
    topology = hand_topology(config.data)
    network = build(config.network, topology).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    stage = Stage(lesson_for(network, config), config, config.stages[-1], topology)
    hands, size = open_hands(config.data, "train"), config.stages[-1].batch_size

    def loader(workers: int) -> Iterator[object]:
        data = dataclasses.replace(config.data, workers=workers)
        return training_batches(hands, data, Course(size, seed=0))

    single = dataclasses.replace(config.data, workers=1)
    batches = training_batches(hands, single, Course(size, seed=1))
    first = next(batches)
    views = list(range(min(EVALUATED, len(hands))))
    return {
        **{f"loader {workers}": _loading(functools.partial(loader, workers), size) for workers in (1, 2)},
        "step": _timed(lambda: stage.step(first), size),
        "loop": _timed(lambda: stage.step(next(batches)), size),
        "evaluation": _timed(
            lambda: measure(network, plain_batches(hands, batch_size=32, views=views, workers=1)), len(views)
        ),
    }


def first_version(config: RunConfig, layouts: Layouts) -> Mapping[str, Case]:
    """Return the cases of a first version, and WebDataset's."""
    size = config.stages[-1].batch_size
    loop = PlainLoop(config, hand_topology(config.data))

    def files(workers: int) -> Iterator[tuple[torch.Tensor, ...]]:
        loader = file_loader(layouts.files, config.data, batch_size=size, workers=workers)
        return itertools.chain.from_iterable(itertools.repeat(loader))

    def tars(workers: int) -> Iterator[object]:
        return iter(tar_loader(layouts.tars, config.data, batch_size=size, workers=workers))

    batches = files(0)
    images, *labels = next(batches)

    def whole() -> None:
        images, *labels = next(batches)
        loop.step(images, HandTruth(*labels))

    return {
        **{f"files {workers}": _loading(functools.partial(files, workers), size) for workers in (1, 2)},
        **{f"tars {workers}": _loading(functools.partial(tars, workers), size) for workers in (1, 2)},
        "step": _timed(lambda: loop.step(images, HandTruth(*labels)), size),
        "loop": _timed(whole, size),
    }


CASES_OF: Mapping[str, Callable[[RunConfig, Layouts], Mapping[str, Case]]] = {
    "ours": ours,
    "first version": first_version,
}


def _loading(open_loader: Callable[[], Iterator[object]], size: int) -> Case:
    """Measure a loader whose processes start at its first window and go on from there."""
    opened: list[Iterator[object]] = []

    def measured(seconds: float) -> float:
        if not opened:
            opened.append(open_loader())
            _rate(lambda: next(opened[0]), size, seconds)
        # What the processes had ready is not what they can do.
        for _ in range(2 * PREFETCH_BATCHES):
            next(opened[0])
        return _rate(lambda: next(opened[0]), size, seconds)

    return measured


def _timed(act: Callable[[], object], images: int) -> Case:
    warm: list[object] = []

    def measured(seconds: float) -> float:
        if not warm:
            warm.append(act())
        return _rate(act, images, seconds)

    return measured


def _rate(act: Callable[[], object], images: int, seconds: float) -> float:
    start, done = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - start) < seconds:
        act()
        done += images
    return done / elapsed
