"""The joints of WebXR and OpenXR: names, places, frames, radii, and both hands alike."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from service.contract import ModelContract
from service.encode.result import HandResult, Side
from service.geometry import gltf_axes
from service.xr.joints import JointSet, NamedJoint, named_joints
from service.xr.skeleton import RADII_M, TIP_DEPTH
from tests.service.hands import template_hand
from tests.service.xr.standards import OPENXR, WEBXR
from training.hand.kinematics import PosedHand, pose_hand, shape_hand
from training.hand.pose import bone_rotations
from training.hand.sampling import sample_possible_pose
from training.hand.shape import sample_shape
from training.hand.template import load_template
from training.synthetic.meshes import vertex_normals

Float = NDArray[np.float64]

NAMES: dict[JointSet, list[str]] = {"webxr": WEBXR, "openxr": OPENXR}
SIDES: tuple[Side, ...] = ("right", "left")
MIRROR = np.array([-1.0, 1.0, 1.0])
METACARPALS_MM = {"INDEX": 68.12, "MIDDLE": 64.60, "RING": 58.00, "LITTLE": 53.69}
"""Buryanov and Kotiuk 2010, Table I."""


def posed(seed: int) -> tuple[PosedHand, HandResult]:
    """Return a person's right hand in some pose, turned, and what the gateway says of it."""
    rng = np.random.default_rng(seed)
    rest = shape_hand(load_template(), sample_shape(rng))
    hand = pose_hand(load_template(), rest, bone_rotations(rest.hinges, sample_possible_pose(rng, rest)))
    turn = Rotation.random(rng=rng).as_matrix()
    return hand, replace(
        template_hand(),
        vertices_m=(hand.vertices_m @ turn.T).astype(np.float32),
        joints_m=(hand.joints_m @ turn.T).astype(np.float32),
        rotation=turn.astype(np.float32),
    )


def frame(joint: NamedJoint) -> Float:
    """Return the joint's axes as columns, (3, 3)."""
    return np.asarray(Rotation.from_quat(joint.orientation).as_matrix())


def by_name(hand: HandResult, contract: ModelContract) -> dict[str, NamedJoint]:
    """Return OpenXR's joints by the middle of their names: INDEX_TIP."""
    joints = named_joints("openxr", hand, contract)
    return {joint.name.removeprefix("XR_HAND_JOINT_").removesuffix("_EXT"): joint for joint in joints}


def bones() -> list[tuple[str, str]]:
    """Return the joints at both ends of every finger bone."""
    names = [name.removeprefix("XR_HAND_JOINT_").removesuffix("_EXT") for name in OPENXR[2:]]
    return [(a, b) for a, b in itertools.pairwise(names) if a.split("_")[0] == b.split("_")[0]]


@pytest.mark.parametrize("joint_set", NAMES)
def test_names_are_the_standards(joint_set: JointSet, contract: ModelContract) -> None:
    joints = named_joints(joint_set, template_hand(), contract)
    assert [joint.name for joint in joints] == NAMES[joint_set]


def test_webxr_is_openxr_without_the_palm(contract: ModelContract) -> None:
    hand = template_hand()
    for webxr, openxr in zip(
        named_joints("webxr", hand, contract), named_joints("openxr", hand, contract)[1:], strict=True
    ):
        np.testing.assert_array_equal(webxr.position_m, openxr.position_m)
        np.testing.assert_array_equal(webxr.orientation, openxr.orientation)
        assert (webxr.radius_m, webxr.synthesised) == (openxr.radius_m, openxr.synthesised)


@pytest.mark.parametrize("side", SIDES)
def test_joints_of_the_network_stay_where_they_are(side: Side, contract: ModelContract) -> None:
    hand = template_hand(side, seed=1)
    parts = {"cmc": "METACARPAL", "ip": "DISTAL", "pip": "INTERMEDIATE", "dip": "DISTAL", "tip": "TIP"}
    joints = by_name(hand, contract)
    expected = dict(zip(contract.joint_names, gltf_axes(hand.joints_m), strict=True))
    found = {"WRIST": expected.pop("wrist")}
    for name, position_m in expected.items():
        finger, part = name.split("_")
        found[f"{finger.upper()}_{parts.get(part, 'PROXIMAL')}"] = position_m
    assert {name for name, joint in joints.items() if not joint.synthesised} == found.keys()
    for name, position_m in found.items():
        np.testing.assert_array_equal(joints[name].position_m, position_m)


