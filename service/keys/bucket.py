"""A token bucket: so many in the long run, and so many at once."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Seconds that never run backwards."""


class TokenBucket:
    """Fills at a steady rate up to a brim; full at first."""

    def __init__(self, *, rate_per_s: float, burst: int, clock: Clock = time.monotonic) -> None:
        """Hold `burst` tokens at most, and get `rate_per_s` new ones."""
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._clock = clock
        self._tokens = float(burst)
        self._at_s = clock()

    def take(self) -> float:
        """Take a token and return 0; where there is none, take none and return the seconds until there is."""
        self._fill()
        if self._tokens < 1:
            return (1 - self._tokens) / self._rate_per_s
        self._tokens -= 1
        return 0.0

    def reserve(self) -> float:
        """Take the next token, even if it is still to come; return the seconds until it is there."""
        self._fill()
        self._tokens -= 1
        return max(0.0, -self._tokens / self._rate_per_s)

    def give_back(self) -> None:
        """Put back a token that was not used."""
        self._tokens = min(self._burst, self._tokens + 1)

    def _fill(self) -> None:
        now_s = self._clock()
        self._tokens = min(self._burst, self._tokens + (now_s - self._at_s) * self._rate_per_s)
        self._at_s = now_s
