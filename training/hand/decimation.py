"""Mesh decimation that keeps a subset of the vertices, so that weights and shape targets stay exact.

Half-edge collapses in the order of quadric errors (Garland and Heckbert 1997), with boundary walls, the link
condition, tests against flipped and thin triangles, and a penalty on high valence.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.hand.compiler import jit

Float = NDArray[np.float64]
Index = NDArray[np.int64]

_BOUNDARY_WEIGHT = 30.0
_EVENNESS = 2e-2
"""Weight of edge length and triangle shape against the quadric error; lengths in centimetres."""
_LEAST_COSINE = 0.25
_LEAST_QUALITY = 0.12
"""Of a triangle after a collapse: 1 is equilateral, 0 degenerate."""
_GOOD_QUALITY = 0.5
_GOOD_VALENCE = 8


class Decimated(NamedTuple):
    """A coarser mesh over a subset of the vertices."""

    kept: Index
    """(n,): the vertices that are left, ascending."""
    faces: Index
    """(F, 3): over the kept vertices."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a decimation is to reach."""

    vertices: int
    boundary_vertices: int
    pinned: tuple[int, ...] = ()
    """Vertices that are never removed."""


def decimate(vertices_cm: Float, faces: Index, wish: Wish, *, importance: Float | None = None) -> Decimated:
    """Return the mesh with the wished number of vertices, or as few as the tests allow.

    Args:
        vertices_cm: (n, 3).
        faces: (F, 3): a manifold, with or without boundary.
        wish: Sizes, and vertices to keep.
        importance: (n,): factor on the cost of removing each vertex.
    """
    return _Decimation(vertices_cm, faces, wish, importance).run()


class _Candidate(NamedTuple):
    """A collapse of `source` into `target`; stale once a stamp has moved on."""

    cost: float
    source: int
    target: int
    source_stamp: int
    target_stamp: int


class _Decimation:
    def __init__(self, vertices: Float, faces: Index, wish: Wish, importance: Float | None) -> None:
        count = len(vertices)
        self._vertices = vertices
        self._wish = wish
        self._importance = np.ones(count) if importance is None else importance
        self._faces: list[list[int]] = faces.tolist()
        self._face_alive = [True] * len(faces)
        self._faces_of: list[set[int]] = [set() for _ in range(count)]
        for number, face in enumerate(self._faces):
            for vertex in face:
                self._faces_of[vertex].add(number)
        self._boundary_edges = {tuple(edge) for edge in boundary_edges(faces).tolist()}
        self._boundary = {vertex for edge in self._boundary_edges for vertex in edge}
        self._quadrics = _quadrics(vertices, faces)
        self._alive = np.ones(count, bool)
        self._left = count
        self._stamps = [0] * count
        self._heap: list[_Candidate] = []

    def run(self) -> Decimated:
        every = range(len(self._vertices))
        self._offer((source, target) for source in every for target in self._neighbours(source))
        # The boundary first: later its vertices would be too dear, and the ring would stay too fine.
        self._collapse_while(
            lambda: len(self._boundary) > self._wish.boundary_vertices, among=self._both_on_boundary
        )
        self._collapse_while(lambda: self._left > self._wish.vertices, among=lambda _: True)
        kept = np.flatnonzero(self._alive)
        faces = np.array([face for face, alive in zip(self._faces, self._face_alive, strict=True) if alive])
        return Decimated(kept=kept, faces=np.searchsorted(kept, faces))

    def _both_on_boundary(self, candidate: _Candidate) -> bool:
        return candidate.source in self._boundary and candidate.target in self._boundary

    def _collapse_while(self, wanted: Callable[[], bool], *, among: Callable[[_Candidate], bool]) -> None:
        put_aside = []
        while self._heap and wanted():
            candidate = heapq.heappop(self._heap)
            if not self._is_current(candidate):
                continue
            if not among(candidate):
                put_aside.append(candidate)
            elif self._is_allowed(candidate.source, candidate.target):
                self._collapse(candidate.source, candidate.target)
        for candidate in put_aside:
            heapq.heappush(self._heap, candidate)

    def _is_current(self, candidate: _Candidate) -> bool:
        stamps = (self._stamps[candidate.source], self._stamps[candidate.target])
        alive = bool(self._alive[candidate.source] and self._alive[candidate.target])
        return alive and stamps == (candidate.source_stamp, candidate.target_stamp)

    def _neighbours(self, vertex: int) -> set[int]:
        return {other for face in self._faces_of[vertex] for other in self._faces[face]} - {vertex}

    def _is_allowed(self, source: int, target: int) -> bool:
        if source in self._wish.pinned:
            return False
        if source in self._boundary:
            along_boundary = _edge(source, target) in self._boundary_edges
            if not along_boundary or len(self._boundary) <= self._wish.boundary_vertices:
                return False
        common = self._neighbours(source) & self._neighbours(target)
        if len(common) != len(self._faces_of[source] & self._faces_of[target]):
            return False  # the link condition: the surface would pinch
        return all(len(self._faces_of[other]) > (2 if other in self._boundary else 3) for other in common)

    def _offer(self, pairs: Iterable[tuple[int, int]]) -> None:
        for source, target in pairs:
            cost = self._cost(source, target)
            if cost is not None:
                stamps = (self._stamps[source], self._stamps[target])
                heapq.heappush(self._heap, _Candidate(cost, source, target, *stamps))

    def _cost(self, source: int, target: int) -> float | None:
        """Return the cost of a collapse, or None where it would fold or thin a triangle."""
        quadric = self._quadrics[source] + self._quadrics[target]
        error, square = _collapse_error(self._vertices, quadric, source, target)
        cost = (error + _EVENNESS * square**2) * self._importance[source]
        for face in self._faces_of[source] - self._faces_of[target]:
            a, b, c = self._faces[face]
            penalty = _reshaping_penalty(self._vertices, a, b, c, source, target)
            if penalty == np.inf:
                return None
            cost += _EVENNESS * 0.3 * penalty * square
        valence = len(self._neighbours(source) | self._neighbours(target)) - 2
        return float(cost * (1 + max(valence - _GOOD_VALENCE, 0)))

    def _collapse(self, source: int, target: int) -> None:
        around = self._neighbours(source)
        shared = self._faces_of[source] & self._faces_of[target]
        for face in shared:
            self._face_alive[face] = False
            for vertex in self._faces[face]:
                if vertex != source:
                    self._faces_of[vertex].discard(face)
        for face in self._faces_of[source] - shared:
            self._faces[face] = [target if vertex == source else vertex for vertex in self._faces[face]]
            self._faces_of[target].add(face)
        if source in self._boundary:
            self._close_boundary(source, target)
        self._faces_of[source] = set()
        self._alive[source] = False
        self._quadrics[target] += self._quadrics[source]
        self._left -= 1
        for vertex in around | {target}:
            self._stamps[vertex] += 1
        ring = self._neighbours(target)
        self._offer(pair for other in ring for pair in ((target, other), (other, target)))
        self._offer((near, far) for near in ring for far in self._neighbours(near) if far != target)

    def _close_boundary(self, source: int, target: int) -> None:
        gone = {edge for edge in self._boundary_edges if source in edge}
        ends = {vertex for edge in gone for vertex in edge} - {source, target}
        self._boundary_edges -= gone
        self._boundary_edges |= {_edge(end, target) for end in ends}
        self._boundary.discard(source)


