"""How the service is: what its processes hold, and the requests in flight by the gateway's own metric."""

from __future__ import annotations

import urllib.request
from dataclasses import dataclass

from deploy.bench.deployment import Service
from deploy.bench.vitals import Vitals, vitals

_IN_FLIGHT = "simahand_requests_in_flight "


@dataclass(frozen=True, kw_only=True)
class Sight:
    """One look at the service.

    Attributes:
        time_s: from the beginning of the load.
        gateway: its processes.
        triton: its processes.
        in_flight: other requests that the gateway serves, by its own metrics; None where it did not say.
    """

    time_s: float
    gateway: Vitals
    triton: Vitals
    in_flight: int | None


def look(service: Service, *, time_s: float) -> Sight:
    """Look at the service now."""
    return Sight(
        time_s=time_s,
        gateway=vitals(service.gateway),
        triton=vitals(service.triton),
        in_flight=_in_flight(service.gateway_port),
    )


def _in_flight(port: int) -> int | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10.0) as page:
            lines: list[str] = page.read().decode().splitlines()
    except OSError:
        return None
    counted = next((round(float(line.split()[1])) for line in lines if line.startswith(_IN_FLIGHT)), None)
    return None if counted is None else counted - 1  # this question itself
