"""From what was measured to what is printed."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One measured window.

    Attributes:
        latencies_s: of every request answered in it.
        elapsed_s: length of the window.
        server_cpu_s: CPU time of the server's process tree in it.
    """

    latencies_s: tuple[float, ...]
    elapsed_s: float
    server_cpu_s: float

    @property
    def throughput_per_s(self) -> float:
        """Answers a second."""
        return len(self.latencies_s) / self.elapsed_s

    @property
    def p50_s(self) -> float:
        """Median latency."""
        return statistics.median(self.latencies_s)


@dataclass(frozen=True, kw_only=True)
class Summary:
    """All rounds of one case.

    Attributes:
        throughput_per_s: all answers over the time of all rounds. A median of rounds would jump: answers of a
            batching server come in lumps, and a window holds few of them.
        p50_ms: median latency of all requests of all rounds.
        p99_ms: their 99th percentile.
        cpu_ms: server CPU time a request, over all rounds.
    """

    throughput_per_s: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float


def summarise(samples: Sequence[Sample]) -> Summary:
    """Summarise the rounds of one case.

    Raises:
        ValueError: nothing was answered.
    """
    latencies_ms = 1e3 * np.concatenate([sample.latencies_s for sample in samples])
    if latencies_ms.size == 0:
        raise ValueError(f"no request was answered in {len(samples)} rounds")
    p50_ms, p99_ms = np.percentile(latencies_ms, [50, 99])
    return Summary(
        throughput_per_s=latencies_ms.size / sum(sample.elapsed_s for sample in samples),
        p50_ms=float(p50_ms),
        p99_ms=float(p99_ms),
        cpu_ms=1e3 * sum(sample.server_cpu_s for sample in samples) / latencies_ms.size,
    )


def throughput_ratio(ours: Sequence[Sample], theirs: Sequence[Sample]) -> float:
    """Return how many times faster `ours` is: the median over rounds of the ratio within a round.

    Both ran within seconds of each other in a round, so what else the machine did then falls out.
    """
    return statistics.median(
        mine.throughput_per_s / other.throughput_per_s for mine, other in zip(ours, theirs, strict=True)
    )


def added_latency_ms(ours: Sequence[Sample], theirs: Sequence[Sample]) -> float:
    """Return by how much the median latency of `ours` is longer: the median over rounds, as for the ratio."""
    return 1e3 * statistics.median(mine.p50_s - other.p50_s for mine, other in zip(ours, theirs, strict=True))
