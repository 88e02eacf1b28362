"""How a command that owns child processes is told to stop."""

from __future__ import annotations

import signal
from types import FrameType

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt_on_stop() -> None:
    """Raise KeyboardInterrupt in the main thread at the first Ctrl-C, SIGTERM or closed terminal.

    Later ones are ignored, so that they do not cut short the stopping of the children.
    """
    for stopping in STOPPING:
        signal.signal(stopping, _interrupt_once)


def _interrupt_once(number: int, frame: FrameType | None) -> None:
    del number, frame
    for stopping in STOPPING:
        signal.signal(stopping, signal.SIG_IGN)
    raise KeyboardInterrupt
