"""The criterion: how wrong a prediction is, by the terms and weights of a recipe (eq. 11; spec section 5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.hand.topology import HandTopology
from training.losses.heatmap import heatmap_loss
from training.losses.mesh import edge_loss, face_edges, normal_loss
from training.tensors import HandPrediction, HandShape, HandTruth

ShapeTerm = Callable[[HandShape, HandTruth, Tensor], Tensor]
RotatedTerm = Callable[[HandPrediction, HandTruth, Tensor], Tensor]


def _vertices_canonical(shape: HandShape, truth: HandTruth, _faces: Tensor) -> Tensor:
    return functional.l1_loss(shape.vertices_canonical_m.float(), truth.vertices_canonical_m)


def _joints_canonical(shape: HandShape, truth: HandTruth, _faces: Tensor) -> Tensor:
    return functional.l1_loss(shape.joints_canonical_m.float(), truth.joints_canonical_m)


def _joints_uv(shape: HandShape, truth: HandTruth, _faces: Tensor) -> Tensor:
    return functional.l1_loss(shape.joints_uv.float(), truth.joints_uv)


def _heatmap(shape: HandShape, truth: HandTruth, _faces: Tensor) -> Tensor:
    return heatmap_loss(shape.heatmap_logits.float(), truth.joints_uv)


def _normals(shape: HandShape, truth: HandTruth, faces: Tensor) -> Tensor:
    return normal_loss(
        face_edges(shape.vertices_canonical_m.float(), faces), face_edges(truth.vertices_canonical_m, faces)
    )


def _edges(shape: HandShape, truth: HandTruth, faces: Tensor) -> Tensor:
    return edge_loss(
        face_edges(shape.vertices_canonical_m.float(), faces), face_edges(truth.vertices_canonical_m, faces)
    )


def _vertices_rotated(prediction: HandPrediction, truth: HandTruth, _faces: Tensor) -> Tensor:
    return functional.l1_loss(prediction.vertices_m.float(), _turned(truth.vertices_canonical_m, truth))


def _joints_rotated(prediction: HandPrediction, truth: HandTruth, _faces: Tensor) -> Tensor:
    return functional.l1_loss(prediction.joints_m.float(), _turned(truth.joints_canonical_m, truth))


def _normals_rotated(prediction: HandPrediction, truth: HandTruth, faces: Tensor) -> Tensor:
    true = _turned(truth.vertices_canonical_m, truth)
    return normal_loss(face_edges(prediction.vertices_m.float(), faces), face_edges(true, faces))


def _edges_rotated(prediction: HandPrediction, truth: HandTruth, faces: Tensor) -> Tensor:
    true = _turned(truth.vertices_canonical_m, truth)
    return edge_loss(face_edges(prediction.vertices_m.float(), faces), face_edges(true, faces))


def _rotation(prediction: HandPrediction, truth: HandTruth, _faces: Tensor) -> Tensor:
    # Equal to the paper's |R^ R^T - 1| up to a square and 1/9, since a rotation keeps the Frobenius norm.
    return functional.mse_loss(prediction.rotation.float(), truth.rotation)


def _turned(points_m: Tensor, truth: HandTruth) -> Tensor:
    wrist = truth.joints_canonical_m[:, :1]  # (B, 1, 3)
    return (points_m - wrist) @ truth.rotation.transpose(1, 2) + wrist


SHAPE_TERMS: dict[str, ShapeTerm] = {
    "vertices_canonical": _vertices_canonical,
    "joints_canonical": _joints_canonical,
    "joints_uv": _joints_uv,
    "heatmap": _heatmap,
    "normals": _normals,
    "edges": _edges,
}
"""Terms of the canonical hand, which both stages may list."""

ROTATED_TERMS: dict[str, RotatedTerm] = {
    "vertices_rotated": _vertices_rotated,
    "joints_rotated": _joints_rotated,
    "normals_rotated": _normals_rotated,
    "edges_rotated": _edges_rotated,
    "rotation": _rotation,
}
"""Terms of the hand in the camera, for the second stage; those on its faces are for MobRecon alone."""

TERM_NAMES = (*SHAPE_TERMS, *ROTATED_TERMS)


class Criterion(nn.Module):
    """Named losses and their weighted sum; a term that is not listed is not computed."""

    faces: Tensor

    def __init__(self, weights: Mapping[str, float], topology: HandTopology) -> None:
        """Take the weight of each term by name.

        Raises:
            ValueError: A name that no term has, or no term at all.
        """
        super().__init__()
        unknown = sorted(set(weights) - set(TERM_NAMES))
        if unknown:
            raise ValueError(f"unknown loss term {unknown}; there are {list(TERM_NAMES)}")
        if not weights:
            raise ValueError("a criterion needs at least one loss term, got none")
        self.weights = dict(weights)
        self.register_buffer("faces", torch.from_numpy(topology.faces), persistent=False)

    def shape(self, shape: HandShape, truth: HandTruth) -> dict[str, Tensor]:
        """Return each listed term and their weighted sum, "total", of the canonical hand alone.

        Raises:
            ValueError: A listed term needs the orientation.
        """
        rotated = sorted(set(self.weights) & set(ROTATED_TERMS))
        if rotated:
            raise ValueError(
                f"loss terms {rotated} need the orientation, which the shape stage does not have"
            )
        with _full_precision(truth):
            return self._weighed(self._shape_terms(shape, truth))

    def full(self, prediction: HandPrediction, truth: HandTruth) -> dict[str, Tensor]:
        """Return each listed term and their weighted sum, "total"."""
        with _full_precision(truth):
            rotated = {
                name: term(prediction, truth, self.faces)
                for name, term in ROTATED_TERMS.items()
                if name in self.weights
            }
            return self._weighed({**self._shape_terms(prediction.shape, truth), **rotated})

    def _shape_terms(self, shape: HandShape, truth: HandTruth) -> dict[str, Tensor]:
        return {
            name: term(shape, truth, self.faces) for name, term in SHAPE_TERMS.items() if name in self.weights
        }

    def _weighed(self, terms: dict[str, Tensor]) -> dict[str, Tensor]:
        total = torch.stack([self.weights[name] * term for name, term in terms.items()]).sum()
        return {**terms, "total": total}


def _full_precision(truth: HandTruth) -> torch.autocast:
    # A millimetre of a hand is less than bf16 resolves.
    return torch.autocast(truth.rotation.device.type, enabled=False)