def test_metacarpals_are_as_long_as_those_of_people(contract: ModelContract) -> None:
    joints = by_name(template_hand(), contract)
    for finger, length_mm in METACARPALS_MM.items():
        ends = joints[f"{finger}_METACARPAL"], joints[f"{finger}_PROXIMAL"]
        assert 1e3 * np.linalg.norm(ends[0].position_m - ends[1].position_m) == pytest.approx(
            length_mm, rel=0.1
        )
        assert ends[0].synthesised
    middle = joints["MIDDLE_METACARPAL"].position_m, joints["MIDDLE_PROXIMAL"].position_m
    np.testing.assert_allclose(joints["PALM"].position_m, np.mean(middle, axis=0), atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_every_frame_looks_along_its_bone(seed: int, contract: ModelContract) -> None:
    joints = by_name(posed(seed)[1], contract)
    palm_bone = [("PALM", "MIDDLE_PROXIMAL"), ("WRIST", "MIDDLE_METACARPAL")]
    for start, end in bones() + palm_bone:
        along_m = joints[end].position_m - joints[start].position_m
        assert -frame(joints[start])[:, 2] @ along_m / np.linalg.norm(along_m) == pytest.approx(1, abs=1e-5)
    for finger in ("THUMB", "INDEX", "MIDDLE", "RING", "LITTLE"):
        np.testing.assert_array_equal(
            joints[f"{finger}_TIP"].orientation, joints[f"{finger}_DISTAL"].orientation
        )


def test_orientations_are_rotations(contract: ModelContract) -> None:
    for side in SIDES:
        for joint in named_joints("openxr", template_hand(side), contract):
            assert np.linalg.norm(joint.orientation) == pytest.approx(1, abs=1e-6)
            assert joint.orientation[3] >= 0
            assert np.linalg.det(frame(joint)) == pytest.approx(1)


def test_y_comes_out_of_the_nails(contract: ModelContract) -> None:
    """The nails of our own template are the truth; the thumb's and the crooked fingers' are the hardest."""
    template = load_template()
    rest_m = template.rendered_matrix @ template.control_vertices_m
    is_nail = template.rendered_matrix @ template.nail > 0.5
    rolls_deg = []
    for seed in range(40):
        hand, result = posed(seed)
        normals = vertex_normals(hand.rendered_vertices_m, template.control_faces) @ result.rotation.T
        joints = by_name(result, contract)
        for finger, tip in enumerate(("THUMB", "INDEX", "MIDDLE", "RING", "LITTLE")):
            near = np.linalg.norm(rest_m - template.joints_m[4 * finger + 4], axis=1) < 0.022
            normal = gltf_axes(normals[is_nail & near].mean(axis=0).astype(np.float32))
            local = frame(joints[f"{tip}_TIP"]).T @ normal
            rolls_deg.append(np.degrees(np.arctan2(local[0], local[1])))
    assert np.abs(rolls_deg).mean() < 8
    assert np.abs(rolls_deg).max() < 25


@pytest.mark.parametrize("side", SIDES)
def test_y_of_the_palm_comes_out_of_the_back(side: Side, contract: ModelContract) -> None:
    hand = template_hand(side, seed=2)
    palm = by_name(hand, contract)["PALM"]
    faces = contract.face_array.astype(np.int64)
    outward = vertex_normals(
        gltf_axes(hand.vertices_m).astype(np.float64), faces if side == "right" else faces[:, ::-1]
    )
    local_m = (gltf_axes(hand.vertices_m) - palm.position_m) @ frame(palm)
    near = np.hypot(local_m[:, 0], local_m[:, 2]) < 0.015
    assert (outward[near & (local_m[:, 1] > 0)] @ frame(palm)[:, 1]).min() > 0.8
    assert (outward[near & (local_m[:, 1] < 0)] @ frame(palm)[:, 1]).max() < -0.5


def test_a_left_hand_is_a_right_one_in_the_mirror(contract: ModelContract) -> None:
    right, left = (named_joints("openxr", template_hand(side, seed=4), contract) for side in SIDES)
    for one, other in zip(right, left, strict=True):
        np.testing.assert_allclose(other.position_m, one.position_m * MIRROR, atol=1e-6)
        # y and z are mirrored; x follows the right hand rule on both sides.
        mirrored = MIRROR[:, None] * frame(one) * MIRROR
        np.testing.assert_allclose(frame(other), mirrored, atol=1e-5)
        assert other.radius_m == pytest.approx(one.radius_m)


def test_joints_turn_with_the_hand(contract: ModelContract) -> None:
    hand = posed(7)[1]
    turn = Rotation.random(rng=np.random.default_rng(8)).as_matrix()
    turned = replace(
        hand,
        joints_m=(hand.joints_m @ turn.T).astype(np.float32),
        rotation=(turn @ hand.rotation).astype(np.float32),
    )
    axes = np.diag([1.0, -1.0, -1.0])
    for one, other in zip(
        named_joints("openxr", hand, contract), named_joints("openxr", turned, contract), strict=True
    ):
        np.testing.assert_allclose(frame(other), axes @ turn @ axes @ frame(one), atol=1e-4)


def test_radii_are_half_the_thickness_of_the_template(contract: ModelContract) -> None:
    hand = template_hand(seed=3)
    joints = named_joints("openxr", hand, contract)
    vertices_m = gltf_axes(hand.vertices_m).astype(np.float64)
    for row, joint in enumerate(joints):
        centre_m = joint.position_m.astype(np.float64)
        if joint.name.endswith("TIP_EXT"):
            centre_m += TIP_DEPTH * (joints[row - 1].position_m - centre_m)
        half_m = thickness_m(vertices_m, contract.face_array, centre_m, frame(joint)) / 2
        assert half_m == pytest.approx(RADII_M[row], abs=5e-4), joint.name
        assert joint.radius_m == pytest.approx(RADII_M[row], rel=0.01)
    small = replace(hand, joints_m=hand.joints_m * np.float32(0.5))
    assert named_joints("openxr", small, contract)[0].radius_m == pytest.approx(joints[0].radius_m / 2)


def thickness_m(vertices_m: Float, faces: NDArray[np.uint32], centre_m: Float, axes: Float) -> float:
    """Return how thick a mesh is at a point inside it, along the second of some axes."""
    x, y, z = ((vertices_m - centre_m) @ axes).T
    a, b, c = faces.T
    areas = np.stack([x[i] * z[j] - x[j] * z[i] for i, j in ((b, c), (c, a), (a, b))])
    hit = (areas > 0).all(axis=0) | (areas < 0).all(axis=0)
    corners = np.stack([y[a], y[b], y[c]])
    heights_m = ((areas * corners).sum(axis=0) / areas.sum(axis=0))[hit]
    return float(heights_m[heights_m > 0].min() - heights_m[heights_m < 0].max())


def test_joints_are_found_by_the_contracts_names(contract: ModelContract) -> None:
    hand = template_hand()
    order = np.random.default_rng(0).permutation(len(contract.joint_names))
    shuffled = contract.model_copy(
        update={"joint_names": tuple(contract.joint_names[index] for index in order)}
    )
    for one, other in zip(
        named_joints("webxr", hand, contract),
        named_joints("webxr", replace(hand, joints_m=hand.joints_m[order]), shuffled),
        strict=True,
    ):
        np.testing.assert_array_equal(one.position_m, other.position_m)


def test_what_is_missing_is_named(contract: ModelContract) -> None:
    names = tuple("knuckle" if name == "ring_mcp" else name for name in contract.joint_names)
    with pytest.raises(ValueError, match="no joint ring_mcp"):
        named_joints("webxr", template_hand(), contract.model_copy(update={"joint_names": names}))
    with pytest.raises(ValueError, match="'leap'"):
        named_joints("leap", template_hand(), contract)  # type: ignore[arg-type]


def test_a_hand_of_no_size_is_still_finite(contract: ModelContract) -> None:
    """What a broken network answers must not break a client's arithmetic."""
    hand = replace(template_hand(), joints_m=np.zeros((21, 3), np.float32))
    for joint in named_joints("openxr", hand, contract):
        assert np.linalg.norm(joint.orientation) == pytest.approx(1)
        assert joint.radius_m > 0
