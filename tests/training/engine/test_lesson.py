"""What a batch teaches: one hand for all views, and a teacher that is looked at and left as it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
import torch
from torch.testing import assert_close

from tests.training.fed import fed
from training.config import AdaptationConfig, NetworkConfig, RunConfig
from training.engine.adaptation import ORIENTATION_TERM, SHAPE_TERM, SHARE, Adaptation
from training.engine.lesson import EveryTargetLesson, PictureLesson, TaughtLesson, ViewsLesson, lesson_for
from training.engine.stage import Stage
from training.hand.topology import HandTopology
from training.losses.criterion import Criterion
from training.networks.build import build_multi_view
from training.networks.hands import MultiViewHand, SingleViewHand
from training.tensors import HandTruth, ViewsBatch

VIEWS = 2
FULL_SIMA = AdaptationConfig(shape="lifted", orientation="fused")


@pytest.fixture
def multi_view(config: RunConfig) -> NetworkConfig:
    return dataclasses.replace(config.network, views=VIEWS)


@pytest.fixture
def teacher(multi_view: NetworkConfig, topology: HandTopology) -> MultiViewHand:
    torch.manual_seed(7)
    return fed(build_multi_view(multi_view, topology), views=VIEWS)


def whole_groups(network: MultiViewHand) -> EveryTargetLesson:
    return EveryTargetLesson(network, [VIEWS])


def criterion_of(config: RunConfig, topology: HandTopology, *, stage: int = 1) -> Criterion:
    return Criterion(config.stages[stage].losses, topology)


def reached(network: SingleViewHand) -> set[str]:
    return {
        ".".join(name.split(".")[:2])
        for name, parameter in network.named_parameters()
        if parameter.grad is not None and parameter.grad.abs().sum() > 0
    }


# Spec section 4: which parts each term of the adaptation reaches.
SHAPE_FEATURES = {
    f"shape.{part}"
    for part in ("encode_image", "encode_shape", "decode_maps", "locate_joints", "pool", "lift")
}
ORIENTATION_FEATURES = {f"orientation.{part}" for part in ("map_image", "map_joints", "encode", "fuse")}
REACHES = [
    (AdaptationConfig(shape="lifted"), SHAPE_FEATURES),
    (AdaptationConfig(shape="decoded"), SHAPE_FEATURES | {"shape.decode_mesh"}),
    (AdaptationConfig(orientation="fused"), ORIENTATION_FEATURES),
    (AdaptationConfig(orientation="orientation"), {"orientation.map_image", "orientation.encode"}),
    (AdaptationConfig(orientation="joint"), {"orientation.map_joints"}),
]


@pytest.mark.parametrize(("adaptation", "expected"), REACHES, ids=lambda it: str(getattr(it, "shape", "")))
def test_a_term_reaches_what_it_should(
    adaptation: AdaptationConfig,
    expected: set[str],
    network: SingleViewHand,
    teacher: MultiViewHand,
    groups: ViewsBatch,
    config: RunConfig,
    topology: HandTopology,
) -> None:
    lesson = TaughtLesson(network.train(), teacher, Adaptation(adaptation))
    losses = lesson.losses(groups, criterion_of(config, topology), "full")
    (term,) = set(losses) & {SHAPE_TERM, ORIENTATION_TERM}
    losses[term].backward()  # type: ignore[no-untyped-call]
    assert reached(network) == expected
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_an_update_leaves_the_teacher_as_it_is(
    network: SingleViewHand,
    teacher: MultiViewHand,
    groups: ViewsBatch,
    config: RunConfig,
    topology: HandTopology,
) -> None:
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    taught = dataclasses.replace(config, adaptation=FULL_SIMA)
    stage = Stage(lesson_for(network, taught, teacher=teacher), taught, taught.stages[1], topology)
    step = stage.step(groups)
    assert {SHAPE_TERM, ORIENTATION_TERM, SHAPE_TERM + SHARE, ORIENTATION_TERM + SHARE} <= set(step.losses)
    assert not teacher.training
    for name, value in teacher.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_the_total_is_the_reconstruction_and_the_weighed_terms(
    network: SingleViewHand,
    teacher: MultiViewHand,
    groups: ViewsBatch,
    config: RunConfig,
    topology: HandTopology,
) -> None:
    criterion = criterion_of(config, topology)
    adaptation = dataclasses.replace(FULL_SIMA, shape_weight=0.5, orientation_weight=0.25)
    network.eval()
    taught = TaughtLesson(network, teacher, Adaptation(adaptation)).losses(groups, criterion, "full")
    alone = PictureLesson(network).losses(groups.every_view(), criterion, "full")
    extra = 0.5 * taught[SHAPE_TERM] + 0.25 * taught[ORIENTATION_TERM]
    assert_close(taught["total"], alone["total"] + extra)
    assert_close(taught[SHAPE_TERM + SHARE], 0.5 * taught[SHAPE_TERM] / alone["total"])


@pytest.mark.parametrize("distance", ["mse", "l1", "l2norm"])
def test_a_student_who_says_what_the_teacher_says_has_nothing_to_learn(
    distance: str, network: SingleViewHand, groups: ViewsBatch
) -> None:
    with torch.no_grad():
        prediction = network.eval()(groups.every_view().images)
    adaptation = Adaptation(dataclasses.replace(FULL_SIMA, distance=distance))  # type: ignore[arg-type]
    terms = {
        **adaptation.of_shape(prediction.shape, prediction.shape),
        **adaptation.of_orientation(prediction, prediction),
    }
    assert set(terms) == {SHAPE_TERM, ORIENTATION_TERM}
    assert all(term == 0.0 for term in terms.values())


def test_the_teacher_sees_the_student_s_own_crop_as_its_target(
    network: SingleViewHand, teacher: MultiViewHand, groups: ViewsBatch
) -> None:
    lesson = TaughtLesson(network, teacher, Adaptation(FULL_SIMA))
    seen = lesson._seen(groups)
    rows = iter(range(int(groups.valid.sum())))
    first, second = seen.rotation[0], seen.rotation[1]
    assert not torch.allclose(first, second, atol=1e-2), "the target makes no difference"
    with torch.no_grad():
        for group, target in groups.valid.nonzero().tolist():
            row = next(rows)
            turned = teacher(
                groups.images[group : group + 1].roll(-target, dims=1),
                groups.valid[group : group + 1].roll(-target, dims=1),
            ).hand
            assert_close(seen.rotation[row], turned.rotation[0], rtol=1e-3, atol=1e-4)
            assert_close(seen.shape.lifted_feature[row], turned.shape.lifted_feature[0], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", [ViewsLesson, whole_groups])
def test_a_view_that_is_not_there_teaches_nothing(
    kind: Callable[[MultiViewHand], ViewsLesson],
    teacher: MultiViewHand,
    groups: ViewsBatch,
    config: RunConfig,
    topology: HandTopology,
) -> None:
    lesson, criterion = kind(teacher.eval()), criterion_of(config, topology)
    before = lesson.losses(groups, criterion, "full")
    groups.images[1, 1], groups.truth.joints_uv[1, 1], groups.truth.rotation[1, 1] = 0.7, 9.0, 0.0
    after = lesson.losses(groups, criterion, "full")
    for name, loss in before.items():
        assert_close(after[name], loss, rtol=1e-4, atol=1e-6)


def test_the_joints_of_every_view_count(
    teacher: MultiViewHand, groups: ViewsBatch, config: RunConfig, topology: HandTopology
) -> None:
    lesson, criterion = ViewsLesson(teacher.eval()), criterion_of(config, topology, stage=0)
    before = lesson.losses(groups, criterion, "shape")
    groups.truth.joints_uv[0, 1] += 0.1
    after = lesson.losses(groups, criterion, "shape")
    assert after["joints_uv"] != before["joints_uv"]
    assert after["vertices_canonical"] == before["vertices_canonical"]


def turned(groups: ViewsBatch, target: int) -> ViewsBatch:
    """Return the groups with another view as the target."""
    parts = (groups.images, groups.valid, *groups.truth)
    images, valid, *truth = (part.roll(-target, dims=1) for part in parts)
    return ViewsBatch(images, valid, HandTruth(*truth))


@torch.no_grad()
def test_every_target_at_once_is_the_mean_of_one_after_the_other(
    teacher: MultiViewHand, groups: ViewsBatch, config: RunConfig, topology: HandTopology
) -> None:
    groups.valid[:] = True
    criterion = criterion_of(config, topology)
    together = whole_groups(teacher.eval()).losses(groups, criterion, "full")
    apart = [
        ViewsLesson(teacher).losses(turned(groups, target), criterion, "full") for target in range(VIEWS)
    ]
    for name, loss in together.items():
        assert_close(loss, torch.stack([one[name] for one in apart]).mean(), rtol=1e-3, atol=1e-5)


@torch.no_grad()
def test_parts_of_groups_teach_as_groups_of_their_own(
    teacher: MultiViewHand, groups: ViewsBatch, config: RunConfig, topology: HandTopology
) -> None:
    criterion = criterion_of(config, topology)
    parts = EveryTargetLesson(teacher.eval(), [1]).losses(groups, criterion, "full")
    valid = groups.valid.new_zeros(2 * len(groups.valid), VIEWS)
    valid[:, 0] = groups.valid.flatten()
    doubled = (part.repeat_interleave(VIEWS, dim=0) for part in (groups.images, *groups.truth))
    images, *truth = (
        torch.stack([row.roll(-(number % VIEWS), dims=0) for number, row in enumerate(part)])[valid[:, 0]]
        for part in doubled
    )
    own = ViewsBatch(images, valid[valid[:, 0]], HandTruth(*truth))
    for name, loss in ViewsLesson(teacher).losses(own, criterion, "full").items():
        assert_close(parts[name], loss, rtol=1e-3, atol=1e-5)


def test_who_needs_a_teacher_and_who_may_not_have_one(
    network: SingleViewHand, teacher: MultiViewHand, config: RunConfig
) -> None:
    taught = dataclasses.replace(config, adaptation=FULL_SIMA)
    with pytest.raises(ValueError, match="give its checkpoint with --teacher"):
        lesson_for(network, taught)
    with pytest.raises(ValueError, match="learns nothing from one"):
        lesson_for(network, config, teacher=teacher)
    with pytest.raises(ValueError, match="adaptation is for single views"):
        lesson_for(teacher, taught)


def test_the_recipe_says_which_targets_are_asked_for(teacher: MultiViewHand, config: RunConfig) -> None:
    one, every = (dataclasses.replace(config, targets=targets) for targets in ("one", "every"))
    assert type(lesson_for(teacher, one)) is ViewsLesson
    assert type(lesson_for(teacher, every)) is EveryTargetLesson
