"""Rotations, attention and the three ways for joints and orientation to meet."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional
from torch.testing import assert_close

from training.networks.orientation import (
    Attention,
    AttentionFusion,
    ConcatenationFusion,
    RotationRegressor,
    SumFusion,
    halving_widths,
    rotation_from_6d,
)

NUMBERS = st.floats(min_value=-1e4, max_value=1e4, width=32)


def assert_is_rotation(matrices: torch.Tensor) -> None:
    identity = torch.eye(3, dtype=matrices.dtype).expand_as(matrices)
    assert_close(matrices @ matrices.transpose(-1, -2), identity, atol=1e-5, rtol=0.0)
    assert_close(torch.linalg.det(matrices), torch.ones(matrices.shape[:-2]), atol=1e-5, rtol=0.0)


@settings(deadline=None)
@given(st.lists(NUMBERS, min_size=6, max_size=6))
def test_any_six_numbers_are_a_rotation(six: list[float]) -> None:
    assert_is_rotation(rotation_from_6d(torch.tensor([six])))


@pytest.mark.parametrize(
    "six",
    [
        [0.0] * 6,
        [1.0, 2.0, 3.0, 2.0, 4.0, 6.0],
        [0.0, 0.0, 0.0, 1.0, 0.0, 0.0],
        [1.0, 0.0, 0.0, 1.0, 1e-5, 0.0],
    ],
)
def test_lost_directions_have_a_rotation_and_a_finite_gradient(six: list[float]) -> None:
    numbers = torch.tensor([six], requires_grad=True)
    rotation = rotation_from_6d(numbers)
    assert_is_rotation(rotation.detach())
    rotation.sum().backward()  # type: ignore[no-untyped-call]
    assert numbers.grad is not None
    assert numbers.grad.isfinite().all()


def test_the_first_two_rows_of_a_rotation_give_it_back() -> None:
    rotations, _ = torch.linalg.qr(torch.randn(20, 3, 3, generator=torch.Generator().manual_seed(0)))
    rotations = rotations * torch.linalg.det(rotations)[:, None, None]
    assert_close(rotation_from_6d(rotations[:, :2].flatten(1)), rotations, atol=1e-5, rtol=0.0)


def test_scale_and_the_part_along_the_first_row_do_not_matter() -> None:
    six = torch.randn(10, 6, generator=torch.Generator().manual_seed(0))
    other = torch.cat((3.0 * six[:, :3], 0.5 * six[:, 3:] - 2.0 * six[:, :3]), dim=1)
    assert_close(rotation_from_6d(other), rotation_from_6d(six), atol=1e-5, rtol=0.0)


def test_attention_is_torch_s_own_with_residual_and_norm() -> None:
    attention = Attention(12, heads=3, head_channels=5).eval()
    queries, context = torch.randn(2, 4, 12), torch.randn(2, 7, 12)

    def heads(tokens: torch.Tensor) -> torch.Tensor:
        return tokens.reshape(2, -1, 3, 5).transpose(1, 2)

    attended = functional.scaled_dot_product_attention(
        heads(attention.query(queries)), heads(attention.key(context)), heads(attention.value(context))
    )
    merged = attention.out(attended.transpose(1, 2).reshape(2, 4, 15))
    assert_close(attention(queries, context), functional.layer_norm(queries + merged, (12,), eps=1e-6))


def test_attention_does_not_care_for_the_order_of_its_context() -> None:
    attention = Attention(12, heads=3, head_channels=5).eval()
    queries, context = torch.randn(2, 4, 12), torch.randn(2, 7, 12)
    assert_close(attention(queries, context[:, torch.randperm(7)]), attention(queries, context))


@pytest.mark.parametrize(
    "fusion", [AttentionFusion(16, heads=2, head_channels=4), ConcatenationFusion(16), SumFusion()]
)
def test_every_fusion_has_the_same_signature(fusion: nn.Module) -> None:
    joints, orientation = torch.randn(2, 16, 4, 4), torch.randn(2, 16, 4, 4)
    assert fusion(joints, orientation).shape == (2, 16, 4, 4)


def test_fused_features_keep_their_cells() -> None:
    fusion = AttentionFusion(8, heads=2, head_channels=4).eval()
    joints, orientation = torch.randn(1, 8, 4, 4), torch.randn(1, 8, 4, 4)
    # Tokens carry no place, so that swapping two cells of the query swaps them in the answer.
    swapped = joints.clone()
    swapped[..., 0, 1], swapped[..., 2, 3] = joints[..., 2, 3], joints[..., 0, 1]
    fused, fused_swapped = fusion(joints, orientation), fusion(swapped, orientation)
    assert_close(fused_swapped[..., 0, 1], fused[..., 2, 3])


def test_the_regressor_of_the_paper_has_its_layers() -> None:
    regressor = RotationRegressor(1024, halving_widths(1024))
    widths = [layer.out_features for layer in regressor.regress if isinstance(layer, nn.Linear)]
    assert widths == [2048, 1024, 512, 256, 128, 64, 32, 16, 6]


def test_the_regressor_starts_alive() -> None:
    torch.manual_seed(0)
    rotations = RotationRegressor(256, halving_widths(256))(torch.randn(16, 256, 4, 4))
    assert_is_rotation(rotations.detach())
    assert rotations.std(dim=0).mean() > 0.01
