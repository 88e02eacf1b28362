"""The forward passes: shapes, independence of the images, the routing of gradients, tracing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from training.hand.topology import HandTopology
from training.networks.hands import SingleViewHand
from training.tensors import HandPrediction

SHAPE_PARTS = {"encode_image", "encode_shape", "decode_maps", "locate_joints", "pool", "lift", "decode_mesh"}
ORIENTATION_PARTS = {"map_image", "map_joints", "encode", "fuse", "regress"}


def tensors(prediction: HandPrediction) -> Iterator[Tensor]:
    yield from prediction.shape
    yield from prediction[1:]


def parts_with_gradient(network: SingleViewHand) -> set[str]:
    """Return the parts of both branches that the last backward pass has reached."""
    return {
        name.split(".")[1]
        for name, parameter in network.named_parameters()
        if parameter.grad is not None and parameter.grad.abs().sum() > 0
    }


def test_every_tensor_has_the_shape_of_the_legend(network: SingleViewHand, images: Tensor) -> None:
    prediction = network(images)
    shapes = [tuple(tensor.shape) for tensor in tensors(prediction)]
    assert shapes == [
        (3, 16, 32, 32),
        (3, 128, 4, 4),
        (3, 21, 16, 16),
        (3, 21, 2),
        (3, 49, 24),
        (3, 778, 8),
        (3, 778, 3),
        (3, 21, 3),
        (3, 128, 4, 4),
        (3, 128, 4, 4),
        (3, 128, 4, 4),
        (3, 3, 3),
        (3, 778, 3),
        (3, 21, 3),
    ]


@torch.no_grad()
def test_a_batch_is_its_images(network: SingleViewHand, images: Tensor) -> None:
    together = tensors(network(images))
    alone = zip(*(tensors(network(image[None])) for image in images), strict=True)
    for batched, singles in zip(together, alone, strict=True):
        assert_close(batched, torch.cat(singles), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_a_permuted_batch_is_permuted(network: SingleViewHand, images: Tensor) -> None:
    order = [2, 0, 1]
    for straight, permuted in zip(tensors(network(images)), tensors(network(images[order])), strict=True):
        assert_close(permuted, straight[order], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_the_memory_layout_does_not_matter(network: SingleViewHand, images: Tensor) -> None:
    before = list(tensors(network(images)))
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    after = tensors(network(images.contiguous(memory_format=torch.channels_last)))
    for one, other in zip(before, after, strict=True):
        assert_close(other, one, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_the_rotated_hand_is_the_canonical_one_turned_about_its_wrist(
    network: SingleViewHand, images: Tensor
) -> None:
    prediction = network(images)
    canonical = prediction.shape.vertices_canonical_m
    wrist = prediction.shape.joints_canonical_m[:, 0]
    assert_close(prediction.joints_m[:, 0], wrist, atol=1e-6, rtol=0.0)
    for image in range(len(images)):
        turned = (prediction.rotation[image] @ (canonical[image] - wrist[image]).T).T + wrist[image]
        assert_close(prediction.vertices_m[image], turned, atol=1e-6, rtol=1e-5)


@torch.no_grad()
def test_joints_are_read_from_the_mesh(
    network: SingleViewHand, images: Tensor, topology: HandTopology
) -> None:
    shape = network.shape(images)
    tips = shape.vertices_canonical_m[:, torch.from_numpy(topology.fingertip_vertices)]
    assert_close(shape.joints_canonical_m[:, [4, 8, 12, 16, 20]], tips)


# What each output's gradient reaches (spec section 2): the orientation reads the shape and does not bend it,
# the rotated hand reaches the shape through the re-added wrist alone, the place of a joint reaches no mesh.
ROUTES: list[tuple[str, Callable[[HandPrediction], Tensor], set[str]]] = [
    ("rotation", lambda it: it.rotation, ORIENTATION_PARTS),
    ("fused feature", lambda it: it.fused_orientation_feature, ORIENTATION_PARTS - {"regress"}),
    ("mapped joint feature", lambda it: it.mapped_joint_feature, {"map_joints"}),
    ("orientation feature", lambda it: it.orientation_feature, {"map_image", "encode"}),
    ("uv", lambda it: it.shape.joints_uv, {"encode_image", "encode_shape", "decode_maps", "locate_joints"}),
    ("maps", lambda it: it.shape.heatmap_logits, SHAPE_PARTS - {"pool", "lift", "decode_mesh"}),
    ("lifted feature", lambda it: it.shape.lifted_feature, SHAPE_PARTS - {"decode_mesh"}),
    ("canonical mesh", lambda it: it.shape.vertices_canonical_m, SHAPE_PARTS),
    ("rotated mesh", lambda it: it.vertices_m, SHAPE_PARTS | ORIENTATION_PARTS),
]


@pytest.mark.parametrize(("output", "expected"), [route[1:] for route in ROUTES], ids=[r[0] for r in ROUTES])
def test_gradients_take_their_routes(
    network: SingleViewHand,
    images: Tensor,
    output: Callable[[HandPrediction], Tensor],
    expected: set[str],
) -> None:
    tensor = output(network(images))
    # Weights that are not all alike: a plain sum is constant over a softmax and a layer norm.
    weights = torch.randn(tensor.shape, generator=torch.Generator().manual_seed(2))
    (weights * tensor).sum().backward()  # type: ignore[no-untyped-call]
    assert parts_with_gradient(network) == expected


def test_the_articulation_of_the_rotated_hand_has_no_gradient(
    network: SingleViewHand, images: Tensor
) -> None:
    prediction = network(images)
    vertices = prediction.shape.vertices_canonical_m
    away_from_wrist = prediction.vertices_m - prediction.joints_m[:, :1]
    (gradient,) = torch.autograd.grad(away_from_wrist.square().sum(), vertices, allow_unused=True)
    # The wrist that is added back cancels out, up to the rounding of its sum.
    assert gradient is None or gradient.abs().max() < 1e-4


def test_training_reaches_every_parameter(network: SingleViewHand, images: Tensor) -> None:
    prediction = network.train()(images)
    torch.stack([tensor.square().sum() for tensor in tensors(prediction)]).sum().backward()  # type: ignore[no-untyped-call]
    without = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    assert without == []


@torch.no_grad()
def test_half_precision_stays_near(network: SingleViewHand, images: Tensor) -> None:
    exact = network(images)
    with torch.autocast("cpu", torch.bfloat16):
        rough = network(images)
    assert rough.vertices_m.dtype == rough.shape.joints_uv.dtype == torch.float32
    assert_close(rough.vertices_m, exact.vertices_m, rtol=0.1, atol=0.1 * float(exact.vertices_m.abs().max()))


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@torch.no_grad()
def test_a_trace_of_one_image_reads_any_batch(network: SingleViewHand, images: Tensor) -> None:
    traced = torch.jit.trace(network, images[:1], check_trace=False)  # type: ignore[no-untyped-call]
    for batch in (images, images[:2]):
        for eager, exported in zip(tensors(network(batch)), _flat(traced(batch)), strict=True):
            assert_close(exported, eager, rtol=1e-4, atol=1e-5)


def _flat(outputs: Tensor | tuple[object, ...]) -> Iterator[Tensor]:
    """A traced network gives plain tuples back."""
    if isinstance(outputs, Tensor):
        yield outputs
        return
    for output in outputs:
        assert isinstance(output, Tensor | tuple)
        yield from _flat(output)
