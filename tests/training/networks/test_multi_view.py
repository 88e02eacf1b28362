"""MVR-Hand: its size, the targets, views that are not there, and what it has in common with SVR-Hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.training.fed import fed
from training.checkpoint import load_shared_weights
from training.config import FusionConfig, NetworkConfig, load_recipe, recipe_names
from training.hand.topology import HandTopology
from training.networks.build import build, build_any, build_multi_view
from training.networks.hands import MultiViewHand, SingleViewHand
from training.tensors import ViewsPrediction

VIEWS = 3
VALID = torch.tensor([[True, True, True], [True, True, False]])
ORIENTATION_PARTS = {"fuse_images", "fuse_joints", "encode", "regress"}


@pytest.fixture
def multi_view_config(small_config: NetworkConfig) -> NetworkConfig:
    return dataclasses.replace(small_config, views=VIEWS)


@pytest.fixture
def network(multi_view_config: NetworkConfig, topology: HandTopology) -> MultiViewHand:
    torch.manual_seed(0)
    return fed(build_multi_view(multi_view_config, topology))


@pytest.fixture
def views() -> Tensor:
    return torch.rand(2, VIEWS, 3, 128, 128, generator=torch.Generator().manual_seed(3))


def tensors(prediction: ViewsPrediction) -> Iterator[Tensor]:
    yield from prediction.views[:-1]
    yield from prediction.hand.shape
    yield from prediction.hand[1:]


def rows_of(valid: Tensor) -> Tensor:
    """Return the row of each view that there is, where there are rows for no other."""
    return (valid.flatten().cumsum(0) - 1).reshape(valid.shape)


def test_the_paper_s_size(topology: HandTopology) -> None:
    with torch.device("meta"):
        network = build_any(load_recipe("mvr_paper").network, topology)
    assert sum(parameter.numel() for parameter in network.parameters()) == 30_295_094


@torch.no_grad()
def test_a_batch_is_its_groups(network: MultiViewHand, views: Tensor) -> None:
    together = tensors(network(views, VALID))
    alone = zip(*(tensors(network(views[i : i + 1], VALID[i : i + 1])) for i in range(2)), strict=True)
    for batched, singles in zip(together, alone, strict=True):
        assert_close(batched, torch.cat(singles), rtol=1e-3, atol=1e-4)


@torch.no_grad()
def test_every_target_is_the_views_turned_round(network: MultiViewHand, views: Tensor) -> None:
    hands = network.for_every_target(views, VALID[:, None])
    for target in range(VIEWS):
        # Of the second group the last view is not there: it comes last from every target on.
        orders = [
            [(target + place) % VIEWS for place in range(VIEWS)],
            [target, 1 - target, 2] if target < 2 else [2, 0, 1],
        ]
        turned = network(
            torch.stack([own[order] for own, order in zip(views, orders, strict=True)]), VALID
        ).hand
        there, row = VALID[:, target], rows_of(VALID)[:, target]
        for every, one in zip((*hands.shape, *hands[1:]), (*turned.shape, *turned[1:]), strict=True):
            assert_close(every[row[there]], one[there], rtol=1e-3, atol=1e-4)


@torch.no_grad()
def test_a_look_sees_its_own_views_alone(network: MultiViewHand, views: Tensor) -> None:
    looks = torch.zeros(2, 2, VIEWS, dtype=torch.bool)
    looks[0, 0, :2] = looks[0, 1, 2:] = True
    looks[1, 1, :1] = True
    hands = network.for_every_target(views, looks)
    alone = [(0, looks[0, 0]), (0, looks[0, 1]), (1, looks[1, 1])]
    expected = [network.for_every_target(views[b : b + 1], valid[None, None]) for b, valid in alone]
    assert len(hands.rotation) == int(looks.sum())
    for part in ("vertices_m", "joints_m", "rotation"):
        assert_close(
            getattr(hands, part), torch.cat([getattr(it, part) for it in expected]), rtol=1e-3, atol=1e-4
        )


@torch.no_grad()
def test_a_view_that_is_not_there_changes_nothing(network: MultiViewHand, views: Tensor) -> None:
    before = network(views, VALID).hand
    disturbed = views.clone()
    disturbed[~VALID] = 0.5
    after = network(disturbed, VALID).hand
    for one, other in zip((*before.shape, *before[1:]), (*after.shape, *after[1:]), strict=True):
        assert_close(other, one, rtol=1e-3, atol=1e-4)


@torch.no_grad()
def test_the_canonical_hand_is_the_same_whichever_view_is_the_target(
    network: MultiViewHand, views: Tensor
) -> None:
    straight, turned = (
        network(views, VALID[:1].expand(2, -1)),
        network(views.flip(1), VALID[:1].expand(2, -1)),
    )
    for hands in ("vertices_canonical_m", "joints_canonical_m", "lifted_feature"):
        one, other = getattr(straight.hand.shape, hands), getattr(turned.hand.shape, hands)
        assert_close(other, one, rtol=1e-3, atol=1e-4)
    assert not torch.allclose(straight.hand.rotation, turned.hand.rotation)


@torch.no_grad()
def test_of_one_view_it_sees_the_hand_that_the_single_view_network_sees(
    network: MultiViewHand, small_config: NetworkConfig, topology: HandTopology, views: Tensor
) -> None:
    single = build(small_config, topology).eval()
    single.shape.load_state_dict(network.shape.state_dict())
    wanted = single.shape(views[:, 0])
    alone = network.shape(views[:, :1], torch.ones(2, 1, dtype=torch.bool)).hand
    for one, other in zip(alone, wanted, strict=True):
        assert_close(one, other, rtol=1e-3, atol=1e-4)


ROUTES: list[tuple[str, Callable[[ViewsPrediction], Tensor], set[str]]] = [
    ("rotation", lambda it: it.hand.rotation, ORIENTATION_PARTS),
    ("joined feature", lambda it: it.hand.fused_orientation_feature, ORIENTATION_PARTS - {"regress"}),
    ("orientation feature", lambda it: it.hand.orientation_feature, {"fuse_images", "encode"}),
    ("joint feature", lambda it: it.hand.mapped_joint_feature, {"fuse_joints"}),
]


@pytest.mark.parametrize(("output", "expected"), [route[1:] for route in ROUTES], ids=[r[0] for r in ROUTES])
def test_the_orientation_does_not_bend_the_shape(
    network: MultiViewHand, views: Tensor, output: Callable[[ViewsPrediction], Tensor], expected: set[str]
) -> None:
    tensor = output(network(views, VALID))
    weights = torch.randn(tensor.shape, generator=torch.Generator().manual_seed(2))
    (weights * tensor).sum().backward()  # type: ignore[no-untyped-call]
    reached = {
        name.split(".")[1]
        for name, parameter in network.named_parameters()
        if parameter.grad is not None and parameter.grad.abs().sum() > 0
    }
    assert reached == expected


def test_training_reaches_every_parameter(network: MultiViewHand, views: Tensor) -> None:
    prediction = network.train()(views, VALID)
    torch.stack([tensor.square().sum() for tensor in tensors(prediction)]).sum().backward()  # type: ignore[no-untyped-call]
    assert [name for name, parameter in network.named_parameters() if parameter.grad is None] == []


CHANGES = {
    "ablations/table5_i": "orientation.fuse_images",
    "ablations/table5_ii": "orientation.fuse_joints",
    "ablations/table5_ii_strict": "orientation.fuse_joints",
    "ablations/table5_iii": "orientation.fuse_joints",
    "ablations/table5_iv": "shape.fuse_vertices",
    "ablations/table5_v": "shape.fuse_vertices",
    "ablations/table5_vii": "orientation.fuse",
    "ablations/table5_viii": "orientation.fuse",
    "ablations/equation3_literal": "shape.fuse_vertices",
    "ablations/equation3_mha": "shape.fuse_vertices",
}


@pytest.mark.parametrize(("recipe", "changed"), CHANGES.items())
def test_an_ablation_changes_one_module_and_nothing_else(
    recipe: str, changed: str, topology: HandTopology
) -> None:
    ablation = load_recipe(recipe)
    base = load_recipe("svr_paper" if ablation.network.views == 1 else "mvr_paper")
    assert dataclasses.replace(ablation, network=base.network) == base
    with torch.device("meta"):
        one, other = (build_any(config.network, topology) for config in (base, ablation))
    assert type(one.get_submodule(changed)) is not type(other.get_submodule(changed))
    rest = [
        {
            name: tensor.shape
            for name, tensor in network.state_dict().items()
            if not name.startswith(f"{changed}.")
        }
        for network in (one, other)
    ]
    assert rest[0] == rest[1]


def test_every_ablation_of_a_network_is_tested() -> None:
    ablations = {
        name for name in recipe_names() if name.startswith(("ablations/table5", "ablations/equation3"))
    }
    assert ablations == set(CHANGES)


def test_one_view_too_many_or_too_few_is_refused(
    small_config: NetworkConfig, multi_view_config: NetworkConfig, topology: HandTopology
) -> None:
    with pytest.raises(ValueError, match="looks at 1 view; several are wanted"):
        build_multi_view(small_config, topology)
    with pytest.raises(ValueError, match="looks at 3 views; one is wanted"):
        build(multi_view_config, topology)


@pytest.mark.parametrize("joint_fusion", ["cat", "none", "drop"])
def test_every_reading_builds_and_runs(
    joint_fusion: str, multi_view_config: NetworkConfig, topology: HandTopology, views: Tensor
) -> None:
    fusion = FusionConfig(joints=joint_fusion, join="attn", vertices="mha")  # type: ignore[arg-type]
    network = build_multi_view(dataclasses.replace(multi_view_config, fusion=fusion), topology).eval()
    with torch.no_grad():
        assert network(views, VALID).hand.vertices_m.isfinite().all()


@torch.no_grad()
def test_begun_from_a_single_view_it_knows_the_target_s_orientation(
    single_view: SingleViewHand, multi_view_config: NetworkConfig, topology: HandTopology, views: Tensor
) -> None:
    fusion = FusionConfig(images="cat", joints="cat", join="attn")
    several = build_multi_view(dataclasses.replace(multi_view_config, fusion=fusion), topology).eval()
    assert load_shared_weights(several, single_view.state_dict()) == ()
    got = several(views, torch.ones(2, VIEWS, dtype=torch.bool)).hand.rotation
    assert_close(got, single_view(views[:, 0]).rotation, atol=1e-5, rtol=0)
    assert not torch.allclose(got, single_view(views[:, 1]).rotation)
