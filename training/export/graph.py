"""The modules that are served: levels in, the contract's outputs out; traced and frozen, for any device.

Tracing is safe here because no `forward` of `training.networks` branches on its input. TorchScript is what
Triton's PyTorch backend loads; torch 2.13 calls it deprecated, and `torch.export` takes its place once that
backend reads it. The tensors' names on the wire stay.

Legend: B batch, N views of one moment, S side of the crop in pixels, V vertices, J joints.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.jit._trace import TracerWarning

from training.contract import IMAGE_SIZE_PX
from training.networks.hands import MultiViewHand, SingleViewHand
from training.tensors import HandPrediction, ViewsPrediction

WHITE_LEVEL = 255.0
TRACED_BATCH_SIZE = 2
"""Not 1: a trace could take a batch of one for an axis to broadcast."""


class ServedOutputs(NamedTuple):
    """What a module returns, in the order of `contract.outputs`."""

    vertices_root_m: Tensor
    """(B, V, 3): camera axes, wrist at the origin."""
    joints_root_m: Tensor
    """(B, J, 3): likewise."""
    rotation: Tensor
    """(B, 3, 3): camera-from-canonical."""
    joints_uv: Tensor
    """(B, J, 2): in units of the crop's side."""


class Served(nn.Module, ABC):
    """A network behind the contract: takes raw crops, and puts the wrist that it finds at the origin."""

    model: ClassVar[str]
    """Its name in the model repository, unless another is asked for."""
    verified_batch_sizes: ClassVar[tuple[int, ...]]
    """At which an export is compared with the network."""

    def __init__(self, network: nn.Module, *, views: int) -> None:
        """Take a network, and how many pictures of one moment it looks at."""
        super().__init__()
        self.network = network
        self.views = views

    @abstractmethod
    def samples(self, count: int, *, seed: int, noise: float = 0.2) -> tuple[Tensor, ...]:
        """Return made-up inputs (count, ...), in the order of `contract.inputs`; see `sample_images`."""


class ServedHand(Served):
    """SVR-Hand and its kin: one picture, one hand."""

    model = "svr_hand"
    verified_batch_sizes = (1, 2, 3, 8)

    def __init__(self, network: nn.Module) -> None:
        """Take a network from images (B, 3, S, S) in [0, 1] to `HandPrediction`."""
        super().__init__(network, views=1)

    def forward(self, image: Tensor) -> ServedOutputs:
        """Map crops (B, S, S, 3) uint8 to the hand."""
        images = image.permute(0, 3, 1, 2).float() / WHITE_LEVEL  # (B, 3, S, S)
        prediction: HandPrediction = self.network(images)
        return _outputs(prediction)

    def samples(self, count: int, *, seed: int, noise: float = 0.2) -> tuple[Tensor, ...]:
        """Return crops."""
        return (sample_images(count, seed=seed, noise=noise),)


class ServedViews(Served):
    """MVR-Hand: several pictures of one moment, one hand, in the camera of the one that is named.

    The network wants the target's view first and the others after it in their ring: the graph turns the
    ring, so that whoever asks keeps the cameras in one order and names another target.
    """

    model = "mvr_hand"
    verified_batch_sizes = (1, 2, 3)

    places: Tensor

    def __init__(self, network: nn.Module, *, views: int) -> None:
        """Take a network from views (B, N, 3, S, S) in [0, 1] and which there are to `ViewsPrediction`."""
        super().__init__(network, views=views)
        # Made here and not in `forward`, where it would bind the traced graph to a device.
        self.register_buffer("places", torch.arange(views), persistent=False)

    def forward(self, images: Tensor, valid: Tensor, target: Tensor) -> ServedOutputs:
        """Map crops (B, N, S, S, 3) uint8, which there are (B, N), the target's number (B, 1) to the hand."""
        ring = (target + self.places) % self.views  # (B, N): the target, then the views after it
        present = torch.take_along_dim(valid, ring, dim=1) > 0  # (B, N)
        turned = torch.take_along_dim(images, ring[:, :, None, None, None], dim=1)  # (B, N, S, S, 3)
        pictures = turned.permute(0, 1, 4, 2, 3).float() / WHITE_LEVEL  # (B, N, 3, S, S)
        prediction: ViewsPrediction = self.network(pictures, present)
        return _outputs(prediction.hand)

    def samples(self, count: int, *, seed: int, noise: float = 0.2) -> tuple[Tensor, ...]:
        """Return groups of crops with holes among them and targets that are none; the first is whole."""
        generator = torch.Generator().manual_seed(seed)
        images = sample_images(count * self.views, seed=seed, noise=noise)
        target = torch.randint(self.views, (count, 1), generator=generator, dtype=torch.int32)
        valid = torch.randint(2, (count, self.views), generator=generator, dtype=torch.uint8)
        valid[0] = 1
        valid.scatter_(1, target.long(), 1)
        return images.reshape(count, self.views, *images.shape[1:]), valid, target


