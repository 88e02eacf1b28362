"""The criterion: zero at the truth, terms by their formulas, weights by their recipe."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor
from torch.testing import assert_close

from training.hand.template import load_template
from training.hand.topology import HandTopology
from training.losses import TERM_NAMES, Criterion
from training.losses.criterion import ROTATED_TERMS, SHAPE_TERMS
from training.losses.heatmap import SHARPNESS, gaussian_maps
from training.tensors import HandPrediction, HandShape, HandTruth

BATCH = 4


@dataclass(frozen=True)
class Case:
    """A truth, and the prediction that says exactly it."""

    truth: HandTruth
    prediction: HandPrediction


@pytest.fixture(scope="module")
def topology() -> HandTopology:
    return load_template().topology


@pytest.fixture
def perfect(topology: HandTopology) -> Case:
    torch.manual_seed(0)
    template = load_template()
    mesh = torch.from_numpy(template.loop_matrix @ template.control_vertices_m).float()
    vertices = mesh[torch.from_numpy(template.label_vertices)] * (1.0 + 0.1 * torch.randn(BATCH, 1, 1))
    joints = torch.from_numpy(topology.joint_regressor) @ vertices
    rotation = torch.from_numpy(Rotation.random(BATCH, rng=0).as_matrix()).float()
    uv = 0.1 + 0.8 * torch.rand(BATCH, 21, 2)
    truth = HandTruth(vertices, joints, rotation, uv, torch.ones(BATCH))
    return Case(truth, _saying(truth))


def _saying(truth: HandTruth) -> HandPrediction:
    wrist = truth.joints_canonical_m[:, :1]
    nothing = torch.zeros(BATCH, 1)
    maps = gaussian_maps(truth.joints_uv, height=16, width=16).clamp_min(1e-30).log() / SHARPNESS
    shape = HandShape(
        image_feature=nothing,
        joint_feature=nothing,
        heatmap_logits=maps,
        joints_uv=truth.joints_uv,
        lifted_feature=nothing,
        decoded_feature=nothing,
        vertices_canonical_m=truth.vertices_canonical_m,
        joints_canonical_m=truth.joints_canonical_m,
    )

    def turned(points: Tensor) -> Tensor:
        return torch.einsum("bij,bnj->bni", truth.rotation, points - wrist) + wrist

    return HandPrediction(
        shape=shape,
        mapped_joint_feature=nothing,
        orientation_feature=nothing,
        fused_orientation_feature=nothing,
        rotation=truth.rotation,
        vertices_m=turned(truth.vertices_canonical_m),
        joints_m=turned(truth.joints_canonical_m),
    )


@pytest.mark.parametrize("term", TERM_NAMES)
def test_there_is_no_loss_at_the_truth(term: str, perfect: Case, topology: HandTopology) -> None:
    losses = Criterion({term: 1.0}, topology).full(perfect.prediction, perfect.truth)
    # The normals of single-precision vertices are right to about 1e-4.
    assert losses[term].abs() < (2e-4 if term.startswith("normals") else 1e-5)


@pytest.mark.parametrize("term", TERM_NAMES)
def test_there_is_a_loss_elsewhere(term: str, perfect: Case, topology: HandTopology) -> None:
    def noisy(tensor: Tensor) -> Tensor:
        return tensor + 0.01 * torch.randn_like(tensor)

    shape = HandShape(*(noisy(tensor) for tensor in perfect.prediction.shape))
    prediction = HandPrediction(shape, *(noisy(tensor) for tensor in perfect.prediction[1:]))
    assert Criterion({term: 1.0}, topology).full(prediction, perfect.truth)[term] > 1e-6


@pytest.mark.parametrize(
    ("term", "field"),
    [
        ("vertices_canonical", "vertices_canonical_m"),
        ("joints_canonical", "joints_canonical_m"),
        ("joints_uv", "joints_uv"),
    ],
)
def test_a_shift_costs_its_length(term: str, field: str, perfect: Case, topology: HandTopology) -> None:
    shape = perfect.prediction.shape
    moved = shape._replace(**{field: getattr(shape, field) - 0.003})
    assert_close(Criterion({term: 1.0}, topology).shape(moved, perfect.truth)[term], torch.tensor(0.003))


def test_the_rotation_term_is_the_paper_s_up_to_a_square_and_a_ninth(
    perfect: Case, topology: HandTopology
) -> None:
    other = torch.from_numpy(Rotation.random(BATCH, rng=1).as_matrix()).float()
    prediction = perfect.prediction._replace(rotation=other)
    loss = Criterion({"rotation": 1.0}, topology).full(prediction, perfect.truth)["rotation"]
    paper = other @ perfect.truth.rotation.transpose(1, 2) - torch.eye(3)
    assert_close(loss, (paper.norm(dim=(1, 2)) ** 2).mean() / 9.0)


def test_the_total_is_the_weighted_sum_of_the_listed_terms(perfect: Case, topology: HandTopology) -> None:
    weights = {"joints_uv": 3.0, "edges": 0.5}
    shape = perfect.prediction.shape
    moved = shape._replace(
        joints_uv=shape.joints_uv + 0.1, vertices_canonical_m=shape.vertices_canonical_m * 2
    )
    losses = Criterion(weights, topology).shape(moved, perfect.truth)
    assert set(losses) == {"joints_uv", "edges", "total"}
    assert_close(losses["total"], 3.0 * losses["joints_uv"] + 0.5 * losses["edges"])


def test_both_stages_agree_on_the_shape_terms(perfect: Case, topology: HandTopology) -> None:
    criterion = Criterion(dict.fromkeys(SHAPE_TERMS, 1.0), topology)
    moved = perfect.prediction.shape._replace(joints_uv=perfect.truth.joints_uv + 0.1)
    alone = criterion.shape(moved, perfect.truth)
    whole = criterion.full(perfect.prediction._replace(shape=moved), perfect.truth)
    for name, loss in alone.items():
        assert_close(whole[name], loss)


def test_the_loss_does_not_care_for_the_order_of_the_batch(perfect: Case, topology: HandTopology) -> None:
    criterion = Criterion(dict.fromkeys(SHAPE_TERMS, 1.0), topology)
    shape = HandShape(*(tensor + 0.01 * torch.randn_like(tensor) for tensor in perfect.prediction.shape))
    order = torch.tensor([2, 0, 3, 1])
    permuted = criterion.shape(
        HandShape(*(tensor[order] for tensor in shape)), HandTruth(*(part[order] for part in perfect.truth))
    )
    assert_close(permuted["total"], criterion.shape(shape, perfect.truth)["total"])


def test_half_precision_does_not_reach_the_losses(perfect: Case, topology: HandTopology) -> None:
    criterion = Criterion(dict.fromkeys(TERM_NAMES, 1.0), topology)
    with torch.autocast("cpu", torch.bfloat16):
        inside = criterion.full(perfect.prediction, perfect.truth)
    outside = criterion.full(perfect.prediction, perfect.truth)
    assert_close(inside["vertices_rotated"], outside["vertices_rotated"])
    assert inside["total"].dtype == torch.float32


def test_a_gradient_reaches_what_is_trained(perfect: Case, topology: HandTopology) -> None:
    vertices = perfect.truth.vertices_canonical_m.clone().requires_grad_()
    shape = perfect.prediction.shape._replace(vertices_canonical_m=vertices)
    Criterion({"normals": 1.0, "edges": 1.0}, topology).shape(shape, perfect.truth)["total"].backward()  # type: ignore[no-untyped-call]
    assert vertices.grad is not None
    assert vertices.grad.isfinite().all()


def test_an_unknown_term_is_refused(topology: HandTopology) -> None:
    with pytest.raises(ValueError, match=r"unknown loss term \['verts'\]"):
        Criterion({"verts": 1.0}, topology)


def test_no_term_at_all_is_refused(topology: HandTopology) -> None:
    with pytest.raises(ValueError, match="at least one loss term"):
        Criterion({}, topology)


@pytest.mark.parametrize("term", ROTATED_TERMS)
def test_the_shape_stage_has_no_orientation(term: str, perfect: Case, topology: HandTopology) -> None:
    with pytest.raises(ValueError, match=f"'{term}'"):
        Criterion({term: 1.0}, topology).shape(perfect.prediction.shape, perfect.truth)
