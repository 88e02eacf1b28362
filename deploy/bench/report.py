"""The measurements as the page `docs/benchmarks.md`."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from deploy.bench.machine import Machine
from deploy.bench.network_comparison import NetworkRounds
from deploy.bench.null_comparison import GATEWAY, LITSERVE, PLAIN_FASTAPI
from deploy.bench.statistics import Sample, added_latency_ms, summarise, throughput_ratio

_NULL_NOTE = """\
Every server has one core to itself (the others are suspended), the load generator has the other. The network
costs nothing: it returns one constant mesh of 778 vertices. The request is a 224 x 224 JPEG. The rounds of
all servers are interleaved; throughput is over all rounds, a ratio the median of the ratios within a round;
CPU is the time that the server's processes spent on a request. *Plain FastAPI* is what a first version looks
like (uploaded file, Pillow, lists, no reply model); *LitServe* follows its documentation, with one worker.
"""

_NETWORK_NOTE = """\
It has one core and one thread, in the bare loop and in Triton alike; gateway and load share the other core.
*Share* is throughput over the best bare batch. The gateway gets JPEGs and answers JSON, Triton alone gets
finished crops over gRPC; the gateway's CPU is its own, without Triton's.
"""


def render(
    *,
    command: str,
    machine: Machine,
    null_rounds: Mapping[int, Mapping[str, Sequence[Sample]]],
    network: NetworkRounds | None,
) -> str:
    """Write the page.

    Args:
        command: what was typed.
        machine: where it ran.
        null_rounds: by concurrency, the rounds of each case by name.
        network: the rounds with the real network, or None when that part did not run.
    """
    blocks = ["# Benchmarks", preface(command, machine)]
    if null_rounds:
        blocks += ["## The gateway beside other servers, with a network that costs nothing", _NULL_NOTE]
        for concurrency, rounds in null_rounds.items():
            blocks += [f"### {concurrency} at a time", null_table(rounds), _null_ratios(rounds)]
    if network is not None:
        note = f"The network is {network.model}.\n{_NETWORK_NOTE}"
        blocks += ["## With the real network", note, network_table(network), _network_lines(network)]
    return "\n\n".join(block.strip() for block in blocks) + "\n"


def null_table(rounds: Mapping[str, Sequence[Sample]]) -> str:
    """Write one row a case."""
    rows = [[name, *_figures(samples)] for name, samples in rounds.items()]
    return table(["server", "requests/s", "p50 ms", "p99 ms", "CPU ms"], rows)


def network_table(network: NetworkRounds) -> str:
    """Write one row a batch size and one a concurrency."""
    best_per_s = _best_bare_per_s(network)
    rows = []
    for batch, rates_per_s in network.bare_per_s.items():
        rate_per_s = statistics.mean(rates_per_s)
        share = f"{rate_per_s / best_per_s:.1%}"
        rows.append(
            [
                f"bare TorchScript, batch {batch}",
                f"{rate_per_s:.1f}",
                f"{1e3 * batch / rate_per_s:.2f}",
                "",
                "",
                share,
            ]
        )
    for name, by_concurrency in (("Triton", network.triton), ("gateway + Triton", network.gateway)):
        for concurrency, samples in by_concurrency.items():
            share = f"{summarise(samples).throughput_per_s / best_per_s:.1%}"
            rows.append([f"{name}, {concurrency} at a time", *_figures(samples), share])
    return table(["what", "images/s", "p50 ms", "p99 ms", "CPU ms", "share"], rows)


def preface(command: str, machine: Machine) -> str:
    """Say what ran where."""
    versions = ", ".join(f"{name} {number}" for name, number in machine.versions.items())
    return (
        f"Written by `{command}` on {machine.day.isoformat()}.\n\n"
        f"Machine: {machine.cpu}, {machine.core_count} cores, Linux {machine.kernel}, "
        f"load average {machine.load_average:.1f} before the start. "
        f"Python {machine.python}, {versions}.\n\n"
        "Read the ratios; the absolute figures are this machine's."
    )


def _figures(samples: Sequence[Sample]) -> list[str]:
    summary = summarise(samples)
    return [
        f"{summary.throughput_per_s:.1f}",
        f"{summary.p50_ms:.2f}",
        f"{summary.p99_ms:.2f}",
        f"{summary.cpu_ms:.2f}",
    ]


def _null_ratios(rounds: Mapping[str, Sequence[Sample]]) -> str:
    rivals = [name for name in rounds if name.startswith((PLAIN_FASTAPI, LITSERVE, "FastAPI"))]
    ratios = [f"{throughput_ratio(rounds[GATEWAY], rounds[rival]):.1f} x {rival}" for rival in rivals]
    return f"`{GATEWAY}` reaches " + "; ".join(ratios) + "."


def _network_lines(network: NetworkRounds) -> str:
    added_ms = added_latency_ms(network.gateway[1], network.triton[1])
    lines = [f"The gateway adds {added_ms:.2f} ms to Triton's median latency, one request at a time."]
    for (width_px, height_px), samples in network.client.items():
        summary = summarise(samples)
        lines.append(
            f"One caller of the Python client, {width_px} x {height_px} JPEG to numpy arrays, end to end: "
            f"p50 {summary.p50_ms:.1f} ms, p99 {summary.p99_ms:.1f} ms."
        )
    return "\n".join(f"- {line}" for line in lines)


def _best_bare_per_s(network: NetworkRounds) -> float:
    return max(statistics.mean(rates_per_s) for rates_per_s in network.bare_per_s.values())


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table whose first column is words and whose others are figures."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
