"""Every score of a table against one written from the formulas (spec section 9), on good and odd hands.

The reference shares no step with the code: the alignment that may mirror is scipy's, the proper one is Horn's
by quaternions, curves are counted threshold by threshold and areas are scipy's trapezoids, and neighbours are
looked up in whole tables of distances.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import trapezoid
from scipy.linalg import orthogonal_procrustes
from scipy.spatial.distance import cdist
from scipy.spatial.transform import Rotation

from training.contract import CROP_SCALE
from training.engine.validation import landmark_scores
from training.metrics.alignment import procrustes_aligned
from training.metrics.table import HandPoints, score

Array = NDArray[np.float64]
IMAGES, JOINTS, VERTICES = 4, 21, 60
TINY = 1e-8


def horn(predicted: Array, true: Array) -> Array:
    """Align one set by the rotation whose quaternion is the leading eigenvector of Horn's matrix."""
    centre = true.mean(axis=0)
    true, predicted = true - centre, predicted - predicted.mean(axis=0)
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = predicted.T @ true
    matrix = [
        [xx + yy + zz, yz - zy, zx - xz, xy - yx],
        [yz - zy, xx - yy - zz, xy + yx, zx + xz],
        [zx - xz, xy + yx, -xx + yy - zz, yz + zy],
        [xy - yx, zx + xz, yz + zy, -xx - yy + zz],
    ]
    values, vectors = np.linalg.eigh(matrix)
    turned = Rotation.from_quat(vectors[:, -1], scalar_first=True).apply(predicted)
    return np.asarray(turned * values[-1] / (np.linalg.norm(predicted) + TINY) ** 2 + centre)


def freihand(predicted: Array, true: Array) -> Array:
    """Align one set over all orthogonal matrices."""
    centre = true.mean(axis=0)
    true, predicted = true - centre, predicted - predicted.mean(axis=0)
    true_size, predicted_size = np.linalg.norm(true) + TINY, np.linalg.norm(predicted) + TINY
    rotation, scale = orthogonal_procrustes(true / true_size, predicted / predicted_size)
    return np.asarray(predicted / predicted_size @ rotation.T * scale * true_size + centre)


def errors_mm(predicted: Array, true: Array) -> Array:
    return np.asarray(np.sqrt(((1000.0 * (predicted - true)) ** 2).sum(axis=2)))


def area(errors: Array) -> float:
    thresholds_mm = np.linspace(0.0, 50.0, 100)
    areas = [
        trapezoid([(point <= limit).mean() for limit in thresholds_mm], thresholds_mm) / 50.0
        for point in errors.T
    ]
    return 100.0 * float(np.mean(areas))


def f_score(predicted: Array, true: Array, threshold_mm: float) -> float:
    scores = []
    for points, reference in zip(predicted, true, strict=True):
        near = 1000.0 * cdist(points, reference)
        a, b = (near.min(axis=1) < threshold_mm).mean(), (near.min(axis=0) < threshold_mm).mean()
        scores.append(2 * a * b / (a + b) if a + b > 0 else 0.0)
    return 100.0 * float(np.mean(scores))


def reference(predicted: HandPoints, true: HandPoints, *, reflection: bool) -> dict[str, float]:
    align = freihand if reflection else horn
    roots = predicted.joints_m[:, :1], true.joints_m[:, :1]
    scores: dict[str, float] = {"images": len(true.joints_m)}
    for name, part in (("j", "joints_m"), ("v", "vertices_m")):
        own, wanted = (
            np.asarray(getattr(it, part) - root) for it, root in zip((predicted, true), roots, strict=True)
        )
        aligned = np.stack([align(*pair) for pair in zip(own, wanted, strict=True)])
        for prefix, points in (("", own), ("pa_", aligned)):
            errors = errors_mm(points, wanted)
            scores[f"{prefix}{name}pe_mm"] = float(errors.mean())
            scores[f"{prefix}{name}auc"] = area(errors)
            if name == "v":
                for threshold_mm in (5, 15):
                    f = f_score(points, wanted, threshold_mm)
                    scores[f"{prefix}f_{threshold_mm}mm"] = f
    return scores


