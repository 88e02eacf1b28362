"""The row of a table: perfect at the truth, blind to what root and alignment take off."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from training.metrics.table import HandPoints, HandScores, as_markdown, score, score_by_occlusion


@pytest.fixture
def true() -> HandPoints:
    rng = np.random.default_rng(0)
    return HandPoints(
        vertices_m=0.05 * rng.normal(size=(6, 200, 3)), joints_m=0.05 * rng.normal(size=(6, 21, 3))
    )


@pytest.fixture
def predicted(true: HandPoints) -> HandPoints:
    rng = np.random.default_rng(1)
    return HandPoints(
        vertices_m=true.vertices_m + 0.004 * rng.normal(size=true.vertices_m.shape),
        joints_m=true.joints_m + 0.004 * rng.normal(size=true.joints_m.shape),
    )


def moved(hand: HandPoints, *, scale: float, rotation: Rotation, offset_m: float) -> HandPoints:
    matrix = scale * rotation.as_matrix().T
    return HandPoints(
        vertices_m=hand.vertices_m @ matrix + offset_m, joints_m=hand.joints_m @ matrix + offset_m
    )


def approx(scores: HandScores) -> object:
    return pytest.approx(dataclasses.asdict(scores), rel=1e-6, abs=1e-3)


def test_the_truth_is_perfect(true: HandPoints) -> None:
    scores = score(true, true)
    lengths = (scores.jpe_mm, scores.vpe_mm, scores.pa_jpe_mm, scores.pa_vpe_mm)
    assert lengths == pytest.approx((0.0,) * 4, abs=1e-4)
    assert (scores.jauc, scores.vauc, scores.f_5mm, scores.pa_f_15mm) == pytest.approx((100.0,) * 4)
    # Alignment rounds to more than the first threshold of 0 mm, which costs half a step of the hundred.
    assert (scores.pa_jauc, scores.pa_vauc) == pytest.approx((100.0,) * 2, abs=0.6)


def test_where_the_hand_is_does_not_matter(predicted: HandPoints, true: HandPoints) -> None:
    away = moved(predicted, scale=1.0, rotation=Rotation.identity(), offset_m=0.7)
    assert dataclasses.asdict(score(away, true)) == approx(score(predicted, true))


def test_alignment_takes_off_size_and_orientation(true: HandPoints) -> None:
    other = moved(true, scale=1.3, rotation=Rotation.from_rotvec((0.4, -0.2, 1.0)), offset_m=-0.2)
    scores = score(other, true)
    assert scores.jpe_mm > 10.0
    assert (scores.pa_jpe_mm, scores.pa_vpe_mm) == pytest.approx((0.0, 0.0), abs=1e-4)
    assert scores.pa_f_5mm == pytest.approx(100.0)


def test_a_mirrored_hand_is_caught_by_the_proper_alignment(true: HandPoints) -> None:
    mirrored = HandPoints(vertices_m=true.vertices_m * (-1, 1, 1), joints_m=true.joints_m * (-1, 1, 1))
    assert score(mirrored, true).pa_jpe_mm == pytest.approx(0.0, abs=1e-4)
    assert score(mirrored, true, reflection=False).pa_jpe_mm > 5.0


def test_errors_are_means_over_images(predicted: HandPoints, true: HandPoints) -> None:
    one, rest = np.arange(6) == 0, np.arange(6) > 0
    scores = [score(predicted.select(part), true.select(part)) for part in (one, rest)]
    together = (scores[0].vpe_mm + 5 * scores[1].vpe_mm) / 6
    assert score(predicted, true).vpe_mm == pytest.approx(together)


def test_lengths_are_millimetres(true: HandPoints) -> None:
    joints = true.joints_m.copy()
    joints[:, 1:] += (0.0, 0.002, 0.0)
    scores = score(HandPoints(vertices_m=true.vertices_m, joints_m=joints), true)
    assert scores.jpe_mm == pytest.approx(2.0 * 20 / 21)


def test_the_occluded_are_measured_apart(predicted: HandPoints, true: HandPoints) -> None:
    visibility = np.array([0.1, 0.39, 0.40, 0.8, 1.0, 1.0])
    parts = score_by_occlusion(predicted, true, visibility)
    assert {name: scores.images for name, scores in parts.items()} == {
        "all": 6,
        "occluded": 2,
        "non_occluded": 4,
    }
    assert parts["occluded"] == score(predicted.select(visibility < 0.4), true.select(visibility < 0.4))


def test_a_part_without_images_is_left_out(predicted: HandPoints, true: HandPoints) -> None:
    assert set(score_by_occlusion(predicted, true, np.ones(6))) == {"all", "non_occluded"}


def test_a_table_has_a_row_a_name(predicted: HandPoints, true: HandPoints) -> None:
    lines = as_markdown({"ours": score(predicted, true), "perfect": score(true, true)}).splitlines()
    assert len(lines) == 4
    assert lines[2].startswith("| ours | 6 |")
    assert len({line.count("|") for line in lines}) == 1


def test_nothing_to_score_is_refused(true: HandPoints) -> None:
    none = true.select(np.zeros(6, bool))
    with pytest.raises(ValueError, match="no image"):
        score(none, none)


def test_visibility_of_other_images_is_refused(predicted: HandPoints, true: HandPoints) -> None:
    with pytest.raises(ValueError, match=r"visibility must be \(6,\), got \(5,\)"):
        score_by_occlusion(predicted, true, np.ones(5))
