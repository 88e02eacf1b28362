"""All faults by name, in the order in which they are tried."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from deploy.faults import callers, engine, fleet, gateway
from deploy.faults.episode import Episode
from deploy.faults.stand import Stand

Scenario = Callable[[Stand], Coroutine[Any, Any, Episode]]

SCENARIOS: dict[str, Scenario] = {
    "triton-killed": engine.triton_killed,
    "triton-frozen": engine.triton_frozen,
    "triton-slow": engine.triton_slow,
    "triton-restarted": engine.triton_restarted,
    "model-missing": engine.model_missing,
    "wrong-contract": engine.wrong_contract,
    "disk-full": gateway.disk_full,
    "half-open": callers.half_open,
    "slowloris": callers.slowloris,
    "never-reading": callers.never_reading,
    "clock-jumps": gateway.clock_jumps,
    "sigterm": gateway.sigterm,
    "gateway-killed": gateway.gateway_killed,
    "triton-lost": fleet.triton_lost,
    "hot-swap": fleet.hot_swap,
    "overload": gateway.overload,
}
