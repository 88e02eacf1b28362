"""Pure arithmetic: costs of an image, a rate and prices in; a fleet, what saturates first and money out."""

from __future__ import annotations

import math
from dataclasses import dataclass

BITS_PER_BYTE = 8
SECONDS_PER_HOUR = 3600.0
MILLION = 1_000_000


@dataclass(frozen=True, kw_only=True)
class ImageCost:
    """What one image of one kind of traffic costs.

    Attributes:
        name: the kind, in words.
        gateway_cpu_s: of the gateway's process, without Triton's.
        request_bytes: from the caller to the gateway, heads included.
        answer_bytes: from the gateway to the caller, heads included.
    """

    name: str
    gateway_cpu_s: float
    request_bytes: int
    answer_bytes: int


@dataclass(frozen=True, kw_only=True)
class Engine:
    """One pod of Triton.

    Attributes:
        name: what it runs on, in words.
        images_per_s: what it answers, at best.
        price_per_hour: of the pod.
    """

    name: str
    images_per_s: float
    price_per_hour: float


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """What nobody measured here; every one is an argument of the command.

    Attributes:
        headroom: the share of a pod's or a link's best that is planned with. The rest is for bursts, for a
            pod that is away, and for the queueing that sets in before a server is full.
        min_pods: of each part at any rate, so that one may be away.
        link_gbit_per_s: what the way in front of all gateways (a balancer, a node) carries, each way.
        prometheus_series: what one Prometheus holds.
        scrape_interval_s: between two looks at a pod's metrics.
        core_price_per_hour: one core with its memory: a pod of the gateway.
        egress_price_per_gb: what leaves for the callers, 10^9 bytes.
    """

    headroom: float = 0.7
    min_pods: int = 2
    link_gbit_per_s: float = 10.0
    prometheus_series: int = 1_000_000
    scrape_interval_s: float = 15.0
    core_price_per_hour: float = 0.04
    egress_price_per_gb: float = 0.09

    def __post_init__(self) -> None:
        if not 0 < self.headroom <= 1:
            raise ValueError(f"headroom is a share, above 0 and at most 1; got {self.headroom}")
        if self.min_pods < 1:
            raise ValueError(f"at least one pod of each part is needed, got {self.min_pods}")


@dataclass(frozen=True, kw_only=True)
class Inside:
    """What happens behind the gateways, whatever the callers send.

    Attributes:
        engine_request_bytes: from a gateway to Triton, an image's tensors.
        engine_answer_bytes: from Triton to a gateway.
        gateway_series: lines of a gateway's metrics, after traffic of every kind.
        engine_series: lines of a Triton's.
    """

    engine_request_bytes: int
    engine_answer_bytes: int
    gateway_series: int
    engine_series: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The fleet for one rate.

    Attributes:
        rate_per_s: images.
        gateways: pods of one core.
        engines: pods of Triton.
        in_gbit_per_s: from the callers.
        out_gbit_per_s: to the callers.
        inside_gbit_per_s: between gateways and Tritons, both ways together.
        series: that Prometheus holds.
        samples_per_s: that Prometheus takes up.
        links: that carry the busier direction with headroom; one is assumed to be there.
        ends_at_per_s: by resource, the rate at which that much of it is used up, without headroom.
        compute_per_million: money for a million images at this rate, around the clock.
        egress_per_million: money for their answers' way out.
    """

    rate_per_s: float
    gateways: int
    engines: int
    in_gbit_per_s: float
    out_gbit_per_s: float
    inside_gbit_per_s: float
    series: int
    samples_per_s: float
    links: int
    ends_at_per_s: dict[str, float]
    compute_per_million: float
    egress_per_million: float

    @property
    def saturates_first(self) -> str:
        """The resource that is used up first when the rate grows and the fleet does not."""
        return min(self.ends_at_per_s, key=self.ends_at_per_s.__getitem__)

    @property
    def per_million(self) -> float:
        """Money for a million images."""
        return self.compute_per_million + self.egress_per_million


def plan(
    cost: ImageCost, engine: Engine, inside: Inside, assumptions: Assumptions, *, rate_per_s: float
) -> Plan:
    """Return the fleet that answers `rate_per_s` images of one kind and keeps the headroom.

    Raises:
        ValueError: the rate, or what the engine answers, is not above zero.
    """
    if rate_per_s <= 0 or engine.images_per_s <= 0:
        raise ValueError(f"rates are above zero; got {rate_per_s} asked of {engine.images_per_s} a second")
    gateways = _pods(rate_per_s * cost.gateway_cpu_s, assumptions)
    engines = _pods(rate_per_s / engine.images_per_s, assumptions)
    in_gbit, out_gbit = (_gbit(cost.request_bytes), _gbit(cost.answer_bytes))
    series = gateways * inside.gateway_series + engines * inside.engine_series
    fleet_per_hour = gateways * assumptions.core_price_per_hour + engines * engine.price_per_hour
    return Plan(
        rate_per_s=rate_per_s,
        gateways=gateways,
        engines=engines,
        in_gbit_per_s=rate_per_s * in_gbit,
        out_gbit_per_s=rate_per_s * out_gbit,
        inside_gbit_per_s=rate_per_s * _gbit(inside.engine_request_bytes + inside.engine_answer_bytes),
        series=series,
        samples_per_s=series / assumptions.scrape_interval_s,
        links=_whole(rate_per_s * max(in_gbit, out_gbit) / assumptions.link_gbit_per_s, assumptions),
        ends_at_per_s={
            "gateways": gateways / cost.gateway_cpu_s,
            "Triton": engines * engine.images_per_s,
            "one link, in": assumptions.link_gbit_per_s / in_gbit,
            "one link, out": assumptions.link_gbit_per_s / out_gbit,
            "one Prometheus": rate_per_s * assumptions.prometheus_series / series,
        },
        compute_per_million=fleet_per_hour / SECONDS_PER_HOUR / rate_per_s * MILLION,
        egress_per_million=MILLION * cost.answer_bytes / 1e9 * assumptions.egress_price_per_gb,
    )


def _pods(used: float, assumptions: Assumptions) -> int:
    """Return how many pods keep the headroom where `used` of them would be busy all the time."""
    return max(assumptions.min_pods, _whole(used, assumptions))


def _whole(used: float, assumptions: Assumptions) -> int:
    return math.ceil(used / assumptions.headroom)


def _gbit(count: int) -> float:
    return count * BITS_PER_BYTE / 1e9
