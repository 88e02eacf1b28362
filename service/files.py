"""Files that an operator changes under a running gateway: keys and certificates."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Final, Protocol

log = logging.getLogger("simahand")

POLL_S: Final = 1.0
"""How often they are looked at. A look costs a `stat` each, and sees links turned elsewhere, too."""


class Follower(Protocol):
    """Goes by a file."""

    def look(self) -> None:
        """Take up what has changed; what makes no sense changes nothing, and is said in the log."""


async def follow(*followers: Follower) -> None:
    """Have them look again and again, until cancelled."""
    while True:
        await asyncio.sleep(POLL_S)
        for follower in followers:
            try:
                follower.look()
            except Exception:  # whatever it met, a key that is taken back tomorrow must still be
                log.exception("a changed file could not be taken up")


class Changes:
    """Tells whether files have been written to, replaced, or their links turned elsewhere."""

    def __init__(self, *paths: Path) -> None:
        """Remember how they are now."""
        self._paths = paths
        self._seen = self._signature()

    def found(self) -> bool:
        """Tell whether any of them is another one than at the last time."""
        signature = self._signature()
        changed = signature != self._seen
        self._seen = signature
        return changed

    def _signature(self) -> tuple[tuple[int, ...], ...]:
        return tuple(map(_stat, self._paths))


def _stat(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
