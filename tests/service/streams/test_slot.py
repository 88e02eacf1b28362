"""The slot's laws: nothing is lost from the count, nothing goes backwards, the last is never dropped."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from service.streams.slot import NewestSlot, Taken


@given(st.lists(st.booleans()))
def test_what_is_taken_and_what_is_dropped_adds_up(is_put: list[bool]) -> None:
    async def play() -> tuple[int, list[Taken[int]]]:
        slot: NewestSlot[int] = NewestSlot()
        count, taken = 0, []
        for put in is_put:
            if put:
                slot.put(count)
                count += 1
            elif slot.waiting is not None and (one := await slot.take()) is not None:
                taken.append(one)
        slot.close()
        while (one := await slot.take()) is not None:
            taken.append(one)
        return count, taken

    count, taken = asyncio.run(play())
    items = [one.item for one in taken]
    assert sum(one.dropped for one in taken) + len(taken) == count
    assert items == sorted(set(items))
    if count:
        assert items[-1] == count - 1
    for before, one in zip([-1, *items], taken, strict=False):
        assert one.dropped == one.item - before - 1, "what lies between two that were taken"


def test_a_taker_waits_for_what_comes() -> None:
    async def play() -> Taken[str] | None:
        slot: NewestSlot[str] = NewestSlot()
        waiting = asyncio.create_task(slot.take())
        await asyncio.sleep(0)
        slot.put("old")
        slot.put("new")
        return await waiting

    assert asyncio.run(play()) == Taken("new", 1)
