"""The engine that asks Triton: one long-lived gRPC client, and Triton's errors told apart.

Several servers may stand behind one name: requests take turns among the addresses that it resolves to, and
one that was lost with its server is asked again of another.

Triton says UNAVAILABLE for a full queue, for an expired queue timeout and while it stops, and NOT_FOUND for a
version that does not exist and for one that is still loading: the message decides (as 2.51 words it, which a
test asks of the real server). The deadline is the call's own: Triton drops a call that has ended from its
queue. A request's `timeout` counts only where the model's queue has a default timeout, which ours has not
(`training.export.config_pbtxt` says why); another repository's may.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from tritonclient.grpc import InferInput, InferRequestedOutput
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from service import tracing
from service.contract import ModelContract
from service.engines.protocol import OUTPUT_NAMES, Deadline, EngineHand, InputArray, hand_from_tensors
from service.errors import (
    DeadlineExceededError,
    EngineError,
    EngineFaultError,
    EngineUnavailableError,
    OverloadedError,
    UnknownModelError,
)

log = logging.getLogger("simahand")

MESSAGE_BYTES = 4 << 20
PING_TIMEOUT_S = 1.0
SHORTEST_WAIT_S = 0.005
"""With less time left than this there is no point in asking."""

PAUSE_S = 0.02
"""Before a lost request is asked again: the channel hears of a loss a moment after the request does."""

CHANNEL_OPTIONS = [
    ("grpc.max_send_message_length", MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MESSAGE_BYTES),
    # A restarted server is found within a second; gRPC's own backoff grows to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # One address is one connection; of several every one is connected to, and they take turns.
    ("grpc.service_config", json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})),
    # The name is asked again whenever a connection ends, but for a rest between two questions.
    ("grpc.dns_min_time_between_resolutions_ms", 5_000),
    # A server that vanished or hangs while it owes an answer is given up within ten seconds. Without calls
    # nothing is sent, since Triton takes pings amiss then.
    ("grpc.keepalive_time_ms", 5_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.ping_timeout_ms", 5_000),
    ("grpc.http2.max_pings_without_data", 0),
]


class _Tensor(Protocol):
    name: str
    datatype: str
    shape: Sequence[int]


class _Metadata(Protocol):
    """What is read of Triton's ModelMetadataResponse message."""

    versions: Sequence[str]
    inputs: Sequence[_Tensor]
    outputs: Sequence[_Tensor]


