"""How things look: materials for finishes and cloth, walls and backdrops, and colours that occur."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.random import Generator

from training.synthetic.objects import Finish
from training.synthetic.scene import Backdrop, Camera, Color, Material, Pattern, Room, Surface
from training.synthetic.sleeves import Wear
from training.synthetic.solids import Floats

Walls = tuple[Material, Material, Material, Material, Material, Material]

_PATTERNS = (Pattern.PLAIN, Pattern.MOTTLED, Pattern.STRIPES, Pattern.CHECKER, Pattern.PATCHES, Pattern.WOOD)


GREEN_SCREEN_SHARE = 0.3
"""Of the hands pasted on pictures, how many were lit by a green screen before."""


class Setting(Enum):
    """What lies behind the hand."""

    ROOM = "room"
    """Six walls with pictures or plain, the same for all views."""
    PHOTO = "photo"
    """Each view pasted on a picture of its own, as HanCo and other composites are."""
    STUDIO = "studio"
    """Plain walls of one colour: green, white, grey, black."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """A room, and whether the cameras see pictures in its place."""

    setting: Setting
    walls: Walls
    table: Material | None
    spill: Floats | None
    """Colour of light that the walls throw back, [3]."""

    def room(self, *, focus_m: Floats, axes: Floats, half_size_m: float, table_height_m: float) -> Room:
        """Return the room round a hand."""
        return Room(
            centre_m=focus_m,
            axes=axes,
            half_size_m=half_size_m,
            walls=self.walls,
            table=self.table,
            table_height_m=table_height_m,
            table_half_size_m=0.6,
        )


def sample_surroundings(rng: Generator, *, textures: int) -> Surroundings:
    """Draw what lies behind the hand; `textures` is the size of the texture bank."""
    setting = (Setting.ROOM, Setting.PHOTO, Setting.STUDIO)[rng.choice(3, p=(0.36, 0.40, 0.24))]
    if setting is Setting.STUDIO:
        color = _studio_color(rng)
        wall = Material(surface=Surface.PAINT, color_a=color, variation=float(rng.uniform(0, 0.08)))
        table = wall if rng.uniform() < 0.25 else None
        return Surroundings(setting=setting, walls=(wall,) * 6, table=table, spill=np.asarray(color))
    walls = tuple(_wall(rng, textures) for _ in range(6))
    keyed = setting is Setting.PHOTO and rng.uniform() < GREEN_SCREEN_SHARE
    has_table = rng.uniform() < (0.6 if setting is Setting.ROOM else 0.0)
    return Surroundings(
        setting=setting,
        walls=(walls[0], walls[1], walls[2], walls[3], walls[4], walls[5]),
        table=_table(rng, textures) if has_table else None,
        spill=np.array([0.2, 0.5, 0.2]) if keyed else None,
    )


def backdrop(rng: Generator, *, textures: int, brightness: float) -> Backdrop:
    """Draw a picture for one camera; `brightness` scales it to the light on the hand."""
    tint = brightness * rng.uniform(0.92, 1.08, 3)
    return Backdrop(
        texture=int(rng.integers(textures)),
        copies=float(rng.uniform(0.35, 1.0)),
        offset=(float(rng.uniform()), float(rng.uniform())),
        tint=(float(tint[0]), float(tint[1]), float(tint[2])),
    )


def blur_px(rng: Generator, camera: Camera) -> float:
    """Draw the defocus of what lies behind: often none, sometimes much."""
    return float(rng.uniform(0.5, 4.0) * camera.size_px / 128) if rng.uniform() < 0.4 else 0.0


def finish_material(rng: Generator, finish: Finish, *, textures: int) -> Material:
    """Draw the material of a part of an object."""
    if finish == "label":
        pattern = Pattern.IMAGE_CYLINDER if rng.uniform() < 0.4 else Pattern.IMAGE_BOX
        return _pictured(rng, pattern, textures, per_m=(6, 18))
    if finish == "paper":
        return _pictured(rng, Pattern.IMAGE_BOX, textures, per_m=(5, 14), tint=(0.7, 1.0))
    if finish == "dark_glass":
        dark = float(rng.uniform(0.004, 0.04))
        return _paint(rng, color=(dark, dark, dark * 1.1), roughness=(0.08, 0.3), specular=0.05)
    if finish == "metal":
        grey = float(rng.uniform(0.25, 0.7))
        return _paint(
            rng,
            color=(grey, grey * 0.98, grey * 0.95),
            roughness=(0.2, 0.5),
            specular=float(rng.uniform(0.2, 0.5)),
        )
    if finish == "wood":
        brown = float(rng.uniform(0.15, 0.7))
        return _patterned(
            rng, Pattern.WOOD, (brown, brown * 0.6, brown * 0.3), (brown * 0.6, brown * 0.34, brown * 0.16)
        )
    return _plain(rng)


def wear_material(rng: Generator, wear: Wear, *, textures: int) -> Material:
    """Draw the material of something worn."""
    if wear == "metal":
        color: Color = ((0.75, 0.55, 0.22), (0.62, 0.62, 0.62))[rng.integers(2)]
        return _paint(rng, color=color, roughness=(0.15, 0.4), specular=0.5)
    if wear == "dial":
        return finish_material(rng, ("dark_glass", "metal", "paper")[rng.integers(3)], textures=textures)
    if wear == "strap":
        return _paint(rng, color=natural_color(rng, brightest=0.4), roughness=(0.4, 0.8), specular=0.04)
    return _cloth(rng, textures)


def natural_color(rng: Generator, *, darkest: float = 0.02, brightest: float = 0.85) -> Color:
    """Draw a linear colour; most things are dull, and warm more often than not."""
    saturation = rng.uniform(0.55, 0.95) if rng.uniform() < 0.18 else rng.beta(1.1, 3.2)
    hue = rng.uniform() if rng.uniform() < 0.6 else rng.normal(0.08, 0.05) % 1
    value = darkest + (brightest - darkest) * rng.beta(1.2, 1.5)
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return (float(red), float(green), float(blue))


def _studio_color(rng: Generator) -> Color:
    kind = rng.choice(5, p=(0.34, 0.24, 0.18, 0.12, 0.12))
    if kind == 0:
        green = rng.uniform(0.2, 0.6)
        return (float(green * rng.uniform(0.08, 0.5)), float(green), float(green * rng.uniform(0.1, 0.45)))
    if kind == 4:
        return natural_color(rng, darkest=0.1)
    grey = float((rng.uniform(0.6, 0.92), rng.uniform(0.1, 0.5), rng.uniform(0.003, 0.03))[kind - 1])
    return (grey, grey * float(rng.uniform(0.95, 1.02)), grey * float(rng.uniform(0.9, 1.05)))


def _wall(rng: Generator, textures: int) -> Material:
    if rng.uniform() < 0.72:
        # One or two copies over a wall of a metre or two: as large as a photographed room.
        return _pictured(rng, Pattern.IMAGE_BOX, textures, per_m=(0.3, 1.1), tint=(0.6, 1.0))
    return _patterned(
        rng,
        _PATTERNS[rng.choice(6, p=(0.5, 0.2, 0.08, 0.04, 0.08, 0.1))],
        natural_color(rng),
        natural_color(rng),
        per_m=(2, 14),
    )


def _table(rng: Generator, textures: int) -> Material:
    kind = rng.uniform()
    if kind < 0.3:
        return finish_material(rng, "wood", textures=textures)
    if kind < 0.6:
        return _pictured(rng, Pattern.IMAGE_BOX, textures, per_m=(1.0, 4.0), tint=(0.5, 1.0))
    if kind < 0.85:
        return _paint(rng, color=natural_color(rng, darkest=0.05), roughness=(0.3, 0.9), specular=0.04)
    return _patterned(
        rng, _PATTERNS[rng.integers(len(_PATTERNS))], natural_color(rng), natural_color(rng), per_m=(4, 40)
    )


def _plain(rng: Generator) -> Material:
    pattern = _PATTERNS[rng.choice(6, p=(0.62, 0.12, 0.1, 0.04, 0.06, 0.06))]
    return _patterned(rng, pattern, natural_color(rng), natural_color(rng))


def _cloth(rng: Generator, textures: int) -> Material:
    kind = rng.uniform()
    if kind < 0.15:
        return _pictured(rng, Pattern.IMAGE_BOX, textures, per_m=(4, 14), tint=(0.4, 1.0), shine=0.0)
    pattern = _PATTERNS[rng.choice(6, p=(0.5, 0.14, 0.14, 0.08, 0.05, 0.09))]
    material = _patterned(rng, pattern, natural_color(rng), natural_color(rng))
    return Material(
        surface=Surface.PAINT,
        roughness=0.95,
        specular=0.02,
        variation=float(rng.uniform(0.1, 0.4)),
        bump=float(rng.uniform(0.1, 0.3)),
        pattern=pattern,
        color_a=material.color_a,
        color_b=material.color_b,
        frequency_per_m=material.frequency_per_m,
        seed=material.seed,
    )


def _paint(rng: Generator, *, color: Color, roughness: tuple[float, float], specular: float) -> Material:
    return Material(
        surface=Surface.PAINT,
        roughness=float(rng.uniform(*roughness)),
        specular=specular,
        variation=float(rng.uniform(0, 0.2)),
        bump=0.0,
        color_a=color,
        color_b=color,
        seed=float(rng.uniform(0, 50)),
    )


def _patterned(
    rng: Generator,
    pattern: Pattern,
    color_a: Color,
    color_b: Color,
    *,
    per_m: tuple[float, float] = (20, 160),
) -> Material:
    return Material(
        surface=Surface.PAINT,
        roughness=float(rng.uniform(0.2, 0.9)),
        specular=0.04,
        variation=float(rng.uniform(0, 0.3)),
        bump=float(rng.uniform(0, 0.15)),
        pattern=pattern,
        color_a=color_a,
        color_b=color_b,
        frequency_per_m=float(np.exp(rng.uniform(*np.log(per_m)))),
        seed=float(rng.uniform(0, 50)),
    )


def _pictured(
    rng: Generator,
    pattern: Pattern,
    textures: int,
    *,
    per_m: tuple[float, float],
    tint: tuple[float, float] = (0.8, 1.0),
    shine: float = 0.04,
) -> Material:
    scale = float(np.exp(rng.uniform(*np.log(per_m))))
    stretch = float(rng.uniform(0.8, 1.25))
    grey = float(rng.uniform(*tint))
    # Along a cylinder's girth whole copies meet without a seam.
    across = float(rng.integers(1, 4)) if pattern is Pattern.IMAGE_CYLINDER else scale * stretch
    return Material(
        surface=Surface.PAINT,
        roughness=float(rng.uniform(0.25, 0.9)),
        specular=shine,
        variation=float(rng.uniform(0, 0.1)),
        bump=0.0,
        pattern=pattern,
        color_a=(grey, grey, grey),
        texture=int(rng.integers(textures)),
        texture_per_m=(across, scale),
        texture_offset=(float(rng.uniform()), float(rng.uniform())),
        seed=float(rng.uniform(0, 50)),
    )
