"""The `summary` verb: a recipe's parameters and multiply-accumulates, by module, counted in two ways."""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import torch
from torch import nn

from training.config import load_recipe
from training.contract import IMAGE_SIZE_PX
from training.hand.template import load_template
from training.networks.build import build

MEASURED_S = 3.0
"""How long the speed is measured."""


@dataclass(frozen=True, kw_only=True)
class ModuleSize:
    """The size of one module of the network."""

    name: str
    parameters: int
    multiply_accumulates: int
    """As fvcore counts them, in evaluation of one image."""


@dataclass(frozen=True, kw_only=True)
class NetworkSummary:
    """The size of a network, and of its modules."""

    recipe: str
    parameters: int
    multiply_accumulates_fvcore: int
    parameters_thop: int
    """thop sees parameters of layers alone: not the lifting matrix; the paper counts so."""
    multiply_accumulates_thop: int
    modules: tuple[ModuleSize, ...]


def summarise(recipe: str) -> NetworkSummary:
    """Count a recipe's network.

    Raises:
        ValueError: The recipe is not readable, or its network cannot be built.
    """
    network = _network(recipe)
    operations = _fvcore_counts(network)
    parameters_thop, operations_thop = _thop_counts(network)
    return NetworkSummary(
        recipe=recipe,
        parameters=_parameters(network),
        multiply_accumulates_fvcore=operations[""],
        parameters_thop=parameters_thop,
        multiply_accumulates_thop=operations_thop,
        modules=tuple(
            ModuleSize(name=name, parameters=_parameters(module), multiply_accumulates=operations[name])
            for name, module in _parts(network)
        ),
    )


def images_per_second(recipe: str, *, batch_size: int = 1) -> float:
    """Return how many images a second the recipe's network reads here, in fp32 on all of torch's threads."""
    network = _network(recipe)
    images = torch.rand(batch_size, 3, IMAGE_SIZE_PX, IMAGE_SIZE_PX)
    with torch.inference_mode():
        network(images)
        start, batches = time.perf_counter(), 0
        while (elapsed := time.perf_counter() - start) < MEASURED_S:
            network(images)
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
        f"thop: {summary.parameters_thop:,} parameters, {summary.multiply_accumulates_thop / 1e6:.2f} MMAC"
    )
    return "\n".join(rows)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("recipe", help="name of a recipe, or path of a .toml file")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--speed", action="store_true", help="measure images a second, one by one, as well")


def run(arguments: argparse.Namespace) -> None:
    """Print the summary.

    Raises:
        ValueError: The recipe is not readable, or its network cannot be built.
    """
    summary = summarise(arguments.recipe)
    speed = images_per_second(arguments.recipe) if arguments.speed else None
    if arguments.json:
        print(json.dumps({**asdict(summary), "images_per_second": speed}, indent=2))
        return
    print(as_text(summary))
    if speed is not None:
        print(f"speed: {speed:.1f} images a second, one by one, {torch.get_num_threads()} threads")


def _network(recipe: str) -> nn.Module:
    return build(load_recipe(recipe).network, load_template().topology).eval()


def _parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _parts(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the parts of both branches with their names."""
    for branch, module in network.named_children():
        for name, part in module.named_children():
            yield f"{branch}.{name}", part


def _fvcore_counts(network: nn.Module) -> dict[str, int]:
    with warnings.catch_warnings():
        # fvcore scripts and traces, and torch calls both deprecated.
        warnings.simplefilter("ignore")
        from fvcore.nn import FlopCountAnalysis

        counts = FlopCountAnalysis(network, _image()).unsupported_ops_warnings(False)
        counts.uncalled_modules_warnings(False)
        return {name: int(count) for name, count in counts.by_module().items()}


def _thop_counts(network: nn.Module) -> tuple[int, int]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from thop import profile

        operations, parameters = profile(network, (_image(),), verbose=False)
    return int(parameters), int(operations)


def _image() -> torch.Tensor:
    return torch.zeros(1, 3, IMAGE_SIZE_PX, IMAGE_SIZE_PX)