class TritonEngine:
    """Asks one model, of one Triton server or of those behind one name."""

    def __init__(self, *, url: str, contract: ModelContract, retry_after_s: int) -> None:
        """Remember where the server is; `start` connects."""
        self._url = url
        self._contract = contract
        self._retry_after_s = retry_after_s
        self._client: Any = None
        self._outputs = [InferRequestedOutput(name) for name in OUTPUT_NAMES]

    async def start(self) -> None:
        """Open the channel; the server may come up later."""
        self._client = InferenceServerClient(self._url, channel_args=CHANNEL_OPTIONS)

    async def close(self) -> None:
        """Close the channel."""
        await self._client.close()

    async def infer(
        self, *inputs: InputArray, version: str, deadline: Deadline, request_id: str
    ) -> EngineHand:
        """Ask Triton; see `Engine.infer`."""
        if deadline.remaining_s < SHORTEST_WAIT_S:
            raise DeadlineExceededError("no time was left to ask the engine")
        carried = []
        for tensor, array in zip(self._contract.inputs, inputs, strict=True):
            carried.append(InferInput(tensor.name, [1, *array.shape], tensor.dtype))
            carried[-1].set_data_from_numpy(array[np.newaxis])
        try:
            result = await self._ask(carried, version=version, deadline=deadline, request_id=request_id)
        except EngineUnavailableError:
            # The server may have gone with the request in its hands. Inference changes nothing: ask another.
            if deadline.remaining_s < SHORTEST_WAIT_S + PAUSE_S:
                raise
            await asyncio.sleep(PAUSE_S)
            log.info("request %s is asked of Triton again", request_id)
            result = await self._ask(carried, version=version, deadline=deadline, request_id=request_id)
        tensors = {name: _without_batch(result.as_numpy(name)) for name in OUTPUT_NAMES}
        answered = result.get_response().model_version
        return hand_from_tensors(tensors, contract=self._contract, version=answered)

    async def _ask(
        self, carried: Sequence[InferInput], *, version: str, deadline: Deadline, request_id: str
    ) -> Any:  # noqa: ANN401  # tritonclient has no types
        """Send one request to whichever server's turn it is; return tritonclient's `InferResult`."""
        remaining_s = deadline.remaining_s
        with self._translate_errors(version):
            return await self._client.infer(
                self._contract.model,
                carried,
                model_version=version,
                outputs=self._outputs,
                request_id=request_id,
                headers=tracing.outgoing.get(),
                timeout=int(remaining_s * 1e6),
                client_timeout=remaining_s,
            )

    async def verify(self) -> None:
        """Compare Triton's model metadata with the contract; see `Engine.verify`."""
        metadata = await self._metadata()
        reported = {tensor.name: (tensor.datatype, tuple(tensor.shape[1:])) for tensor in metadata.outputs}
        reported |= {tensor.name: (tensor.datatype, tuple(tensor.shape[1:])) for tensor in metadata.inputs}
        for tensor in (*self._contract.inputs, *self._contract.outputs):
            if reported.get(tensor.name) != (tensor.dtype, tensor.shape):
                raise EngineFaultError(
                    f"Triton's {tensor.name} is {reported.get(tensor.name)}, "
                    f"but the contract says {(tensor.dtype, tensor.shape)}"
                )

    async def ping(self) -> None:
        """Ask whether the model is ready; see `Engine.ping`."""
        with self._translate_errors():
            ready = await self._client.is_model_ready(self._contract.model, client_timeout=PING_TIMEOUT_S)
        if not ready:
            raise EngineUnavailableError(f"Triton has no ready version of {self._contract.model}")

    async def versions(self) -> tuple[str, ...]:
        """Ask which versions are served; see `Engine.versions`."""
        return tuple(sorted((await self._metadata()).versions, key=int))

    async def _metadata(self) -> _Metadata:
        with self._translate_errors():
            metadata: _Metadata = await self._client.get_model_metadata(
                self._contract.model, client_timeout=PING_TIMEOUT_S
            )
        return metadata

    @contextmanager
    def _translate_errors(self, version: str = "") -> Iterator[None]:
        try:
            yield
        except InferenceServerException as error:
            raise self._translated(str(error.status()), error.message() or "", version) from error

    def _translated(self, status: str, message: str, version: str) -> EngineError | UnknownModelError:
        code = status.removeprefix("StatusCode.")
        if code == "DEADLINE_EXCEEDED" or "Request timeout expired" in message:
            return DeadlineExceededError("Triton did not answer in time")
        if "Exceeds maximum queue size" in message:
            return OverloadedError("Triton's queue is full", retry_after_s=self._retry_after_s)
        # Who named no version has asked for what is served here: that Triton lacks it is none of their doing.
        if code == "NOT_FOUND" and version and "has no available versions" not in message:
            return UnknownModelError(message)
        if code in {"UNAVAILABLE", "CANCELLED", "NOT_FOUND"}:
            # The message may hold addresses that are none of the caller's business.
            log.debug("Triton is not ready: %s: %s", code, message)
            return EngineUnavailableError("Triton is not ready", retry_after_s=self._retry_after_s)
        return EngineFaultError(f"Triton answered {code}: {message}")


def _without_batch(array: NDArray[np.generic] | None) -> NDArray[np.generic] | None:
    """Return the only row; a tensor of no rows becomes one of no shape that the contract knows."""
    return array[0] if array is not None and array.ndim > 0 and len(array) == 1 else None
