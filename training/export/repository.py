"""Write one version of a model into a Triton model repository, verified, or leave the repository as it was.

<repository>/<model>/config.pbtxt      generated from the contract
                     contract.json     likewise
                     <version>/model.pt
                               card.json
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from training import contract
from training.export.card import Card, Verification, card_text
from training.export.config_pbtxt import model_config, to_text
from training.export.contract_json import contract_text
from training.export.graph import Served, load, save, trace
from training.hand.topology import HandTopology

VERIFIED_NOISE = 0.05
"""As little as in a picture: in heavy noise a trained network sees no orientation, and magnifies rounding."""
TOLERANCE = 1e-4
"""Largest difference between the exported module and the network, in each output's own unit: 0.1 mm."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a version goes."""

    repository: Path
    model: str
    version: int
    replace: bool = False
    """Whether a version of that number may be there already."""

    @property
    def model_folder(self) -> Path:
        """Folder of the model, with its configuration and its versions."""
        return self.repository / self.model

    @property
    def version_folder(self) -> Path:
        """Folder of the version."""
        return self.model_folder / str(self.version)


def write_version(
    target: Target,
    *,
    served: Served,
    topology: HandTopology,
    describe: Callable[[Path, Verification], Card],
) -> Card:
    """Export a network as one version; what appears in the repository is verified and whole.

    Args:
        target: Where to.
        served: The network behind the contract, on the CPU.
        topology: The mesh of its vertices.
        describe: Makes the card of the file `model.pt` and its verification.

    Raises:
        ValueError: The version is there already, the model's other versions keep another contract, or the
            exported module differs from the network. The repository is then as it was.
    """
    vertex_count, views = topology.vertex_count, served.views
    texts = {
        "config.pbtxt": to_text(model_config(model=target.model, vertex_count=vertex_count, views=views)),
        "contract.json": contract_text(model=target.model, topology=topology, views=views),
    }
    _check_target(target, contract_json=texts["contract.json"])
    with _scratch_folder(target.repository) as scratch:
        module = scratch / "model.pt"
        save(trace(served), module)
        card = describe(module, verify(module, served, vertex_count=vertex_count))
        (scratch / "card.json").write_text(card_text(card), encoding="utf-8")
        target.model_folder.mkdir(parents=True, exist_ok=True)
        _put_folder(scratch, target.version_folder)
    # Triton reads a model whose config.pbtxt is there: it comes last.
    for name in ("contract.json", "config.pbtxt"):
        _put_text(texts[name], target.model_folder / name)
    return card


def verify(module: Path, served: Served, *, vertex_count: int) -> Verification:
    """Compare an exported module with the network that it was made of.

    Raises:
        ValueError: An output has not the contract's shape or type, or differs by more than `TOLERANCE`.
    """
    specs = contract.outputs(vertex_count)
    largest = {spec.name: 0.0 for spec in specs}
    exported = load(module)
    for batch_size in served.verified_batch_sizes:
        inputs = served.samples(batch_size, seed=batch_size, noise=VERIFIED_NOISE)
        with torch.inference_mode():
            pairs = zip(specs, exported(*inputs), served(*inputs), strict=True)
        for spec, got, wanted in pairs:
            if got.dtype != torch.float32 or got.shape != (batch_size, *spec.shape):
                raise ValueError(
                    f"{spec.name} is {got.dtype} {tuple(got.shape)}, the contract says {spec.shape}"
                )
            difference = float((got - wanted).abs().max())
            # Written so that a NaN fails too.
            if not difference <= TOLERANCE:
                raise ValueError(
                    f"exported {spec.name} differs by {difference:.2e} at batch size {batch_size}"
                )
            largest[spec.name] = max(largest[spec.name], difference)
    return Verification(
        batch_sizes=served.verified_batch_sizes, tolerance=TOLERANCE, largest_difference=largest
    )


def _check_target(target: Target, *, contract_json: str) -> None:
    if target.version < 1:
        raise ValueError(f"a version is a positive number, got {target.version}")
    if not target.repository.parent.is_dir():
        raise ValueError(f"no folder {target.repository.parent} to put the repository in")
    if target.version_folder.exists() and not target.replace:
        raise ValueError(f"{target.version_folder} exists; --replace writes over it")
    others = [path for path in target.model_folder.glob("*/model.pt") if path.parent != target.version_folder]
    document = target.model_folder / "contract.json"
    if others and document.read_text(encoding="utf-8") != contract_json:
        raise ValueError(f"{document} differs from this version's contract, and {others[0]} keeps to it")


@contextlib.contextmanager
def _scratch_folder(repository: Path) -> Iterator[Path]:
    """A folder on the repository's file system that Triton does not take for a model; it goes in any case."""
    with tempfile.TemporaryDirectory(dir=repository.parent, prefix=".export-") as folder:
        scratch = Path(folder) / "version"
        scratch.mkdir()
        yield scratch


def _put_folder(source: Path, destination: Path) -> None:
    if destination.exists():
        old = source.parent / "replaced"
        destination.rename(old)
        shutil.move(source, destination)
    else:
        source.rename(destination)


def _put_text(text: str, destination: Path) -> None:
    fresh = destination.with_name(f".{destination.name}")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(destination)
