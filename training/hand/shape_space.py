"""Linear shape space of the template: principal components of random MakeHuman people."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.hand.hand_cut import HandCut, canonical_hand
from training.hand.makehuman import MakeHuman
from training.hand.phenotype import person_vertices_dm, sample_phenotype
from training.hand.shape import COMPONENTS

Float = NDArray[np.float64]

_PEOPLE = 400
_MIDDLE_MCP = 9
_PALM_LENGTH_M = 0.0985
"""Wrist to middle MCP of every person: size is a factor of its own, and MakeHuman's varies far too much."""


class ShapeSpace(NamedTuple):
    """Mean and basis over control vertices, then 21 joints, then the elbow."""

    mean_m: Float
    """(1804, 3)."""
    basis_m: Float
    """(1804, 3, 10): one sigma of each component."""
    explained: Float
    """(10,): cumulative share of the variance."""


def fit_shape_space(source: MakeHuman, cut: HandCut, rng: np.random.Generator) -> ShapeSpace:
    """Return the principal components of 400 people's hands, all of one palm length."""
    people = np.stack([_person(source, cut, rng) for _ in range(_PEOPLE)])
    mean = people.mean(axis=0)
    _, sigma, components = np.linalg.svd(people - mean, full_matrices=False)
    scaled = components[:COMPONENTS].T * (sigma[:COMPONENTS] / np.sqrt(_PEOPLE))
    # The sign of a component is the solver's whim; its largest entry is made positive.
    largest = scaled[np.abs(scaled).argmax(axis=0), np.arange(COMPONENTS)]
    variance = sigma**2 / (sigma**2).sum()
    return ShapeSpace(
        mean_m=mean.reshape(-1, 3),
        basis_m=(scaled * np.sign(largest)).reshape(-1, 3, COMPONENTS),
        explained=np.cumsum(variance)[:COMPONENTS],
    )


def _person(source: MakeHuman, cut: HandCut, rng: np.random.Generator) -> Float:
    hand = canonical_hand(source.base, person_vertices_dm(source, sample_phenotype(rng)))
    scale = _PALM_LENGTH_M / np.linalg.norm(hand.joints_m[_MIDDLE_MCP])
    points = np.concatenate([hand.vertices_m[cut.body_vertices], hand.joints_m, hand.elbow_m[None]])
    return np.asarray(points.ravel() * scale)
