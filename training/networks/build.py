"""The one place that knows a `NetworkConfig`: it chooses the parts and hands them to the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from training.config import NetworkConfig
from training.contract import JOINT_COUNT
from training.hand.topology import HandTopology
from training.networks.blocks import ResidualMapping
from training.networks.decoder import MeshDecoder
from training.networks.encoder import ImageEncoder, MapDecoder, PyramidEncoder, gate_and_refine
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
)
from training.networks.hands import (
    CameraFrameHand,
    MultiViewHand,
    MultiViewShape,
    ShapeBranch,
    SingleViewHand,
)
from training.networks.lifting import JointHead, Lifting, PosePooling
from training.networks.orientation import (
    AttentionFusion,
    ConcatenationFusion,
    MultiViewOrientation,
    NoOrientation,
    OrientationBranch,
    RotationRegressor,
    SumFusion,
    h2onet_widths,
    halving_widths,
)
from training.networks.spiral import MeshUpsampling, SeparableSpiralConv, SpiralConv

JOINT_FEATURE_SCALE = 8
"""Channels of the joint-level feature over those of the trunk: each dense block doubles them."""

Makers = dict[str, Callable[[], nn.Module]]
"""What a key of the recipe may name, and how that module is made."""


def build_any(network: NetworkConfig, topology: HandTopology) -> SingleViewHand | MultiViewHand:
    """Build whichever network the recipe means, by its number of views.

    Raises:
        ValueError: As in `build` and `build_multi_view`.
    """
    return (build if network.views == 1 else build_multi_view)(network, topology)


def build(network: NetworkConfig, topology: HandTopology) -> SingleViewHand:
    """Build SVR-Hand for a hand's topology, with fresh weights.

    Raises:
        ValueError: The trunk's width is odd, the decoder has not one block for each step of the hierarchy, or
            the recipe is one of several views.
    """
    if network.views != 1:
        raise ValueError(f"the recipe's network looks at {network.views} views; one is wanted here")
    shape = ShapeBranch(**_shape_parts(network, topology))
    if network.frame == "camera":
        return CameraFrameHand(shape=shape, orientation=NoOrientation())
    return SingleViewHand(shape=shape, orientation=_orientation(network))


def build_multi_view(network: NetworkConfig, topology: HandTopology) -> MultiViewHand:
    """Build MVR-Hand for a hand's topology, with fresh weights.

    Raises:
        ValueError: As in `build`, or the recipe is one of a single view.
    """
    if network.views < 2:
        raise ValueError(f"the recipe's network looks at {network.views} view; several are wanted here")
    return MultiViewHand(
        shape=MultiViewShape(vertex_fusion=_vertex_fusion(network), **_shape_parts(network, topology)),
        orientation=_multi_view_orientation(network),
    )


def _shape_parts(network: NetworkConfig, topology: HandTopology) -> dict[str, Any]:
    # The first convolution makes T / 2 channels, and the dense blocks grow by T / 2 and by T.
    trunk = network.trunk_channels
    if trunk < 2 or trunk % 2:
        raise ValueError(f"trunk_channels must be even and positive, got {trunk}")
    steps = len(topology.levels) - 1
    if len(network.decoder_channels) != steps:
        raise ValueError(f"decoder_channels must name {steps} widths, got {list(network.decoder_channels)}")
    joint_channels = JOINT_FEATURE_SCALE * trunk
    return {
        "image_encoder": ImageEncoder(trunk),
        "shape_encoder": PyramidEncoder(trunk, refine=gate_and_refine(joint_channels)),
        "map_decoder": MapDecoder(trunk),
        "joint_head": JointHead(JOINT_COUNT),
        "pooling": PosePooling(joint_channels, network.latent_channels),
        "lifting": Lifting(JOINT_COUNT, topology.levels[-1].vertex_count),
        "mesh_decoder": _mesh_decoder(network, topology),
        "joint_regressor": torch.from_numpy(topology.joint_regressor).float(),
    }


def _mesh_decoder(network: NetworkConfig, topology: HandTopology) -> MeshDecoder:
    finer = topology.levels[-2::-1]
    coarser = topology.levels[:0:-1]
    return MeshDecoder(
        channels=(network.latent_channels, *network.decoder_channels),
        upsamplings=[
            MeshUpsampling(torch.from_numpy(level.up_indices), torch.from_numpy(level.up_weights).float())
            for level in coarser
        ],
        spirals=[torch.from_numpy(level.spirals) for level in finer],
        convolution={"spiral": SpiralConv, "separable": SeparableSpiralConv}[network.mesh_convolution],
    )


def _orientation(network: NetworkConfig) -> OrientationBranch:
    trunk, joint_channels = network.trunk_channels, JOINT_FEATURE_SCALE * network.trunk_channels
    mappings: dict[str, Callable[[int], nn.Module]] = {
        "pointwise": ResidualMapping,
        "none": lambda _: nn.Identity(),
    }
    return OrientationBranch(
        image_channels=trunk,
        joint_channels=joint_channels,
        image_mapping=mappings[network.mapping](trunk),
        joint_mapping=mappings[network.mapping](joint_channels),
        fusion=_join(network, network.orientation_fusion),
        regressor=_regressor(network),
    )


def _multi_view_orientation(network: NetworkConfig) -> MultiViewOrientation:
    trunk, joint_channels = network.trunk_channels, JOINT_FEATURE_SCALE * network.trunk_channels
    fusion = network.fusion
    image_fusions: Makers = {
        "cat": lambda: ConcatenatedMaps(trunk, views=network.views),
        "none": TargetAlone,
    }
    joint_fusions: Makers = {
        "pool": lambda: PooledMaps(joint_channels),
        "cat": lambda: ConcatenatedMaps(joint_channels, views=network.views),
        "none": TargetAlone,
        "drop": NothingAtAll,
    }
    return MultiViewOrientation(
        image_channels=trunk,
        joint_channels=joint_channels,
        image_fusion=image_fusions[fusion.images](),
        joint_fusion=joint_fusions[fusion.joints](),
        join=_join(network, fusion.join),
        regressor=_regressor(network),
    )


def _regressor(network: NetworkConfig) -> RotationRegressor:
    channels = JOINT_FEATURE_SCALE * network.trunk_channels
    widths = {"halving": halving_widths, "h2onet": h2onet_widths}[network.rotation_layers]
    return RotationRegressor(channels, widths(channels))


def _vertex_fusion(network: NetworkConfig) -> nn.Module:
    latent = network.latent_channels
    fusions: Makers = {
        "score": ScoredVertices,
        "literal": MultipliedVertices,
        "mha": lambda: AttendingVertices(latent, heads=network.attention_heads),
        "cat": lambda: ConcatenatedVertices(latent, views=network.views),
        "pool": lambda: PooledVertices(latent),
    }
    return fusions[network.fusion.vertices]()


def _join(network: NetworkConfig, name: str) -> nn.Module:
    """Make what joint and orientation features meet in."""
    channels = JOINT_FEATURE_SCALE * network.trunk_channels
    joins: Makers = {
        "attn": lambda: AttentionFusion(
            channels, heads=network.attention_heads, head_channels=network.attention_head_channels
        ),
        "cat": lambda: ConcatenationFusion(channels),
        "sum": SumFusion,
    }
    return joins[name]()
