"""The loss on the joints' maps."""

from __future__ import annotations

import torch
from torch.nn import functional
from torch.testing import assert_close

from training.losses.heatmap import SHARPNESS, gaussian_maps, heatmap_loss


def test_maps_sum_to_one_and_peak_at_the_joint() -> None:
    uv = torch.tensor([[[0.5 / 16, 0.5 / 16], [10.5 / 16, 3.5 / 16]]])
    maps = gaussian_maps(uv, height=16, width=16)
    assert_close(maps.sum(dim=(2, 3)), torch.ones(1, 2))
    # Rows are v, columns are u.
    assert maps[0, 0].argmax() == 0
    assert maps[0, 1].argmax() == 3 * 16 + 10


def test_the_mean_of_a_map_is_its_joint() -> None:
    uv = torch.tensor([[[0.41, 0.63]]])
    maps = gaussian_maps(uv, height=16, width=16)
    centres = (torch.arange(16) + 0.5) / 16
    assert_close((maps[0, 0].sum(dim=0) * centres).sum(), uv[0, 0, 0], atol=1e-3, rtol=0.0)
    assert_close((maps[0, 0].sum(dim=1) * centres).sum(), uv[0, 0, 1], atol=1e-3, rtol=0.0)


def test_there_is_no_loss_at_the_truth() -> None:
    uv = torch.rand(3, 21, 2)
    best = gaussian_maps(uv, height=16, width=16).clamp_min(1e-30).log() / SHARPNESS
    assert heatmap_loss(best, uv).abs() < 1e-5


def test_the_gradient_is_that_of_the_cross_entropy() -> None:
    uv, maps = torch.rand(3, 21, 2), torch.randn(3, 21, 16, 16, requires_grad=True)
    target = gaussian_maps(uv, height=16, width=16).flatten(2)
    entropy = functional.cross_entropy(SHARPNESS * maps.flatten(2).flatten(0, 1), target.flatten(0, 1))
    (expected,) = torch.autograd.grad(entropy, maps)
    (gradient,) = torch.autograd.grad(heatmap_loss(maps, uv), maps)
    assert_close(gradient, expected)


def test_joints_outside_the_crop_carry_no_weight() -> None:
    maps = torch.randn(2, 4, 16, 16)
    uv = torch.rand(2, 4, 2)
    uv[0, 1] = torch.tensor([1.2, 0.5])
    uv[1, 3] = torch.tensor([0.5, -0.1])
    changed = maps.clone()
    changed[0, 1], changed[1, 3] = 9.0, torch.randn(16, 16)
    assert_close(heatmap_loss(changed, uv), heatmap_loss(maps, uv))


def test_a_batch_without_a_joint_inside_has_no_loss_and_a_finite_gradient() -> None:
    maps = torch.randn(1, 2, 16, 16, requires_grad=True)
    loss = heatmap_loss(maps, torch.full((1, 2, 2), 5.0))
    (gradient,) = torch.autograd.grad(loss, maps)
    assert float(loss.detach()) == 0.0
    assert (gradient == 0).all()