def cloud(rng: np.random.Generator) -> Array:
    return 0.03 * rng.normal(size=(IMAGES, JOINTS + VERTICES, 3))


def nearly(points: Array, rng: np.random.Generator) -> Array:
    """Return a good prediction: no two distances are equal, none is exactly a threshold."""
    return points + 0.006 * rng.normal(size=points.shape)


def on_a_line(points: Array, rng: np.random.Generator) -> Array:
    return np.asarray(points[..., :1] * rng.normal(size=(len(points), 1, 3)))


Draw = Callable[[np.random.Generator], tuple[Array, Array]]
HANDS: dict[str, Draw] = {
    "unrelated": lambda rng: (cloud(rng), cloud(rng)),
    "near": lambda rng: (nearly(true := cloud(rng), rng), true),
    "turned": lambda rng: (
        nearly(true := cloud(rng), rng) @ Rotation.from_rotvec((0.5, 2.0, -1.0)).as_matrix(),
        true,
    ),
    "mirrored": lambda rng: (nearly(true := cloud(rng), rng) * (-1.0, 1.0, 1.0), true),
    "flat prediction": lambda rng: (nearly(true := cloud(rng), rng) * (1.0, 1.0, 0.0), true),
    "flat truth": lambda rng: (cloud(rng), cloud(rng) * (1.0, 0.0, 1.0)),
    "prediction on a line": lambda rng: (on_a_line(cloud(rng), rng), cloud(rng)),
    "truth on a line": lambda rng: (cloud(rng), on_a_line(cloud(rng), rng)),
    "both on lines": lambda rng: (on_a_line(cloud(rng), rng), on_a_line(cloud(rng), rng)),
    "prediction in a point": lambda rng: (np.full((IMAGES, JOINTS + VERTICES, 3), 0.2), cloud(rng)),
    "truth in a point": lambda rng: (cloud(rng), np.full((IMAGES, JOINTS + VERTICES, 3), 0.2)),
    "far away": lambda rng: (cloud(rng) * 40.0 + 3.0, cloud(rng)),
}  # fmt: skip


def split(points: Array) -> HandPoints:
    return HandPoints(joints_m=points[:, :JOINTS], vertices_m=points[:, JOINTS:])


@pytest.mark.parametrize("reflection", [True, False], ids=["O(3)", "SO(3)"])
@pytest.mark.parametrize("kind", HANDS)
def test_every_score_is_that_of_the_formulas(kind: str, reflection: bool) -> None:
    for seed in range(3):
        predicted, true = map(split, HANDS[kind](np.random.default_rng(seed)))
        expected = reference(predicted, true, reflection=reflection)
        found = dataclasses.asdict(score(predicted, true, reflection=reflection))
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-4)


@pytest.mark.parametrize("kind", HANDS)
def test_alignment_over_all_matrices_is_never_worse_than_over_rotations(kind: str) -> None:
    predicted, true = HANDS[kind](np.random.default_rng(5))
    free, proper = (
        ((procrustes_aligned(predicted, true, reflection=reflection) - true) ** 2).sum(axis=(1, 2))
        for reflection in (True, False)
    )
    assert (free <= proper + 1e-12).all()


def test_landmarks_are_counted_in_units_of_the_hand_s_extent() -> None:
    rng = np.random.default_rng(0)
    predicted, true = rng.uniform(size=(2, 30, JOINTS, 2)) * 0.15
    off = [
        CROP_SCALE * float(np.hypot(*(own - wanted)))
        for hand, wanted_hand in zip(predicted, true, strict=True)
        for own, wanted in zip(hand, wanted_hand, strict=True)
    ]
    scores = landmark_scores(predicted, true)
    assert scores.hands == 30
    assert scores.pck_10 == pytest.approx(sum(it <= 0.1 for it in off) / len(off))
    assert scores.pck_20 == pytest.approx(sum(it <= 0.2 for it in off) / len(off))
    assert scores.mean_error == pytest.approx(sum(off) / len(off))
