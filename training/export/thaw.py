"""`python -m training thaw MODEL_PT`: make weights to train on of a served `model.pt`.

Freezing folds every batch norm into the layer before it, and drops the names. The layers stay in the order
in which they run, so a network of the same recipe takes their weights one by one. A batch norm gets the
statistics of rendered hands, and the scale and shift that undo them: in evaluation the network says what the
served one says, and training goes on from there.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from training.checkpoint import Checkpoint, save_checkpoint
from training.config import RunConfig, from_dict
from training.data.loader import training_batches
from training.data.order import Course
from training.data.synthetic_reader import SyntheticHands
from training.engine.inference import evaluating
from training.export.graph import load
from training.hand.template import load_template
from training.networks.build import build
from training.networks.hands import SingleViewHand
from training.networks.lifting import Lifting

CALIBRATION_IMAGES = 384
"""Pictures that the batch norms' statistics are taken of."""

LAYER_INPUTS = {"aten::_convolution": (1, 2), "aten::linear": (1, 2), "aten::layer_norm": (2, 3)}
"""Which inputs of a node are its weight and its bias."""

BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d
Layer = BatchNorm | nn.Conv1d | nn.Conv2d | nn.Linear | nn.LayerNorm | Lifting


class FrozenLayer(NamedTuple):
    """The constants of one layer of a frozen graph."""

    weight: Tensor
    bias: Tensor | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("model", type=Path, metavar="MODEL_PT", help="with its card.json beside it")
    parser.add_argument("--data", type=Path, required=True, help="folder of rendered data, with train in it")
    parser.add_argument("--out", type=Path, required=True, metavar="CHECKPOINT")


def run(arguments: argparse.Namespace) -> None:
    """Write a checkpoint for `train --init`.

    Raises:
        ValueError: The model, its card or the data is not usable.
    """
    card = read_card(arguments.model.with_name("card.json"))
    config = from_dict(card["recipe"])
    hands = SyntheticHands(arguments.data / "train")
    network = build(config.network, load_template().topology)
    thaw(load(arguments.model), network, images=_images(hands, config))
    checkpoint = Checkpoint(
        config=config,
        stage=card["stage"],
        step=card["step"],
        weights=network.state_dict(),
        averaged_weights=None,
        images_seen=card["images_seen"],
        trained_s=card["trained_s"],
        data=card["data"],
    )
    save_checkpoint(checkpoint, arguments.out)
    print(f"{arguments.out}: train on with --init {arguments.out} --stage {checkpoint.stage}")


def read_card(path: Path) -> dict[str, Any]:
    """Return the card of a served model.

    Raises:
        ValueError: There is none.
    """
    if not path.is_file():
        raise ValueError(f"no card at {path}: it names the recipe that the model was trained by")
    card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return card


def thaw(frozen: torch.jit.ScriptModule, network: SingleViewHand, *, images: Tensor) -> None:
    """Give a network the weights of its frozen twin.

    Args:
        frozen: What `graph.trace` returned for a network of the same recipe.
        network: Takes the weights.
        images: (B, 3, 128, 128) in [0, 1], as in training; the batch norms get their statistics.

    Raises:
        ValueError: The frozen module is of another network, or the network has a layer that cannot be thawed.
    """
    for name, module in network.named_modules():
        if any(True for _ in module.parameters(recurse=False)) and not isinstance(module, Layer):
            raise ValueError(f"{name} is a {type(module).__name__}, whose weights cannot be found in a model")
    layers = frozen_layers(frozen, constants=[network.shape.joint_regressor])
    folded = _batch_norms_after(network)
    biases: dict[nn.Module, Tensor] = {}

    def take(module: nn.Module, _: object) -> None:
        layer = next(layers, None)
        own = module.matrix if isinstance(module, Lifting) else module.weight
        assert isinstance(own, Tensor)
        if layer is None or layer.weight.shape != own.shape:
            found = None if layer is None else tuple(layer.weight.shape)
            raise ValueError(f"the model holds another network: {found} instead of {tuple(own.shape)}")
        own.data.copy_(layer.weight)
        bias = getattr(module, "bias", None)
        if module in folded:
            biases[folded[module]] = layer.bias if layer.bias is not None else torch.zeros(len(own))
        if isinstance(bias, Tensor):
            bias.data.copy_(torch.zeros_like(bias) if module in folded or layer.bias is None else layer.bias)

    def calibrate(module: nn.Module, inputs: tuple[Tensor]) -> None:
        assert isinstance(module, BatchNorm)
        _calibrate(module, inputs[0], biases.pop(module))

    handles = [
        module.register_forward_pre_hook(calibrate if isinstance(module, BatchNorm) else take)
        for module in network.modules()
        if isinstance(module, Layer)
    ]
    try:
        with evaluating(network), torch.inference_mode(False), torch.no_grad():
            network(images)
    finally:
        for handle in handles:
            handle.remove()
    if next(layers, None) is not None:
        raise ValueError("the model holds another network: it has more layers")


def frozen_layers(frozen: torch.jit.ScriptModule, *, constants: list[Tensor]) -> Iterator[FrozenLayer]:
    """Yield the layers of a frozen graph in the order in which they run.

    Args:
        frozen: The module.
        constants: Matrices that are multiplied with and are no layer's weight.
    """
    for node in frozen.graph.nodes():
        value = partial(_constant, list(node.inputs()))
        if node.kind() in LAYER_INPUTS:
            weight, bias = (value(number) for number in LAYER_INPUTS[node.kind()])
            if weight is not None:
                yield FrozenLayer(weight, bias)
        elif node.kind() == "aten::matmul":
            matrix = value(0)
            if matrix is not None and not any(torch.equal(matrix, known) for known in constants):
                yield FrozenLayer(matrix, None)


def _constant(inputs: list[Any], number: int) -> Tensor | None:
    value = inputs[number].toIValue() if inputs[number].node().kind() == "prim::Constant" else None
    return value if isinstance(value, Tensor) else None


def _batch_norms_after(network: nn.Module) -> dict[nn.Module, nn.Module]:
    """Return the batch norm that follows each layer, where one does."""
    return {
        layer: norm
        for sequence in network.modules()
        if isinstance(sequence, nn.Sequential)
        for layer, norm in pairwise(sequence)
        if isinstance(norm, BatchNorm)
    }


def _calibrate(norm: BatchNorm, features: Tensor, bias: Tensor) -> None:
    """Let a batch norm take statistics of features (B, C, ...), and add `bias` (C,) to them in effect."""
    axes = [axis for axis in range(features.dim()) if axis != 1]
    variance, mean = torch.var_mean(features, axes, correction=0)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
    norm.weight.data.copy_((variance + norm.eps).sqrt())
    norm.bias.data.copy_(mean + bias)


def _images(hands: SyntheticHands, config: RunConfig) -> Tensor:
    data = dataclasses.replace(config.data, workers=0)
    count = min(CALIBRATION_IMAGES, len(hands))
    return next(training_batches(hands, data, Course(count, seed=config.seed))).images
