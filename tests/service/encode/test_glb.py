"""GLB files: valid, the JSON's vertices in glTF's axes, faces outward on both hands, joints by name."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from service.contract import ModelContract
from service.encode import glb
from service.encode.glb import GlbEncoder, VertexNormals
from service.encode.result import Side
from tests.service.hands import template_hand

TOOLS = Path(__file__).parents[2] / "tools"
GLTF_FROM_CAMERA = np.diag([1.0, -1.0, -1.0])
SIDES: tuple[Side, Side] = ("right", "left")


@pytest.fixture(scope="module")
def encode(contract: ModelContract) -> GlbEncoder:
    return GlbEncoder(contract)


@pytest.fixture(scope="session")
def validator() -> list[str]:
    """The command of the Khronos validator, installed once."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not installed")
    if not (TOOLS / "node_modules" / "gltf-validator").exists():
        subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=TOOLS, check=True, capture_output=True)
    return [node, str(TOOLS / "validate_gltf.js")]


def loaded(content: bytes) -> Any:  # noqa: ANN401 - trimesh is untyped
    return trimesh.load_scene(io.BytesIO(content), file_type="glb", process=False)


def place(scene: Any, node: str) -> Any:  # noqa: ANN401
    return scene.graph.get(node)[0][:3, 3]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("placed", [True, False])
def test_passes_the_khronos_validator(
    side: Side, placed: bool, encode: GlbEncoder, validator: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "hand.glb"
    path.write_bytes(encode(template_hand(side, placed=placed)))
    finished = subprocess.run([*validator, str(path)], check=True, capture_output=True, text=True)
    report = json.loads(finished.stdout)
    # A joint is a place and nothing else, which the validator remarks upon.
    remarks = [m for m in report["issues"]["messages"] if m["code"] != "NODE_EMPTY"]
    assert remarks == []
    assert report["info"]["totalVertexCount"] == 778
    assert report["info"]["totalTriangleCount"] == 1538


@pytest.mark.parametrize("side", SIDES)
def test_has_the_vertices_in_gltf_axes(side: Side, encode: GlbEncoder) -> None:
    hand = template_hand(side, placed=False)
    (mesh,) = loaded(encode(hand)).geometry.values()
    np.testing.assert_array_equal(mesh.vertices, hand.vertices_m @ GLTF_FROM_CAMERA)


@pytest.mark.parametrize("side", SIDES)
def test_faces_look_outward(side: Side, encode: GlbEncoder) -> None:
    (mesh,) = loaded(encode(template_hand(side))).geometry.values()
    assert mesh.volume > 1e-4  # a hand has over 100 ml
    from_faces = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).vertex_normals
    assert np.einsum("ij,ij->i", mesh.vertex_normals, from_faces).min() > 0.5


def test_joints_are_named_nodes_at_their_places(encode: GlbEncoder, contract: ModelContract) -> None:
    hand = template_hand(placed=True)
    assert hand.translation_m is not None
    scene = loaded(encode(hand))
    wrist = hand.translation_m @ GLTF_FROM_CAMERA
    np.testing.assert_allclose(place(scene, "hand_right"), wrist, atol=1e-6)
    np.testing.assert_allclose(place(scene, glb.MESH_NODE), wrist, atol=1e-6)
    for name, joint_m in zip(contract.joint_names, hand.joints_m, strict=True):
        np.testing.assert_allclose(place(scene, name), wrist + joint_m @ GLTF_FROM_CAMERA, atol=1e-6)


def test_one_answer_leaves_no_trace_in_the_next(encode: GlbEncoder) -> None:
    first = encode(template_hand(seed=1, placed=True))
    encode(template_hand(seed=2, placed=False))
    assert encode(template_hand(seed=1, placed=True)) == first
    assert encode(template_hand(seed=1, placed=False)) == encode(template_hand(seed=1, placed=False)) != first


def test_normals_are_those_of_a_sphere() -> None:
    sphere = trimesh.creation.icosphere(subdivisions=3)
    vertices = sphere.vertices.astype(np.float32)
    normals = VertexNormals(sphere.faces.astype(np.uint32), vertex_count=len(vertices))(vertices)
    np.testing.assert_allclose(normals, vertices, atol=0.02)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-6)


def test_a_mesh_shrunk_to_a_point_still_has_unit_normals(contract: ModelContract) -> None:
    normals = VertexNormals(contract.face_array, vertex_count=778)(np.zeros((778, 3), np.float32))
    np.testing.assert_array_equal(normals, np.tile([0, 0, 1], (778, 1)))
