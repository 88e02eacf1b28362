"""When a run stops before its recipe ends: a signal, a time limit, a number of updates."""

from __future__ import annotations

import signal
import time
from types import FrameType, TracebackType
from typing import Self


class StopRequest:
    """Collects reasons to stop; inside its `with` block SIGINT and SIGTERM are such reasons, not deaths.

    The trainer asks after every update, so it always stops between two of them, with a checkpoint. A second
    ctrl-C kills as usual.
    """

    def __init__(self, *, hours: float | None = None, steps: int | None = None) -> None:
        """Limit this invocation.

        Args:
            hours: Wall-clock limit.
            steps: Number of updates.

        Raises:
            ValueError: A limit is not positive.
        """
        if hours is not None and not hours > 0.0:
            raise ValueError(f"--hours must be positive, got {hours}")
        if steps is not None and steps < 1:
            raise ValueError(f"--steps must be at least 1, got {steps}")
        self._deadline_s = None if hours is None else time.monotonic() + 3600.0 * hours
        self._steps_left = steps
        self._signal: signal.Signals | None = None

    def count_step(self) -> None:
        """Count one update."""
        if self._steps_left is not None:
            self._steps_left -= 1

    @property
    def reason(self) -> str | None:
        """Why to stop now, or None."""
        if self._signal is not None:
            return f"received {self._signal.name}"
        if self._steps_left is not None and self._steps_left <= 0:
            return "reached --steps"
        if self._deadline_s is not None and time.monotonic() >= self._deadline_s:
            return "reached --hours"
        return None

    def __enter__(self) -> Self:
        self._previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        for number in self._previous:
            signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._signal = signal.Signals(number)
