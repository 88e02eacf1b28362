"""The `summary` verb: a recipe's parameters and multiply-accumulates, by module, counted in two ways."""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from training.config import NetworkConfig, load_recipe
from training.contract import IMAGE_SIZE_PX
from training.hand.template import load_template
from training.networks.blocks import SqueezeExcitation
from training.networks.build import build_any
from training.networks.hands import MultiViewHand, SingleViewHand

MEASURED_S = 3.0
"""How long the speed is measured."""


@dataclass(frozen=True, kw_only=True)
class ModuleSize:
    """The size of one module of the network."""

    name: str
    parameters: int
    multiply_accumulates: int
    """As fvcore counts them, in evaluation of one image, or of the views of one moment."""


@dataclass(frozen=True, kw_only=True)
class NetworkSummary:
    """The size of a network, and of its modules."""

    recipe: str
    parameters: int
    parameters_released: int
    """With what released code holds besides: a gate that is never called, and the joint regressor."""
    multiply_accumulates_fvcore: int
    parameters_thop: int
    """thop sees parameters of layers alone: not the lifting matrix; the paper counts so."""
    multiply_accumulates_thop: int
    modules: tuple[ModuleSize, ...]


def summarise(config: NetworkConfig, *, recipe: str) -> NetworkSummary:
    """Count a network, called after its recipe.

    Raises:
        ValueError: The network cannot be built.
    """
    network, inputs = _network(config), _inputs(config)
    operations = _fvcore_counts(network, inputs)
    parameters_thop, operations_thop = _thop_counts(network, inputs)
    return NetworkSummary(
        recipe=recipe,
        parameters=_parameters(network),
        parameters_released=_parameters(network) + _released_besides(network),
        multiply_accumulates_fvcore=operations[""],
        parameters_thop=parameters_thop,
        multiply_accumulates_thop=operations_thop,
        modules=tuple(
            ModuleSize(name=name, parameters=_parameters(module), multiply_accumulates=operations[name])
            for name, module in _parts(network)
        ),
    )


def hands_per_second(config: NetworkConfig, *, batch_size: int = 1) -> float:
    """Return how many hands a second a network gives here, in fp32 on all of torch's threads."""
    network, inputs = _network(config), _inputs(config, batch_size=batch_size)
    with torch.inference_mode():
        network(*inputs)
        start, batches = time.perf_counter(), 0
        while (elapsed := time.perf_counter() - start) < MEASURED_S:
            network(*inputs)
            batches += 1
    return batches * batch_size / elapsed


def as_text(summary: NetworkSummary) -> str:
    """Return a summary as an aligned table."""
    rows = [f"{'module':<24}{'parameters':>14}{'MMAC (fvcore)':>16}"]
    rows += [
        f"{module.name:<24}{module.parameters:>14,}{module.multiply_accumulates / 1e6:>16.2f}"
        for module in summary.modules
    ]
    total = summary.multiply_accumulates_fvcore / 1e6
    rows.append(f"{summary.recipe:<24}{summary.parameters:>14,}{total:>16.2f}")
    rows.append(
        f"as released: {summary.parameters_released:,} parameters, the dead gate and the regressor too"
    )
    rows.append(
        f"thop: {summary.parameters_thop:,} parameters, {summary.multiply_accumulates_thop / 1e6:.2f} MMAC"
    )
    return "\n".join(rows)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("recipe", help="name of a recipe, or path of a .toml file")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--speed", action="store_true", help="measure hands a second, one by one, as well")


def run(arguments: argparse.Namespace) -> None:
    """Print the summary.

    Raises:
        ValueError: The recipe is not readable, or its network cannot be built.
    """
    config = load_recipe(arguments.recipe).network
    summary = summarise(config, recipe=arguments.recipe)
    speed = hands_per_second(config) if arguments.speed else None
    if arguments.json:
        print(json.dumps({**asdict(summary), "hands_per_second": speed}, indent=2))
        return
    print(as_text(summary))
    if speed is not None:
        print(f"speed: {speed:.1f} hands a second, one by one, {torch.get_num_threads()} threads")


def _released_besides(network: SingleViewHand | MultiViewHand) -> int:
    """Count the parameters that only released code has (spec section 12, faults 2 and 4)."""
    shape = network.shape
    never_called = SqueezeExcitation(shape.pool.project.in_channels)
    return _parameters(never_called) + shape.joint_regressor.numel()


def _network(config: NetworkConfig) -> SingleViewHand | MultiViewHand:
    return build_any(config, load_template().topology).eval()


def _parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _parts(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the parts of both branches with their names."""
    for branch, module in network.named_children():
        for name, part in module.named_children():
            yield f"{branch}.{name}", part


def _fvcore_counts(network: nn.Module, inputs: tuple[Tensor, ...]) -> dict[str, int]:
    with warnings.catch_warnings():
        # fvcore scripts and traces, and torch calls both deprecated.
        warnings.simplefilter("ignore")
        from fvcore.nn import FlopCountAnalysis

        counts = FlopCountAnalysis(network, inputs).unsupported_ops_warnings(False)
        counts.uncalled_modules_warnings(False)
        return {name: int(count) for name, count in counts.by_module().items()}


def _thop_counts(network: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[int, int]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from thop import profile

        operations, parameters = profile(network, inputs, verbose=False)
    return int(parameters), int(operations)


def _inputs(config: NetworkConfig, *, batch_size: int = 1) -> tuple[Tensor, ...]:
    """Return what a network takes: images, or the views of each moment and that all are there."""
    images = torch.rand(batch_size, config.views, 3, IMAGE_SIZE_PX, IMAGE_SIZE_PX)
    everything = torch.ones(batch_size, config.views, dtype=torch.bool)
    return (images[:, 0],) if config.views == 1 else (images, everything)
