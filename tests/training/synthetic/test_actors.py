"""Hand meshes, limbs, what is worn on them, skin and light."""

from __future__ import annotations

import numpy as np
import pytest

from training.hand.kinematics import PosedHand, RestHand, pose_hand, shape_hand
from training.hand.pose import bone_rotations
from training.hand.sampling import sample_pose
from training.hand.shape import mean_shape
from training.hand.template import load_template
from training.synthetic.actor import sample_actor
from training.synthetic.handmesh import hand_mesh, mirrored
from training.synthetic.lights import brightness, sample_lighting
from training.synthetic.limbs import finger_limb, forearm_limb
from training.synthetic.scene import HAND_MATERIAL, Mesh
from training.synthetic.skin import sample_skin
from training.synthetic.sleeves import finger_ring, sleeve, watch, wrist_band
from training.synthetic.stage import APART_M, set_stage

PosedPair = tuple[RestHand, PosedHand]


@pytest.fixture
def hand(rng: np.random.Generator) -> PosedPair:
    rest = shape_hand(load_template(), mean_shape())
    return rest, pose_hand(load_template(), rest, bone_rotations(rest.hinges, sample_pose(rng)))


def _volume_m3(mesh: Mesh) -> float:
    corners = np.asarray(mesh.positions_m)[mesh.faces]
    return float(np.einsum("ij,ij->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6)


def test_the_labelled_faces_are_those_of_the_label_mesh(hand: PosedPair, rng: np.random.Generator) -> None:
    template = load_template()
    mesh = hand_mesh(hand[1], sample_skin(rng), arm_material=1, rng=rng)
    np.testing.assert_array_equal(
        mesh.positions_m[: len(template.control_vertices_m)], hand[1].rendered_vertices_m
    )
    labelled = np.zeros(len(mesh.positions_m), bool)
    labelled[np.asarray(mesh.faces)[mesh.face_material == HAND_MATERIAL]] = True
    assert labelled[template.label_vertices].all(), "every label vertex lies on a labelled face"
    rest_x = np.asarray(mesh.rest_positions_m)[: len(template.control_vertices_m), 0]
    rim_x = rest_x[template.label_vertices].max()
    assert rest_x[labelled[: len(rest_x)]].max() < rim_x + 0.004, "and none lies up the arm"


def test_hand_and_arm_are_closed_together(hand: PosedPair, rng: np.random.Generator) -> None:
    mesh = hand_mesh(hand[1], sample_skin(rng), arm_material=1, rng=rng)
    corners = np.asarray(mesh.positions_m)[mesh.faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    np.testing.assert_allclose(across.sum(axis=0), 0, atol=1e-9)
    assert 0.5e-3 < _volume_m3(mesh) < 3e-3


def test_mirrored_twice_is_the_same_and_mirrored_once_is_still_outwards(
    hand: PosedPair, rng: np.random.Generator
) -> None:
    mesh = hand_mesh(hand[1], sample_skin(rng), arm_material=1, rng=rng)
    plane = {"plane_m": rng.normal(size=3), "normal": np.array([0.6, 0.0, 0.8])}
    left = mirrored(mesh, **plane)
    assert _volume_m3(left) == pytest.approx(_volume_m3(mesh))
    back = mirrored(left, **plane)
    np.testing.assert_allclose(back.positions_m, mesh.positions_m, atol=1e-12)
    np.testing.assert_array_equal(back.faces, mesh.faces)


def test_limbs_reproduce_the_skin(hand: PosedPair) -> None:
    limb = forearm_limb(load_template(), *hand)
    error_m = np.abs(limb.radius(limb.along_m, limb.angle) - limb.radius_m)
    assert error_m.mean() < 0.001
    points = limb.rest_points(limb.along_m, limb.angle, limb.radius_m)
    assert np.linalg.norm(points[:, None] - points, axis=-1).max() < 0.3


def test_clothes_lie_outside_the_arm(hand: PosedPair, rng: np.random.Generator) -> None:
    limb = forearm_limb(load_template(), *hand)
    for worn in (sleeve(rng, limb), wrist_band(rng, limb, wear="metal"), *watch(rng, limb)[:1]):
        local = (worn.rest_positions_m - limb.origin_m) @ limb.frame
        radius = np.hypot(local[:, 1], local[:, 2])
        skin = limb.radius(local[:, 0], np.arctan2(local[:, 2], local[:, 1]))
        assert (radius > skin - 5e-4).all()
        assert (radius < skin + 0.06).all()


def test_a_ring_goes_round_its_finger(hand: PosedPair, rng: np.random.Generator) -> None:
    limb = finger_limb(load_template(), *hand, finger=3)
    ring = finger_ring(rng, limb)
    joints = hand[1].joints_m[[13, 14]]
    middle = ring.positions_m.mean(axis=0)
    assert np.linalg.norm(middle - joints.mean(axis=0)) < 0.012
    assert 0.006 < np.linalg.norm(ring.positions_m - middle, axis=1).mean() < 0.014


def test_skin_stays_plausible() -> None:
    for seed in range(40):
        skin = sample_skin(np.random.default_rng(seed))
        red, green, blue = skin.albedo[skin.nail < 0.01].mean(axis=0)
        assert red > green > blue > 0.015
        assert skin.albedo.max() < 0.95
        assert skin.albedo[skin.nail < 0.01].std(axis=0).max() < 0.1


def test_light_has_unit_directions_and_green_walls_throw_green_light() -> None:
    up = np.array([0.0, 1.0, 0.0])
    plain = sample_lighting(np.random.default_rng(1), up)
    np.testing.assert_allclose(np.linalg.norm(plain.directions, axis=1), 1)
    assert 0.2 < brightness(plain) < 3
    spilled = [
        sample_lighting(np.random.default_rng(seed), up, spill=np.array([0.1, 0.5, 0.1])).ambient[0]
        for seed in range(10)
    ]
    red, green, blue = np.mean(spilled, axis=0)
    assert green > max(red, blue)


def test_nothing_that_floats_touches_the_hand() -> None:
    floated = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        actor = sample_actor(rng)
        for mesh in set_stage(rng, actor, textures=3).floating:
            gap_m = np.linalg.norm(actor.posed.vertices_m[::3, None] - np.asarray(mesh.positions_m), axis=-1)
            floated += 1
            assert gap_m.min() > 0.9 * APART_M
    assert floated
