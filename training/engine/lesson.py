"""What a batch teaches: the part of the network that a stage trains, and its losses.

Three lessons: a picture and its labels (SVR-Hand), a group of views and its labels (MVR-Hand), and pictures
whose group a frozen teacher sees as a whole (SiMA; spec section 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from training.config import RunConfig
from training.engine.adaptation import Adaptation
from training.losses.criterion import Criterion
from training.networks.hands import MultiViewHand, SingleViewHand
from training.tensors import HandBatch, HandPrediction, HandShape, ViewsBatch, ViewsShape

Scope = Literal["shape", "full"]


class Lesson(Protocol):
    """One way to learn; `Batch` below is what its feed gives."""

    @property
    def network(self) -> SingleViewHand | MultiViewHand:
        """What learns."""

    def losses(self, batch: Any, criterion: Criterion, scope: Scope) -> dict[str, Tensor]:  # noqa: ANN401
        """Return every term by name, and "total", the sum to go down on."""


def trained_part(network: SingleViewHand | MultiViewHand, scope: Scope) -> nn.Module:
    """Return what a stage of this scope trains."""
    return network.shape if scope == "shape" else network


class PictureLesson:
    """A picture at a time; of groups, every view is one."""

    def __init__(self, network: SingleViewHand) -> None:
        self.network = network

    def losses(self, batch: HandBatch | ViewsBatch, criterion: Criterion, scope: Scope) -> dict[str, Tensor]:
        """Return the terms of pictures (B, 3, 128, 128), or of the views of groups (B, N, 3, 128, 128)."""
        pictures = batch.every_view() if isinstance(batch, ViewsBatch) else batch
        if scope == "shape":
            return criterion.shape(self.network.shape(pictures.images), pictures.truth)
        return criterion.full(self.network(pictures.images), pictures.truth)


class ViewsLesson:
    """All views of a moment at a time: one hand, its orientation in the target view, joints in every view."""

    def __init__(self, network: MultiViewHand) -> None:
        self.network = network

    def losses(self, batch: ViewsBatch, criterion: Criterion, scope: Scope) -> dict[str, Tensor]:
        """Return the terms of groups (B, N, 3, 128, 128)."""
        truth = batch.targets().truth._replace(joints_uv=batch.truth.joints_uv[batch.valid])
        if scope == "shape":
            views = self.network.shape(batch.images, batch.valid)
            return criterion.shape(_with_every_view(views, batch.valid), truth)
        views, hand = self.network(batch.images, batch.valid)
        return criterion.full(hand._replace(shape=_with_every_view(views, batch.valid)), truth)


class EveryTargetLesson(ViewsLesson):
    """The same with every view as the target in turn, of whole groups or of parts of them."""

    def __init__(self, network: MultiViewHand, sizes: Sequence[int]) -> None:
        """Divide groups into parts of these sizes, as `ViewsBatch.looks` does."""
        super().__init__(network)
        self.sizes = sizes

    def losses(self, batch: ViewsBatch, criterion: Criterion, scope: Scope) -> dict[str, Tensor]:
        """Return the terms of groups (B, N, 3, 128, 128); the shape alone is learnt from whole groups."""
        if scope == "shape":
            return super().losses(batch, criterion, scope)
        hands = self.network.for_every_target(batch.images, batch.looks(self.sizes))
        return criterion.full(hands, batch.every_view().truth)


class TaughtLesson:
    """Every view as a picture of its own, beside a frozen teacher who sees all views, this as target."""

    def __init__(self, network: SingleViewHand, teacher: MultiViewHand, adaptation: Adaptation) -> None:
        self.network = network
        self.teacher = teacher.eval().requires_grad_(requires_grad=False)
        self.adaptation = adaptation

    def losses(self, batch: ViewsBatch, criterion: Criterion, scope: Scope) -> dict[str, Tensor]:
        """Return the terms of groups (B, N, 3, 128, 128), whose views are the student's pictures."""
        pictures = batch.every_view()
        if scope == "shape":
            student = self.network.shape(pictures.images)
            losses = criterion.shape(student, pictures.truth)
            return self.adaptation.added(losses, self.adaptation.of_shape(student, self._seen_shape(batch)))
        prediction = self.network(pictures.images)
        losses = criterion.full(prediction, pictures.truth)
        if not self.adaptation.compares_orientation:
            shape = self.adaptation.of_shape(prediction.shape, self._seen_shape(batch))
            return self.adaptation.added(losses, shape)
        teacher = self._seen(batch)
        terms = {
            **self.adaptation.of_shape(prediction.shape, teacher.shape),
            **self.adaptation.of_orientation(prediction, teacher),
        }
        return self.adaptation.added(losses, terms)

    @torch.no_grad()
    def _seen_shape(self, batch: ViewsBatch) -> HandShape:
        hand = self.teacher.shape(batch.images, batch.valid).hand
        count, valid = batch.valid.shape[1], batch.valid.flatten()
        return HandShape(*(part.repeat_interleave(count, dim=0)[valid] for part in hand))

    @torch.no_grad()
    def _seen(self, batch: ViewsBatch) -> HandPrediction:
        return self.teacher.for_every_target(batch.images, batch.valid[:, None])


def lesson_for(
    network: SingleViewHand | MultiViewHand, config: RunConfig, *, teacher: MultiViewHand | None = None
) -> Lesson:
    """Return the lesson that a recipe means.

    Raises:
        ValueError: The recipe learns from a teacher and there is none, or the other way round.
    """
    if isinstance(network, MultiViewHand):
        if config.adaptation.is_on or teacher is not None:
            raise ValueError("a multi-view network has no teacher: adaptation is for single views")
        if config.targets == "one":
            return ViewsLesson(network)
        return EveryTargetLesson(network, config.group_sizes or (config.network.views,))
    if teacher is None:
        if config.adaptation.is_on:
            raise ValueError("the recipe learns from a teacher: give its checkpoint with --teacher")
        return PictureLesson(network)
    if not config.adaptation.is_on:
        raise ValueError("a teacher is given, but the recipe's adaptation learns nothing from one")
    return TaughtLesson(network, teacher, Adaptation(config.adaptation))


def _with_every_view(views: ViewsShape, valid: Tensor) -> HandShape:
    """Return the group's hand with the 2D parts of all views that there are."""
    return views.hand._replace(joints_uv=views.joints_uv[valid], heatmap_logits=views.heatmap_logits[valid])
