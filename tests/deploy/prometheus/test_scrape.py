"""What a real Prometheus reads of a running gateway is what its callers were told."""

from __future__ import annotations

import pytest

from service.stream_metrics import TRANSPORTS, Transport
from tests.deploy.prometheus.conftest import Observed
from tests.deploy.prometheus.server import eventually

pytestmark = pytest.mark.triton


OUTCOMES = {200: "ok", 404: "http-404", 415: "unsupported-media-type", 429: "overloaded"}


def reads(observed: Observed, expected: dict[str, float]) -> None:
    """Check that expressions (`@` stands for the gateway's instance) come to these values."""
    instance = f'instance="{observed.instance}"'

    def found() -> dict[str, float]:
        return {query: observed.prometheus.value(query.replace("@", instance)) for query in expected}

    eventually(lambda: found() == expected)


def test_requests_are_counted_as_their_callers_know_them(observed: Observed) -> None:
    told = observed.told.answers
    assert {status for _, status in told} == set(OUTCOMES)
    reads(
        observed,
        {
            f'simahand_requests_total{{@, route="{route}", outcome="{OUTCOMES[status]}"}}': count
            for (route, status), count in told.items()
        },
    )


def test_what_was_refused_has_its_reason(observed: Observed) -> None:
    told = observed.told.answers
    refused = {
        "overloaded": told["/v1/reconstruct", 429],
        "unsupported-media-type": told["/v1/reconstruct", 415],
        "http-404": told["unmatched", 404],
    }
    reads(
        observed,
        {f'simahand_rejected_total{{@, reason="{reason}"}}': count for reason, count in refused.items()},
    )


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_no_frame_of_a_stream_is_lost_from_sight(transport: Transport, observed: Observed) -> None:
    sent, replies = observed.told.frames[transport], observed.told.replies[transport]
    assert sent > replies, "some were dropped"
    of = f'@, transport="{transport}"'
    reads(
        observed,
        {
            f"simahand_stream_frames_received_total{{{of}}}": sent,
            f'simahand_stream_frames_total{{{of}, outcome="dropped"}}': sent - replies,
            f"simahand_stream_reply_age_seconds_count{{{of}}}": replies,
            f"simahand_streams_open{{{of}}}": 0,
        },
    )


def test_pictures_and_versions_are_known(observed: Observed) -> None:
    (instance, query) = (f'instance="{observed.instance}"', observed.prometheus.value)
    # All pictures of the tests are of one size: 200 x 180 pixels.
    assert query(
        f"simahand_image_pixels_sum{{{instance}}} / simahand_image_pixels_count{{{instance}}}"
    ) == pytest.approx(36_000)
    assert query(f'simahand_model_version{{{instance}, model="svr_hand"}}') == 1
    assert query(f'simahand_build_info{{{instance}, engine="triton", model="svr_hand"}}') == 1
    assert query('nv_inference_exec_count{model="svr_hand"}') > 0, "Triton's own"


def test_every_rule_works_and_only_the_lonely_gateway_has_no_engine(observed: Observed) -> None:
    def evaluated() -> bool:
        return all(rule["health"] != "unknown" for rule in observed.prometheus.rules())

    eventually(evaluated)
    rules = observed.prometheus.rules()
    assert [rule for rule in rules if rule["health"] != "ok"] == []
    (down,) = [rule for rule in rules if rule["name"] == "SimahandEngineDown"]
    assert [alert["labels"]["instance"] for alert in down["alerts"]] == [observed.lonely]
    (target,) = [rule for rule in rules if rule["name"] == "SimahandTargetDown"]
    assert target["alerts"] == []
