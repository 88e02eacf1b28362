"""When to ask again, and after how long."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from sima_hand_client.errors import NotReadyError, OverloadedError, RefusedError


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """Exponential backoff with jitter for a service that is busy (429) or away (503).

    Only these two are asked again: they say that the request was not served. A timeout is not: the service
    may be working on it still, and asking again would double its load.

    Attributes:
        attempts: requests sent at most; 1 means that nothing is retried.
        first_delay_s: wait before the second attempt; doubles from there on.
        longest_delay_s: no wait is longer; a Retry-After beyond it ends the attempts instead.
    """

    attempts: int = 4
    first_delay_s: float = 0.2
    longest_delay_s: float = 5.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"attempts must be at least 1, got {self.attempts}")
        if not 0 < self.first_delay_s <= self.longest_delay_s:
            raise ValueError(
                "need 0 < first_delay_s <= longest_delay_s, "
                f"got {self.first_delay_s} and {self.longest_delay_s}"
            )

    def delay_s(self, attempt: int, refusal: RefusedError) -> float | None:
        """Return how long to wait after a refused attempt, or None to give up.

        Args:
            attempt: number of the attempt just refused, from 1.
            refusal: what the service said; its `retry_after_s` is never undercut.
        """
        if not isinstance(refusal, (OverloadedError, NotReadyError)):
            return None
        backoff_s = self.backoff_s(attempt)
        asked_s = refusal.retry_after_s or 0.0
        return None if backoff_s is None or asked_s > self.longest_delay_s else max(backoff_s, asked_s)

    def backoff_s(self, attempt: int) -> float | None:
        """Return how long to wait after an attempt, from 1, whatever it failed of; None to give up."""
        if attempt >= self.attempts:
            return None
        longest_s = min(self.first_delay_s * 2.0 ** (attempt - 1), self.longest_delay_s)
        return longest_s * random.uniform(0.5, 1.0)  # noqa: S311 - spreads clients out, guards nothing


def parse_retry_after(value: str | None) -> float | None:
    """Read a Retry-After header, seconds or an HTTP date (RFC 9110); None when absent or unreadable."""
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
