"""Root and Procrustes alignment, against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import orthogonal_procrustes
from scipy.spatial.transform import Rotation

from training.metrics.alignment import procrustes_aligned, root_aligned

Array = NDArray[np.float64]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def hands(rng: np.random.Generator, images: int = 5, points: int = 21) -> Array:
    return 0.05 * rng.normal(size=(images, points, 3))


def similar(points: Array, rng: np.random.Generator) -> Array:
    """Move, turn and scale each set of points by a similarity of its own."""
    turned = np.einsum("nij,npj->npi", Rotation.random(len(points), rng=rng).as_matrix(), points)
    moved = turned * rng.uniform(0.3, 3.0, (len(points), 1, 1)) + rng.normal(size=(len(points), 1, 3))
    return np.asarray(moved, np.float64)


@pytest.mark.parametrize("reflection", [True, False])
def test_a_similarity_is_taken_off(reflection: bool, rng: np.random.Generator) -> None:
    true = hands(rng)
    aligned = procrustes_aligned(similar(true, rng), true, reflection=reflection)
    np.testing.assert_allclose(aligned, true, atol=1e-7)


def test_a_mirrored_hand_is_mirrored_back_only_where_reflection_is_allowed(rng: np.random.Generator) -> None:
    true = hands(rng)
    mirrored = similar(true * (1.0, 1.0, -1.0), rng)
    np.testing.assert_allclose(procrustes_aligned(mirrored, true), true, atol=1e-7)
    proper = procrustes_aligned(mirrored, true, reflection=False)
    assert np.linalg.norm(proper - true, axis=2).mean() > 0.005


def test_it_is_freihand_s_alignment(rng: np.random.Generator) -> None:
    true, predicted = hands(rng), hands(rng)
    aligned = procrustes_aligned(predicted, true)
    for image in range(len(true)):
        np.testing.assert_allclose(aligned[image], _freihand(predicted[image], true[image]), atol=1e-7)


def _freihand(predicted: Array, true: Array) -> Array:
    """Align by scipy's Procrustes, step by step as spec section 9 says."""
    centre = true.mean(axis=0)
    true, predicted = true - centre, predicted - predicted.mean(axis=0)
    true_size, predicted_size = np.linalg.norm(true) + 1e-8, np.linalg.norm(predicted) + 1e-8
    rotation, scale = orthogonal_procrustes(true / true_size, predicted / predicted_size)
    return np.asarray(predicted / predicted_size @ rotation.T * scale * true_size + centre)


def test_a_proper_alignment_is_scipy_s_kabsch(rng: np.random.Generator) -> None:
    true, predicted = hands(rng, images=8), hands(rng, images=8)
    aligned = procrustes_aligned(predicted, true, reflection=False)
    for image in range(len(true)):
        centred_true = true[image] - true[image].mean(axis=0)
        centred = predicted[image] - predicted[image].mean(axis=0)
        rotation, _ = Rotation.align_vectors(centred_true, centred)
        turned = rotation.apply(centred)
        scale = (turned * centred_true).sum() / (turned**2).sum()
        expected = scale * turned + true[image].mean(axis=0)
        np.testing.assert_allclose(aligned[image], expected, atol=1e-6)


@pytest.mark.parametrize("reflection", [True, False])
def test_alignment_never_makes_it_worse(reflection: bool, rng: np.random.Generator) -> None:
    true = hands(rng)
    predicted = true + 0.01 * hands(rng)
    aligned = procrustes_aligned(predicted, true, reflection=reflection)
    before = ((predicted - true) ** 2).sum(axis=(1, 2))
    after = ((aligned - true) ** 2).sum(axis=(1, 2))
    assert (after <= before + 1e-12).all()


def test_a_batch_is_its_images(rng: np.random.Generator) -> None:
    true, predicted = hands(rng), hands(rng)
    singles = [procrustes_aligned(predicted[i : i + 1], true[i : i + 1]) for i in range(len(true))]
    np.testing.assert_allclose(procrustes_aligned(predicted, true), np.concatenate(singles), atol=1e-12)


@pytest.mark.parametrize("reflection", [True, False])
def test_a_single_point_becomes_the_truth_s_centre(reflection: bool, rng: np.random.Generator) -> None:
    true = hands(rng)
    aligned = procrustes_aligned(np.full_like(true, 0.3), true, reflection=reflection)
    np.testing.assert_allclose(
        aligned, np.broadcast_to(true.mean(axis=1, keepdims=True), true.shape), atol=1e-6
    )


@pytest.mark.parametrize("reflection", [True, False])
def test_a_flat_hand_has_a_finite_alignment(reflection: bool, rng: np.random.Generator) -> None:
    flat = hands(rng) * (1.0, 1.0, 0.0)
    np.testing.assert_allclose(
        procrustes_aligned(similar(flat, rng), flat, reflection=reflection), flat, atol=1e-7
    )


def test_the_root_becomes_the_origin(rng: np.random.Generator) -> None:
    points = hands(rng)
    aligned = root_aligned(points, points[:, 3])
    np.testing.assert_array_equal(aligned[:, 3], 0.0)
    np.testing.assert_allclose(root_aligned(points + 1.0, points[:, 3] + 1.0), aligned, atol=1e-12)


def test_points_of_other_shapes_are_refused(rng: np.random.Generator) -> None:
    with pytest.raises(ValueError, match=r"\(5, 21, 3\) and \(5, 20, 3\)"):
        procrustes_aligned(hands(rng), hands(rng, points=20))
    with pytest.raises(ValueError, match="one shape"):
        procrustes_aligned(hands(rng)[0], hands(rng)[0])
