"""`python -m deploy.bench [--write docs/benchmarks.md]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.bench.console import progress, typed
from deploy.bench.cores import Cores, choose_cores
from deploy.bench.deployment import deployed
from deploy.bench.machine import this_machine
from deploy.bench.network_comparison import NetworkRounds, compare_network
from deploy.bench.null_comparison import compare_null, null_cases
from deploy.bench.page import write_part
from deploy.bench.report import render
from deploy.bench.statistics import Sample
from deploy.triton.install import CHECKOUT, TritonError

NULL_CONCURRENCIES = (1, 8)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the page, and write it where asked."""
    arguments = _parser().parse_args(argv)
    try:
        cores, machine = choose_cores(), this_machine()
        page = render(
            command=typed("deploy.bench", argv),
            machine=machine,
            null_rounds={} if arguments.only == "network" else _null(arguments, cores),
            network=None if arguments.only == "null" else _network(arguments, cores),
        )
    except (ValueError, RuntimeError, TritonError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(page)
    if arguments.write is not None:
        write_part(arguments.write, "servers", page)
    return 0


def _null(arguments: argparse.Namespace, cores: Cores) -> Mapping[int, Mapping[str, Sequence[Sample]]]:
    return {
        concurrency: compare_null(
            null_cases(),
            cores,
            concurrency=concurrency,
            rounds=arguments.rounds,
            seconds=arguments.seconds,
            progress=progress,
        )
        for concurrency in NULL_CONCURRENCIES
    }


def _network(arguments: argparse.Namespace, cores: Cores) -> NetworkRounds:
    progress("starting Triton, the gateway and the bare network")
    with deployed(arguments.repository, arguments.model, cores) as deployment:
        return compare_network(
            deployment, rounds=arguments.rounds, seconds=arguments.seconds, progress=progress
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.bench", description="Measure the servers side by side."
    )
    parser.add_argument(
        "--rounds", type=int, default=5, help="how often each case is measured (default: %(default)s)"
    )
    parser.add_argument(
        "--seconds", type=float, default=2.0, help="length of a window (default: %(default)s)"
    )
    parser.add_argument("--only", choices=("null", "network"), help="run one part alone")
    parser.add_argument("--repository", type=Path, default=CHECKOUT / "model_repository")
    parser.add_argument(
        "--model", default="svr_hand", help="model of the network part (default: %(default)s)"
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="write it into this page as well")
    return parser


if __name__ == "__main__":
    sys.exit(main())
