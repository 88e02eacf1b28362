"""What the gateway asks of an engine, whichever it is.

Legend: V vertices, J joints. Right hands only: the gateway mirrors left hands before and after.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from service.contract import ModelContract
from service.errors import EngineFaultError

FloatArray = NDArray[np.float32]
ImageArray = NDArray[np.uint8]
InputArray = NDArray[np.generic]
"""One input of a network, without its batch, of the contract's shape and type."""

GREY_LEVEL = 128

OUTPUT_NAMES = ("vertices__0", "joints__1", "rotation__2", "joints_uv__3")


@dataclass(frozen=True)
class Deadline:
    """A moment after which an answer is of no use."""

    expires_at_s: float
    """On the clock of `time.monotonic`."""

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return the deadline `seconds` from now."""
        return cls(time.monotonic() + seconds)

    @property
    def remaining_s(self) -> float:
        """Seconds left; negative when it has passed."""
        return self.expires_at_s - time.monotonic()


class EngineHand(NamedTuple):
    """What the network says of one right hand; the arrays may be read-only."""

    vertices_m: FloatArray
    """(V, 3) camera axes, wrist at the origin."""
    joints_m: FloatArray
    """(J, 3) likewise."""
    rotation: FloatArray
    """(3, 3) camera-from-canonical."""
    joints_uv: FloatArray
    """(J, 2) in units of the crop's side."""
    version: str
    """Version of the model that answered."""


class Engine(Protocol):
    """A network behind a queue. Every method raises an `EngineError` when it cannot do its part."""

    async def start(self) -> None:
        """Acquire what the engine needs; does not wait for a server to be there."""

    async def close(self) -> None:
        """Let go of it."""

    async def infer(
        self, *inputs: InputArray, version: str, deadline: Deadline, request_id: str
    ) -> EngineHand:
        """Return the hand that the network sees.

        Args:
            inputs: In the contract's order, contiguous: a (S, S, 3) RGB crop, or what `view_inputs` makes.
            version: Which version to ask; empty for the newest.
            deadline: When to give up, in the engine's queue as well.
            request_id: For the engine's log.
        """

    async def verify(self) -> None:
        """Raise `EngineFaultError` unless the model that runs keeps the contract."""

    async def ping(self) -> None:
        """Return if the model is ready to serve; cheap."""

    async def versions(self) -> tuple[str, ...]:
        """Return the versions that can be asked for, oldest first."""


EngineFactory = Callable[[ModelContract], Engine]


def view_inputs(crops: Sequence[ImageArray], *, contract: ModelContract) -> tuple[InputArray, ...]:
    """Return what a network of N views takes: up to N crops (S, S, 3), the target's first, then holes."""
    images = np.zeros(contract.inputs[0].shape, np.uint8)  # (N, S, S, 3)
    images[: len(crops)] = crops
    valid = (np.arange(contract.views) < len(crops)).astype(np.uint8)  # (N,)
    return images, valid, np.zeros(1, np.int32)


def canary_inputs(contract: ModelContract) -> tuple[InputArray, ...]:
    """Return a grey picture as the network of this contract takes it, to see whether it answers."""
    grey = np.full((contract.image_size_px, contract.image_size_px, 3), GREY_LEVEL, np.uint8)
    return (grey,) if contract.views == 1 else view_inputs([grey], contract=contract)


def hand_from_tensors(
    tensors: Mapping[str, NDArray[np.generic] | None], *, contract: ModelContract, version: str
) -> EngineHand:
    """Check what a network answered, each tensor without its batch, and give it its names.

    Raises:
        EngineFaultError: A tensor is missing, of another shape, or not finite.
    """
    shapes = {tensor.name: tensor.shape for tensor in contract.outputs}
    checked = []
    for name in OUTPUT_NAMES:
        array = tensors.get(name)
        if array is None or array.shape != shapes[name] or array.dtype != np.float32:
            found = "nothing" if array is None else f"{array.dtype} {array.shape}"
            raise EngineFaultError(f"the engine's {name} should be float32 {shapes[name]}, but is {found}")
        if not np.isfinite(array).all():
            raise EngineFaultError(f"the engine's {name} is not finite")
        checked.append(array.astype(np.float32, copy=False))
    vertices_m, joints_m, rotation, joints_uv = checked
    return EngineHand(vertices_m, joints_m, rotation, joints_uv, version)
