"""From a scene and a camera to light on the sensor.

`bake` does once what all views share (shadow map, openness, packed materials); `render_view` draws one view.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.synthetic.background import RoomRig, draw_picture, draw_room, rays
from training.synthetic.foreground import Geometry, Layer, Look, Samples, draw_foreground, pack_geometry
from training.synthetic.lighting import light_rig
from training.synthetic.materials import material_table
from training.synthetic.noise import noise_volume
from training.synthetic.raster import draw_depth
from training.synthetic.scene import HAND_MATERIAL, Camera, Mesh, Room, Scene
from training.synthetic.shadows import openness, shadow_map
from training.synthetic.textures import TextureBank

SUPERSAMPLING = 2
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Weights of linear red, green and blue in what the eye calls bright (Rec. 709)."""


@dataclass(frozen=True, kw_only=True)
class BakedScene:
    """A scene ready to be drawn from anywhere."""

    mesh: Mesh
    geometry: Geometry
    look: Look
    room: RoomRig
    is_hand: NDArray[np.bool_]
    """(F,) which faces are the labelled hand."""
    hand_albedo: float
    """Mean luminance of the hand's albedo."""


@dataclass(frozen=True, kw_only=True)
class RenderedView:
    """One view; S is the camera's size, H = S times `SUPERSAMPLING`."""

    radiance: NDArray[np.float32]
    """(S, S, 3) linear light, unbounded; `sensor` makes a picture of it."""
    hand_coverage: NDArray[np.float32]
    """(S, S) share of each pixel that shows the labelled hand."""
    inverse_depth: NDArray[np.float32]
    """(H, H) in 1/m, 0 where no mesh is."""
    face_index: NDArray[np.int32]
    """(H, H) face of the mesh, -1 where none is."""
    hand_albedo: float
    """Mean luminance of the hand's albedo, which tells a camera pale skin from strong light."""


def bake(scene: Scene, bank: TextureBank) -> BakedScene:
    """Compute what every view of a scene shares.

    Raises:
        ValueError: The scene shows no labelled hand.
    """
    mesh = _compact(scene.mesh)
    is_hand = np.asarray(mesh.face_material == HAND_MATERIAL)
    if not is_hand.any():
        raise ValueError(f"the scene has no face of material {HAND_MATERIAL}, the hand")
    focus_m = np.asarray(scene.focus_m, np.float64)
    room = scene.room
    materials = [*scene.materials, *room.walls, *([room.table] if room.table else [])]
    return BakedScene(
        mesh=mesh,
        geometry=pack_geometry(mesh, openness(mesh, focus_m)),
        look=Look(
            material_table(materials),
            light_rig(scene.lighting, shadow_map(mesh, scene.lighting, focus_m)),
            noise_volume(),
            bank,
        ),
        room=_room_rig(room, first_wall=len(scene.materials)),
        is_hand=is_hand,
        hand_albedo=float((mesh.albedo[mesh.faces[is_hand, 0]] @ LUMINANCE).mean()),
    )


def render_view(baked: BakedScene, camera: Camera) -> RenderedView:
    """Draw a baked scene from one camera."""
    points, inverse_depth, face_index = draw_depth(
        camera, baked.mesh.positions_m, baked.geometry.faces, supersampling=SUPERSAMPLING
    )
    bundle = rays(camera)
    samples = Samples(points, inverse_depth, face_index, SUPERSAMPLING, bundle.eye, float(camera.K[0, 0]))
    size = camera.size_px
    layer = Layer(
        np.zeros((size, size, 3), np.float32),
        np.zeros((size, size), np.float32),
        np.zeros((size, size), np.float32),
    )
    draw_foreground(baked.geometry, samples, baked.look, layer)
    background = _background(baked, camera, layer.coverage)
    return RenderedView(
        radiance=layer.radiance + (1.0 - layer.coverage)[:, :, None] * background,
        hand_coverage=layer.hand_coverage,
        inverse_depth=inverse_depth,
        face_index=face_index,
        hand_albedo=baked.hand_albedo,
    )


def _background(baked: BakedScene, camera: Camera, coverage: NDArray[np.float32]) -> NDArray[np.float32]:
    radiance = np.zeros((*coverage.shape, 3), np.float32)
    picture = camera.backdrop
    if picture is None:
        draw_room(rays(camera), baked.room, baked.look, coverage, radiance)
    else:
        copies, (across, down) = float(picture.copies), picture.offset
        corner = (across * (1.0 - copies), down * (1.0 - copies))
        draw_picture(baked.look.bank, picture.texture, copies, corner, picture.tint, coverage, radiance)
    if camera.background_blur_px <= 0.0:
        return radiance
    # Only what was drawn is spread: behind the meshes there is nothing to borrow light from.
    seen = (1.0 - coverage)[:, :, None]
    weighted = np.concatenate([radiance * seen, seen], axis=2)
    blurred = cv2.GaussianBlur(weighted, (0, 0), camera.background_blur_px)
    return np.asarray(blurred[:, :, :3] / np.maximum(blurred[:, :, 3:], 1e-4), np.float32)


def _compact(mesh: Mesh) -> Mesh:
    return Mesh(
        positions_m=np.ascontiguousarray(mesh.positions_m, np.float32),
        normals=np.ascontiguousarray(mesh.normals, np.float32),
        rest_positions_m=np.ascontiguousarray(mesh.rest_positions_m, np.float32),
        albedo=np.ascontiguousarray(mesh.albedo, np.float32),
        nail=np.ascontiguousarray(mesh.nail, np.float32),
        faces=np.ascontiguousarray(mesh.faces, np.int32),
        face_material=np.ascontiguousarray(mesh.face_material, np.int32),
    )


def _room_rig(room: Room, *, first_wall: int) -> RoomRig:
    x, y, z = (float(v) for v in room.centre_m)
    return RoomRig(
        (x, y, z),
        np.asarray(room.axes, np.float64),
        float(room.half_size_m),
        first_wall,
        room.table is not None,
        float(room.table_height_m),
        float(room.table_half_size_m),
    )
