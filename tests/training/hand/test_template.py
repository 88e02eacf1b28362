"""Laws of the committed template and its hierarchy."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from numpy.typing import NDArray

from training.contract import JOINT_COUNT
from training.hand.decimation import boundary_edges
from training.hand.template import TEMPLATE_PATH, TEMPLATE_SHA256, HandTemplate, load_template
from training.hand.topology import MeshLevel

LEVEL_SIZES = (778, 389, 195, 98, 49)
LEVELS = range(len(LEVEL_SIZES))


@pytest.fixture(scope="module")
def template() -> HandTemplate:
    return load_template()


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest, template: HandTemplate) -> MeshLevel:
    number: int = request.param
    return template.topology.levels[number]


def rest_vertices_m(template: HandTemplate) -> NDArray[np.float64]:
    return np.asarray((template.rendered_matrix @ template.control_vertices_m)[template.label_vertices])


def test_the_file_is_the_frozen_one_and_small() -> None:
    content = TEMPLATE_PATH.read_bytes()
    assert hashlib.sha256(content).hexdigest() == TEMPLATE_SHA256
    assert len(content) < 2_000_000


def test_a_changed_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = TEMPLATE_PATH.read_bytes() + b"\0"
    monkeypatch.setattr(type(TEMPLATE_PATH), "read_bytes", lambda _: changed)
    with pytest.raises(ValueError, match="frozen template"):
        load_template.__wrapped__()


def test_levels_have_their_sizes(template: HandTemplate) -> None:
    assert tuple(level.vertex_count for level in template.topology.levels) == LEVEL_SIZES
    assert len(template.topology.faces) == 1538
    assert np.array_equal(template.topology.levels[0].faces, template.topology.faces)


def test_every_level_is_one_manifold_disc(level: MeshLevel) -> None:
    corners = np.concatenate([level.faces[:, [0, 1]], level.faces[:, [1, 2]], level.faces[:, [2, 0]]])
    _, directed_uses = np.unique(corners, axis=0, return_counts=True)
    edges = np.unique(np.sort(corners, axis=1), axis=0)
    assert directed_uses.max() == 1  # manifold, and all faces wound alike
    assert level.vertex_count - len(edges) + len(level.faces) == 1  # Euler characteristic of a disc
    assert np.array_equal(np.unique(level.faces), np.arange(level.vertex_count))


def test_the_wrist_is_one_loop_of_16(template: HandTemplate) -> None:
    edges = boundary_edges(template.topology.faces).tolist()
    follow = {
        vertex: [a if b == vertex else b for a, b in edges if vertex in (a, b)]
        for vertex in np.unique(edges).tolist()
    }
    loop, previous = [edges[0][0]], -1
    while (after := next(v for v in follow[loop[-1]] if v != previous)) != loop[0]:
        previous = loop[-1]
        loop.append(after)
    assert len(loop) == len(edges) == 16


def test_faces_look_outward(template: HandTemplate) -> None:
    vertices = rest_vertices_m(template)
    a, b, c = (vertices[template.topology.faces[:, corner]] for corner in range(3))
    # The wrist is open, but its hole lies near x = 0 and adds little to the signed volume.
    volume_m3 = float((np.cross(a, b) * c).sum() / 6)
    assert 1e-4 < volume_m3 < 6e-4


def test_up_matrices_are_barycentric(template: HandTemplate) -> None:
    for coarse in template.topology.levels[1:]:
        assert coarse.up_weights.min() >= 0
        np.testing.assert_allclose(coarse.up_weights.sum(axis=1), 1, atol=1e-6)
        assert coarse.up_indices.max() < coarse.vertex_count


def test_up_matrices_give_back_kept_vertices_and_nearly_linear_functions(template: HandTemplate) -> None:
    fine = rest_vertices_m(template)
    for coarse in template.topology.levels[1:]:
        kept = fine[coarse.kept]
        up = np.einsum("vk,vkd->vd", coarse.up_weights, kept[coarse.up_indices])
        np.testing.assert_allclose(up[coarse.kept], kept, atol=1e-6)
        # Coordinates are linear functions; the mean error is the distance between the surfaces.
        assert np.linalg.norm(up - fine, axis=1).mean() < 2e-3
        fine = kept


def test_fingertips_are_kept_on_every_level(template: HandTemplate) -> None:
    tips = template.fingertip_vertices
    for coarse in template.topology.levels[1:]:
        assert np.isin(tips, coarse.kept).all()
        tips = np.searchsorted(coarse.kept, tips)


def test_weights_and_regressor_are_averages(template: HandTemplate) -> None:
    assert template.skin_weights.min() >= 0
    np.testing.assert_allclose(template.skin_weights.sum(axis=1), 1, atol=1e-12)
    assert template.joint_regressor.shape == (JOINT_COUNT, 778)
    assert template.joint_regressor.min() >= 0
    np.testing.assert_allclose(template.joint_regressor.sum(axis=1), 1, atol=1e-6)


def test_sparse_weights_are_the_weights(template: HandTemplate) -> None:
    dense = np.zeros_like(template.skin_weights)
    np.put_along_axis(dense, template.sparse_weights.bones, template.sparse_weights.shares, axis=1)
    np.testing.assert_array_equal(dense, template.skin_weights)


def test_the_canonical_frame_is_a_right_hands(template: HandTemplate) -> None:
    joints = template.joints_m
    np.testing.assert_allclose(joints[0], 0, atol=1e-9)
    assert (joints[[8, 12, 16, 20], 0] < -0.1).all()  # finger tips to -x
    assert joints[4, 2] > joints[17, 2]  # thumb to +z
    assert template.elbow_m[0] > 0.15
    nails_m = (template.rendered_matrix @ template.control_vertices_m)[template.nail > 0.5]
    fingers = nails_m[nails_m[:, 0] < -0.14]
    assert fingers[:, 1].mean() > joints[[8, 12, 16], 1].mean()  # back of the hand to +y
