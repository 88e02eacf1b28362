"""`python -m deploy.bench.stream [--write docs/benchmarks-stream.md]`: live streams, gRPC and WebSocket."""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np

from deploy.bench.console import progress, typed
from deploy.bench.cores import Cores, choose_cores, pinned_to
from deploy.bench.deployment import deployed
from deploy.bench.machine import this_machine
from deploy.bench.photo import make_photo
from deploy.bench.processes import free_port, running
from deploy.bench.report import preface, table
from deploy.bench.stream_load import StreamSample, StreamTarget, Transport, measure_streams
from deploy.triton.install import CHECKOUT, TritonError

TRANSPORTS: tuple[Transport, ...] = ("gRPC", "WebSocket")
STREAM_COUNTS = (1, 4, 16)
CAMERA_PER_S = 30.0
PACES: tuple[float | None, ...] = (None, CAMERA_PER_S)

_NOTE = """\
Each frame is a 128 x 128 JPEG crop, each reply has joints and vertices in float32. *As answered* sends a
stream's next frame when the last one is answered; *30 a second* is a camera that does not wait. Age is from a
frame's arrival in the gateway to its reply; *over the engine* is the age without the engine's own time; the
dropped are a share of all frames, replaced by newer ones; CPU is the gateway's own for a reply.
"""
_NULL_NOTE = "It returns one constant mesh. The gateway has one core to itself, the load generator the other."
_REAL_NOTE = "Triton has one core and one thread; gateway and load generator share the other."


class Case(NamedTuple):
    """One way to load the gateway."""

    transport: Transport
    streams: int
    pace_per_s: float | None


CASES = tuple(
    Case(transport, streams, pace) for pace in PACES for streams in STREAM_COUNTS for transport in TRANSPORTS
)
Rounds = Mapping[Case, Sequence[StreamSample]]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the page, and write it where asked."""
    arguments = _parser().parse_args(argv)
    try:
        cores, machine = choose_cores(), this_machine()
        blocks = ["# Benchmarks of live streams", preface(typed("deploy.bench.stream", argv), machine), _NOTE]
        if arguments.only != "network":
            blocks += ["## With a network that costs nothing", _NULL_NOTE, _null(arguments, cores)]
        if arguments.only != "null":
            blocks += ["## With the real network", *_network(arguments, cores)]
    except (ValueError, RuntimeError, TritonError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    page = "\n\n".join(block.strip() for block in blocks) + "\n"
    print(page)
    if arguments.write is not None:
        arguments.write.write_text(page, encoding="utf-8")
    return 0


def _null(arguments: argparse.Namespace, cores: Cores) -> str:
    http_port, grpc_port = free_port(), free_port()
    words = ["-m", "deploy.bench.contenders.gateway", str(http_port), str(grpc_port)]
    with ExitStack() as stack:
        with pinned_to(cores.server):
            server = stack.enter_context(running(words, port=http_port))
        stack.enter_context(pinned_to(cores.load))
        target = StreamTarget(http_port=http_port, grpc_port=grpc_port, server=server, frame=_frame())
        return _table(_measure(target, arguments))


def _network(arguments: argparse.Namespace, cores: Cores) -> list[str]:
    with deployed(arguments.repository, arguments.model, cores) as deployment:
        target = StreamTarget(
            http_port=deployment.gateway_port,
            grpc_port=deployment.gateway_grpc_port,
            server=deployment.gateway,
            frame=_frame(),
        )
        note = f"The network is {deployment.model.describe()}.\n{_REAL_NOTE}"
        return [note, _table(_measure(target, arguments))]


def _measure(target: StreamTarget, arguments: argparse.Namespace) -> Rounds:
    """Measure every case once a round, so that whatever else the machine does hits all alike."""
    rounds: dict[Case, list[StreamSample]] = defaultdict(list)
    for number in range(1, arguments.rounds + 1):
        for case in CASES:
            progress(f"round {number} of {arguments.rounds}: {case}")
            sample = measure_streams(
                target,
                case.transport,
                streams=case.streams,
                pace_per_s=case.pace_per_s,
                seconds=arguments.seconds,
            )
            rounds[case].append(sample)
    return rounds


def _table(rounds: Rounds) -> str:
    header = [
        "streams",
        "frames/s",
        "age p50 ms",
        "age p99 ms",
        "over the engine p50",
        "dropped",
        "CPU ms",
    ]
    return table(header, [[_name(case), *_figures(samples)] for case, samples in rounds.items()])


def _name(case: Case) -> str:
    pace = "as answered" if case.pace_per_s is None else f"{case.pace_per_s:g} a second each"
    return f"{case.streams} x {case.transport}, {pace}"


def _figures(samples: Sequence[StreamSample]) -> list[str]:
    """Return the figures of one case over all its rounds; dashes where nothing was answered."""
    answers = np.array([answer for sample in samples for answer in sample.answers])  # (N, 3)
    if not len(answers):
        return ["0.0", *["-"] * 5]
    ages_ms, engines_ms, dropped = answers.T
    age_p50_ms, age_p99_ms = np.percentile(ages_ms, [50, 99])
    return [
        f"{len(answers) / sum(sample.elapsed_s for sample in samples):.1f}",
        f"{age_p50_ms:.2f}",
        f"{age_p99_ms:.2f}",
        f"{np.median(ages_ms - engines_ms):.2f}",
        f"{dropped.sum() / (dropped.sum() + len(answers)):.0%}",
        f"{1e3 * sum(sample.server_cpu_s for sample in samples) / len(answers):.2f}",
    ]


def _frame() -> bytes:
    return make_photo(width_px=128, height_px=128)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.bench.stream", description="Measure live streams."
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often (default: %(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=3.0, help="length of a window (default: %(default)s)"
    )
    parser.add_argument("--only", choices=("null", "network"), help="run one part alone")
    parser.add_argument("--repository", type=Path, default=CHECKOUT / "model_repository")
    parser.add_argument(
        "--model", default="svr_hand", help="model of the network part (default: %(default)s)"
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page here as well")
    return parser


if __name__ == "__main__":
    sys.exit(main())
