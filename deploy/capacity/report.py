"""The page `docs/capacity.md`: what was measured, what is assumed, and the fleets that follow."""

from __future__ import annotations

from collections.abc import Sequence

from deploy.bench.machine import Machine
from deploy.bench.report import preface, table
from deploy.capacity.measurement import Measurement
from deploy.capacity.model import Assumptions, Engine, Plan, plan

RATES_PER_S = (10.0, 1_000.0, 100_000.0)

_MEASURED_NOTE = """\
The gateway is one process on one core; its CPU time is the process's own, without Triton's. Bytes are
those on the wire, with heads. A *crop* is a JPEG of 128 x 128, a *photo* one of 4032 x 3024 with a box.
Triton's rate is that of crops over gRPC, 32 at a time, with one core and one thread.
"""

_READING = """\
A pod of the gateway is planned as one core, since one process is little more: larger pods do not answer
more. It is busy for the headroom's share of the time. *First to end* is what is used up first when the
rate grows and the fleet does not, and at what rate, without headroom. Past it callers get 429 and
nothing breaks; latency near it is not in this model, only in a load test. Large photos cost the gateways
more than the network costs Triton: callers who crop before they send save both.
"""


def render(
    measured: Measurement,
    engines: Sequence[Engine],
    assumptions: Assumptions,
    *,
    command: str,
    machine: Machine,
) -> str:
    """Write the page: one table of what was measured, one of fleets for each engine."""
    blocks = ["# Capacity", preface(command, machine), "## Measured", _MEASURED_NOTE, _measured(measured)]
    blocks += ["## Assumed", _assumed(assumptions), "## Fleets", _READING]
    for engine in engines:
        blocks += [f"### On {engine.name}", _engine_line(engine), _fleets(measured, engine, assumptions)]
    return "\n\n".join(block.strip() for block in blocks) + "\n"


def _measured(measured: Measurement) -> str:
    rows = [
        [
            cost.name,
            f"{1e3 * cost.gateway_cpu_s:.2f}",
            f"{1.0 / cost.gateway_cpu_s:.0f}",
            f"{cost.request_bytes / 1e3:.1f}",
            f"{cost.answer_bytes / 1e3:.1f}",
        ]
        for cost in measured.costs
    ]
    costs = table(["traffic", "gateway's CPU ms", "images/s of a core", "kB in", "kB out"], rows)
    inside = measured.inside
    return (
        f"{costs}\n\n"
        f"- Triton, one core: {measured.engine_images_per_s:.1f} images/s of {measured.model}.\n"
        f"- Between gateway and Triton: {inside.engine_request_bytes / 1e3:.1f} kB to it and "
        f"{inside.engine_answer_bytes / 1e3:.1f} kB back an image.\n"
        f"- Metrics: {inside.gateway_series} series a gateway, {inside.engine_series} a Triton."
    )


def _assumed(assumptions: Assumptions) -> str:
    rows = [
        ["`--headroom`", f"{assumptions.headroom:g}", "share of a pod's or link's best that is planned with"],
        ["`--min-pods`", f"{assumptions.min_pods}", "of each part, so that one may be away"],
        [
            "`--link-gbit-per-s`",
            f"{assumptions.link_gbit_per_s:g}",
            "what the way in front of the gateways carries",
        ],
        ["`--prometheus-series`", f"{assumptions.prometheus_series:,}", "what one Prometheus holds"],
        ["`--scrape-interval-s`", f"{assumptions.scrape_interval_s:g}", "between two looks at a pod"],
        [
            "`--core-price-per-hour`",
            f"{assumptions.core_price_per_hour:g}",
            "a core with its memory, in dollars",
        ],
        [
            "`--egress-price-per-gb`",
            f"{assumptions.egress_price_per_gb:g}",
            "what leaves for callers, in dollars",
        ],
    ]
    lines = ["| argument | value | |", "|---|---:|---|", *(f"| {' | '.join(row)} |" for row in rows)]
    return "Nobody measured these: prices are round numbers of no provider's list.\n\n" + "\n".join(lines)


def _engine_line(engine: Engine) -> str:
    return f"{engine.images_per_s:g} images/s a pod, {engine.price_per_hour:g} dollars an hour."


def _fleets(measured: Measurement, engine: Engine, assumptions: Assumptions) -> str:
    header = ["traffic", "images/s", "gateways", "Tritons", "Gbit/s in", "out", "inside", "links", "series"]
    header += ["first to end", "at images/s", "$ a million", "of it egress"]
    rows = [
        _row(cost.name, plan(cost, engine, measured.inside, assumptions, rate_per_s=rate_per_s))
        for cost in measured.costs
        for rate_per_s in RATES_PER_S
    ]
    return table(header, rows)


def _row(name: str, fleet: Plan) -> list[str]:
    first = fleet.saturates_first
    return [
        name,
        f"{fleet.rate_per_s:,.0f}",
        f"{fleet.gateways:,}",
        f"{fleet.engines:,}",
        f"{fleet.in_gbit_per_s:.3g}",
        f"{fleet.out_gbit_per_s:.3g}",
        f"{fleet.inside_gbit_per_s:.3g}",
        f"{fleet.links:,}",
        f"{fleet.series:,}",
        first,
        f"{fleet.ends_at_per_s[first]:,.0f}",
        f"{fleet.per_million:.2f}",
        f"{fleet.egress_per_million:.2f}",
    ]
