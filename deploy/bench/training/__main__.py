"""`python -m deploy.bench.training --data data/rendered [--write docs/benchmarks.md]`."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from deploy.bench.console import progress, typed
from deploy.bench.machine import this_machine
from deploy.bench.page import write_part
from deploy.bench.training.cases import Host, host
from deploy.bench.training.pictures import lay_out
from deploy.bench.training.report import render
from training.config import load_recipe, with_data

SHARDS = 8
LOADER_S, STEP_S = 2.0, 5.0
"""Length of a window."""
CASES: tuple[tuple[str, str, float], ...] = (
    *(("ours", f"loader {workers}", LOADER_S) for workers in (1, 2)),
    *(("first version", f"{kind} {workers}", LOADER_S) for kind in ("tars", "files") for workers in (1, 2)),
    *((process, case, STEP_S) for case in ("step", "loop") for process in ("ours", "first version")),
    ("ours", "evaluation", STEP_S),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the part, and write it where asked."""
    arguments = _parser().parse_args(argv)
    machine = this_machine()
    try:
        with tempfile.TemporaryDirectory() as folder:
            layouts = lay_out(arguments.data / "train", Path(folder), shards=SHARDS)
            config = with_data(load_recipe(arguments.recipe), kind="synthetic", root=layouts.root)
            with _hosts([Host(name, config, layouts) for name in ("ours", "first version")]) as hosts:
                rates = _measured(hosts, rounds=arguments.rounds)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    part = render(
        rates,
        command=typed("deploy.bench.training", argv),
        machine=machine,
        recipe=arguments.recipe,
        batch=config.stages[-1].batch_size,
        threads=torch.get_num_threads(),
        pictures=layouts.pictures,
    )
    print(part)
    if arguments.write is not None:
        write_part(arguments.write, "training", part)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.bench.training", description="Measure how fast training reads and steps."
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of a rendered set, with `train` in it"
    )
    parser.add_argument("--recipe", default="svr_compact", help="a single-view one (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="windows of each case (default: %(default)s)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the part into this page as well")
    return parser


def _measured(hosts: Mapping[str, Connection], *, rounds: int) -> dict[tuple[str, str], list[float]]:
    rates: dict[tuple[str, str], list[float]] = {(process, case): [] for process, case, _ in CASES}
    for number in range(rounds):
        for process, case, seconds in CASES:
            hosts[process].send((case, seconds))
            rate: float = hosts[process].recv()
            rates[process, case].append(rate)
            progress(f"round {number + 1}: {process}, {case}: {rate:.1f} images/s")
    return rates


@contextmanager
def _hosts(tasks: Sequence[Host]) -> Iterator[Mapping[str, Connection]]:
    """Yield a wire to a process for each task."""
    context = multiprocessing.get_context("spawn")
    wires = {task.name: context.Pipe() for task in tasks}
    processes = [context.Process(target=host, args=(task, wires[task.name][1])) for task in tasks]
    for process in processes:
        process.start()
    try:
        yield {name: near for name, (near, _) in wires.items()}
    finally:
        for near, _ in wires.values():
            near.send(None)
        for process in processes:
            process.join()


if __name__ == "__main__":
    sys.exit(main())
