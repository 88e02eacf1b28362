"""Which core does what: one for the server, the other for the load, so that neither takes from the other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple


class Cores(NamedTuple):
    """The two cores of a measurement."""

    server: int
    load: int


def choose_cores() -> Cores:
    """Take the first two cores that this process may run on.

    Raises:
        ValueError: there is only one; server and load would share it and no figure would mean anything.
    """
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise ValueError(f"the benchmark needs two cores, this process may use only {allowed}")
    return Cores(server=allowed[0], load=allowed[1])


@contextmanager
def pinned_to(core: int) -> Iterator[None]:
    """Run the body, and everything that it starts, on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
