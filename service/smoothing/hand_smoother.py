"""Steady hands: the shape, the orientation and the place of a hand, each smoothed in its own terms.

The mesh comes with its rotation applied. Smoothing turning points straight would draw the hand together and
make the rotation disagree with the mesh, so points are smoothed in the hand's canonical frame, where only
fingers move, and the smoothed rotation is applied to them again. Pixels are smoothed with their speed in
metres a second, at the scale of the hand in the picture, and the translation by the same share as the pixels
on average, so that what is drawn by either stays together.

Legend: V vertices, J joints.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from service.encode.result import HandResult
from service.smoothing.one_euro import OneEuro, PointFilter, RotationFilter

Float = NDArray[np.float64]
Strength = Literal["off", "low", "high"]

NOMINAL_STEP_S = 1 / 30
"""Taken for the step when the clock stands still or runs backwards and there was no step before."""
LONGEST_STEP_S = 0.5
"""After a longer silence the hand is begun anew."""


@dataclass(frozen=True, kw_only=True)
class Smoothing:
    """How much is smoothed; speeds are in m/s and rad/s."""

    shape: OneEuro
    rotation: OneEuro
    place: OneEuro


SMOOTHINGS: dict[Strength, Smoothing] = {
    "low": Smoothing(
        shape=OneEuro(least_cutoff_hz=0.5, cutoff_hz_per_speed=40.0),
        rotation=OneEuro(least_cutoff_hz=0.5, cutoff_hz_per_speed=4.0),
        place=OneEuro(least_cutoff_hz=0.5, cutoff_hz_per_speed=80.0),
    ),
    "high": Smoothing(
        shape=OneEuro(least_cutoff_hz=0.3, cutoff_hz_per_speed=20.0),
        rotation=OneEuro(least_cutoff_hz=0.3, cutoff_hz_per_speed=2.0),
        place=OneEuro(least_cutoff_hz=0.3, cutoff_hz_per_speed=40.0),
    ),
}


class HandSmoother:
    """Smooths the hands of one stream; begins anew with another hand, another model or after a silence."""

    def __init__(self, strength: Strength) -> None:
        """Begin without a hand.

        Raises:
            ValueError: There is no such strength.
        """
        if strength != "off" and strength not in SMOOTHINGS:
            raise ValueError(f"smoothing is off, low or high, not {strength!r}")
        self._smoothing = SMOOTHINGS.get(strength)
        self._filters: _Filters | None = None
        self._at_s = 0.0
        self._step_s = NOMINAL_STEP_S

    def reset(self) -> None:
        """Forget the hand: the next one is passed on as it is."""
        self._filters = None
        self._step_s = NOMINAL_STEP_S

    def smooth(self, hand: HandResult, at_s: float) -> HandResult:
        """Return the smoothed hand.

        Args:
            hand: The hand as the network sees it.
            at_s: When its picture was taken, on any clock. A clock that does not move on is taken to have
                gone on by the last step.

        Raises:
            ValueError: `at_s` is not finite.
        """
        if not math.isfinite(at_s):
            raise ValueError(f"the time of a hand must be finite, got {at_s}")
        if self._smoothing is None:
            return hand
        step_s, self._at_s = at_s - self._at_s, at_s
        if self._filters is None or not self._filters.fit(hand) or step_s > LONGEST_STEP_S:
            self.reset()
            self._filters = _Filters(self._smoothing, hand)
            return hand
        if step_s > 0:
            self._step_s = step_s
        return self._filters.step(hand, self._step_s)


class _Filters:
    """The filters of one hand."""

    def __init__(self, smoothing: Smoothing, hand: HandResult) -> None:
        self._of = _identity(hand)
        self._shape = PointFilter(smoothing.shape, _canonical_m(hand))
        self._rotation = RotationFilter(smoothing.rotation, hand.rotation.astype(np.float64))
        self._place = PointFilter(smoothing.place, hand.joints_px.astype(np.float64))
        self._translation_m = hand.translation_m

    def fit(self, hand: HandResult) -> bool:
        """Tell whether this is the hand that the filters began with."""
        return _identity(hand) == self._of

    def step(self, hand: HandResult, step_s: float) -> HandResult:
        """Return the hand smoothed over one step."""
        canonical_m = self._shape.step(_canonical_m(hand), step_s)
        rotation = self._rotation.step(hand.rotation.astype(np.float64), step_s)
        joints_px = self._place.step(
            hand.joints_px.astype(np.float64), step_s, per_unit=_pixels_per_metre(hand)
        )
        if hand.translation_m is None or self._translation_m is None:
            self._translation_m = hand.translation_m
        else:
            share = float(self._place.shares.mean())
            self._translation_m = self._translation_m + share * (hand.translation_m - self._translation_m)
        points_m = (canonical_m @ rotation.T).astype(np.float32)
        joint_count = len(hand.joints_m)
        return replace(
            hand,
            joints_m=points_m[:joint_count],
            vertices_m=points_m[joint_count:],
            rotation=rotation.astype(np.float32),
            joints_px=joints_px.astype(np.float32),
            translation_m=self._translation_m,
        )


def _identity(hand: HandResult) -> tuple[str, str, str, int]:
    return hand.side, hand.model, hand.version, len(hand.vertices_m)


def _canonical_m(hand: HandResult) -> Float:
    """Return joints and vertices without the hand's rotation, (J + V, 3)."""
    return np.concatenate([hand.joints_m, hand.vertices_m]).astype(np.float64) @ hand.rotation


def _pixels_per_metre(hand: HandResult) -> float:
    """Return the scale of the hand in its picture, from how far its joints are spread in both."""
    spread_px = hand.joints_px.std(axis=0).max()
    return float(spread_px / max(hand.joints_m[:, :2].std(axis=0).max(), 1e-6)) or 1.0
