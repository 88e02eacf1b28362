"""The line in front of the engine: who comes is told at once that the wait would be too long."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from service.engines.protocol import Deadline
from service.errors import DeadlineExceededError, OverloadedError

PATIENCE = 0.5
"""Share of a request's time that it may be expected to stand in line; the rest is for what was misjudged."""

MEMORY = 0.98
"""What is left of all experience when one more answer has come: about fifty answers count."""

EXPERIENCE = 16
"""Requests that have to have ended before anybody is refused: the first of a burst share everything."""


class Line:
    """Who stands in line for an answer, and how fast it moves.

    A queue of fixed length is right for one engine: in front of a slower one everybody in it waits longer
    than the deadline, and an overload is answered with 504s, after work that was for nothing. How fast the
    line moves is the time that anybody stood in it, over the pictures answered in that time; an idle time
    teaches nothing, and other gateways in front of the same engine are felt as a slower line.
    """

    def __init__(self, *, retry_after_s: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without experience: the first ones are let in.

        Args:
            retry_after_s: What one who is turned away is told to wait at the least.
            clock: Of the deadlines.
        """
        self._retry_after_s = retry_after_s
        self._clock = clock
        self._busy_s = self._answered = 0.0
        self._seen_at_s = 0.0
        self._ended = 0
        self.standing = 0
        """Pictures in it."""

    @property
    def wait_s(self) -> float:
        """How long one who comes now is expected to stand; 0 where nobody does, or nothing is known yet."""
        if self._ended < EXPERIENCE:
            return 0.0
        return self.standing * self._busy_s / max(self._answered, 1.0)

    @contextmanager
    def stand(self, deadline: Deadline, *, pictures: int = 1) -> Iterator[None]:
        """Stand in line during the body, which decodes the pictures of one request and asks the engine.

        Raises:
            OverloadedError: The line is too long for the time that is left.
        """
        left_s, wait_s = deadline.expires_at_s - self._clock(), self.wait_s
        if wait_s > PATIENCE * left_s:
            raise OverloadedError(
                f"{self.standing} pictures are before this one, about {wait_s:.1f} s of work, "
                f"and {max(0.0, left_s):.1f} s are left",
                retry_after_s=max(self._retry_after_s, math.ceil(wait_s)),
            )
        self._pass_time()
        self.standing += pictures
        answered = 0
        try:
            yield
            answered = pictures
        except DeadlineExceededError:
            self._ended += 1
            raise
        finally:
            self._pass_time()
            self.standing -= pictures
            self._learn(answered)

    def _pass_time(self) -> None:
        """Count the time since the line was last touched, if somebody stood in it."""
        now_s = self._clock()
        if self.standing:
            self._busy_s += now_s - self._seen_at_s
        self._seen_at_s = now_s

    def _learn(self, answered: int) -> None:
        if answered:
            self._ended += 1
            kept = MEMORY**answered
            self._busy_s *= kept
            self._answered = kept * (self._answered + answered)
