"""What Triton does by itself, to hold a job's throughput against."""

from __future__ import annotations

import asyncio
import time

from deploy.bulk.reconstructor import ASK_DEADLINE_S, Options
from service.contract import load_contract
from service.engines.protocol import Deadline, canary_inputs
from service.engines.triton import TritonEngine


def triton_alone(options: Options, *, in_flight: int, seconds: float) -> float:
    """Return images a second of Triton, asked with finished crops, so many at once.

    Raises:
        EngineError: It does not answer.
    """
    return asyncio.run(_measure(options, in_flight, seconds))


async def _measure(options: Options, in_flight: int, seconds: float) -> float:
    contract = load_contract(options.model_repository, options.model_name)
    engine = TritonEngine(url=options.triton_url, contract=contract, retry_after_s=1)
    inputs, answered = canary_inputs(contract), 0
    await engine.start()
    try:
        await engine.verify()
        started_s = time.perf_counter()

        async def ask() -> None:
            nonlocal answered
            while time.perf_counter() - started_s < seconds:
                deadline = Deadline.after(ASK_DEADLINE_S)
                await engine.infer(*inputs, version=options.version, deadline=deadline, request_id="bulk")
                answered += 1

        await asyncio.gather(*(ask() for _ in range(in_flight)))
        return answered / (time.perf_counter() - started_s)
    finally:
        await engine.close()
