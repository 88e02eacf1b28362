"""The row of a paper's table: every measure of a set of images, in the units that papers print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.metrics.alignment import procrustes_aligned, root_aligned
from training.metrics.pck import area_under_pck
from training.metrics.pose_errors import f_scores, point_errors_m

F_THRESHOLDS_M = (0.005, 0.015)
OCCLUDED_BELOW = 0.40
"""A hand is called occluded when a smaller share of its own silhouette is seen (H2ONet)."""

Points = NDArray[np.floating]


@dataclass(frozen=True, kw_only=True)
class HandScores:
    """Scores of a set of images; lengths in millimetres, AUC and F in percent, as papers print them."""

    images: int
    jpe_mm: float
    pa_jpe_mm: float
    vpe_mm: float
    pa_vpe_mm: float
    jauc: float
    pa_jauc: float
    vauc: float
    pa_vauc: float
    f_5mm: float
    f_15mm: float
    pa_f_5mm: float
    pa_f_15mm: float


@dataclass(frozen=True, eq=False, kw_only=True)
class HandPoints:
    """The hands of N images in one frame each, in metres."""

    vertices_m: Points
    """(N, V, 3)."""
    joints_m: Points
    """(N, J, 3); joint 0 is the wrist, the root of vertices and joints."""

    def select(self, images: NDArray[np.bool_]) -> HandPoints:
        """Return the hands of the images where the mask (N,) is true."""
        return HandPoints(vertices_m=self.vertices_m[images], joints_m=self.joints_m[images])


def score(predicted: HandPoints, true: HandPoints, *, reflection: bool = True) -> HandScores:
    """Measure predictions, root-relative and after Procrustes alignment of joints and vertices apart.

    Args:
        predicted: What the network says.
        true: The labels, in the same frames.
        reflection: Whether alignment may mirror (`procrustes_aligned`).

    Raises:
        ValueError: The shapes differ, or there is no image.
    """
    return _row(_errors(predicted, true, reflection=reflection))


def score_by_occlusion(
    predicted: HandPoints, true: HandPoints, visibility: Points, *, reflection: bool = True
) -> dict[str, HandScores]:
    """Measure all images, and the occluded and the other ones apart; a part without images is left out.

    Args:
        predicted: What the network says.
        true: The labels.
        visibility: Visible share of each hand's silhouette (N,).
        reflection: Whether alignment may mirror.

    Raises:
        ValueError: The shapes differ, or there is no image.
    """
    if visibility.shape != (len(true.joints_m),):
        raise ValueError(f"visibility must be ({len(true.joints_m)},), got {visibility.shape}")
    occluded = visibility < OCCLUDED_BELOW
    parts = {"all": np.full_like(occluded, True), "occluded": occluded, "non_occluded": ~occluded}
    # Each hand is measured once: the nearest neighbours of F take most of an evaluation's time.
    errors = _errors(predicted, true, reflection=reflection)
    return {
        name: _row(_Errors(*(values[images] for values in errors)))
        for name, images in parts.items()
        if images.any()
    }


def as_markdown(rows: Mapping[str, HandScores]) -> str:
    """Return scores as a Markdown table, one row a name."""
    columns = list(HandScores.__dataclass_fields__)
    lines = ["| set | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, scores in rows.items():
        cells = (
            str(value) if isinstance(value, int) else f"{value:.2f}" for value in asdict(scores).values()
        )
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


class _Errors(NamedTuple):
    """What N hands are off by, hand by hand; lengths in metres."""

    joints_m: Points
    """(N, J)."""
    aligned_joints_m: Points
    """(N, J)."""
    vertices_m: Points
    """(N, V)."""
    aligned_vertices_m: Points
    """(N, V)."""
    f: Points
    """(N, thresholds)."""
    aligned_f: Points
    """(N, thresholds)."""


def _errors(predicted: HandPoints, true: HandPoints, *, reflection: bool) -> _Errors:
    if len(true.joints_m) == 0:
        raise ValueError("there is no image to score")
    joints, true_joints = (root_aligned(hand.joints_m, hand.joints_m[:, 0]) for hand in (predicted, true))
    vertices, true_vertices = (
        root_aligned(hand.vertices_m, hand.joints_m[:, 0]) for hand in (predicted, true)
    )
    aligned_joints = procrustes_aligned(joints, true_joints, reflection=reflection)
    aligned_vertices = procrustes_aligned(vertices, true_vertices, reflection=reflection)
    return _Errors(
        point_errors_m(joints, true_joints),
        point_errors_m(aligned_joints, true_joints),
        point_errors_m(vertices, true_vertices),
        point_errors_m(aligned_vertices, true_vertices),
        f_scores(vertices, true_vertices, F_THRESHOLDS_M),
        f_scores(aligned_vertices, true_vertices, F_THRESHOLDS_M),
    )


def _row(errors: _Errors) -> HandScores:
    jpe, pa_jpe, vpe, pa_vpe = (1000.0 * float(part.mean()) for part in errors[:4])
    jauc, pa_jauc, vauc, pa_vauc = (100.0 * area_under_pck(part) for part in errors[:4])
    (f_5, f_15), (pa_f_5, pa_f_15) = (100.0 * part.mean(axis=0) for part in (errors.f, errors.aligned_f))
    return HandScores(
        images=len(errors.f),
        jpe_mm=jpe,
        pa_jpe_mm=pa_jpe,
        vpe_mm=vpe,
        pa_vpe_mm=pa_vpe,
        jauc=jauc,
        pa_jauc=pa_jauc,
        vauc=vauc,
        pa_vauc=pa_vauc,
        f_5mm=float(f_5),
        f_15mm=float(f_15),
        pa_f_5mm=float(pa_f_5),
        pa_f_15mm=float(pa_f_15),
    )
