"""The 1 Euro filter, for points and for rotations.

A low-pass filter whose cutoff rises with speed: what rests is calm, what moves is not late. From Casiez,
Roussel, Vogel, "1 Euro Filter: A Simple Speed-based Low-pass Filter for Noisy Input in Interactive Systems",
CHI 2012. One thing differs from the paper's algorithm: all coordinates of a point share the cutoff of its
speed, so that a point that moves straight is drawn straight.

Legend: N points, D coordinates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

Float = NDArray[np.float64]

SPEED_CUTOFF_HZ = 1.0
"""Of the low-pass filter on the speed itself; the paper's choice."""


@dataclass(frozen=True, kw_only=True)
class OneEuro:
    """The two parameters of the paper."""

    least_cutoff_hz: float
    """At rest; smaller is calmer."""
    cutoff_hz_per_speed: float
    """How the cutoff grows with the speed, in Hz for one unit a second; larger is less late."""

    def share(self, speed: Float | np.floating, step_s: float) -> Float:
        """Return the share of the new value at each speed, for a step of so many seconds."""
        return _share(self.least_cutoff_hz + self.cutoff_hz_per_speed * speed, step_s)


class PointFilter:
    """Smooths N points, each by its own speed."""

    def __init__(self, parameters: OneEuro, points: Float) -> None:
        """Begin with (N, D) points at rest."""
        self._parameters = parameters
        self._raw = points
        self._velocity = np.zeros_like(points)
        self._smoothed = points
        self.shares: Float = np.ones((len(points), 1))
        """(N, 1): of the new points in the last step."""

    def step(self, points: Float, step_s: float, *, per_unit: float = 1.0) -> Float:
        """Return the smoothed points after a step of time.

        Args:
            points: (N, D).
            step_s: Seconds since the last points, positive.
            per_unit: Lengths of `points` in one unit of the speed that the parameters mean.
        """
        velocity = (points - self._raw) / step_s
        self._velocity += _share(SPEED_CUTOFF_HZ, step_s) * (velocity - self._velocity)
        self._raw = points
        speed = np.linalg.norm(self._velocity, axis=1, keepdims=True) / per_unit
        self.shares = self._parameters.share(speed, step_s)
        self._smoothed = self._smoothed + self.shares * (points - self._smoothed)
        return self._smoothed


class RotationFilter:
    """Smooths one rotation by its angular speed in rad/s: every step goes a share of the way, by SLERP."""

    def __init__(self, parameters: OneEuro, rotation: Float) -> None:
        """Begin with a (3, 3) rotation at rest."""
        self._parameters = parameters
        self._raw = self._smoothed = Rotation.from_matrix(rotation)
        self._velocity: Float = np.zeros(3)

    def step(self, rotation: Float, step_s: float) -> Float:
        """Return the smoothed (3, 3) rotation after a step of `step_s` seconds, positive."""
        new = Rotation.from_matrix(rotation)
        velocity = (self._raw.inv() * new).as_rotvec() / step_s
        self._velocity += _share(SPEED_CUTOFF_HZ, step_s) * (velocity - self._velocity)
        self._raw = new
        share = self._parameters.share(np.linalg.norm(self._velocity), step_s)
        way = (self._smoothed.inv() * new).as_rotvec()
        self._smoothed = self._smoothed * Rotation.from_rotvec(share * way)
        return np.asarray(self._smoothed.as_matrix())


def _share(cutoff_hz: Float | np.floating | float, step_s: float) -> Float:
    """Return the share of the new value in a first order low-pass filter."""
    radians = 2 * math.pi * step_s * np.asarray(cutoff_hz)
    return np.asarray(radians / (radians + 1))
