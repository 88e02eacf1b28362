"""`python -m training.hand.contact_pool`: solve the pool of contact poses that `sampling.py` draws from."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.hand.contact import Contact, ContactSolver
from training.hand.palm import opened, palm_depths_m
from training.hand.pose import PoseAngles
from training.hand.prototypes import prototype
from training.hand.rig import FINGERS
from training.hand.sampling import CONTACT_POOL_PATH
from training.hand.template import load_template

Float = NDArray[np.float64]

PROBLEMS = 300
LARGEST_GAP_M = 0.004
LARGEST_DEPTH_M = 0.0045
LARGEST_PALM_DEPTH_M = 0.006

_KINDS = ("index", "middle", "ring", "little", "fist", "key")
_KIND_SHARES = (0.33, 0.20, 0.11, 0.06, 0.20, 0.10)
_FINGER_NOISE_DEG = np.array([8.0, 2.0, 1.0, 8.0, 5.0])
_THUMB_OVER_FIST_DEG = np.array([-2.0, -20.0, 0.0, 38.0, -4.0, 10.0])
_KEY_GRIP_DEG = np.array([[45, 0, 0, 74, 42], [60, 0, 0, 85, 50], [66, 0, 0, 88, 52], [70, 0, 0, 86, 50]])


def solve_pool(rng: np.random.Generator, problems: int = PROBLEMS) -> list[Contact]:
    """Return the contacts that close without fingers in each other."""
    solver = ContactSolver(load_template())
    contacts = [_solve(solver, rng) for _ in range(problems)]
    rest = solver.rest
    return [
        contact
        for contact in contacts
        if contact.gap_m < LARGEST_GAP_M
        and contact.depth_m < LARGEST_DEPTH_M
        and palm_depths_m(rest, contact.pose).max() < LARGEST_PALM_DEPTH_M
    ]


def _solve(solver: ContactSolver, rng: np.random.Generator) -> Contact:
    kind = rng.choice(_KINDS, p=_KIND_SHARES)
    if kind == "fist":
        guess = prototype(str(rng.choice(["fist", "point", "horns"])))
        back = "index" if guess.fingers_deg[0, 0] > 50 and rng.random() < 0.8 else "middle"
        guess = opened(solver.rest, _disturbed(guess, rng, thumb_deg=_THUMB_OVER_FIST_DEG))
        return solver.solve(guess, solver.pulp("thumb"), solver.back(back), moving_finger=None)
    if kind == "key":
        grip = PoseAngles(
            fingers_deg=_KEY_GRIP_DEG.astype(np.float64),
            thumb_deg=np.zeros(6),
            palm_deg=np.array([3.0, 6.0]),
            wrist_deg=np.zeros(3),
        )
        guess = _disturbed(grip, rng, thumb_deg=np.zeros(6))
        return solver.solve(guess, solver.pulp("thumb"), solver.thumb_side("index"), moving_finger=0)
    finger = FINGERS.index(kind) - 1
    guess = prototype(str(rng.choice(["pinch", "ok", "tripod", "relaxed", "flat"])))
    guess = _disturbed(guess, rng, thumb_deg=guess.thumb_deg)
    guess.fingers_deg[finger] = [rng.uniform(35, 65), 0, 0, rng.uniform(30, 65), rng.uniform(10, 35)]
    return solver.solve(guess, solver.pulp("thumb"), solver.pulp(kind), moving_finger=finger)


def _disturbed(pose: PoseAngles, rng: np.random.Generator, *, thumb_deg: Float) -> PoseAngles:
    return PoseAngles(
        fingers_deg=pose.fingers_deg + rng.normal(size=(4, 5)) * _FINGER_NOISE_DEG,
        thumb_deg=thumb_deg + rng.normal(0, 4, 6),
        palm_deg=pose.palm_deg,
        wrist_deg=np.zeros(3),
    ).clamped()


def main() -> None:
    """Solve the pool and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=CONTACT_POOL_PATH, help="file to write")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    pool = solve_pool(np.random.default_rng(arguments.seed))
    np.savez_compressed(
        arguments.output,
        angles_deg=np.stack([contact.pose.vector() for contact in pool]).astype(np.float32),
        touches=np.stack([contact.touch.row() for contact in pool]),
    )
    print(f"{len(pool)} of {PROBLEMS} contacts close; wrote {arguments.output}")


if __name__ == "__main__":
    main()
