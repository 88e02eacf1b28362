"""Skin: its colour from very pale to very dark, and what varies over one hand.

The tones follow the ten steps of the Monk Skin Tone scale (linear light); palms and finger pads are paler and
redder, knuckles and creases darker, nails have their own colour and sometimes varnish.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.random import Generator

from training.contract import FINGERTIP_JOINTS
from training.hand.template import load_template
from training.synthetic.meshes import vertex_normals
from training.synthetic.scene import Material, Surface
from training.synthetic.solids import Floats

_TONES = np.array(
    [
        [0.70, 0.48, 0.40],
        [0.66, 0.43, 0.34],
        [0.61, 0.37, 0.28],
        [0.55, 0.32, 0.22],
        [0.48, 0.27, 0.17],
        [0.40, 0.22, 0.135],
        [0.29, 0.155, 0.095],
        [0.205, 0.11, 0.07],
        [0.135, 0.075, 0.05],
        [0.09, 0.052, 0.038],
    ]
)
_BENDING_JOINTS = (2, 3, 5, 6, 7, 9, 10, 11, 13, 14, 15, 17, 18, 19)
"""Joints with a knuckle above and a crease below."""


@dataclass(frozen=True, eq=False)
class _Anatomy:
    """Where things are on the rest hand; each (N,) in [0, 1] over the rendered vertices."""

    palm: Floats
    knuckle: Floats
    crease: Floats
    pad: Floats
    vein: Floats
    nail: Floats


@dataclass(frozen=True, eq=False)
class Skin:
    """One person's skin."""

    albedo: Floats
    """(N, 3) of the rendered vertices, linear."""
    nail: Floats
    """(N,)."""
    material: Material


def sample_skin(rng: Generator) -> Skin:
    """Draw a person's skin."""
    tone = _tone(rng)
    anatomy = _anatomy()
    pale = 1 - tone
    albedo = np.tile(tone, (len(anatomy.palm), 1))
    albedo *= 1 + 0.25 * rng.uniform(0.5, 1.3) * anatomy.palm[:, None] * pale
    redness = np.array([0.35, 1.0, 1.0]) * rng.uniform(0.0, 0.2)
    albedo *= 1 - anatomy.knuckle[:, None] * redness
    albedo *= 1 - anatomy.crease[:, None] * rng.uniform(0.08, 0.35)
    albedo *= 1 + anatomy.pad[:, None] * rng.uniform(0, 0.16) * np.array([1.0, -0.6, -0.5])
    veins = rng.uniform(0.03, 0.16) * (rng.uniform() < 0.5)
    albedo *= 1 - anatomy.vein[:, None] * veins * np.array([1.0, 0.45, 0.2])
    nail = anatomy.nail[:, None]
    albedo = albedo * (1 - nail) + _nail_color(rng, tone) * nail
    return Skin(albedo=np.clip(albedo, 0.015, 0.93), nail=anatomy.nail, material=_material(rng, tone))


def _tone(rng: Generator) -> Floats:
    place = rng.uniform(0, len(_TONES) - 1)
    below = min(int(place), len(_TONES) - 2)
    tone = _TONES[below] + (place - below) * (_TONES[below + 1] - _TONES[below])
    blood = rng.normal() * 0.07
    sallow = rng.normal() * 0.03
    tint = np.array([1 + 0.4 * blood, 1 - 0.6 * blood, 1 - 0.5 * blood - sallow])
    return np.asarray(np.clip(tone * tint * rng.uniform(0.88, 1.08), 0.02, 0.85))


def _nail_color(rng: Generator, tone: Floats) -> Floats:
    if rng.uniform() < 0.12:
        hue = rng.normal(0.97, 0.06) % 1 if rng.uniform() < 0.6 else rng.uniform()
        varnish = colorsys.hsv_to_rgb(hue, rng.uniform(0.2, 0.95), rng.uniform(0.15, 0.9))
        return np.asarray(np.power(varnish, 2.2))
    pink = np.array([0.74, 0.50, 0.44])
    return np.asarray(tone * 0.55 + pink * 0.45 * rng.uniform(0.6, 1.0) * (0.35 + 0.65 * tone[0] / 0.70))


def _material(rng: Generator, tone: Floats) -> Material:
    blush = np.array([1.04, 0.86, 0.84]) ** rng.uniform(0.3, 1.6)
    translucency = rng.uniform(0.1, 0.3) * (0.4 + 0.6 * tone[0] / 0.70)
    return Material(
        surface=Surface.SKIN,
        roughness=float(rng.uniform(0.38, 0.62)),
        specular=float(rng.uniform(0.025, 0.042)),
        wrap=float(translucency),
        variation=float(rng.uniform(0.1, 0.32)),
        bump=float(rng.uniform(0.04, 0.2)),
        blush=(float(blush[0]), float(blush[1]), float(blush[2])),
        seed=float(rng.uniform(0, 50)),
    )


@cache
def _anatomy() -> _Anatomy:
    template = load_template()
    places = template.rendered_matrix @ template.control_vertices_m
    normals = vertex_normals(places, template.control_faces)
    back = normals[:, 1]
    knuckle, crease = np.zeros(len(places)), np.zeros(len(places))
    for joint in _BENDING_JOINTS:
        offset = places - template.joints_m[joint]
        distance = np.linalg.norm(offset, axis=1)
        bone = template.joints_m[joint + 1] - template.joints_m[joint]
        along = np.abs(offset @ (bone / np.linalg.norm(bone)))
        knuckle += np.exp(-((distance / 0.011) ** 2)) * np.clip(back + 0.2, 0, 1)
        crease += np.exp(-((along / 0.0018) ** 2)) * (distance < 0.018) * np.clip(-back + 0.3, 0, 1)
    tips = template.joints_m[list(FINGERTIP_JOINTS)]
    to_tip = np.linalg.norm(places[:, None] - tips, axis=-1).min(axis=1)
    return _Anatomy(
        palm=np.clip(-1.5 * back + 0.1, 0, 1),
        knuckle=np.clip(knuckle, 0, 1),
        crease=np.clip(crease, 0, 1),
        pad=np.exp(-((to_tip / 0.012) ** 2)),
        vein=_veins(places, back),
        nail=np.clip(template.rendered_matrix @ template.nail, 0, 1),
    )


def _veins(places: Floats, back: Floats) -> Floats:
    """Return faint winding lines over the back of the hand and the forearm."""
    x, z = places[:, 0], places[:, 2]
    on_back = np.clip(back, 0, 1) * np.clip((x + 0.085) / 0.02, 0, 1)
    strength = np.zeros(len(places))
    for base, slope, phase in ((-0.022, -0.25, 0.0), (-0.004, -0.02, 2.1), (0.014, 0.22, 4.0)):
        line = base - slope * x + 0.004 * np.sin(70 * x + phase)
        strength = np.maximum(strength, np.exp(-(((z - line) / 0.0022) ** 2)))
    veins: Floats = strength * on_back
    return veins
