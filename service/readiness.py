"""Whether the gateway may be sent requests: a real inference once, then a cheap question.

A Triton whose GPU has failed still calls itself ready (server#3627), so the first check after every absence
of the engine compares its model with the contract and runs a canary through it.
"""

from __future__ import annotations

import asyncio
import logging

import numpy as np

from service.contract import ModelContract
from service.engines.protocol import Deadline, Engine
from service.errors import EngineError, UnknownModelError
from service.telemetry import Telemetry

CANARY_DEADLINE_S = 10.0

log = logging.getLogger("simahand")


class Readiness:
    """Remembers whether the engine has proved itself since it was last away."""

    def __init__(self, *, contract: ModelContract, engine: Engine, telemetry: Telemetry) -> None:
        """Nothing is proved yet."""
        self._contract = contract
        self._engine = engine
        self._telemetry = telemetry
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
                log.warning("the engine is no longer ready: %s", error.detail)
            self._proved = False
            self._telemetry.ready.set(0)
            raise
        self._telemetry.ready.set(1)

    async def _prove(self) -> None:
        await self._engine.verify()
        size_px = self._contract.image_size_px
        grey = np.full((size_px, size_px, 3), 128, np.uint8)
        deadline = Deadline.after(CANARY_DEADLINE_S)
        await self._engine.infer(grey, version="", deadline=deadline, request_id="canary")
        self._proved = True
        log.info("the engine is ready")
