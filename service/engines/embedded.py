"""The engine that runs model.pt in this process, for machines where the Triton wheel does not install.

One thread owns a network. Requests that arrive while it computes wait in a bounded queue and are answered
by the next forward together, as Triton's dynamic batching does.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.contract import ModelContract
from service.engines.protocol import Deadline, EngineHand, InputArray, canary_inputs, hand_from_tensors
from service.errors import (
    DeadlineExceededError,
    EngineFaultError,
    EngineUnavailableError,
    OverloadedError,
    UnknownModelError,
)

SHUTTING_DOWN = "the gateway is shutting down"

Tensors = Mapping[str, NDArray[np.generic]]
"""What the network said of one request, by the contract's names."""


@dataclass(frozen=True, eq=False)
class _Waiting:
    inputs: tuple[InputArray, ...]
    deadline: Deadline
    answer: asyncio.Future[Tensors]


@dataclass(frozen=True, kw_only=True)
class EmbeddedLimits:
    """How much of this machine the engine may take."""

    threads: int
    max_batch: int
    max_queue: int


class EmbeddedEngine:
    """Runs the newest version of one model with TorchScript."""

    def __init__(self, *, model_directory: Path, contract: ModelContract, limits: EmbeddedLimits) -> None:
        """Find the newest version in `model_directory`; `start` loads it.

        Raises:
            ValueError: There is no version.
        """
        found = (path.parent.name for path in model_directory.glob("*/model.pt"))
        versions = [name for name in found if name.isdigit()]
        if not versions:
            raise ValueError(f"no <version>/model.pt in {model_directory}")
        self._version = max(versions, key=int)
        self._path = model_directory / self._version / "model.pt"
        self._contract = contract
        self._limits = limits
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(limits.max_queue)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="embedded-engine")
        self._network: Any = None
        self._worker: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load the network and begin to serve the queue."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._load)
        self._worker = asyncio.create_task(self._serve())

    async def close(self) -> None:
        """Stop serving; what still waits is refused."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
            self._worker = None
        while not self._queue.empty():
            _settle(self._queue.get_nowait().answer, EngineUnavailableError(SHUTTING_DOWN))
        self._thread.shutdown()

    async def infer(
        self, *inputs: InputArray, version: str, deadline: Deadline, request_id: str
    ) -> EngineHand:
        """Wait in the queue and return the answer; see `Engine.infer`."""
        del request_id  # nothing here keeps a log of its own
        if version not in ("", self._version):
            raise UnknownModelError(
                f"{self._contract.model} has no version {version}", available=[self._version]
            )
        await self.ping()
        waiting = _Waiting(inputs, deadline, asyncio.get_running_loop().create_future())
        try:
            self._queue.put_nowait(waiting)
        except asyncio.QueueFull as error:
            raise OverloadedError("the engine's queue is full", retry_after_s=1) from error
        try:
            tensors = await asyncio.wait_for(waiting.answer, deadline.remaining_s)
        except TimeoutError as error:
            raise DeadlineExceededError("the engine did not answer in time") from error
        return hand_from_tensors(tensors, contract=self._contract, version=self._version)

    async def verify(self) -> None:
        """Run the canary and check every tensor; see `Engine.verify`."""
        inputs = canary_inputs(self._contract)
        await self.infer(*inputs, version="", deadline=Deadline.after(60.0), request_id="verify")

    async def ping(self) -> None:
        """Return if the network is loaded; see `Engine.ping`."""
        if self._worker is None or self._worker.done():
            raise EngineUnavailableError("the network is not loaded")

    async def versions(self) -> tuple[str, ...]:
        """Return the one version that is loaded."""
        return (self._version,)

    def _load(self) -> None:
        import torch  # lazily: the gateway in front of Triton does without torch

        torch.set_num_threads(self._limits.threads)
        with warnings.catch_warnings():
            # TorchScript is deprecated, and what Triton reads: the same file serves both engines.
            warnings.simplefilter("ignore", DeprecationWarning)
            network = torch.jit.load(str(self._path), map_location="cpu")  # type: ignore[no-untyped-call]
        self._network = network.eval()

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            batch = [await self._queue.get()]
            while len(batch) < self._limits.max_batch and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            # Who has given up already is not computed.
            batch = [waiting for waiting in batch if not waiting.answer.done()]
            if not batch:
                continue
            outcomes: Sequence[Tensors | EngineFaultError]
            try:
                outcomes = await loop.run_in_executor(self._thread, self._run, [w.inputs for w in batch])
            except RuntimeError as error:
                outcomes = [EngineFaultError(f"the network failed: {error}")] * len(batch)
            except asyncio.CancelledError:
                for waiting in batch:
                    _settle(waiting.answer, EngineUnavailableError(SHUTTING_DOWN))
                raise
            for waiting, outcome in zip(batch, outcomes, strict=True):
                _settle(waiting.answer, outcome)

    def _run(self, requests: list[tuple[InputArray, ...]]) -> list[Tensors]:
        import torch

        columns = [torch.from_numpy(np.stack(column)) for column in zip(*requests, strict=True)]
        with torch.inference_mode():
            outputs = [tensor.numpy() for tensor in self._network(*columns)]
        names = [tensor.name for tensor in self._contract.outputs]
        return [
            {name: output[row] for name, output in zip(names, outputs, strict=False)}
            for row in range(len(requests))
        ]


def _settle(answer: asyncio.Future[Tensors], outcome: Tensors | Exception) -> None:
    if answer.done():
        return
    if isinstance(outcome, Exception):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)
