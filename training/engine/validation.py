"""The few numbers that a run is watched and its best state chosen by."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from training.contract import CROP_SCALE
from training.data.groups import HandGroups
from training.data.loader import plain_batches, plain_groups
from training.data.sample import HandSet
from training.engine.inference import Measured, measure, measure_views
from training.metrics.alignment import procrustes_aligned, root_aligned
from training.metrics.pose_errors import point_errors_m
from training.networks.hands import MultiViewHand, SingleViewHand
from training.tensors import HandBatch

JUDGED = ("jpe_mm", "pa_jpe_mm", "vpe_mm", "pa_vpe_mm")
"""What the best state has the least sum of, as in SiMA-Hand; here on validation, not on test hands."""


@dataclass(frozen=True, kw_only=True)
class LandmarkScores:
    """How well joints are found in the image, in units of the hand's extent: the crop's side over 1.5."""

    hands: int
    pck_10: float
    """Share of joints within 0.1 of their place."""
    pck_20: float
    """Share within 0.2."""
    mean_error: float


def landmark_scores(predicted_uv: NDArray[np.floating], true_uv: NDArray[np.floating]) -> LandmarkScores:
    """Score joints (n, J, 2), given in units of the crop's side.

    Raises:
        ValueError: The shapes differ, or there is no hand.
    """
    if predicted_uv.shape != true_uv.shape or len(true_uv) == 0:
        raise ValueError(f"want two arrays (n, J, 2) of landmarks, got {predicted_uv.shape}, {true_uv.shape}")
    off = CROP_SCALE * np.linalg.norm(predicted_uv - true_uv, axis=-1)
    return LandmarkScores(
        hands=len(off),
        pck_10=float((off <= 0.1).mean()),
        pck_20=float((off <= 0.2).mean()),
        mean_error=float(off.mean()),
    )


def validation_scores(measured: Measured) -> dict[str, float]:
    """Return root-relative and aligned errors in millimetres, and the landmarks' scores."""
    predicted, true = measured.predicted, measured.true
    joints, true_joints = (root_aligned(hands.joints_m, hands.joints_m[:, 0]) for hands in (predicted, true))
    vertices, true_vertices = (
        root_aligned(hands.vertices_m, hands.joints_m[:, 0]) for hands in (predicted, true)
    )
    landmarks = landmark_scores(predicted.joints_uv, true.joints_uv)
    return {
        "jpe_mm": _mean_mm(joints, true_joints),
        "pa_jpe_mm": _mean_mm(procrustes_aligned(joints, true_joints), true_joints),
        "vpe_mm": _mean_mm(vertices, true_vertices),
        "pa_vpe_mm": _mean_mm(procrustes_aligned(vertices, true_vertices), true_vertices),
        "uv_error": landmarks.mean_error,
        "uv_pck_10": landmarks.pck_10,
        "uv_pck_20": landmarks.pck_20,
    }


def validate(
    network: SingleViewHand | MultiViewHand,
    hands: HandSet,
    *,
    views: int,
    count: int,
    batch_size: int,
    scope: Literal["shape", "full"],
    context: AbstractContextManager[object],
) -> tuple[Measured, list[HandBatch]]:
    """Measure a network on about `count` undisturbed pictures, evenly spread, and return these beside.

    A multi-view network gets them in groups of `views`, and each as the target once.
    """
    if isinstance(network, SingleViewHand):
        chosen = _spread(len(hands), count)
        pictures = list(plain_batches(hands, batch_size=batch_size, views=chosen))
        return measure(network, pictures, scope=scope, context=context), pictures
    groups = HandGroups(hands)
    chosen = _spread(len(groups), max(1, count // views))
    batches = list(plain_groups(groups, views=views, batch_size=batch_size, chosen=chosen))
    measured = measure_views(network, batches, scope=scope, context=context)
    return measured, [batch.every_view() for batch in batches]


def _spread(whole: int, count: int) -> list[int]:
    chosen: list[int] = np.linspace(0, whole - 1, min(count, whole)).astype(np.int64).tolist()
    return chosen


def judgement(scores: dict[str, float]) -> float:
    """Return the one number that the best state has least of."""
    return sum(scores[name] for name in JUDGED)


def _mean_mm(predicted_m: NDArray[np.float64], true_m: NDArray[np.float64]) -> float:
    return 1000.0 * float(point_errors_m(predicted_m, true_m).mean())
