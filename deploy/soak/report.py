"""The page `docs/soak.md` and its plot."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from deploy.bench.machine import Machine
from deploy.bench.report import preface, table
from deploy.soak.chart import Line, Panel, draw
from deploy.soak.load import CALLERS, CONNECTIONS, FRAMES_PER_S, STREAMS
from deploy.soak.record import BROKEN, SILENT, Record, minutes
from deploy.soak.run import Soak
from deploy.soak.verdicts import Tolerances, Verdict

_METHOD = f"""\
Triton has one core and one thread; gateway and load share the other. {CALLERS} callers in a closed loop find
the most that is answered of this mix; then requests are sent when they are due, at a share of it, whatever
became of those before them. Latency counts from when a request was due, so a stall is counted in all that
it kept waiting. {CONNECTIONS} connections stay open, others come and go with their request, and {STREAMS}
live streams of {FRAMES_PER_S:g} frames a second are opened, used and closed again beside them, in both parts.
"""

_RULES = """\
Memory, open files and threads are those of all processes of a part, from `/proc`. Growth of memory is Theil
and Sen's slope (the median of the slopes between all pairs of looks) after the warm-up, times the time that
it covers. Files and threads: the median of the last third after the warm-up beside that of the first. p99:
the median of the minutes' p99 of the last third beside that of the first. *At rest*: no caller has a
connection open.
"""


def render(
    soak: Soak,
    verdicts: Sequence[Verdict],
    tolerances: Tolerances,
    *,
    command: str,
    machine: Machine,
    model: str,
    plot: str | None,
) -> str:
    """Write the page.

    Args:
        soak: what was found.
        verdicts: on it.
        tolerances: that they were given.
        command: what was typed.
        machine: where it ran.
        model: which network, in words.
        plot: where the plot lies, from the page; None where there is none.
    """
    blocks = ["# Soak", preface(command, machine), _METHOD, _figures(soak, model)]
    blocks += ["## Verdicts", _conclusion(verdicts), verdict_table(verdicts), _RULES]
    if plot is not None:
        blocks += [
            "## Over time",
            f"![Memory, open files, threads, rate and latency over time]({plot})",
            f"Shaded: the warm-up, {tolerances.warm_up_share:.0%} of the time.",
        ]
    blocks += ["## Requests", _requests(soak.record)]
    return "\n\n".join(block.strip() for block in blocks) + "\n"


def verdict_table(verdicts: Sequence[Verdict]) -> str:
    """Write one row a verdict."""
    rows = [
        [verdict.claim, verdict.found, verdict.allowed, "holds" if verdict.holds else "**FAILS**"]
        for verdict in verdicts
    ]
    return table(["claim", "found", "allowed", "verdict"], rows)


def plot_of(record: Record, tolerances: Tolerances) -> str:
    """Draw memory, files, threads, requests in flight, rate and latency over time, as SVG."""
    times_min = [sight.time_s / 60 for sight in record.sights]
    pieces = minutes(record)
    middles_min = [piece.middle_s / 60 for piece in pieces]
    gateway = [sight.gateway for sight in record.sights]
    triton = [sight.triton for sight in record.sights]
    seen = [sight for sight in record.sights if sight.in_flight is not None]

    def both(title: str, unit: str, ours: Sequence[float], theirs: Sequence[float]) -> Panel:
        lines = [
            Line(name="gateway", minutes=times_min, values=ours),
            Line(name="Triton", minutes=times_min, values=theirs),
        ]
        return Panel(title=title, unit=unit, lines=lines)

    panels = [
        both("Resident memory", "(MiB)", [of.rss_mib for of in gateway], [of.rss_mib for of in triton]),
        both("Open files", "", [of.files for of in gateway], [of.files for of in triton]),
        both("Threads", "", [of.threads for of in gateway], [of.threads for of in triton]),
        Panel(
            title="Requests in flight in the gateway",
            unit="",
            lines=[
                Line(
                    name="seen",
                    minutes=[sight.time_s / 60 for sight in seen],
                    values=[sight.in_flight or 0 for sight in seen],
                )
            ],
        ),
        Panel(
            title="Answers",
            unit="(1/s)",
            lines=[Line(name="answers", minutes=middles_min, values=[of.rate_per_s for of in pieces])],
        ),
        Panel(
            title="Latency from the time due",
            unit="(ms)",
            lines=[
                Line(name="p50", minutes=middles_min, values=[of.p50_ms for of in pieces]),
                Line(name="p99", minutes=middles_min, values=[of.p99_ms for of in pieces]),
            ],
        ),
    ]
    return draw(
        panels,
        title="A soak: memory, open files, threads, requests in flight, rate and latency over time",
        warm_up_min=tolerances.warm_up_share * record.duration_s / 60,
        duration_min=record.duration_s / 60,
    )


def plot_link(page: Path | None, plot: Path | None) -> str | None:
    """Return how the page names the plot; None where one of the two is not written."""
    if page is None or plot is None:
        return None
    return os.path.relpath(plot, page.parent)


def _figures(soak: Soak, model: str) -> str:
    record = soak.record
    frames = record.frames
    statuses = ", ".join(f"{count:,} x {status}" for status, count in sorted(record.statuses().items()))
    lines = [
        f"The network is {model}.",
        f"At most {soak.most_per_s:.1f} requests/s in a closed loop; the load was {record.rate_per_s:.1f} "
        f"requests/s ({record.rate_per_s / soak.most_per_s:.0%}) for {record.duration_s / 60:g} min.",
        f"{record.sent:,} requests sent; statuses: {statuses}.",
        f"{frames.streams} live streams, {frames.sent:,} frames, {frames.hands:,} hands.",
    ]
    return "\n".join(f"- {line}" for line in lines)


def _conclusion(verdicts: Sequence[Verdict]) -> str:
    failed = [verdict.claim for verdict in verdicts if not verdict.holds]
    if not failed:
        return f"All {len(verdicts)} hold."
    return f"{len(failed)} of {len(verdicts)} fail: {'; '.join(failed)}."


def _requests(record: Record) -> str:
    rows = []
    for index, kind in enumerate(record.kinds):
        calls = [call for call in record.calls if call.kind == index]
        met = sum(call.status == kind.expected_status for call in calls)
        lost = sum(call.status in (BROKEN, SILENT) for call in calls)
        rows.append([kind.name, f"{len(calls):,}", str(kind.expected_status), f"{met:,}", str(lost)])
    return table(["request", "ended", "must get", "got it", "without a reply"], rows)
