"""Groups: every view is in its place, the target comes first, and holes stay holes."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from tests.training.drawn_hands import VIEWS
from training.config import DataConfig
from training.data.groups import MISSING, HandGroups
from training.data.loader import plain_batches, plain_groups, training_groups
from training.data.order import WHOLE, Course, Share
from training.data.synthetic_reader import SyntheticHands
from training.tensors import HandTruth, ViewsBatch

DISTURBED = DataConfig(min_visible_vertices=0.0, shift=0.05, pool_shards=2, workers=0)


@pytest.fixture
def whole(drawn_data: Path) -> HandGroups:
    return HandGroups(SyntheticHands(drawn_data / "train"))


@pytest.fixture
def holed(drawn_data: Path) -> HandGroups:
    """Every second view shows too little, and is not there."""
    return HandGroups(SyntheticHands(drawn_data / "train", min_visible_vertices=0.5))


def groups_of(
    groups: HandGroups, count: int, *, views: int = VIEWS, first: int = 0, share: Share | None = None
) -> list[ViewsBatch]:
    course = Course(batch_size=4, seed=3, first_batch=first, share=share or WHOLE)
    stream = training_groups(groups, DISTURBED, course, views=views)
    return list(itertools.islice(stream, count))


def equal(one: ViewsBatch, other: ViewsBatch) -> bool:
    return all(
        torch.equal(a, b) for a, b in zip((*one[:2], *one.truth), (*other[:2], *other.truth), strict=True)
    )


def test_every_view_of_the_set_is_in_one_group(whole: HandGroups) -> None:
    assert sorted(whole.members.ravel()) == list(range(len(whole.hands)))
    assert (whole.members[:, 1] - whole.members[:, 0] == 1).all()


def test_a_group_shows_one_hand(whole: HandGroups) -> None:
    for batch in groups_of(whole, 3):
        assert batch.valid.all()
        for canonical in (batch.truth.vertices_canonical_m, batch.truth.joints_canonical_m):
            assert_close(canonical[:, 1:], canonical[:, :1].expand_as(canonical[:, 1:]), rtol=0, atol=0)
        assert not torch.allclose(batch.truth.rotation[:, 0], batch.truth.rotation[:, 1])


def test_the_views_go_round_from_the_target(whole: HandGroups) -> None:
    members = whole.members[3]
    assert whole.views_from(3, 1, count=2).tolist() == [members[1], members[0]]
    assert whole.views_from(3, 1, count=1).tolist() == [members[1]]
    assert whole.views_from(3, 0, count=4).tolist() == [*members, MISSING, MISSING]


def test_any_view_that_is_there_becomes_the_target(whole: HandGroups, holed: HandGroups) -> None:
    seen = torch.cat([batch.truth.visibility[:, 0] for batch in groups_of(whole, 20)])
    first = {float(whole.hands[int(view)].visibility) for view in whole.members[:, 0]}
    from_the_first = [float(value) in first for value in seen]
    assert any(from_the_first)
    assert not all(from_the_first)
    assert all(holed.targets(group).tolist() == [0] for group in range(len(holed)))


def test_a_view_that_is_not_there_is_black_and_invalid(holed: HandGroups) -> None:
    (batch,) = groups_of(holed, 1, views=3)
    assert batch.valid.tolist() == [[True, False, False]] * 4
    assert not batch.images[~batch.valid].any()
    assert batch.images[batch.valid].any()
    assert len(batch.every_view().images) == 4


def test_undisturbed_groups_are_the_undisturbed_views(whole: HandGroups) -> None:
    (pictures,) = plain_batches(whole.hands, batch_size=len(whole.hands))
    batches = list(plain_groups(whole, views=VIEWS, batch_size=5))
    views = [batch.every_view() for batch in batches]
    assert torch.equal(torch.cat([batch.images for batch in views]), pictures.images)
    truth = HandTruth(*(torch.cat(parts) for parts in zip(*(batch.truth for batch in views), strict=True)))
    for grouped, single in zip(truth, pictures.truth, strict=True):
        assert torch.equal(grouped, single)


def test_targets_are_the_first_views(whole: HandGroups) -> None:
    (batch,) = groups_of(whole, 1)
    targets = batch.targets()
    assert torch.equal(targets.images, batch.images[:, 0])
    assert torch.equal(targets.truth.rotation, batch.truth.rotation[:, 0])


def test_a_stream_can_begin_anywhere_and_be_shared(whole: HandGroups) -> None:
    stream = groups_of(whole, 7)
    assert all(itertools.starmap(equal, zip(groups_of(whole, 2, first=5), stream[5:], strict=True)))
    shares = [groups_of(whole, 1, share=Share(number, of=2))[0] for number in range(2)]
    assert torch.equal(torch.stack([s.images for s in shares], dim=1).flatten(0, 1), stream[0].images)


def test_each_view_has_a_look_of_its_own(whole: HandGroups) -> None:
    (disturbed,) = groups_of(whole, 1)
    turns = disturbed.truth.rotation
    # Undone by the undisturbed rotation, what is left is the turn of the crop about the viewing axis.
    plain = {
        round(float(whole.hands[view].visibility), 5): whole.hands[view].rotation
        for view in range(len(whole.hands))
    }
    angles = []
    for group in range(4):
        for view in range(VIEWS):
            still = plain[round(float(disturbed.truth.visibility[group, view]), 5)]
            roll = turns[group, view].numpy() @ still.T
            np.testing.assert_allclose(roll[2], [0, 0, 1], atol=1e-5)
            angles.append(round(float(np.arctan2(roll[1, 0], roll[0, 0])), 4))
    assert len(set(angles)) > VIEWS
