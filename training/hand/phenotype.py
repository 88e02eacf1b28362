"""People of MakeHuman: which morph targets a gender, an age, a build and a hand mean."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from training.hand.makehuman import MakeHuman

Float = NDArray[np.float64]

DEFAULT_FINGER_LENGTH = 0.1
"""MakeHuman's mean has a long palm and short fingers; this share of its length target mends that."""

_RACES = ("african", "asian", "caucasian")
_HAND_SIGMA, _WRIST_SIGMA = 0.3, 0.4
_CHILD_SHARE = 0.15


@dataclass(frozen=True, kw_only=True)
class Phenotype:
    """One person; macro values in [0, 1] as MakeHuman's sliders."""

    gender: float = 0.5
    age: float = 0.5
    """0 new-born, 0.19 child, 0.5 young, 1 old."""
    muscle: float = 0.5
    weight: float = 0.5
    race: tuple[float, float, float] = (1 / 3, 1 / 3, 1 / 3)
    """African, Asian, Caucasian; sum 1."""
    hand_targets: Mapping[str, float] = field(default_factory=dict)
    """Weight of each target of `targets/hands`."""


def sample_phenotype(rng: np.random.Generator) -> Phenotype:
    """Return a random person, mostly adult, with random hands."""
    age = rng.choice([rng.uniform(0.5, 1), rng.uniform(0.3, 0.5)], p=[1 - _CHILD_SHARE, _CHILD_SHARE])
    african, asian, caucasian = rng.dirichlet([0.7] * 3)
    gender, muscle, weight = rng.uniform(), rng.uniform(), rng.uniform()
    hands = {"r-hand-fingers-length-incr": DEFAULT_FINGER_LENGTH}
    for part in ("fingers-diameter", "fingers-length", "scale", "fingers-distance"):
        name, amount = _signed(f"r-hand-{part}", rng.normal() * _HAND_SIGMA)
        hands[name] = hands.get(name, 0.0) + amount
    name, amount = _signed("measure-wrist-circ", rng.normal() * _WRIST_SIGMA)
    hands[name] = amount
    return Phenotype(
        gender=gender,
        age=float(age),
        muscle=muscle,
        weight=weight,
        race=(african, asian, caucasian),
        hand_targets=hands,
    )


def person_vertices_dm(source: MakeHuman, person: Phenotype) -> Float:
    """Return the vertices of a person, (19158, 3), in decimetres and MakeHuman's frame."""
    vertices = source.base.vertices_dm.copy()
    for name, weight in _macro_weights(person).items():
        vertices += weight * source.target(f"macrodetails/{name}")
    for name, weight in person.hand_targets.items():
        vertices += weight * source.target(f"hands/{name}")
    return vertices


def _signed(target: str, amount: float) -> tuple[str, float]:
    return f"{target}-{'incr' if amount > 0 else 'decr'}", abs(amount)


def _macro_weights(person: Phenotype) -> dict[str, float]:
    """Return the weight of every macro target: MakeHuman blends its corners linearly in each slider."""
    genders = {"female": 1 - person.gender, "male": person.gender}
    ages = _between(person.age, ("baby", "child", "young", "old"), (0, 0.1875, 0.5, 1))
    muscles = _between(person.muscle, ("minmuscle", "averagemuscle", "maxmuscle"), (0, 0.5, 1))
    builds = _between(person.weight, ("minweight", "averageweight", "maxweight"), (0, 0.5, 1))
    weights: dict[str, float] = {}
    for (gender, g), (age, a) in itertools.product(genders.items(), ages.items()):
        for race, r in zip(_RACES, person.race, strict=True):
            weights[f"{race}-{gender}-{age}"] = g * a * r
        for (muscle, m), (build, b) in itertools.product(muscles.items(), builds.items()):
            weights[f"universal-{gender}-{age}-{muscle}-{build}"] = g * a * m * b
    return {name: weight for name, weight in weights.items() if weight > 0}


def _between(value: float, names: Sequence[str], knots: Sequence[float]) -> dict[str, float]:
    """Return the shares of the two named knots around a value."""
    upper = int(np.clip(np.searchsorted(knots, value), 1, len(knots) - 1))
    share = (value - knots[upper - 1]) / (knots[upper] - knots[upper - 1])
    return {names[upper - 1]: 1 - share, names[upper]: share}
