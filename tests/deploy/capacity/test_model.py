"""The arithmetic of capacity: its laws, whatever was measured."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.capacity.model import Assumptions, Engine, ImageCost, Inside, Plan, plan

INSIDE = Inside(engine_request_bytes=50_000, engine_answer_bytes=10_000, gateway_series=500, engine_series=80)
JSON = ImageCost(name="json", gateway_cpu_s=0.002, request_bytes=6_000, answer_bytes=50_000)
ENGINE = Engine(name="a core", images_per_s=60.0, price_per_hour=0.04)

RATES = st.floats(min_value=0.1, max_value=1e6)
COSTS = st.builds(
    ImageCost,
    name=st.just("any"),
    gateway_cpu_s=st.floats(1e-4, 1.0),
    request_bytes=st.integers(100, 10**7),
    answer_bytes=st.integers(100, 10**6),
)
ENGINES = st.builds(
    Engine, name=st.just("any"), images_per_s=st.floats(1.0, 1e5), price_per_hour=st.floats(0.01, 10.0)
)
ASSUMPTIONS = st.builds(Assumptions, headroom=st.floats(0.1, 1.0), min_pods=st.integers(1, 4))


def planned(rate_per_s: float, *, cost: ImageCost = JSON, engine: Engine = ENGINE, **assumed: float) -> Plan:
    assumptions = dataclasses.replace(Assumptions(), **assumed)  # type: ignore[arg-type]
    return plan(cost, engine, INSIDE, assumptions, rate_per_s=rate_per_s)


@given(RATES, COSTS, ENGINES, ASSUMPTIONS)
def test_no_pod_is_busier_than_the_headroom_allows(
    rate_per_s: float, cost: ImageCost, engine: Engine, assumptions: Assumptions
) -> None:
    fleet = plan(cost, engine, INSIDE, assumptions, rate_per_s=rate_per_s)
    allowed = assumptions.headroom * (1 + 1e-9)
    assert rate_per_s * cost.gateway_cpu_s / fleet.gateways <= allowed
    assert rate_per_s / (fleet.engines * engine.images_per_s) <= allowed
    for pods, used in (
        (fleet.gateways, rate_per_s * cost.gateway_cpu_s),
        (fleet.engines, rate_per_s / engine.images_per_s),
    ):
        one_fewer_would_do = pods > assumptions.min_pods and used / (pods - 1) < assumptions.headroom * (
            1 - 1e-9
        )
        assert not one_fewer_would_do


@given(RATES, st.floats(1.0, 100.0), COSTS, ENGINES, ASSUMPTIONS)
def test_more_images_never_take_less(
    rate_per_s: float, factor: float, cost: ImageCost, engine: Engine, assumptions: Assumptions
) -> None:
    few = plan(cost, engine, INSIDE, assumptions, rate_per_s=rate_per_s)
    many = plan(cost, engine, INSIDE, assumptions, rate_per_s=factor * rate_per_s)
    for name in (
        "gateways",
        "engines",
        "links",
        "in_gbit_per_s",
        "out_gbit_per_s",
        "inside_gbit_per_s",
        "series",
    ):
        assert getattr(many, name) >= getattr(few, name), name
    # Money a second grows; money an image falls to that of full pods.
    assert many.per_million * many.rate_per_s >= few.per_million * few.rate_per_s * (1 - 1e-9)


@given(RATES, COSTS, ENGINES, ASSUMPTIONS)
def test_twice_the_images_take_twice_the_pods_up_to_rounding(
    rate_per_s: float, cost: ImageCost, engine: Engine, assumptions: Assumptions
) -> None:
    one = plan(cost, engine, INSIDE, assumptions, rate_per_s=rate_per_s)
    two = plan(cost, engine, INSIDE, assumptions, rate_per_s=2 * rate_per_s)
    for name in ("gateways", "engines"):
        before, after = getattr(one, name), getattr(two, name)
        if before > assumptions.min_pods:
            assert after in {2 * before - 1, 2 * before}, name


def test_the_headroom_is_what_pods_are_divided_by() -> None:
    assert planned(6000, headroom=1.0).engines == 100
    assert planned(6000, headroom=0.5).engines == 200
    assert planned(6000, headroom=0.5).gateways == math.ceil(6000 * JSON.gateway_cpu_s / 0.5)


def test_one_pod_may_be_away_at_the_smallest_rate() -> None:
    assert (planned(0.1).gateways, planned(0.1).engines) == (2, 2)


@pytest.mark.parametrize(
    ("cost", "engine_per_s", "assumed", "first"),
    [
        ({}, 60.0, {}, "Triton"),
        ({"gateway_cpu_s": 0.2}, 1e4, {}, "gateways"),
        ({}, 60.0, {"link_gbit_per_s": 0.04}, "one link, out"),
        ({"request_bytes": 5_000_000}, 60.0, {"link_gbit_per_s": 1.0}, "one link, in"),
        ({}, 60.0, {"prometheus_series": 1_000}, "one Prometheus"),
    ],
)
def test_what_saturates_first_is_named(
    cost: dict[str, float], engine_per_s: float, assumed: dict[str, float], first: str
) -> None:
    fleet = planned(
        100,
        cost=dataclasses.replace(JSON, **cost),  # type: ignore[arg-type]
        engine=dataclasses.replace(ENGINE, images_per_s=engine_per_s),
        **assumed,
    )
    assert fleet.saturates_first == first


def test_links_are_counted_as_the_answers_need_them() -> None:
    fleet = planned(100_000)
    assert fleet.out_gbit_per_s == pytest.approx(40.0)
    assert fleet.links == math.ceil(40.0 / (0.7 * 10.0))
    assert fleet.saturates_first == "one link, out"


def test_money_is_the_fleets_hours_and_the_answers_bytes() -> None:
    fleet = planned(1000, core_price_per_hour=0.1, egress_price_per_gb=0.02)
    per_hour = fleet.gateways * 0.1 + fleet.engines * ENGINE.price_per_hour
    assert fleet.compute_per_million == pytest.approx(per_hour / 3.6)  # 3.6 million images an hour
    assert fleet.egress_per_million == pytest.approx(50 * 0.02)
    assert fleet.per_million == pytest.approx(fleet.compute_per_million + fleet.egress_per_million)


@pytest.mark.parametrize("assumed", [{"headroom": 0.0}, {"headroom": 1.1}, {"min_pods": 0}])
def test_impossible_assumptions_are_refused(assumed: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"got"):
        dataclasses.replace(Assumptions(), **assumed)  # type: ignore[arg-type]


@pytest.mark.parametrize("rate_per_s", [0.0, -1.0])
def test_rates_are_above_zero(rate_per_s: float) -> None:
    with pytest.raises(ValueError, match="above zero"):
        planned(rate_per_s)
