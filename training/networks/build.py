"""The one place that knows a `NetworkConfig`: it chooses the parts and hands them to the network."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from training.config import NetworkConfig
from training.contract import JOINT_COUNT
from training.hand.topology import HandTopology
from training.networks.decoder import MeshDecoder
from training.networks.encoder import ImageEncoder, MapDecoder, PyramidEncoder, gate_and_refine
from training.networks.hands import ShapeBranch, SingleViewHand
from training.networks.lifting import JointHead, Lifting, PosePooling
from training.networks.orientation import (
    AttentionFusion,
    ConcatenationFusion,
    OrientationBranch,
    RotationRegressor,
    SumFusion,
)
from training.networks.spiral import MeshUpsampling

JOINT_FEATURE_SCALE = 8
"""Channels of the joint-level feature over those of the trunk: each dense block doubles them."""


def build(network: NetworkConfig, topology: HandTopology) -> SingleViewHand:
    """Build SVR-Hand for a hand's topology, with fresh weights.

    Raises:
        ValueError: The trunk's width is odd, or the decoder has not one block for each step of the hierarchy.
    """
    # The first convolution makes T / 2 channels, and the dense blocks grow by T / 2 and by T.
    if network.trunk_channels < 2 or network.trunk_channels % 2:
        raise ValueError(f"trunk_channels must be even and positive, got {network.trunk_channels}")
    steps = len(topology.levels) - 1
    if len(network.decoder_channels) != steps:
        raise ValueError(f"decoder_channels must name {steps} widths, got {list(network.decoder_channels)}")
    return SingleViewHand(shape=_shape(network, topology), orientation=_orientation(network))


def _shape(network: NetworkConfig, topology: HandTopology) -> ShapeBranch:
    trunk = network.trunk_channels
    joint_channels = JOINT_FEATURE_SCALE * trunk
    return ShapeBranch(
        image_encoder=ImageEncoder(trunk),
        shape_encoder=PyramidEncoder(trunk, refine=gate_and_refine(joint_channels)),
        map_decoder=MapDecoder(trunk),
        joint_head=JointHead(JOINT_COUNT),
        pooling=PosePooling(joint_channels, network.latent_channels),
        lifting=Lifting(JOINT_COUNT, topology.levels[-1].vertex_count),
        mesh_decoder=_mesh_decoder(network, topology),
        joint_regressor=torch.from_numpy(topology.joint_regressor).float(),
    )


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
    )


def _orientation(network: NetworkConfig) -> OrientationBranch:
    joint_channels = JOINT_FEATURE_SCALE * network.trunk_channels
    fusions: dict[str, Callable[[], nn.Module]] = {
        "attn": lambda: AttentionFusion(
            joint_channels, heads=network.attention_heads, head_channels=network.attention_head_channels
        ),
        "cat": lambda: ConcatenationFusion(joint_channels),
        "sum": SumFusion,
    }
    return OrientationBranch(
        image_channels=network.trunk_channels,
        joint_channels=joint_channels,
        fusion=fusions[network.orientation_fusion](),
        regressor=RotationRegressor(joint_channels),
    )
