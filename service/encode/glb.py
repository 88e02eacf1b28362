"""The answer as binary glTF: metres, one named mesh, the joints as named nodes.

Axes are those of glTF: x right, y up, z towards the viewer.

trimesh lays out the file once for each side, with a mesh of the right size; an answer then costs only what
changes: positions, normals, their bounds and the nodes' places. (A whole trimesh export an answer takes 0.8
ms, this 0.2.)

Nodes: `hand_right` or `hand_left` at the wrist's place in the camera's frame (the origin when it is not
known), its children `mesh` and one node a joint under the contract's name.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import orjson
import trimesh
from numpy.typing import NDArray
from scipy.sparse import csr_array
from trimesh.visual import TextureVisuals
from trimesh.visual.material import PBRMaterial

from service.contract import ModelContract
from service.encode.result import HandResult, Side
from service.geometry import gltf_axes

MEDIA_TYPE = "model/gltf-binary"

MAGIC, VERSION = 0x46546C67, 2
JSON_CHUNK, BINARY_CHUNK = 0x4E4F534A, 0x004E4942
VERTEX_TARGET, INDEX_TARGET = 34962, 34963
MESH_NODE = "mesh"
SKIN_COLOUR = (222, 178, 152, 255)

FloatArray = NDArray[np.float32]
FaceArray = NDArray[np.uint32]


class VertexNormals:
    """Unit normals of a mesh whose faces stay the same, each face weighted by its area."""

    def __init__(self, faces: FaceArray, *, vertex_count: int) -> None:
        """Prepare the sums over the faces around each vertex; `faces` is (F, 3), outward winding."""
        self._faces = faces.astype(np.int64)
        rows = self._faces.ravel()
        columns = np.repeat(np.arange(len(faces)), 3)
        ones = np.ones(len(rows), np.float32)
        self._sum_around_vertex = csr_array((ones, (rows, columns)), shape=(vertex_count, len(faces)))

    def __call__(self, vertices: FloatArray) -> FloatArray:
        """Return (V, 3) normals; +z where the faces around a vertex have no area."""
        corners = vertices[self._faces]  # (F, 3, 3)
        face_normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normals = np.asarray(self._sum_around_vertex @ face_normals, np.float32)
        lengths = np.sqrt(np.einsum("ij,ij->i", normals, normals))
        flat = lengths == 0
        normals[flat], lengths[flat] = (0, 0, 1), 1
        return np.asarray(normals / lengths[:, np.newaxis], np.float32)


class _Layout:
    """The file of one side, and where in it the changing parts stand."""

    def __init__(self, contract: ModelContract, side: Side) -> None:
        # Mirroring turns the winding round; so does this, and faces look outward again.
        faces = contract.face_array if side == "right" else contract.face_array[:, ::-1]
        self.normals = VertexNormals(faces, vertex_count=contract.vertex_count)
        self.document, self.binary = _parts(_export(contract, faces, side))
        primitive = self.document["meshes"][0]["primitives"][0]
        self.position = self._accessor(primitive["attributes"]["POSITION"], target=VERTEX_TARGET)
        self.normal = self._accessor(primitive["attributes"]["NORMAL"], target=VERTEX_TARGET)
        self._accessor(primitive["indices"], target=INDEX_TARGET)
        self.position_at, self.normal_at = self._offset(self.position), self._offset(self.normal)
        numbers = {node["name"]: number for number, node in enumerate(self.document["nodes"])}
        self.hand_node = numbers[f"hand_{side}"]
        self.joint_nodes = [numbers[name] for name in contract.joint_names]

    def _accessor(self, number: int, *, target: int) -> dict[str, Any]:
        """Return an accessor, its view marked for what it is, which trimesh leaves to the reader."""
        accessor: dict[str, Any] = self.document["accessors"][number]
        self.document["bufferViews"][accessor["bufferView"]]["target"] = target
        return accessor

    def _offset(self, accessor: dict[str, Any]) -> int:
        view = self.document["bufferViews"][accessor["bufferView"]]
        return int(view.get("byteOffset", 0) + accessor.get("byteOffset", 0))


class GlbEncoder:
    """Writes hands of one contract."""

    def __init__(self, contract: ModelContract) -> None:
        """Lay out both sides."""
        sides: tuple[Side, Side] = ("right", "left")
        self._layouts = {side: _Layout(contract, side) for side in sides}

    def __call__(self, hand: HandResult) -> bytes:
        """Return a GLB file."""
        layout = self._layouts[hand.side]
        positions = gltf_axes(hand.vertices_m)
        normals = layout.normals(positions)
        binary = bytearray(layout.binary)
        _write(binary, layout.position_at, positions)
        _write(binary, layout.normal_at, normals)
        accessors = [
            accessor | _bounds(positions)
            if accessor is layout.position
            else accessor | _bounds(normals)
            if accessor is layout.normal
            else accessor
            for accessor in layout.document["accessors"]
        ]
        document = layout.document | {"accessors": accessors, "nodes": _nodes(layout, hand)}
        return _assemble(document, bytes(binary))


def _nodes(layout: _Layout, hand: HandResult) -> list[dict[str, Any]]:
    nodes = list(layout.document["nodes"])
    for number, place in zip(layout.joint_nodes, gltf_axes(hand.joints_m).tolist(), strict=True):
        nodes[number] = {"name": nodes[number]["name"], "translation": place}
    extras = {"model": hand.model, "version": hand.version, "hand": hand.side}
    hand_node = nodes[layout.hand_node] | {"extras": extras}
    if hand.translation_m is not None:
        hand_node["translation"] = gltf_axes(hand.translation_m.astype(np.float32)).tolist()
    nodes[layout.hand_node] = hand_node
    return nodes


def _export(contract: ModelContract, faces: FaceArray, side: Side) -> bytes:
    root = f"hand_{side}"
    # Any vertices will do as long as no two of them, and no two joints, are alike.
    count = contract.vertex_count
    vertices = np.arange(3 * count, dtype=np.float64).reshape(count, 3) / count
    skin = PBRMaterial(
        name="skin", baseColorFactor=SKIN_COLOUR, metallicFactor=0.0, roughnessFactor=0.7, doubleSided=True
    )
    mesh = trimesh.Trimesh(
        vertices, faces, vertex_normals=vertices + 1, process=False, visual=TextureVisuals(material=skin)
    )
    scene = trimesh.Scene(base_frame="world")
    scene.graph.update(frame_to=root, frame_from="world")
    scene.add_geometry(mesh, node_name=MESH_NODE, geom_name=root, parent_node_name=root)
    for name in contract.joint_names:
        scene.graph.update(frame_to=name, frame_from=root)
    exported = scene.export(file_type="glb", include_normals=True)
    assert isinstance(exported, bytes)
    return exported


def _parts(glb: bytes) -> tuple[dict[str, Any], bytes]:
    (json_length,) = struct.unpack_from("<I", glb, 12)
    document = orjson.loads(glb[20 : 20 + json_length])
    return document, glb[28 + json_length :]


def _assemble(document: dict[str, Any], binary: bytes) -> bytes:
    text = orjson.dumps(document)
    text += b" " * (-len(text) % 4)
    length = 28 + len(text) + len(binary)
    return b"".join(
        (
            struct.pack("<III", MAGIC, VERSION, length),
            struct.pack("<II", len(text), JSON_CHUNK),
            text,
            struct.pack("<II", len(binary), BINARY_CHUNK),
            binary,
        )
    )


def _write(binary: bytearray, offset: int, array: FloatArray) -> None:
    content = np.ascontiguousarray(array, "<f4").tobytes()
    binary[offset : offset + len(content)] = content


def _bounds(array: FloatArray) -> dict[str, list[float]]:
    return {"min": array.min(axis=0).tolist(), "max": array.max(axis=0).tolist()}
