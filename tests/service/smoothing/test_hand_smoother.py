"""Smoothing: what rests is calm, what moves is not late, and a hand stays a hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from service.encode.result import HandResult
from service.smoothing.hand_smoother import LONGEST_STEP_S, HandSmoother, Strength
from tests.service.hands import template_hand

Float = NDArray[np.float64]

STRENGTHS: tuple[Strength, ...] = ("low", "high")
FRAME_S = 1 / 30
CENTRE_PX = 160.0
PIXELS_PER_METRE = 700.0


def hand_at(turn: Rotation = Rotation.identity(), shift_m: Float | None = None) -> HandResult:  # noqa: B008
    """Return the template, turned, and moved across the camera's axis at an unchanging scale."""
    hand = template_hand(seed=0)
    shift_m = np.zeros(3) if shift_m is None else shift_m
    matrix = turn.as_matrix()
    joints_m = hand.joints_m @ matrix.T
    return replace(
        hand,
        joints_m=joints_m.astype(np.float32),
        vertices_m=(hand.vertices_m @ matrix.T).astype(np.float32),
        rotation=(matrix @ hand.rotation).astype(np.float32),
        joints_px=((joints_m + shift_m)[:, :2] * PIXELS_PER_METRE + CENTRE_PX).astype(np.float32),
        translation_m=shift_m + np.array([0, 0, 0.5]),
    )


def trembling(hand: HandResult, rng: np.random.Generator) -> HandResult:
    """Return the hand with the noise of a network: 2 mm, 2 px, 2 degrees, 5 mm of place."""
    shake = Rotation.from_rotvec(np.radians(2) * rng.normal(size=3)).as_matrix()
    count = len(hand.joints_m)
    noise_m = rng.normal(0, 0.002, (count + len(hand.vertices_m), 3))
    assert hand.translation_m is not None
    return replace(
        hand,
        joints_m=(hand.joints_m @ shake.T + noise_m[:count]).astype(np.float32),
        vertices_m=(hand.vertices_m @ shake.T + noise_m[count:]).astype(np.float32),
        rotation=(shake @ hand.rotation).astype(np.float32),
        joints_px=(hand.joints_px + rng.normal(0, 2, (count, 2))).astype(np.float32),
        translation_m=hand.translation_m + rng.normal(0, 0.005, 3),
    )


def smoothed(strength: Strength, hands: list[HandResult], step_s: float = FRAME_S) -> list[HandResult]:
    smoother = HandSmoother(strength)
    return [smoother.smooth(hand, index * step_s) for index, hand in enumerate(hands)]


def spread(hands: list[HandResult], part: Callable[[HandResult], Float]) -> float:
    """Return the standard deviation of some numbers over time."""
    return float(np.std([part(hand) for hand in hands], axis=0).mean())


PARTS: dict[str, Callable[[HandResult], Float]] = {
    "joints": lambda hand: hand.joints_m.astype(np.float64),
    "vertices": lambda hand: hand.vertices_m.astype(np.float64),
    "rotation": lambda hand: hand.rotation.astype(np.float64),
    "pixels": lambda hand: hand.joints_px.astype(np.float64),
    "translation": lambda hand: np.asarray(hand.translation_m),
}


def test_off_passes_the_hand_on() -> None:
    hand, smoother = hand_at(), HandSmoother("off")
    assert smoother.smooth(hand, 0.0) is hand
    assert smoother.smooth(hand, 1.0) is hand


@pytest.mark.parametrize("strength", STRENGTHS)
def test_a_hand_at_rest_stays_as_it_is(strength: Strength) -> None:
    hand = hand_at(Rotation.from_rotvec([0.3, -1.0, 2.0]))
    for found in smoothed(strength, [hand] * 20):
        for part in PARTS.values():
            np.testing.assert_allclose(part(found), part(hand), atol=1e-5)


@pytest.mark.parametrize("part", PARTS)
def test_the_tremor_of_a_hand_at_rest_is_taken_away(part: str) -> None:
    rng = np.random.default_rng(0)
    hands = [trembling(hand_at(), rng) for _ in range(200)]
    raw, low, high = (
        spread(found[30:], PARTS[part]) for found in (hands, smoothed("low", hands), smoothed("high", hands))
    )
    assert low < 0.65 * raw
    assert high < 0.85 * low


