"""What Triton and the gateway cost on top of the network that they serve."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sima_hand_client import HandClient

from deploy.bench.bare_network import BareNetwork, bare_network
from deploy.bench.cores import Cores, pinned_to
from deploy.bench.load import HttpTarget, measure_http
from deploy.bench.photo import make_photo
from deploy.bench.processes import ProcessTree, free_port, running
from deploy.bench.statistics import Sample
from deploy.bench.triton_load import measure_triton
from deploy.bench.wire import post
from deploy.triton.install import install
from deploy.triton.server import Ports, TritonServer

BATCHES = (1, 2, 4, 8, 16, 32)
CONCURRENCIES = (1, 8, 32)
CLIENT_PHOTOS_PX = ((224, 224), (1920, 1080))


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """The model in Triton, the gateway before it, and the bare network beside them, all running."""

    model_name: str
    bare: BareNetwork
    triton_url: str
    triton: ProcessTree
    gateway_port: int
    gateway: ProcessTree


@dataclass(frozen=True, kw_only=True)
class NetworkRounds:
    """All rounds of each measurement.

    Attributes:
        bare_per_s: images a second by batch size.
        triton: by concurrency.
        gateway: by concurrency; its CPU time is the gateway's own, without Triton's.
        client: one caller of the Python client, by the photo's width and height in pixels.
    """

    bare_per_s: dict[int, list[float]]
    triton: dict[int, list[Sample]]
    gateway: dict[int, list[Sample]]
    client: dict[tuple[int, int], list[Sample]]


@contextmanager
def deployed(repository: Path, model_name: str, cores: Cores) -> Iterator[Deployment]:
    """Start everything: the network on the server's core, with one thread, the gateway on the load's.

    The bare loop and Triton then have the same core and no more, and the gateway takes nothing from either.

    Raises:
        ValueError: the repository has no exported model of this name.
    """
    versions = sorted((repository / model_name).glob("*/model.pt"), key=lambda path: int(path.parent.name))
    if not versions:
        raise ValueError(f"no {model_name}/VERSION/model.pt in {repository}: export the model first")
    ports = Ports.free()
    gateway_port = free_port()
    with ExitStack() as stack:
        with pinned_to(cores.server):
            bare = stack.enter_context(bare_network(versions[-1]))
            server = TritonServer(install(), repository=repository, ports=ports, threads=1)
            stack.enter_context(server)
        stack.enter_context(pinned_to(cores.load))
        environment = {
            "SIMAHAND_TRITON_URL": server.grpc_url,
            "SIMAHAND_MODEL_REPOSITORY": str(repository),
            "SIMAHAND_MODEL_NAME": model_name,
            "SIMAHAND_PORT": str(gateway_port),
            "SIMAHAND_LOG_LEVEL": "warning",
        }
        gateway = stack.enter_context(running(["-m", "service"], port=gateway_port, environment=environment))
        yield Deployment(
            model_name=model_name,
            bare=bare,
            triton_url=server.grpc_url,
            triton=ProcessTree(server.pid),
            gateway_port=gateway_port,
            gateway=gateway,
        )


def compare_network(
    deployment: Deployment, *, rounds: int, seconds: float, progress: Callable[[str], None]
) -> NetworkRounds:
    """Measure bare network, Triton and gateway in turn, `rounds` times."""
    results = NetworkRounds(
        bare_per_s=defaultdict(list),
        triton=defaultdict(list),
        gateway=defaultdict(list),
        client=defaultdict(list),
    )
    photo = make_photo(width_px=224, height_px=224)
    target = HttpTarget(
        port=deployment.gateway_port,
        request=post("/v1/reconstruct?hand=right", photo, content_type="image/jpeg"),
        server=deployment.gateway,
    )
    for number in range(1, rounds + 1):
        progress(f"network, round {number} of {rounds}: bare TorchScript")
        for batch in BATCHES:
            results.bare_per_s[batch].append(deployment.bare.images_per_second(batch=batch, seconds=seconds))
        for concurrency in CONCURRENCIES:
            progress(
                f"network, round {number} of {rounds}: Triton, then the gateway, concurrency {concurrency}"
            )
            results.triton[concurrency].append(
                measure_triton(
                    deployment.triton_url,
                    deployment.model_name,
                    server=deployment.triton,
                    concurrency=concurrency,
                    seconds=seconds,
                )
            )
            results.gateway[concurrency].append(
                measure_http(target, concurrency=concurrency, seconds=seconds)
            )
        progress(f"network, round {number} of {rounds}: the Python client")
        for size_px in CLIENT_PHOTOS_PX:
            results.client[size_px].append(measure_client(deployment, size_px, seconds=seconds))
    return results


def measure_client(deployment: Deployment, size_px: tuple[int, int], *, seconds: float) -> Sample:
    """Let one caller of the Python client ask again and again: what a user sees, arrays in hand."""
    photo = make_photo(width_px=size_px[0], height_px=size_px[1])
    latencies_s = []
    with HandClient(f"http://127.0.0.1:{deployment.gateway_port}") as client:
        client.reconstruct(photo)
        cpu_before_s = deployment.gateway.cpu_s()
        start_s = asked_s = time.perf_counter()
        while asked_s < start_s + seconds:
            client.reconstruct(photo)
            answered_s = time.perf_counter()
            latencies_s.append(answered_s - asked_s)
            asked_s = answered_s
    return Sample(
        latencies_s=tuple(latencies_s),
        elapsed_s=asked_s - start_s,
        server_cpu_s=deployment.gateway.cpu_s() - cpu_before_s,
    )
