"""What a soak proves, or does not."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from scipy.stats import theilslopes

from deploy.bench.vitals import Vitals
from deploy.soak.record import BROKEN, SILENT, Record, minutes
from deploy.soak.traffic import OK
from deploy.soak.vitals import Sight

T = TypeVar("T")

SERVER_ERRORS = range(500, 600)


@dataclass(frozen=True, kw_only=True)
class Tolerances:
    """What is still no growth.

    Attributes:
        warm_up_share: of the load; what the processes do in it is not looked at.
        rss_mib: that a process may grow over the rest of the load.
        files: more that may be open, later or at rest.
        threads: more that may live later.
        p99_ratio: of the last third's to the first third's.
    """

    warm_up_share: float = 0.2
    rss_mib: float = 16.0
    files: int = 3
    threads: int = 2
    p99_ratio: float = 1.5


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One claim, and whether it held."""

    claim: str
    found: str
    allowed: str
    holds: bool


def judge(record: Record, tolerances: Tolerances) -> list[Verdict]:
    """Return all verdicts.

    Raises:
        ValueError: the record holds too little to say anything about growth or latency.
    """
    return [
        *_replies(record),
        _streams(record),
        *_memory(record, tolerances),
        *_levels(record, tolerances),
        _at_rest(record, tolerances),
        _nothing_in_flight(record),
        _latency(record, tolerances),
    ]


def _replies(record: Record) -> list[Verdict]:
    statuses = [call.status for call in record.calls]
    answered = sum(status not in (BROKEN, SILENT) for status in statuses)
    wrong = {True: 0, False: 0}
    total = {True: 0, False: 0}
    for call in record.calls:
        kind = record.kinds[call.kind]
        good = kind.expected_status == OK
        total[good] += 1
        wrong[good] += call.status != kind.expected_status
    return [
        _none("no 5xx", sum(status in SERVER_ERRORS for status in statuses), of=answered),
        _none("no broken connection", statuses.count(BROKEN), of=record.sent),
        _none("every request answered", record.sent - answered, of=record.sent),
        _none("every good upload got a hand", wrong[True], of=total[True]),
        _none("every bad upload got its 4xx", wrong[False], of=total[False]),
    ]


def _streams(record: Record) -> Verdict:
    frames = record.frames
    missing = frames.sent - frames.hands
    return Verdict(
        claim="every frame of a stream got a hand",
        found=f"{missing} of {frames.sent:,}; {len(frames.faults)} faults in {frames.streams} streams",
        allowed="0",
        holds=frames.sent > 0 and missing == 0 and not frames.faults,
    )


def _none(claim: str, count: int, *, of: int) -> Verdict:
    """Judge something that must not be, of what must be there at all."""
    return Verdict(claim=claim, found=f"{count} of {of:,}", allowed="0", holds=of > 0 and count == 0)


def _memory(record: Record, tolerances: Tolerances) -> list[Verdict]:
    late = later(record, tolerances)
    span_s = late[-1].time_s - late[0].time_s
    verdicts = []
    for name, of in _PROCESSES.items():
        # Theil and Sen's slope: the median of those between all pairs, which a few peaks do not move.
        slope = theilslopes([of(sight).rss_mib for sight in late], [sight.time_s for sight in late]).slope
        growth_mib = float(slope) * span_s
        verdicts.append(
            Verdict(
                claim=f"{name}'s memory does not grow",
                found=f"{growth_mib:+.1f} MiB in {span_s / 60:.1f} min, at {of(late[-1]).rss_mib:.0f} MiB",
                allowed=f"{tolerances.rss_mib:+g} MiB",
                holds=growth_mib <= tolerances.rss_mib,
            )
        )
    return verdicts


def _levels(record: Record, tolerances: Tolerances) -> list[Verdict]:
    """Compare the last third with the first one: connections come and go, but their median does not."""
    first, last = _outer_thirds(later(record, tolerances))
    verdicts = []
    for name, of in _PROCESSES.items():
        for thing, count, more in (
            ("open files", _files, tolerances.files),
            ("threads", _threads, tolerances.threads),
        ):
            before, after = (
                statistics.median(count(of(sight)) for sight in sights) for sights in (first, last)
            )
            verdicts.append(
                Verdict(
                    claim=f"{name}'s {thing} stay",
                    found=f"{before:g} → {after:g}",
                    allowed=f"+{more}",
                    holds=after - before <= more,
                )
            )
    return verdicts


def _at_rest(record: Record, tolerances: Tolerances) -> Verdict:
    before = record.before.gateway.files
    after = None if record.after is None else record.after.gateway.files
    return Verdict(
        claim="gateway's open files at rest are those before the load",
        found=f"{before} → {after}",
        allowed=f"+{tolerances.files}",
        holds=after is not None and after - before <= tolerances.files,
    )


def _nothing_in_flight(record: Record) -> Verdict:
    left = None if record.after is None else record.after.in_flight
    most = max((sight.in_flight or 0 for sight in record.sights), default=0)
    return Verdict(
        claim="nothing in flight after the load",
        found=f"{left}; at most {most} seen under load",
        allowed="0",
        holds=left == 0,
    )


def _latency(record: Record, tolerances: Tolerances) -> Verdict:
    """Compare medians of the minutes' p99: a drift moves them, one stall of the machine does not."""
    warm_s = tolerances.warm_up_share * record.duration_s
    first, last = _outer_thirds([minute for minute in minutes(record) if minute.middle_s >= warm_s])
    before_ms, after_ms = (statistics.median(minute.p99_ms for minute in third) for third in (first, last))
    return Verdict(
        claim="p99 of the last third is that of the first",
        found=f"{before_ms:.0f} ms → {after_ms:.0f} ms, {after_ms / before_ms:.2f} x",
        allowed=f"{tolerances.p99_ratio:g} x",
        holds=after_ms <= tolerances.p99_ratio * before_ms,
    )


def later(record: Record, tolerances: Tolerances) -> list[Sight]:
    """Return the sights after the warm-up."""
    return [sight for sight in record.sights if sight.time_s >= tolerances.warm_up_share * record.duration_s]


def _outer_thirds(items: Sequence[T]) -> tuple[Sequence[T], Sequence[T]]:
    third = len(items) // 3
    if third == 0:
        raise ValueError(f"a soak needs more than {len(items)} looks after its warm-up: make it longer")
    return items[:third], items[-third:]


def _gateway(sight: Sight) -> Vitals:
    return sight.gateway


def _triton(sight: Sight) -> Vitals:
    return sight.triton


def _files(vitals: Vitals) -> int:
    return vitals.files


def _threads(vitals: Vitals) -> int:
    return vitals.threads


_PROCESSES: dict[str, Callable[[Sight], Vitals]] = {"gateway": _gateway, "Triton": _triton}
