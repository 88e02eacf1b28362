"""What a soak keeps: every call, every frame of a stream, and how the processes were now and then."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deploy.soak.traffic import Kind
from deploy.soak.vitals import Sight

BROKEN = 0
"""In the place of a status: the connection could not be made, or ended before the reply was whole."""
SILENT = 1
"""In the place of a status: no reply within `load.ANSWER_TIMEOUT_S`."""


class Call(NamedTuple):
    """A request that ended.

    Attributes:
        kind: index among the kinds of traffic.
        due_s: when it was to be sent, from the beginning of the load.
        latency_s: from then, not from when it was sent, to the last byte of the reply.
        status: of HTTP, or `BROKEN` or `SILENT`.
    """

    kind: int
    due_s: float
    latency_s: float
    status: int


@dataclass
class Frames:
    """Of all live streams together."""

    streams: int = 0
    sent: int = 0
    hands: int = 0
    faults: list[str] = field(default_factory=list)
    """Replies that were no hand, and connections that broke."""


@dataclass
class Record:
    """A soak, as it happened.

    Attributes:
        kinds: of traffic.
        duration_s: of the load.
        rate_per_s: requests a second that were due.
        sent: requests that were started.
        calls: requests that ended.
        sights: of the processes, under load.
        before: the processes at rest, before the load.
        after: the processes at rest, after it.
    """

    kinds: tuple[Kind, ...]
    duration_s: float
    rate_per_s: float
    before: Sight
    after: Sight | None = None
    sent: int = 0
    calls: list[Call] = field(default_factory=list)
    frames: Frames = field(default_factory=Frames)
    sights: list[Sight] = field(default_factory=list)

    def statuses(self) -> Counter[int]:
        """Return how many calls ended with each status of HTTP."""
        return Counter(call.status for call in self.calls if call.status not in (BROKEN, SILENT))


@dataclass(frozen=True, kw_only=True)
class Minute:
    """A piece of a soak, as long as a minute where the soak has so many.

    Attributes:
        middle_s: from the beginning of the load.
        rate_per_s: answers a second.
        p50_ms: median latency of its answers.
        p99_ms: their 99th percentile.
    """

    middle_s: float
    rate_per_s: float
    p50_ms: float
    p99_ms: float


def minutes(record: Record, *, fewest: int = 9) -> list[Minute]:
    """Cut a soak into minutes, or `fewest` pieces where it is shorter; those without answers are left out."""
    pieces = max(fewest, int(record.duration_s // 60.0))
    length_s = record.duration_s / pieces
    answered = [call for call in record.calls if call.status not in (BROKEN, SILENT)]
    due_s = np.array([call.due_s for call in answered])
    latencies_ms = 1e3 * np.array([call.latency_s for call in answered])
    cut = []
    for piece in range(pieces):
        within: NDArray[np.float64] = latencies_ms[
            (due_s >= piece * length_s) & (due_s < (piece + 1) * length_s)
        ]
        if within.size:
            p50_ms, p99_ms = np.percentile(within, [50, 99])
            cut.append(
                Minute(
                    middle_s=(piece + 0.5) * length_s,
                    rate_per_s=within.size / length_s,
                    p50_ms=float(p50_ms),
                    p99_ms=float(p99_ms),
                )
            )
    return cut
