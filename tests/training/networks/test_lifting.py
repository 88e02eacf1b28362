"""From maps to places, from places to features, from joints to vertices."""

from __future__ import annotations

import torch
from torch.testing import assert_close

from training.networks.lifting import JointHead, Lifting, PosePooling


def test_joints_are_read_from_their_own_maps() -> None:
    head = JointHead(4)
    maps = torch.rand(2, 24, 16, 16)
    joint_maps, places = head(maps)
    assert joint_maps.shape == (2, 4, 16, 16)
    assert_close(places[:, 2], head.locate(joint_maps[:, 2].flatten(1)))


def test_the_head_starts_alive() -> None:
    torch.manual_seed(0)
    head = JointHead(21)
    maps = torch.rand(8, 24, 16, 16, requires_grad=True)
    _, places = head(maps)
    places.sum().backward()
    assert maps.grad is not None
    # Every joint of every image moves its place, and nothing is stuck at either end of the hard tanh.
    assert (maps.grad.abs().amax(dim=(1, 2, 3)) > 0).all()
    assert places.std(dim=0).min() > 0


def test_pooling_reads_the_corners_and_the_middle() -> None:
    pooling = PosePooling(2, 2)
    with torch.no_grad():
        pooling.project.weight.copy_(torch.eye(2)[:, :, None, None])
        pooling.prepare.weight.copy_(torch.eye(2)[:, :, None, None])
    feature = torch.arange(32.0).reshape(1, 2, 4, 4)
    places = torch.tensor([[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.5, 0.5], [7.0, -7.0]]])
    pooled = pooling(feature, places)  # (1, 5, 2)
    assert_close(pooled[0, :, 0], torch.tensor([0.0, 3.0, 12.0, 7.5, 3.0]))
    assert_close(pooled[0, :, 1], pooled[0, :, 0] + 16.0)


def test_lifting_starts_as_the_sum_of_all_joints() -> None:
    features = torch.randn(2, 21, 6)
    lifted = Lifting(21, 49)(features)
    assert_close(lifted, 0.01 * features.sum(dim=1, keepdim=True).expand(2, 49, 6))
