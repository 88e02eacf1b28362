"""Room for one item: the newest one."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

Item = TypeVar("Item")


class NewestSlot(Generic[Item]):
    """Holds at most one item; `put` never waits, `take` does. One taker."""

    def __init__(self) -> None:
        self._item: Item | None = None
        self._closed = False
        self._changed = asyncio.Event()

    @property
    def waiting(self) -> Item | None:
        """What lies in it."""
        return self._item

    def put(self, item: Item) -> None:
        """Lay `item` in, in place of what may lie there."""
        self._item = item
        self._changed.set()

    def close(self) -> None:
        """Say that nothing more will come; what lies there can still be taken."""
        self._closed = True
        self._changed.set()

    async def filled(self) -> None:
        """Wait until something lies there, or nothing more will come."""
        while self._item is None and not self._closed:
            self._changed.clear()
            await self._changed.wait()

    async def take(self) -> Item | None:
        """Return what lies there once something does; None when it is empty and closed."""
        await self.filled()
        item, self._item = self._item, None
        return item
