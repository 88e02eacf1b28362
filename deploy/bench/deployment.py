"""The model in Triton and the gateway before it, with the bare network beside them or without it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.bench.bare_network import BareNetwork, bare_network
from deploy.bench.cores import Cores, pinned_to
from deploy.bench.processes import ProcessTree, free_port, running
from deploy.triton.install import install
from deploy.triton.server import Ports, TritonServer


@dataclass(frozen=True, kw_only=True)
class ModelVersion:
    """One exported version in a model repository."""

    name: str
    folder: Path

    @property
    def module(self) -> Path:
        """The TorchScript file."""
        return self.folder / "model.pt"

    def describe(self) -> str:
        """Say from the card which network this is; its weights do not matter for speed, its size does."""
        card = json.loads((self.folder / "card.json").read_text(encoding="utf-8"))
        return (
            f"`{self.name}` version {self.folder.name}, {card['parameters']:,} parameters, "
            f"stage {card['stage']!r}, step {card['step']}"
        )


def newest_version(repository: Path, model_name: str) -> ModelVersion:
    """Find the version that Triton serves when none is asked for.

    Raises:
        ValueError: the repository has no exported model of this name.
    """
    modules = (repository / model_name).glob("*/model.pt")
    folders = sorted((module.parent for module in modules), key=lambda folder: int(folder.name))
    if not folders:
        raise ValueError(f"no {model_name}/VERSION/model.pt in {repository}: export the model first")
    return ModelVersion(name=model_name, folder=folders[-1])


@dataclass(frozen=True, kw_only=True)
class Service:
    """Triton and the gateway, and how they are reached."""

    model: ModelVersion
    triton_url: str
    triton_metrics_url: str
    triton: ProcessTree
    gateway_port: int
    gateway_grpc_port: int
    gateway: ProcessTree


@dataclass(frozen=True, kw_only=True)
class Deployment(Service):
    """The service with the bare network beside it."""

    bare: BareNetwork


@contextmanager
def deployed(repository: Path, model_name: str, cores: Cores) -> Iterator[Deployment]:
    """Start everything: the network on the server's core, with one thread, the gateway on the load's.

    The bare loop and Triton then have the same core and no more, and the gateway takes nothing from either.

    Raises:
        ValueError: the repository has no exported model of this name.
    """
    module = newest_version(repository, model_name).module
    with ExitStack() as stack:
        with pinned_to(cores.server):
            bare = stack.enter_context(bare_network(module))
        service = stack.enter_context(served(repository, model_name, cores))
        yield Deployment(**vars(service), bare=bare)


@contextmanager
def served(repository: Path, model_name: str, cores: Cores) -> Iterator[Service]:
    """Start Triton on the server's core, with one thread, and the gateway on the load's, with its caller.

    Raises:
        ValueError: the repository has no exported model of this name.
    """
    model = newest_version(repository, model_name)
    gateway_port, gateway_grpc_port = free_port(), free_port()
    with ExitStack() as stack:
        with pinned_to(cores.server):
            server = TritonServer(install(), repository=repository, ports=Ports.free(), threads=1)
            stack.enter_context(server)
        stack.enter_context(pinned_to(cores.load))
        environment = {
            "SIMAHAND_TRITON_URL": server.grpc_url,
            "SIMAHAND_MODEL_REPOSITORY": str(repository),
            "SIMAHAND_MODEL_NAME": model_name,
            "SIMAHAND_PORT": str(gateway_port),
            "SIMAHAND_GRPC_PORT": str(gateway_grpc_port),
            "SIMAHAND_LOG_LEVEL": "warning",
        }
        gateway = stack.enter_context(running(["-m", "service"], port=gateway_port, environment=environment))
        yield Service(
            model=model,
            triton_url=server.grpc_url,
            triton_metrics_url=server.metrics_url,
            triton=ProcessTree(server.pid),
            gateway_port=gateway_port,
            gateway_grpc_port=gateway_grpc_port,
            gateway=gateway,
        )
