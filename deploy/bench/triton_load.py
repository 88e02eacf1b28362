"""Load on Triton itself, over gRPC, without the gateway."""

from __future__ import annotations

import numpy as np
import uvloop
from tritonclient.grpc import InferInput
from tritonclient.grpc.aio import InferenceServerClient

from deploy.bench.load import Ask, closed_loop
from deploy.bench.processes import ProcessTree
from deploy.bench.statistics import Sample
from training.contract import INPUT


def measure_triton(
    url: str, model_name: str, *, server: ProcessTree, concurrency: int, seconds: float
) -> Sample:
    """Send crops of noise, `concurrency` at a time.

    Raises:
        InferenceServerException: Triton refused one.
    """
    return uvloop.run(_measure(url, model_name, server, concurrency, seconds))


async def _measure(
    url: str, model_name: str, server: ProcessTree, concurrency: int, seconds: float
) -> Sample:
    crop = np.random.default_rng(0).integers(0, 256, (1, *INPUT.shape), dtype=np.uint8)
    image = InferInput(INPUT.name, crop.shape, INPUT.dtype)
    image.set_data_from_numpy(crop)
    async with InferenceServerClient(url) as client:
        ask: Ask = lambda: client.infer(model_name, [image])  # noqa: E731
        return await closed_loop([ask] * concurrency, server=server, seconds=seconds)
