"""The line in front of the engine: who comes is told at once that the wait would be too long."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from service.engines.protocol import Deadline
from service.errors import DeadlineExceededError, OverloadedError

PATIENCE = 0.75
"""Share of a request's time that it may be expected to stand in line; the rest is for what was misjudged."""

FRESHNESS = 0.1
"""What one request's experience counts in the expectation, against all before it; the first ones count alike."""


class Line:
    """Who stands in line for an answer, and how fast it moves.

    A queue of fixed length is right for one engine: in front of a slower one everybody in it waits longer
    than the deadline, and an overload is answered with 504s, after work that was for nothing. How fast the
    line moves is learnt from those who have stood in it: the time that one took, over the number of those
    who stood there when it came, itself included. Nothing is learnt from idle time, and other gateways in
    front of the same engine are felt as a slower line.
    """

    def __init__(self, *, retry_after_s: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without experience: the first ones are let in.

        Args:
            retry_after_s: What one who is turned away is told to wait at the least.
            clock: Of the deadlines.
        """
        self._retry_after_s = retry_after_s
        self._clock = clock
        self._pace_s = 0.0
        self._learnt = 0
        self.standing = 0
        """Pictures in it."""

    @property
    def wait_s(self) -> float:
        """How long one who comes now is expected to stand; 0 where nobody does."""
        return self.standing * self._pace_s

    @contextmanager
    def stand(self, deadline: Deadline, *, pictures: int = 1) -> Iterator[None]:
        """Stand in line during the body, which decodes the pictures of one request and asks the engine.

        Raises:
            OverloadedError: The line is too long for the time that is left.
        """
        begun_s, wait_s = self._clock(), self.wait_s
        left_s = deadline.expires_at_s - begun_s
        if wait_s > PATIENCE * left_s:
            raise OverloadedError(
                f"{self.standing} pictures are before this one, about {wait_s:.1f} s of work, "
                f"and {max(0.0, left_s):.1f} s are left",
                retry_after_s=max(self._retry_after_s, math.ceil(wait_s)),
            )
        self.standing += pictures
        length = self.standing
        try:
            yield
        except DeadlineExceededError:
            self._learn((self._clock() - begun_s) / length)
            raise
        else:
            self._learn((self._clock() - begun_s) / length)
        finally:
            self.standing -= pictures

    def _learn(self, pace_s: float) -> None:
        self._learnt += 1
        self._pace_s += max(FRESHNESS, 1 / self._learnt) * (pace_s - self._pace_s)
