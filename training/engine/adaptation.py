"""What a student is told by its teacher: shape and orientation enhancement (eqs. 4 and 6; spec section 4)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from training.config import AdaptationConfig
from training.tensors import HandPrediction, HandShape

SHAPE_POINTS: dict[str, Callable[[HandShape], Tensor]] = {
    "lifted": lambda shape: shape.lifted_feature,
    "decoded": lambda shape: shape.decoded_feature,
}
"""Where L_SE may compare: f_v before the decoder, or the features of its last block (Table 6 i, ii)."""

ORIENTATION_POINTS: dict[str, Callable[[HandPrediction], Tensor]] = {
    "joint": lambda hand: hand.mapped_joint_feature.flatten(2).transpose(1, 2),
    "orientation": lambda hand: hand.orientation_feature.flatten(2).transpose(1, 2),
    "fused": lambda hand: hand.fused_orientation_feature.flatten(2).transpose(1, 2),
}
"""Where L_OE may compare, as 16 tokens: f_j, f_o, or what becomes the rotation (Table 6 iii to v)."""

DISTANCES: dict[str, Callable[[Tensor], Tensor]] = {
    "mse": lambda difference: difference.square().mean(),
    "l1": lambda difference: difference.abs().mean(),
    "l2norm": lambda difference: difference.norm(dim=-1).mean(),
}

SHAPE_TERM = "shape_enhancement"
ORIENTATION_TERM = "orientation_enhancement"
SHARE = "_share"
"""Ends the name of a weighed term over the sum of all others: what beta and gamma are judged by."""


class Adaptation:
    """The terms that pull a student's features towards its teacher's."""

    def __init__(self, config: AdaptationConfig) -> None:
        self.config = config

    @property
    def compares_orientation(self) -> bool:
        """Whether the teacher's orientation is looked at; it costs a pass for every view as the target."""
        return self.config.orientation != "none"

    def of_shape(self, student: HandShape, teacher: HandShape) -> dict[str, Tensor]:
        """Return L_SE by name, if the recipe has it."""
        if self.config.shape == "none":
            return {}
        point = SHAPE_POINTS[self.config.shape]
        return {SHAPE_TERM: self._distance(point(student), point(teacher))}

    def of_orientation(self, student: HandPrediction, teacher: HandPrediction) -> dict[str, Tensor]:
        """Return L_OE by name, if the recipe has it."""
        if not self.compares_orientation:
            return {}
        point = ORIENTATION_POINTS[self.config.orientation]
        return {ORIENTATION_TERM: self._distance(point(student), point(teacher))}

    def added(self, losses: dict[str, Tensor], terms: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return reconstruction losses with these terms beside them, weighed into "total".

        The share that a weighed term has of the reconstruction's total is returned as well: the paper names
        neither beta nor gamma, and outside 0.1 to 1 one of the two sides does not count (spec section 4).
        """
        weights = {
            SHAPE_TERM: self.config.shape_weight,
            ORIENTATION_TERM: self.config.orientation_weight,
        }
        weighed = {name: weights[name] * term for name, term in terms.items()}
        reconstruction = losses["total"]
        shares = {name + SHARE: (term / reconstruction).detach() for name, term in weighed.items()}
        return {**losses, **terms, **shares, "total": sum(weighed.values(), start=reconstruction)}

    def _distance(self, student: Tensor, teacher: Tensor) -> Tensor:
        with torch.autocast(student.device.type, enabled=False):
            return DISTANCES[self.config.distance](student.float() - teacher.detach().float())
