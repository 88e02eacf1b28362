"""When the client asks again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sima_hand_client import NotReadyError, OverloadedError, RefusedError, RetryPolicy, ServerFaultError
from sima_hand_client.errors import error_class
from sima_hand_client.retry import parse_retry_after

POLICY = RetryPolicy(attempts=5, first_delay_s=0.1, longest_delay_s=1.0)


def refusal(status: int, retry_after_s: float | None = None) -> RefusedError:
    return error_class(status)(status=status, title="", detail="", retry_after_s=retry_after_s)


@given(st.integers(1, 4), st.sampled_from([429, 503]))
def test_delays_double_up_to_the_longest_and_are_jittered_down_to_half(attempt: int, status: int) -> None:
    delay_s = POLICY.delay_s(attempt, refusal(status))
    full_s = min(0.1 * 2 ** (attempt - 1), 1.0)
    assert delay_s is not None
    assert full_s / 2 <= delay_s <= full_s


@given(st.integers(1, 4), st.floats(0.0, 1.0))
def test_the_service_is_never_asked_sooner_than_it_wants(attempt: int, asked_s: float) -> None:
    delay_s = POLICY.delay_s(attempt, refusal(429, retry_after_s=asked_s))
    assert delay_s is not None
    assert delay_s >= asked_s


def test_a_longer_wait_than_the_longest_ends_the_attempts() -> None:
    assert POLICY.delay_s(1, refusal(503, retry_after_s=1.5)) is None


def test_the_last_attempt_is_the_last() -> None:
    assert POLICY.delay_s(5, refusal(429)) is None


@pytest.mark.parametrize("status", [400, 404, 406, 408, 413, 415, 422, 500, 502, 504])
def test_nothing_but_busy_and_away_is_asked_again(status: int) -> None:
    assert POLICY.delay_s(1, refusal(status)) is None


@pytest.mark.parametrize(
    ("status", "kind"), [(429, OverloadedError), (503, NotReadyError), (500, ServerFaultError)]
)
def test_statuses_have_their_place_in_the_tree(status: int, kind: type[RefusedError]) -> None:
    assert type(refusal(status)) is kind


def test_retry_after_is_read_as_seconds_and_as_a_date() -> None:
    in_a_minute = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert parse_retry_after("7") == 7.0
    assert parse_retry_after(in_a_minute) == pytest.approx(60.0, abs=2.0)
    assert parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert parse_retry_after("soon") is None
    assert parse_retry_after(None) is None


@pytest.mark.parametrize(
    "broken",
    [
        {"attempts": 0},
        {"first_delay_s": 0.0},
        {"first_delay_s": 2.0, "longest_delay_s": 1.0},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(broken: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"attempts|delay"):
        RetryPolicy(**broken)