@pytest.mark.parametrize("strength", STRENGTHS)
def test_a_rigid_hand_that_turns_keeps_its_form_and_its_rotation(strength: Strength) -> None:
    hands = [hand_at(Rotation.from_rotvec([0, 4.0 * index * FRAME_S, 0])) for index in range(30)]
    still = hands[0].vertices_m @ hands[0].rotation
    for found in smoothed(strength, hands):
        np.testing.assert_allclose(found.rotation @ found.rotation.T, np.eye(3), atol=1e-6)
        np.testing.assert_allclose(found.vertices_m @ found.rotation, still, atol=1e-6)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_faster_is_less_late(strength: Strength) -> None:
    lags_s = []
    for speed_m_s in (0.1, 0.5, 1.0):
        way = [np.array([speed_m_s * index * FRAME_S, 0, 0]) for index in range(45)]
        found = smoothed(strength, [hand_at(shift_m=shift_m) for shift_m in way])[-1]
        assert found.translation_m is not None
        behind_px = hand_at(shift_m=way[-1]).joints_px - found.joints_px
        lags_s.append(behind_px[:, 0].mean() / PIXELS_PER_METRE / speed_m_s)
        assert (way[-1] - found.translation_m)[0] / speed_m_s == pytest.approx(lags_s[-1], rel=0.02)
    assert lags_s[0] > 1.5 * lags_s[1] > 1.5 * lags_s[2] > 0
    assert lags_s[2] < FRAME_S


def test_twice_the_frames_of_the_same_movement_give_the_same_movement() -> None:
    def way(step_s: float) -> list[HandResult]:
        times_s = np.arange(0, 1 + step_s / 2, step_s)
        return smoothed(
            "high", [hand_at(shift_m=np.array([0.1 * np.sin(4 * t), 0, 0])) for t in times_s], step_s
        )

    slow, fast = way(1 / 60), way(1 / 120)[::2]
    apart_px = [np.abs(a.joints_px - b.joints_px).max() for a, b in zip(slow, fast, strict=True)]
    moved_px = np.ptp([hand.joints_px for hand in slow], axis=0).max()
    assert max(apart_px) < 0.04 * moved_px


@pytest.mark.parametrize(
    "change",
    [
        {"side": "left"},
        {"model": "other"},
        {"version": "9"},
        {"vertices_m": template_hand().vertices_m[:-1]},
        {},
    ],
    ids=["side", "model", "version", "mesh", "silence"],
)
def test_another_hand_begins_anew(change: dict[str, object]) -> None:
    smoother = HandSmoother("high")
    smoother.smooth(hand_at(), 0.0)
    other = replace(hand_at(shift_m=np.array([0.2, 0, 0])), **change)  # type: ignore[arg-type]
    at_s = FRAME_S if change else LONGEST_STEP_S + FRAME_S
    assert smoother.smooth(other, at_s) is other


def test_reset_begins_anew() -> None:
    smoother = HandSmoother("high")
    smoother.smooth(hand_at(), 0.0)
    smoother.reset()
    other = hand_at(shift_m=np.array([0.2, 0, 0]))
    assert smoother.smooth(other, FRAME_S) is other


@pytest.mark.parametrize("times_s", [(5.0, 5.0, 5.0, 5.0), (5.0, 4.0, 3.0, 2.0)], ids=["still", "backwards"])
def test_a_clock_that_does_not_move_on_is_taken_to_go_on(times_s: tuple[float, ...]) -> None:
    way = [np.array([0.02 * index, 0, 0]) for index in range(len(times_s))]
    expected = smoothed("high", [hand_at(shift_m=shift_m) for shift_m in way])
    smoother = HandSmoother("high")
    for at_s, shift_m, wanted in zip(times_s, way, expected, strict=True):
        found = smoother.smooth(hand_at(shift_m=shift_m), at_s)
        np.testing.assert_allclose(found.joints_px, wanted.joints_px, rtol=1e-6)


def test_a_translation_that_comes_and_goes() -> None:
    smoother = HandSmoother("high")
    without = replace(hand_at(), translation_m=None)
    assert smoother.smooth(without, 0.0).translation_m is None
    first = smoother.smooth(hand_at(), FRAME_S).translation_m
    np.testing.assert_array_equal(first, hand_at().translation_m)
    assert smoother.smooth(without, 2 * FRAME_S).translation_m is None


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="'medium'"):
        HandSmoother("medium")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="finite"):
        HandSmoother("low").smooth(hand_at(), float("nan"))
