"""Pictures of a result: over its photo, and by itself from several sides."""

from __future__ import annotations

import colorsys
import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from sima_hand_client.camera import camera_of
from sima_hand_client.raster import lambert, rasterise, vertex_normals
from sima_hand_client.types import FloatArray, HandResult, IndexArray, ModelInfo

_MESH_RGB = np.array([158, 196, 236], dtype=np.float32)
_MESH_OPACITY = 0.72
_BACKGROUND_RGB = (24, 26, 30)
_SUPERSAMPLING = 2  # mesh edges are drawn at twice the size, then averaged
_VIEWS_DEG = (0, 90, 180)


def draw_overlay(
    photo: Path | bytes, result: HandResult, model: ModelInfo, *, smallest_side_px: int = 640
) -> Image.Image:
    """Draw the mesh and the skeleton over the upright photo.

    Args:
        photo: the photo that was sent.
        result: what came back for it.
        model: faces and bones.
        smallest_side_px: a smaller photo is enlarged until its longer side has this many pixels.

    Raises:
        OSError: the photo cannot be read.
        ValueError: no camera fits the result's joints.
    """
    with Image.open(photo if isinstance(photo, Path) else io.BytesIO(photo)) as opened:
        upright = ImageOps.exif_transpose(opened).convert("RGB")
    zoom = max(1.0, smallest_side_px / max(upright.size))
    canvas = upright.resize(
        (round(upright.width * zoom), round(upright.height * zoom)), Image.Resampling.LANCZOS
    )

    points_px = camera_of(result).project(result.vertices_root_m)
    points_px[:, :2] *= zoom
    normals = vertex_normals(result.vertices_root_m, model.faces_of(result.hand))
    _paste_mesh(canvas, points_px, model.faces, lambert(normals), opacity=_MESH_OPACITY)
    _draw_skeleton(canvas, result.joints_px * zoom, model.bones)
    return canvas


def draw_views(result: HandResult, model: ModelInfo, *, side_px: int = 480) -> Image.Image:
    """Draw the mesh alone, orthographic: as the camera sees it, from its side, from behind."""
    sheet = Image.new("RGB", (side_px * len(_VIEWS_DEG), side_px), _BACKGROUND_RGB)
    centred_m = result.vertices_root_m - (result.vertices_root_m.min(0) + result.vertices_root_m.max(0)) / 2
    scale_px_per_m = 0.45 * side_px / np.linalg.norm(centred_m, axis=-1).max()
    for column, angle_deg in enumerate(_VIEWS_DEG):
        cosine, sine = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
        turn = np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]], dtype=np.float32)
        turned_m = centred_m @ turn.T
        points_px = turned_m * scale_px_per_m + np.array([side_px / 2, side_px / 2, 0], dtype=np.float32)
        normals = vertex_normals(turned_m, model.faces_of(result.hand))
        view = Image.new("RGB", (side_px, side_px), _BACKGROUND_RGB)
        _paste_mesh(view, points_px.astype(np.float32), model.faces, lambert(normals), opacity=1.0)
        sheet.paste(view, (column * side_px, 0))
    return sheet


def _paste_mesh(
    canvas: Image.Image, points_px: FloatArray, faces: IndexArray, brightness: FloatArray, *, opacity: float
) -> None:
    """Blend the shaded mesh into the part of `canvas` that it covers."""
    size_px = np.array(canvas.size)
    left_top = np.floor(points_px[:, :2].min(axis=0)).clip(0, size_px).astype(int)
    right_bottom = np.ceil(points_px[:, :2].max(axis=0)).clip(0, size_px).astype(int)
    width_px, height_px = (right_bottom - left_top).tolist()
    if width_px <= 0 or height_px <= 0:
        return
    local_px = points_px.copy()
    local_px[:, :2] = (points_px[:, :2] - left_top) * _SUPERSAMPLING
    fine_shade, fine_coverage = rasterise(
        local_px, faces, brightness, width_px=width_px * _SUPERSAMPLING, height_px=height_px * _SUPERSAMPLING
    )
    coverage = _shrunk(fine_coverage.astype(np.float32))  # (height, width)
    # The mean over the covered part of a pixel alone, or the silhouette would have a dark seam.
    shade = _shrunk(fine_shade) / np.maximum(coverage, np.finfo(np.float32).tiny)
    mesh = Image.fromarray((shade[..., None] * _MESH_RGB).clip(0, 255).astype(np.uint8))
    mask = Image.fromarray((coverage * (255 * opacity)).astype(np.uint8))
    canvas.paste(mesh, tuple(left_top.tolist()), mask)


def _shrunk(picture: FloatArray) -> FloatArray:
    height, width = (side // _SUPERSAMPLING for side in picture.shape)
    blocks = picture.reshape(height, _SUPERSAMPLING, width, _SUPERSAMPLING)
    means: FloatArray = blocks.mean(axis=(1, 3))
    return means


def _draw_skeleton(canvas: Image.Image, joints_px: FloatArray, bones: IndexArray) -> None:
    """Draw bones and joints, each chain from the root in a hue of its own."""
    draw = ImageDraw.Draw(canvas)
    thickness_px = max(2, round(max(np.ptp(joints_px, axis=0)) / 110))
    chains = _chain_of_bones(bones)
    for (parent, child), chain in zip(bones.tolist(), chains, strict=True):
        hue = chain / (max(chains) + 1)
        red, green, blue = (round(255 * level) for level in colorsys.hsv_to_rgb(hue, 0.85, 1.0))
        (x0, y0), (x1, y1) = joints_px[parent].tolist(), joints_px[child].tolist()
        draw.line([(x0, y0), (x1, y1)], fill=(red, green, blue), width=thickness_px)
        draw.circle((x1, y1), 1.3 * thickness_px, fill=(red, green, blue), outline=(20, 20, 20))


def _chain_of_bones(bones: IndexArray) -> list[int]:
    """Number the chains that leave the root: bones are listed parents first, so one pass suffices."""
    chain_of_joint: dict[int, int] = {}
    for parent, child in bones.tolist():
        chain_of_joint[child] = chain_of_joint.get(parent, len(set(chain_of_joint.values())))
    return [chain_of_joint[child] for _, child in bones.tolist()]
