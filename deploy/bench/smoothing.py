"""`python -m deploy.bench.smoothing`: how much jitter smoothing takes away, and how late it makes a hand.

The hand is the rendered clips' (`tests/clips.py`), of which only the truth is needed. Noise is added that
is as large as the jitter of the served network from frame to frame on these clips: independent in every
frame, coordinate and joint. The translation is solved from the noisy joints and pixels, as the gateway
does.

- *Jitter*: the root mean square of the noise that is left of a hand that rests (the clip's first frame,
  held).
- *Lag*: by how many milliseconds the smoothed path of a moving hand, without noise, must be drawn forward
  to lie best on the true one.
- *Error*: the root mean square distance from the truth of the moving hand, with noise: jitter and lag
  together.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from service.encode.result import HandResult
from service.geometry import solve_translation
from service.smoothing.hand_smoother import HandSmoother, Strength
from tests.clips import FRAMES_A_SECOND, INTRINSICS, Clip, moving_hand

Float = NDArray[np.float64]

POINT_NOISE_M = 0.0013
PIXEL_NOISE_PX = 1.5
ROTATION_NOISE_DEG = 2.5
STRENGTHS: tuple[Strength, ...] = ("off", "low", "high")
SETTLED = 30
"""Frames that the filters get before anything is counted."""
_MOST_LAG_FRAMES = 8.0

PARTS: dict[str, tuple[str, Callable[[HandResult], Float]]] = {
    "joints": ("mm", lambda hand: 1e3 * hand.joints_m.astype(np.float64)),
    "vertices": ("mm", lambda hand: 1e3 * hand.vertices_m.astype(np.float64)),
    "joints in the picture": ("px", lambda hand: hand.joints_px.astype(np.float64)),
    "rotation": ("deg", lambda hand: np.degrees(hand.rotation.reshape(1, 9)) / np.sqrt(2)),
    "translation": ("mm", lambda hand: 1e3 * np.asarray(hand.translation_m)[None]),
}
"""What is measured: its unit, and its rows as vectors whose distance is the error. The distance between
rotation matrices over the square root of 2 is their angle, as long as it is small."""


class Figures(NamedTuple):
    """Of one part under one strength."""

    jitter: float
    lag_ms: float
    error: float


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m deploy.bench.smoothing", description=__doc__)
    parser.add_argument("--clips", type=int, default=4, help="how many moving hands (default: %(default)s)")
    arguments = parser.parse_args(argv)
    print(table([moving_hand(seed, leaves="never") for seed in range(arguments.clips)]))
    return 0


def table(clips: Sequence[Clip]) -> str:
    """Return one row a part and strength, over all clips."""
    lines = [
        "| what | smoothing | jitter | removed | lag ms | error, moving |",
        "|---|---|---:|---:|---:|---:|",
    ]
    figures = {strength: [measured(clip, strength) for clip in clips] for strength in STRENGTHS}
    for part, (unit, _) in PARTS.items():
        raw = np.mean([clip[part].jitter for clip in figures["off"]])
        for strength, of_clips in figures.items():
            jitter, lag_ms, error = np.mean([clip[part] for clip in of_clips], axis=0)
            lines.append(
                f"| {part} | {strength} | {jitter:.2f} {unit} | {1 - jitter / raw:.0%} | {lag_ms:.0f} "
                f"| {error:.2f} {unit} |"
            )
    return "\n".join(lines)


def truth(clip: Clip, frame: int) -> HandResult:
    """Return what a flawless network would say of a frame."""
    return HandResult(
        model="truth",
        version="1",
        side="right",
        vertices_m=clip.vertices_m(frame).astype(np.float32),
        joints_m=clip.joints_m(frame).astype(np.float32),
        rotation=clip.rotations[frame].astype(np.float32),
        joints_px=clip.joints_px(frame).astype(np.float32),
        translation_m=clip.wrists_m[frame],
        timing_ms={},
    )


def noisy(hand: HandResult, rng: np.random.Generator) -> HandResult:
    """Return the hand as a trembling network sees it."""
    shake = Rotation.from_rotvec(np.radians(ROTATION_NOISE_DEG) * rng.normal(size=3)).as_matrix()
    points_m = np.concatenate([hand.joints_m, hand.vertices_m])
    points_m = (points_m + rng.normal(0, POINT_NOISE_M, points_m.shape)) @ shake.T
    points_m = (points_m - points_m[0]).astype(np.float32)
    joints_m, vertices_m = np.split(points_m, [len(hand.joints_m)])
    joints_px = (hand.joints_px + rng.normal(0, PIXEL_NOISE_PX, hand.joints_px.shape)).astype(np.float32)
    return replace(
        hand,
        joints_m=joints_m,
        vertices_m=vertices_m,
        rotation=(shake @ hand.rotation).astype(np.float32),
        joints_px=joints_px,
        translation_m=solve_translation(joints_m, joints_px, INTRINSICS),
    )


def measured(clip: Clip, strength: Strength) -> dict[str, Figures]:
    """Return the figures of each part on one clip."""
    rng = np.random.default_rng(clip.seed)
    moving = [truth(clip, frame) for frame in range(len(clip))]
    resting = [moving[0]] * len(moving)
    calm = _smoothed([noisy(hand, rng) for hand in resting], strength)
    late = _smoothed(moving, strength)
    both = _smoothed([noisy(hand, rng) for hand in moving], strength)
    found = {}
    for part, (_, rows) in PARTS.items():
        true = _stacked(moving, rows)
        settled = _stacked(calm, rows)
        found[part] = Figures(
            jitter=_apart(settled, settled.mean(axis=0)),
            lag_ms=1e3 / FRAMES_A_SECOND * lag_frames(_stacked(late, rows), true),
            error=_apart(_stacked(both, rows), true),
        )
    return found


def _smoothed(hands: Sequence[HandResult], strength: Strength) -> list[HandResult]:
    smoother = HandSmoother(strength)
    return [smoother.smooth(hand, frame / FRAMES_A_SECOND) for frame, hand in enumerate(hands)]


def _stacked(hands: Sequence[HandResult], rows: Callable[[HandResult], Float]) -> Float:
    return np.stack([rows(hand) for hand in hands[SETTLED:]])


def _apart(found: Float, true: Float) -> float:
    return float(np.sqrt(((found - true) ** 2).sum(axis=-1).mean()))


def lag_frames(late: Float, true: Float) -> float:
    """Return by how many frames `true` must be held back to lie best on `late`."""
    times = np.arange(len(true))
    flat = true.reshape(len(true), -1)
    wanted = late.reshape(len(true), -1)
    best, least = 0.0, np.inf
    for lag in np.arange(0, _MOST_LAG_FRAMES, 0.05):
        whole, part = int(lag), lag - int(lag)
        before = np.maximum(times - whole - 1, 0)
        held = (1 - part) * flat[np.maximum(times - whole, 0)] + part * flat[before]
        error = float(((held - wanted)[int(_MOST_LAG_FRAMES) :] ** 2).sum())
        if error < least:
            best, least = float(lag), error
    return best


if __name__ == "__main__":
    sys.exit(main())