@jit
def _collapse_error(vertices: Float, quadric: Float, source: int, target: int) -> tuple[float, float]:
    """Return the quadric error at `target`, and the squared length of the way there."""
    place = np.ones(4)
    place[:3] = vertices[target]
    error, square = 0.0, 0.0
    for row in range(4):
        for column in range(4):
            error += place[row] * quadric[row, column] * place[column]
    for axis in range(3):
        square += (vertices[source, axis] - vertices[target, axis]) ** 2
    return error, square


@jit
def _reshaping_penalty(vertices: Float, a: int, b: int, c: int, source: int, target: int) -> float:
    """Return what moving a corner of a triangle costs; infinite where it folds or gets too thin."""
    before = np.stack((vertices[a], vertices[b], vertices[c]))
    after = before.copy()
    for corner, vertex in enumerate((a, b, c)):
        if vertex == source:
            after[corner] = vertices[target]
    normal_before = np.cross(before[1] - before[0], before[2] - before[0])
    normal_after = np.cross(after[1] - after[0], after[2] - after[0])
    size_before = np.sqrt((normal_before**2).sum())
    size_after = np.sqrt((normal_after**2).sum())
    turned = (normal_before * normal_after).sum()
    if size_after < 1e-12 or turned < _LEAST_COSINE * size_before * size_after:
        return np.inf
    edges = np.stack((after[0] - after[2], after[1] - after[0], after[2] - after[1]))
    squared_edges = (edges**2).sum()
    quality = 2 * np.sqrt(3.0) * size_after / squared_edges
    if quality < _LEAST_QUALITY:
        return np.inf
    return float(max(0.0, _GOOD_QUALITY - quality) * squared_edges)


def boundary_edges(faces: Index) -> Index:
    """Return the edges that only one face has, (n, 2), each ascending."""
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    unique, uses = np.unique(edges, axis=0, return_counts=True)
    return np.asarray(unique[uses == 1])


def _edge(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)


def _quadrics(vertices: Float, faces: Index) -> Float:
    """Return the summed plane quadrics of every vertex, (n, 4, 4): its faces and boundary walls."""
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    normals = np.cross(b - a, c - a)
    double_area = np.linalg.norm(normals, axis=1, keepdims=True)
    normals = normals / np.maximum(double_area, 1e-12)
    planes = np.concatenate([normals, -(normals * a).sum(axis=1, keepdims=True)], axis=1)
    of_face = planes[:, :, None] * planes[:, None, :] * (double_area * 0.5)[:, :, None]
    quadrics = np.zeros((len(vertices), 4, 4))
    for corner in range(3):
        np.add.at(quadrics, faces[:, corner], of_face)
    on_boundary = {tuple(edge) for edge in boundary_edges(faces).tolist()}
    for face, normal in zip(faces.tolist(), normals, strict=True):
        for start, end in zip(face, face[1:] + face[:1], strict=True):
            if _edge(start, end) in on_boundary:
                wall = _wall_quadric(vertices[start], vertices[end], normal)
                quadrics[start] += wall
                quadrics[end] += wall
    return quadrics


def _wall_quadric(start: Float, end: Float, face_normal: Float) -> Float:
    """Return the quadric of the plane that stands on a boundary edge, weighed by its length squared."""
    normal = np.cross(end - start, face_normal)
    length = np.linalg.norm(normal)
    normal = normal / max(float(length), 1e-12)
    plane = np.append(normal, -normal @ start)
    return np.asarray(np.outer(plane, plane) * _BOUNDARY_WEIGHT * length**2)
