"""Whether a model may be sent requests: a real inference once, then a cheap question.

A Triton whose GPU has failed still calls itself ready (server#3627), so the first check after every absence
of the engine compares its model with the contract and runs a canary through it.
"""

from __future__ import annotations

import asyncio
import logging

from prometheus_client import Gauge

from service.contract import ModelContract
from service.engines.protocol import Deadline, Engine, canary_inputs
from service.errors import EngineError, UnknownModelError

CANARY_DEADLINE_S = 10.0

log = logging.getLogger("simahand")


class Readiness:
    """Remembers whether the engine of one model has proved itself since it was last away."""

    def __init__(self, *, contract: ModelContract, engine: Engine, gauge: Gauge, version: Gauge) -> None:
        """Nothing is proved yet; `gauge` shows what the last check found, and `version` what was proved."""
        self._contract = contract
        self._engine = engine
        self._gauge = gauge
        self._version = version
        self._proved = False
        self._lock = asyncio.Lock()

    def doubt(self) -> None:
        """Have the engine prove itself again at the next check: it was away, perhaps between two checks."""
        self._proved = False

    async def check(self) -> None:
        """Return if the engine is ready.

        Raises:
            EngineError: It is not; the message says why.
        """
        try:
            async with self._lock:
                await self._engine.ping()
                if not self._proved:
                    await self._prove()
        except (EngineError, UnknownModelError) as error:
            if self._proved:
                log.warning("%s is no longer ready: %s", self._contract.model, error.detail)
            self._proved = False
            self._gauge.set(0)
            raise
        self._gauge.set(1)

    async def _prove(self) -> None:
        await self._engine.verify()
        canary, deadline = canary_inputs(self._contract), Deadline.after(CANARY_DEADLINE_S)
        await self._engine.infer(*canary, version="", deadline=deadline, request_id="canary")
        if versions := await self._engine.versions():
            self._version.set(int(versions[-1]))
        self._proved = True
        log.info("%s is ready", self._contract.model)
