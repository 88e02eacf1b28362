"""Runs a network over batches and gathers what it says beside the truth, as numpy arrays."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.networks.hands import MultiViewHand, SingleViewHand
from training.tensors import HandBatch, HandTruth, ViewsBatch

Float32 = NDArray[np.float32]


class Hands(NamedTuple):
    """n hands: predicted ones or true ones."""

    vertices_m: Float32
    """(n, V, 3): canonical frame in the scope `shape`, camera axes in `full`."""
    joints_m: Float32
    """(n, J, 3): likewise."""
    joints_uv: Float32
    """(n, J, 2): units of the crop's side."""


class Measured(NamedTuple):
    """Predictions and truth, row by row."""

    predicted: Hands
    true: Hands
    visibility: Float32
    """(n,): visible share of each hand's silhouette."""


@contextlib.contextmanager
def evaluating(network: torch.nn.Module) -> Iterator[None]:
    """Switch a module to evaluation without gradients, and back to what it was."""
    was_training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        network.train(was_training)


def predict(network: SingleViewHand, images: Tensor, *, scope: Literal["shape", "full"] = "full") -> Hands:
    """Return what an evaluating network says of images (B, 3, 128, 128)."""
    if scope == "shape":
        shape = network.shape(images)
        return _hands(shape.vertices_canonical_m, shape.joints_canonical_m, shape.joints_uv)
    prediction = network(images)
    return _hands(prediction.vertices_m, prediction.joints_m, prediction.shape.joints_uv)


def predict_views(
    network: MultiViewHand,
    batch: ViewsBatch,
    *,
    scope: Literal["shape", "full"] = "full",
    together: int | None = None,
) -> Hands:
    """Return what an evaluating network says of every view that there is, each as the target once.

    Args:
        network: The network.
        batch: Groups of views.
        scope: With `shape`, the canonical hand of the whole group is returned for each of its views.
        together: Neighbouring views that are looked at together; by default all of a group.
    """
    if scope == "shape":
        valid = batch.valid.flatten()
        views = network.shape(batch.images, batch.valid)
        canonical = (views.hand.vertices_canonical_m, views.hand.joints_canonical_m)
        vertices, joints = (part.repeat_interleave(batch.valid.shape[1], dim=0)[valid] for part in canonical)
        return _hands(vertices, joints, views.joints_uv[batch.valid])
    prediction = network.for_every_target(batch.images, batch.looks([together or batch.valid.shape[1]]))
    return _hands(prediction.vertices_m, prediction.joints_m, prediction.shape.joints_uv)


def measure(
    network: SingleViewHand,
    batches: Iterable[HandBatch],
    *,
    scope: Literal["shape", "full"] = "full",
    context: AbstractContextManager[object] | None = None,
) -> Measured:
    """Return predictions beside the truth of all hands in `batches`.

    Args:
        network: The network; it is evaluated, and left in the mode that it was in.
        batches: Undisturbed crops.
        scope: With `shape`, the canonical hands are compared and the orientation is not computed.
        context: Entered around the forward passes, e.g. an autocast.

    Raises:
        ValueError: There is no batch.
    """
    device = next(network.parameters()).device
    with evaluating(network), _entered(context):
        return _beside_truth(
            ((predict(network, batch.images.to(device), scope=scope), batch) for batch in batches), scope
        )


def measure_views(
    network: MultiViewHand,
    batches: Iterable[ViewsBatch],
    *,
    scope: Literal["shape", "full"] = "full",
    context: AbstractContextManager[object] | None = None,
    together: int | None = None,
) -> Measured:
    """Return the same of groups of views: every view that there is, as the target once.

    Args:
        network: The network; it is evaluated, and left in the mode that it was in.
        batches: Undisturbed crops.
        scope: As above.
        context: As above.
        together: Neighbouring views of a group that are looked at together; by default all.

    Raises:
        ValueError: There is no batch.
    """
    device = next(network.parameters()).device
    with evaluating(network), _entered(context):
        return _beside_truth(
            (
                (predict_views(network, batch.to(device), scope=scope, together=together), batch.every_view())
                for batch in batches
            ),
            scope,
        )


def _entered(context: AbstractContextManager[object] | None) -> AbstractContextManager[object]:
    return contextlib.nullcontext() if context is None else context


def _beside_truth(said: Iterable[tuple[Hands, HandBatch]], scope: str) -> Measured:
    predicted: list[Hands] = []
    true: list[Hands] = []
    visibility: list[Float32] = []
    for hands, batch in said:
        predicted.append(hands)
        true.append(_true_hands(batch.truth, scope))
        visibility.append(batch.truth.visibility.numpy())
    if not predicted:
        raise ValueError("there is nothing to measure: no batch")
    return Measured(_joined(predicted), _joined(true), np.concatenate(visibility))


def _true_hands(truth: HandTruth, scope: str) -> Hands:
    vertices, joints = truth.vertices_canonical_m, truth.joints_canonical_m
    if scope == "full":
        back = truth.rotation.transpose(1, 2)
        wrist = joints[:, :1]  # (B, 1, 3)
        vertices, joints = (vertices - wrist) @ back + wrist, (joints - wrist) @ back + wrist
    return _hands(vertices, joints, truth.joints_uv)


def _hands(vertices_m: Tensor, joints_m: Tensor, joints_uv: Tensor) -> Hands:
    return Hands(*(part.float().cpu().numpy() for part in (vertices_m, joints_m, joints_uv)))


def _joined(hands: list[Hands]) -> Hands:
    return Hands(*(np.concatenate(parts) for parts in zip(*hands, strict=True)))