def serve(network: SingleViewHand | MultiViewHand, *, views: int) -> Served:
    """Put a network behind the contract, whichever it is.

    Args:
        network: The network.
        views: Pictures of one moment that it looks at.
    """
    return ServedHand(network) if views == 1 else ServedViews(network, views=views)


def trace(served: Served) -> torch.jit.ScriptModule:
    """Return the module traced and frozen: weights are constants, batch norms are folded into convolutions.

    Raises:
        ValueError: The trace would hold for the example alone, because `forward` branches on its input, or
            names a device, because `forward` makes a tensor.
    """
    with warnings.catch_warnings(record=True) as caught, torch.inference_mode():
        warnings.simplefilter("always", TracerWarning)
        example = served.samples(TRACED_BATCH_SIZE, seed=0)
        # Not checked here but by `repository.verify`, at more batch sizes.
        traced = torch.jit.trace(served.eval(), example, check_trace=False)  # type: ignore[no-untyped-call]
    frozen: torch.jit.ScriptModule = torch.jit.freeze(traced)
    doubts = [str(warning.message) for warning in caught if issubclass(warning.category, TracerWarning)]
    if doubts:
        raise ValueError(f"the network cannot be traced: {doubts[0]}")
    devices = sorted(set(baked_devices(frozen)))
    if devices:
        raise ValueError(f"the traced graph is bound to {devices}: a tensor was made inside forward()")
    return frozen


def save(module: torch.jit.ScriptModule, path: Path) -> None:
    """Write a module as Triton's `model.pt`."""
    torch.jit.save(module, path)


def load(path: Path, *, device: str = "cpu") -> torch.jit.ScriptModule:
    """Read what `save` wrote, onto a device.

    Raises:
        ValueError: There is no such file, or it holds no TorchScript.
    """
    try:
        module: torch.jit.ScriptModule = torch.jit.load(path, map_location=device)  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"{path} holds no TorchScript that can be read: {error}") from error
    return module


def baked_devices(module: torch.jit.ScriptModule) -> Iterator[str]:
    """Yield the devices that a graph names; weights are not among them, they go where the file is loaded."""
    for node in module.graph.findAllNodes("prim::Constant"):  # type: ignore[attr-defined]
        if node.output().type().kind() == "DeviceObjType":
            yield str(node.output().toIValue())


def sample_images(count: int, *, seed: int, noise: float = 0.2) -> Tensor:
    """Return made-up crops (count, S, S, 3) uint8: noise on a smooth field, so that no feature is flat.

    Args:
        count: How many.
        seed: Another seed, other crops.
        noise: Share of the noise, 0 to 1.
    """
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 4, 4, generator=generator)
    smooth = nn.functional.interpolate(coarse, size=IMAGE_SIZE_PX, mode="bicubic").clamp(0.0, 1.0)
    grain = torch.rand(smooth.shape, generator=generator)
    return (
        (WHITE_LEVEL * torch.lerp(smooth, grain, noise))
        .round()
        .to(torch.uint8)
        .permute(0, 2, 3, 1)
        .contiguous()
    )


def _outputs(prediction: HandPrediction) -> ServedOutputs:
    wrist_m = prediction.joints_m[:, :1]  # (B, 1, 3)
    return ServedOutputs(
        vertices_root_m=prediction.vertices_m - wrist_m,
        joints_root_m=prediction.joints_m - wrist_m,
        rotation=prediction.rotation,
        joints_uv=prediction.shape.joints_uv,
    )
