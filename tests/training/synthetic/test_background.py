"""The room is where it says it is, and looks the same to every camera."""

from __future__ import annotations

import dataclasses

import numpy as np

from tests.training.synthetic.stage import GREY, bank, camera, scene, sphere
from training.synthetic.render import bake, render_view
from training.synthetic.scene import Backdrop, Camera, FloatArray, Room, Scene
from training.synthetic.textures import pyramid

# Canonical y is up in this room, so a camera that stands upright looks with its own y down.
UPRIGHT = np.diag([1.0, -1.0, -1.0])
SIDES = tuple(
    dataclasses.replace(GREY, color_a=(level, level, level)) for level in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
)
TABLE = dataclasses.replace(GREY, color_a=(0.9, 0.9, 0.9), roughness=1.0)


def furnished(*, table: bool) -> Scene:
    # The ball is too small to matter.
    empty = scene(sphere(radius_m=1e-4))
    room = Room(
        centre_m=np.zeros(3),
        axes=np.eye(3),
        half_size_m=1.0,
        walls=(SIDES[0], SIDES[1], SIDES[2], SIDES[3], SIDES[4], SIDES[5]),
        table=TABLE if table else None,
        table_height_m=-0.1,
        table_half_size_m=0.4,
    )
    return dataclasses.replace(empty, room=room)


def looking_along(forward: FloatArray, down: FloatArray) -> Camera:
    """A camera in the middle of the room."""
    right = np.cross(down, forward)
    return dataclasses.replace(camera(focal_px=100.0), R=np.array([right, down, forward]), t_m=np.zeros(3))


def test_each_wall_is_on_its_side() -> None:
    baked = bake(furnished(table=False), bank())
    for axis in range(3):
        for sign in (-1, 1):
            forward, down = np.zeros(3), np.zeros(3)
            forward[axis], down[(axis + 1) % 3] = sign, 1
            view = render_view(baked, looking_along(forward, down))
            expected = SIDES[2 * axis + (sign > 0)].color_a[0]
            np.testing.assert_allclose(view.radiance, expected, rtol=1e-3)


def test_the_table_ends_where_its_edge_projects() -> None:
    upright = dataclasses.replace(camera(distance_m=0.5, focal_px=60.0), R=UPRIGHT)
    view = render_view(bake(furnished(table=True), bank()), upright)
    # Seen from 0.5 m in front of the middle, 0.1 m above the table, its far edge is 0.9 m away.
    horizon_px = 32 + 60 * 0.1 / 0.9
    column = view.radiance[:, 32, 0]
    on_table = np.abs(column - 0.9) < 0.01
    np.testing.assert_array_equal(on_table, np.arange(64) + 0.5 > horizon_px)
    # And 0.4 m to either side.
    row = int(horizon_px) + 2
    distance_m = 60 * 0.1 / (row + 0.5 - 32)
    across_m = (np.arange(64) + 0.5 - 32) * distance_m / 60
    np.testing.assert_array_equal(np.abs(view.radiance[row, :, 0] - 0.9) < 0.01, np.abs(across_m) < 0.4)


def test_a_backdrop_shows_the_part_that_is_asked_for() -> None:
    ramp = np.broadcast_to(np.linspace(0, 1, 256)[None, :, None], (256, 256, 3))
    pictures = np.stack([pyramid(ramp)])
    baked = bake(furnished(table=False), pictures)
    for place, (first, last) in {0.0: (0.0, 0.5), 1.0: (0.5, 1.0)}.items():
        picture = Backdrop(texture=0, copies=0.5, offset=(place, 0.0))
        row = render_view(baked, camera(backdrop=picture)).radiance[5, :, 0]
        np.testing.assert_allclose(row, np.linspace(first, last, 64), atol=0.015)
