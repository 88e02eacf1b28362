"""Predictions beside the truth, and the scores that watch a run."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from training.engine.inference import Hands, Measured, evaluating, measure
from training.engine.validation import judgement, landmark_scores, validation_scores
from training.networks.hands import SingleViewHand
from training.tensors import HandBatch


def test_the_size_of_the_batches_changes_nothing(network: SingleViewHand, batches: list[HandBatch]) -> None:
    def one_by_one() -> list[HandBatch]:
        return [
            HandBatch(batch.images[i : i + 1], type(batch.truth)(*(part[i : i + 1] for part in batch.truth)))
            for batch in batches
            for i in range(len(batch.images))
        ]

    together, apart = measure(network, batches), measure(network, one_by_one())
    for a, b in zip(together.predicted, apart.predicted, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    for a, b in zip(together.true, apart.true, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_the_truth_is_turned_about_its_wrist(network: SingleViewHand, batches: list[HandBatch]) -> None:
    turned = measure(network, batches).true
    still = measure(network, batches, scope="shape").true
    np.testing.assert_allclose(turned.joints_m[:, 0], still.joints_m[:, 0], atol=1e-6)
    rotation = torch.cat([batch.truth.rotation for batch in batches]).numpy()
    expected = np.einsum("nij,nvj->nvi", rotation, still.vertices_m - still.joints_m[:, :1])
    np.testing.assert_allclose(turned.vertices_m - turned.joints_m[:, :1], expected, atol=1e-6)


def test_a_network_is_left_as_it_was(network: SingleViewHand) -> None:
    network.train()
    with evaluating(network):
        assert not network.shape.training
        assert torch.is_inference_mode_enabled()
    assert network.shape.training
    assert not torch.is_inference_mode_enabled()


def test_nothing_to_measure_is_refused(network: SingleViewHand) -> None:
    with pytest.raises(ValueError, match="nothing to measure"):
        measure(network, [])


def perfect(count: int = 4) -> Measured:
    rng = np.random.default_rng(0)
    hands = Hands(
        rng.normal(size=(count, 30, 3)).astype(np.float32),
        rng.normal(size=(count, 21, 3)).astype(np.float32),
        rng.random((count, 21, 2)).astype(np.float32),
    )
    return Measured(hands, hands, np.ones(count, np.float32))


def test_the_truth_scores_perfectly() -> None:
    scores = validation_scores(perfect())
    assert judgement(scores) == pytest.approx(0.0, abs=1e-3)
    assert (scores["uv_error"], scores["uv_pck_10"], scores["uv_pck_20"]) == (0.0, 1.0, 1.0)


def test_a_hand_that_is_moved_alone_is_root_relative_perfect() -> None:
    truth = perfect()
    moved = Hands(truth.true.vertices_m + 0.3, truth.true.joints_m + 0.3, truth.true.joints_uv)
    assert judgement(validation_scores(truth._replace(predicted=moved))) == pytest.approx(0.0, abs=1e-2)


def test_a_hand_that_is_turned_and_scaled_is_perfect_after_alignment_only() -> None:
    truth = perfect()
    turn = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]], np.float32)
    vertices, joints = (np.asarray(1.2 * points @ turn.T, np.float32) for points in truth.true[:2])
    other = Hands(vertices, joints, truth.true.joints_uv)
    scores = validation_scores(truth._replace(predicted=other))
    assert scores["pa_jpe_mm"] == pytest.approx(0.0, abs=1e-3)
    assert scores["pa_vpe_mm"] == pytest.approx(0.0, abs=1e-3)
    assert scores["jpe_mm"] > 100.0


def test_landmarks_are_counted_in_units_of_the_hands_extent() -> None:
    true = np.zeros((1, 21, 2))
    predicted = np.zeros((1, 21, 2))
    predicted[0, :7, 0] = 0.099 / 1.5  # within a tenth of the extent
    predicted[0, 7:14, 1] = 0.15 / 1.5
    predicted[0, 14:, 0] = 0.3 / 1.5
    scores = landmark_scores(predicted, true)
    assert scores.pck_10 == pytest.approx(1 / 3)
    assert scores.pck_20 == pytest.approx(2 / 3)
    assert scores.mean_error == pytest.approx((0.099 + 0.15 + 0.3) / 3)


def test_landmarks_of_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="two arrays"):
        landmark_scores(np.zeros((2, 21, 2)), np.zeros((1, 21, 2)))
