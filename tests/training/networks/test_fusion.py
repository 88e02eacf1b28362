"""Fusion of views: what does not matter to it, what a view that is not there may do, and eq. 3's readings."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from training.networks.fusion import (
    AttendingVertices,
    ConcatenatedMaps,
    ConcatenatedVertices,
    MultipliedVertices,
    NothingAtAll,
    PooledMaps,
    PooledVertices,
    ScoredVertices,
    TargetAlone,
    statistics,
)

VIEWS, CHANNELS = 4, 6
VALID = torch.tensor([[True, True, True, True], [True, False, True, False]])

MAPS: dict[str, Callable[[], nn.Module]] = {
    "cat": lambda: ConcatenatedMaps(CHANNELS, views=VIEWS),
    "pool": lambda: PooledMaps(CHANNELS),
    "none": TargetAlone,
    "drop": NothingAtAll,
}
VERTICES: dict[str, Callable[[], nn.Module]] = {
    "score": ScoredVertices,
    "literal": MultipliedVertices,
    "mha": lambda: AttendingVertices(CHANNELS, heads=2),
    "cat": lambda: ConcatenatedVertices(CHANNELS, views=VIEWS),
    "pool": lambda: PooledVertices(CHANNELS),
}
ORDERLESS = ("score", "literal", "mha", "pool")
ALL = [pytest.param(make, (3, 3), id=f"maps-{name}") for name, make in MAPS.items()]
ALL += [pytest.param(make, None, id=f"vertices-{name}") for name, make in VERTICES.items()]


def made(make: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return make().eval()


def features(size: tuple[int, int] | None = None, *, views: int = VIEWS) -> Tensor:
    """Return maps (2, N, C, H, W), or vertex features (2, N, 5, C)."""
    shape = (2, views, CHANNELS, *size) if size else (2, views, 5, CHANNELS)
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("make", "size"), ALL)
def test_many_views_become_one(make: Callable[[], nn.Module], size: tuple[int, int] | None) -> None:
    views = features(size)
    assert made(make)(views, VALID).shape == views[:, 0].shape


@pytest.mark.parametrize(("make", "size"), ALL)
def test_a_view_that_is_not_there_says_nothing(
    make: Callable[[], nn.Module], size: tuple[int, int] | None
) -> None:
    views, fuse = features(size), made(make)
    disturbed = views.clone()
    disturbed[~VALID] = 1e3
    assert_close(fuse(disturbed, VALID), fuse(views, VALID))


@pytest.mark.parametrize("make", [VERTICES[name] for name in ORDERLESS], ids=ORDERLESS)
def test_the_order_of_the_views_does_not_matter_to_vertices(make: Callable[[], nn.Module]) -> None:
    views, order, fuse = features(), [2, 0, 3, 1], made(make)
    assert_close(fuse(views[:, order], VALID[:, order]), fuse(views, VALID))


def test_the_order_of_the_other_views_does_not_matter_to_pooled_maps() -> None:
    views, order, fuse = features((3, 3)), [0, 3, 1, 2], made(MAPS["pool"])
    assert_close(fuse(views[:, order], VALID[:, order]), fuse(views, VALID))
    another_target = [1, 0, 2, 3]
    assert not torch.allclose(fuse(views[:, another_target], VALID[:, another_target]), fuse(views, VALID))


@pytest.mark.parametrize("make", [VERTICES[name] for name in ORDERLESS], ids=ORDERLESS)
def test_a_view_left_out_is_a_view_that_was_never_given(make: Callable[[], nn.Module]) -> None:
    views, fuse = features(), made(make)
    present = VALID[1]
    fewer = fuse(views[1:, present], torch.ones(1, int(present.sum()), dtype=torch.bool))
    assert_close(fewer, fuse(views, VALID)[1:])


def test_scores_leave_a_single_view_and_equal_views_as_they_are() -> None:
    one = features(views=1)
    assert_close(ScoredVertices()(one, torch.ones(2, 1, dtype=torch.bool)), one[:, 0])
    equal = one.expand(-1, VIEWS, -1, -1)
    assert_close(ScoredVertices()(equal, VALID), one[:, 0])


def test_scores_stay_between_the_views() -> None:
    views = features()
    fused = ScoredVertices()(views, torch.ones(2, VIEWS, dtype=torch.bool))
    assert (fused <= views.amax(dim=1) + 1e-6).all()
    assert (fused >= views.amin(dim=1) - 1e-6).all()


def equation_3(views: Tensor, *, scored: bool) -> Tensor:
    """Write eq. 3 out for the views (N, L) of one vertex."""
    count, width = views.shape
    likeness = torch.tensor([[float(a @ b) for b in views] for a in views]) / width**0.5
    said = torch.stack(
        [sum(likeness[i].softmax(0)[j] * views[j] for j in range(count)) for i in range(count)]
    )
    weights = said.softmax(dim=0) if scored else said
    return (weights * views).sum(dim=0)


@pytest.mark.parametrize(("fuse", "scored"), [(ScoredVertices(), True), (MultipliedVertices(), False)])
def test_equation_3_written_out(fuse: nn.Module, scored: bool) -> None:
    views = features()
    fused = fuse(views, VALID)
    for group in range(2):
        for vertex in range(5):
            wanted = equation_3(views[group, VALID[group], vertex], scored=scored)
            assert_close(fused[group, vertex], wanted)


def test_statistics_are_those_of_the_views_that_are_there() -> None:
    views = features()
    pooled = statistics(views, VALID[:, :, None, None])
    for group in range(2):
        there = views[group, VALID[group]]
        assert_close(pooled.maximum[group], there.amax(dim=0))
        assert_close(pooled.mean[group], there.mean(dim=0))
        assert_close(pooled.deviation[group], there.std(dim=0, correction=0), rtol=1e-3, atol=1e-3)


def test_views_that_agree_have_a_gradient() -> None:
    views = torch.ones(2, VIEWS, 5, CHANNELS, requires_grad=True)
    statistics(views, VALID[:, :, None, None]).deviation.sum().backward()  # type: ignore[no-untyped-call]
    assert views.grad is not None
    assert views.grad.isfinite().all()
