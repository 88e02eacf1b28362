"""Room for one frame: the newest one."""

from __future__ import annotations

import asyncio
from typing import Generic, NamedTuple, TypeVar

Item = TypeVar("Item")


class Taken(NamedTuple, Generic[Item]):
    """What lay in the slot, and how many it had replaced since the last time something was taken."""

    item: Item
    dropped: int


class NewestSlot(Generic[Item]):
    """Holds at most one item; `put` never waits, `take` does. One taker."""

    def __init__(self) -> None:
        """The slot is empty."""
        self._item: Item | None = None
        self._dropped = 0
        self._closed = False
        self._changed = asyncio.Event()

    @property
    def waiting(self) -> Item | None:
        """What lies in the slot."""
        return self._item

    def put(self, item: Item) -> None:
        """Lay `item` in, in place of what may lie there, which then counts as dropped."""
        if self._item is not None:
            self._dropped += 1
        self._item = item
        self._changed.set()

    def close(self) -> None:
        """Say that nothing more will come."""
        self._closed = True
        self._changed.set()

    async def filled(self) -> bool:
        """Return True once something lies in the slot; False when it is empty and closed."""
        while self._item is None:
            if self._closed:
                return False
            self._changed.clear()
            await self._changed.wait()
        return True

    async def take(self) -> Taken[Item] | None:
        """Return what lies in the slot once something does; None when it is empty and closed."""
        await self.filled()
        if self._item is None:
            return None
        taken = Taken(self._item, self._dropped)
        self._item, self._dropped = None, 0
        return taken
