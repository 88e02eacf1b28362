"""The few numbers that a run is watched and its best state chosen by."""

from __future__ import annotations

import numpy as np

from training.contract import CROP_SCALE
from training.engine.inference import Measured
from training.metrics.alignment import procrustes_aligned, root_aligned
from training.metrics.pose_errors import point_errors_m

JUDGED = ("jpe_mm", "pa_jpe_mm", "vpe_mm", "pa_vpe_mm")
"""What the best state has the least sum of, as in SiMA-Hand; here on validation, not on test hands."""


def validation_scores(measured: Measured) -> dict[str, float]:
    """Return root-relative and aligned errors in millimetres, and how well the joints are found in the image.

    `uv_extent` is the mean distance of a joint in the image in units of the hand's own extent (the crop's
    side over the contract's 1.5), `uv_pck_10` and `uv_pck_20` the shares within 0.1 and 0.2 of it.
    """
    predicted, true = measured.predicted, measured.true
    joints, true_joints = (root_aligned(hands.joints_m, hands.joints_m[:, 0]) for hands in (predicted, true))
    vertices, true_vertices = (
        root_aligned(hands.vertices_m, hands.joints_m[:, 0]) for hands in (predicted, true)
    )
    aligned_joints = procrustes_aligned(joints, true_joints)
    aligned_vertices = procrustes_aligned(vertices, true_vertices)
    off = CROP_SCALE * np.linalg.norm(predicted.joints_uv - true.joints_uv, axis=-1)
    return {
        "jpe_mm": 1000.0 * float(point_errors_m(joints, true_joints).mean()),
        "pa_jpe_mm": 1000.0 * float(point_errors_m(aligned_joints, true_joints).mean()),
        "vpe_mm": 1000.0 * float(point_errors_m(vertices, true_vertices).mean()),
        "pa_vpe_mm": 1000.0 * float(point_errors_m(aligned_vertices, true_vertices).mean()),
        "uv_extent": float(off.mean()),
        "uv_pck_10": float((off <= 0.1).mean()),
        "uv_pck_20": float((off <= 0.2).mean()),
    }


def judgement(scores: dict[str, float]) -> float:
    """Return the one number that the best state has least of."""
    return sum(scores[name] for name in JUDGED)
