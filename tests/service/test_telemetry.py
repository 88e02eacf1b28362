"""What is counted, and that nobody outside can make it more."""

from __future__ import annotations

import httpx
from prometheus_client.parser import text_string_to_metric_families

from service.app import create_app
from service.settings import Settings
from service.telemetry import BUCKETS_S, HAND_ROUTES, RESULTS
from tests.service.conftest import served
from tests.service.pictures import encoded, picture

JPEG = encoded(picture(120, 100), "JPEG")
HEADERS = {"content-type": "image/jpeg"}
METHODS = ("PROPFIND", "MKCOL", "PURGE", "SEARCH", "REPORT", "LINK", "BIND", "COPY", "LOCK", "TRACE")
"""The server's parser refuses those that nobody has heard of."""

Series = frozenset[tuple[str, tuple[tuple[str, str], ...]]]


def series(client: httpx.Client) -> Series:
    """Return the names and labels of all that is exposed."""
    families = text_string_to_metric_families(client.get("/metrics").text)
    return frozenset(
        (sample.name, tuple(sorted(sample.labels.items())))
        for family in families
        for sample in family.samples
    )


def flood(client: httpx.Client, numbers: range) -> None:
    """Ask what nobody should, never the same twice."""
    for number in numbers:
        client.get(f"/nowhere/{number}")
        client.get(f"/v1/reconstruct/{number}")
        client.get(f"/assets/{number}.js")
        client.request(METHODS[number % len(METHODS)], "/v1/reconstruct")
        client.request(METHODS[number % len(METHODS)], f"/nowhere/{number}")
        client.post(f"/v1/reconstruct?hand={number}", content=JPEG, headers=HEADERS)
        client.post(f"/v1/reconstruct?model=m{number}", content=JPEG, headers=HEADERS)
        client.post(f"/v1/reconstruct?version={number + 10}", content=JPEG, headers=HEADERS)
        client.post("/v1/reconstruct", content=JPEG, headers={"content-type": f"image/x{number}"})
        client.get("/livez", headers={"x-request-id": f"mine-{number}", "user-agent": f"agent {number}"})


def test_callers_cannot_add_series(embedded_settings: Settings) -> None:
    with served(create_app(embedded_settings)) as client:
        series(client)  # which is counted from the next time on
        flood(client, range(2))
        before = series(client)
        flood(client, range(2, 30))
        assert series(client) == before
        routes = {value for _, labels in before for name, value in labels if name == "route"}
        assert routes <= {*HAND_ROUTES, "unmatched", "/assets/{name}", "/livez", "/metrics"}


def test_what_may_go_wrong_is_there_before_it_does(embedded_settings: Settings) -> None:
    with served(create_app(embedded_settings)) as client:
        exposed = series(client)
    assert ("simahand_engine_errors_total", (("kind", "engine-unavailable"),)) in exposed
    assert ("simahand_rejected_total", (("reason", "overloaded"),)) in exposed
    for route in HAND_ROUTES:
        for result in RESULTS:
            assert ("simahand_request_seconds_count", (("result", result), ("route", route))) in exposed


def test_buckets_begin_at_a_tenth_of_a_millisecond_and_hold_every_deadline() -> None:
    assert BUCKETS_S[0] == 1e-4
    assert list(BUCKETS_S) == sorted(set(BUCKETS_S))
    assert BUCKETS_S[-1] > Settings().deadline_s
